"""Campaigns, from rows to Temporal: one that is new, or was paused, approved or cancelled, is told to its workflow or schedule.

Promise: a row first and a call after, and every call may be repeated. Whom somebody else told to end while a campaign carries
their message is over here: they have no workflow.
"""

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import monotonic
from typing import NamedTuple
from uuid import UUID

import structlog
from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleSpec,
)
from temporalio.common import (
    SearchAttributeKey,
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from journeys.campaigns.contracts import CAMPAIGN_QUEUE, CampaignStart
from journeys.clock import Clock
from journeys.contracts import SearchBy
from store import Database, campaigns
from store.campaigns import CampaignRow
from store.runs import ends
from store.runs.ends import Closing

log = structlog.get_logger(__name__)

_BATCH = 100
_AT_ONCE = 500
#: Seconds after which one that Temporal did not take is tried again: the first time; at last, with Temporal away; and refused.
_AT_FIRST, _SOON, _SELDOM = 1.0, 5.0, 300.0
#: It would be refused the next time, too.
_NOT_SO = frozenset([RPCStatusCode.INVALID_ARGUMENT, RPCStatusCode.FAILED_PRECONDITION, RPCStatusCode.OUT_OF_RANGE])
_SAID = 300  # characters of why
_LONGEST = timedelta(minutes=10)  # that a message may be at a provider, whatever became of who sent it


class _Refused(NamedTuple):
    """As it stood then, when it is tried again (monotonic seconds), and how long that was put off."""

    changed_at: datetime
    at: float
    after: float


@dataclass(frozen=True)
class Campaigner:
    """Tells Temporal of campaigns."""

    database: Database
    client: Client
    clock: Clock
    #: Those that Temporal did not take, and when each is tried again.
    refused: dict[UUID, _Refused] = field(default_factory=dict, repr=False)

    async def start(self) -> int:
        """Tell what it has not heard; returns how many things were done."""
        waiting = [(id_, each.changed_at) for id_, each in self.refused.items() if each.at > monotonic()]
        due = await campaigns.to_tell(self.database, _BATCH, waiting)
        return await self._close() + sum([await self._tell(each) for each in due])

    async def _close(self) -> int:
        now = self.clock.now()
        told = await campaigns.to_close(self.database, now - _LONGEST * self.clock.speed, _AT_ONCE)
        closed = await ends.close(self.database, [Closing(workflow_id, reason, now) for workflow_id, reason in told])
        await campaigns.look_again(self.database, [workflow_id for workflow_id, _ in told], now)  # their rows are done
        return len(closed)

    async def _tell(self, campaign: CampaignRow) -> int:
        try:
            if campaign.cron is not None:
                await self._keep_schedule(campaign)
            else:
                await self._start(campaign)
        except RPCError as error:
            log.warning("temporal did not take a campaign; it is tried again", id=str(campaign.id), status=error.status.name)
            await self._wait(campaign, error)
            return 0
        self.refused.pop(campaign.id, None)
        await campaigns.told(self.database, campaign.id, campaign.changed_at)
        return 1

    async def _wait(self, campaign: CampaignRow, error: RPCError) -> None:
        """Each time twice as long, and the campaign says why; that Temporal is away is no fault of it."""
        before, at_last = self.refused.get(campaign.id), _SELDOM if error.status in _NOT_SO else _SOON
        after = min(2 * before.after, at_last) if before and before.changed_at == campaign.changed_at else _AT_FIRST
        self.refused[campaign.id] = _Refused(campaign.changed_at, monotonic() + after, after)
        if error.status in _NOT_SO:
            await campaigns.refuse(self.database, campaign.id, f"{error.status.name}: {error.message}"[:_SAID])

    async def _start(self, campaign: CampaignRow) -> None:
        """Its workflow, which looks at how the campaign stands as soon as it hears this."""
        with suppress(WorkflowAlreadyStartedError):  # it is over already
            await self.client.start_workflow(
                "campaign",
                CampaignStart(campaign=campaign.id, clock=self.clock),
                id=workflow_of(campaign),
                task_queue=CAMPAIGN_QUEUE,
                start_signal="look",
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                search_attributes=_attributes(campaign),
                static_summary=f"{campaign.name}: {_what(campaign)} to {_whom(campaign)}",
            )

    async def _keep_schedule(self, campaign: CampaignRow) -> None:
        """A recurring one's schedule, from when it is made until it is cancelled."""
        name = workflow_of(campaign)
        if campaign.cancelled_at is not None:
            try:
                await self.client.get_schedule_handle(name).delete()
            except RPCError as error:
                if error.status is not RPCStatusCode.NOT_FOUND:  # it is gone already, or was never made
                    raise
            return
        action = ScheduleActionStartWorkflow(
            "campaign-again", str(campaign.id), id=f"{name}/again", task_queue=CAMPAIGN_QUEUE, static_summary=campaign.name
        )
        spec = ScheduleSpec(cron_expressions=[str(campaign.cron)], time_zone_name=str(campaign.zone))
        with suppress(ScheduleAlreadyRunningError):  # whether a turn of it counts is asked of its row
            await self.client.create_schedule(name, Schedule(action=action, spec=spec))


def workflow_of(campaign: CampaignRow) -> str:
    """The id of its workflow, or of its schedule."""
    return f"campaign/{campaign.id}"


def _what(campaign: CampaignRow) -> str:
    if campaign.message is None:
        return f"journey {campaign.journey}"
    return f"{campaign.message['channel']} {campaign.message['template']}"


def _whom(campaign: CampaignRow) -> str:
    if campaign.segment is not None:
        return f"segment {campaign.segment}"
    return f"list {campaign.list}" if campaign.list is not None else f"{campaign.rows - campaign.bad:,} customers"


def _attributes(campaign: CampaignRow) -> TypedSearchAttributes:
    names = [(SearchBy.JOURNEY, campaign.journey), (SearchBy.SEGMENT, campaign.segment)]
    pairs = [SearchAttributePair(SearchAttributeKey.for_keyword(name.value), value) for name, value in names if value]
    return TypedSearchAttributes(pairs)
