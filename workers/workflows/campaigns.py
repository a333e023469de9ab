"""The workflow of a campaign: it waits until it may begin, and has its customers worked through, some thousands at a time.

Promise: it knows an id and numbers. What it is told by a signal is only to look: how the campaign stands is in its row.
"""

import asyncio
from contextlib import suppress
from datetime import datetime, timedelta
from uuid import UUID

from temporalio import workflow
from temporalio.common import RetryPolicy, SearchAttributeKey

with workflow.unsafe.imports_passed_through():  # contracts are data; re-importing them per run gains nothing
    from journeys.campaigns.contracts import CAMPAIGN_QUEUE, CampaignPart, CampaignStands, CampaignStart, CampaignTurn

_AGAIN = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=30))
_SCHEDULED = SearchAttributeKey.for_datetime("TemporalScheduledStartTime")
_SOON = timedelta(seconds=1)


@workflow.defn(name="campaign")
class Campaign:
    """One campaign, from when it is made until all of its customers are done."""

    def __init__(self) -> None:
        self._told = False

    @workflow.signal(name="look")
    def look(self) -> None:
        """Something has changed: it was paused, goes on, was approved or cancelled."""
        self._told = True

    @workflow.run
    async def run(self, start: CampaignStart) -> str:
        """Look how it stands, and do what is due, until it is over; how it ended, in words."""
        while True:
            self._told = False
            stands = await self._stands(start)
            if stands.state == "over":
                return stands.told
            if stands.state == "work":
                await self._work(start.campaign, stands.parts)
            else:
                await self._wait(start, stands.until)
            if workflow.info().is_continue_as_new_suggested() and not self._told:
                workflow.continue_as_new(start)

    async def _stands(self, start: CampaignStart) -> CampaignStands:
        stands: CampaignStands = await workflow.execute_activity(
            "campaign-look",
            start,
            result_type=CampaignStands,
            task_queue=CAMPAIGN_QUEUE,
            start_to_close_timeout=timedelta(hours=1),
            heartbeat_timeout=timedelta(seconds=10),
            retry_policy=_AGAIN,
            summary="how it stands",
        )
        workflow.set_current_details(stands.told)
        workflow.upsert_memo({"progress": stands.told})
        return stands

    async def _work(self, campaign: UUID, parts: int) -> None:
        await asyncio.gather(
            *(
                workflow.execute_activity(
                    "campaign-work",
                    CampaignPart(campaign=campaign, part=part, parts=parts),
                    result_type=int,
                    task_queue=CAMPAIGN_QUEUE,
                    start_to_close_timeout=timedelta(hours=2),
                    heartbeat_timeout=timedelta(seconds=10),
                    retry_policy=_AGAIN,
                    summary=f"some thousand customers, part {part + 1} of {parts}",
                )
                for part in range(parts)
            )
        )

    async def _wait(self, start: CampaignStart, until: datetime | None) -> None:
        span = None
        if until is not None:
            span = max(start.clock.duration(until - start.clock.business(workflow.now())), _SOON)
        with suppress(TimeoutError):  # it is time
            await workflow.wait_condition(lambda: self._told, timeout=span, timeout_summary="until it is due")


@workflow.defn(name="campaign-again")
class CampaignAgain:
    """The turn of a recurring campaign."""

    @workflow.run
    async def run(self, campaign: str) -> None:
        """Make the campaign of this instant; the dispatcher takes it up like any other."""
        at = workflow.info().typed_search_attributes.get(_SCHEDULED) or workflow.info().start_time
        await workflow.execute_activity(
            "campaign-again",
            CampaignTurn(campaign=UUID(campaign), at=at),
            task_queue=CAMPAIGN_QUEUE,
            start_to_close_timeout=timedelta(minutes=1),
            retry_policy=_AGAIN,
            summary="a campaign for this instant",
        )
