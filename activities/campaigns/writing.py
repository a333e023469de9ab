"""A campaign's message to its customers: each by the delivery's own function, as a journey's would be.

Promise: gate, claim, ledger and exposure are those of any message. One that may not go now is asked again at its instant;
one whose attempt raises is put off alone, and stops nobody else.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from temporalio.exceptions import ApplicationError

from activities.campaigns.entering import enter
from activities.deliver.deliver import Delivery
from activities.dispatch.passing import kind_and_place, passes
from activities.versions import WithCampaign
from journeys.campaigns.message import Message, message_of
from journeys.clock import Clock
from journeys.contracts import JourneySpec, Outcome, Reason, Receipt
from store import Database, campaigns
from store.campaigns import CampaignRow, Customer, Done
from store.runs import ends
from store.runs.ends import Closing

log = structlog.get_logger(__name__)

#: Messages on their way at once, of one part.
AT_ONCE = 16
_SOON = timedelta(seconds=5)  # after which a provider that names no time is asked again
_LATER = timedelta(minutes=5)  # the same of an attempt that raises
_PAUSED = timedelta(seconds=30)  # how soon after its journey lives again a message is asked again


@dataclass(frozen=True, slots=True)
class _Asked:
    """A customer whose message is to be tried now."""

    number: int
    run_id: UUID
    workflow_id: str
    entered_at: datetime
    version: str | None


@dataclass(frozen=True)
class Writing:
    """Writes to the customers of one campaign."""

    database: Database
    delivery: Delivery
    clock: Clock
    campaign: CampaignRow
    message: Message
    spec: JourneySpec

    @classmethod
    def of(cls, delivery: Delivery, clock: Clock, campaign: CampaignRow) -> "Writing":
        """With the campaign's own rules before the gate."""
        message = message_of(campaign.message or {})
        spec = message.spec(campaign.journey)
        own = replace(delivery, versions=WithCampaign(delivery.versions, spec), clock=lambda _: clock.now())
        return cls(delivery.database, own, clock, campaign, message, spec)

    async def some(self, part: int, parts: int, limit: int) -> int:
        """Write to some who are due; returns how many there were."""
        asked, found = await self._take(part, parts, limit)
        gate = asyncio.Semaphore(AT_ONCE)
        told: list[tuple[_Asked, Receipt | timedelta]] = []

        async def one(each: _Asked) -> None:
            async with gate:
                told.append((each, await self._ask(each)))

        try:
            async with asyncio.TaskGroup() as group:
                for each in asked:
                    group.create_task(one(each))
        except* ApplicationError as stopped:
            await self._note(told)
            raise stopped.exceptions[0] from None
        await self._note(told)
        return found

    async def _take(self, part: int, parts: int, limit: int) -> tuple[list[_Asked], int]:
        now, served = self.clock.now(), await self.delivery.versions.handed_out()
        async with self.database.transaction() as connection:
            taken = await campaigns.take(connection, self.campaign.id, now, part, parts, limit)
            fresh = [each for each in taken if each.run_id is None]
            runs = await enter(connection, self.campaign, self.spec, fresh, now, served.version)
            await campaigns.opened(connection, self.campaign.id, [(number, run.id) for number, run in runs.items()])
        new = [_Asked(number, run.id, run.workflow_id, run.entered_at, run.version) for number, run in runs.items()]
        return [*new, *(_again(each) for each in taken if each.run_id is not None)], len(taken)

    async def _ask(self, each: _Asked) -> Receipt | timedelta:
        """What became of a message, or after how long it is asked again.

        Raises:
            ApplicationError: this worker stops, or has no such version.
        """
        request = self.message.request(self.campaign.journey, each.run_id, each.entered_at, each.version)
        try:
            return await self.delivery.attempt(request)
        except ApplicationError as error:
            if error.type != "TryLater":
                raise
            return (error.next_retry_delay or _SOON) * self.clock.speed
        except Exception as error:
            if passes(error):
                raise
            log.error("a message of a campaign raises", run=str(each.run_id), **kind_and_place(error))  # noqa: TRY400 - no text
            return _LATER * self.clock.speed

    async def _note(self, told: Sequence[tuple[_Asked, Receipt | timedelta]]) -> None:
        """What came of each stands with its run and its row; who is asked again has the instant there."""
        now = self.clock.now()
        later = [(each.number, *again) for each, receipt in told if (again := self._later(receipt, now))]
        final = [(each, receipt) for each, receipt in told if isinstance(receipt, Receipt) and not self._later(receipt, now)]
        await ends.close(self.database, [Closing(each.workflow_id, Reason.FINISHED.value, now) for each, _ in final])
        done = [Done(each.number, told.outcome.value, told.reason and told.reason.value, each.run_id) for each, told in final]
        async with self.database.transaction() as connection:
            await campaigns.done(connection, self.campaign.id, done)
            await campaigns.later(connection, self.campaign.id, later)

    def _later(self, told: Receipt | timedelta, now: datetime) -> tuple[datetime, str | None] | None:
        if isinstance(told, timedelta):
            return now + told, None
        if told.outcome is not Outcome.DEFERRED or told.retry_at is None:
            return None
        soon = now + _PAUSED * self.clock.speed if told.reason is Reason.PAUSED else told.retry_at
        return min(told.retry_at, soon), told.reason and told.reason.value


def _again(customer: Customer) -> _Asked:
    run_id, workflow_id, entered_at = customer.run_id, customer.workflow_id, customer.entered_at
    assert run_id is not None
    assert workflow_id is not None
    assert entered_at is not None, "a row that is open has a run"
    return _Asked(customer.number, run_id, workflow_id, entered_at, customer.version)
