"""The activities of a campaign: look how it stands, and work through some thousand of its customers.

Promise: all that is known stands in rows, so each may be cut short at any instant and done again; a pause, a cancel and a
switch are seen within a hundred customers.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from temporalio import activity
from uuid_utils.compat import uuid7

from activities.campaigns.entering import ENTERED, enter
from activities.campaigns.preparing import home_of, prepare
from activities.campaigns.writing import Writing
from activities.deliver.deliver import Delivery
from activities.deliver.patience import alive, interruptible
from activities.dispatch.pace import Pace
from activities.versions import Versions
from journeys.campaigns.contracts import CampaignPart, CampaignStands, CampaignStart, CampaignTurn
from journeys.clock import Clock
from journeys.contracts import JourneySpec
from segments.ask.overview import standing
from store import Database, campaigns
from store.campaigns import CampaignRow, Done
from store.runs import switches

log = structlog.get_logger(__name__)

#: Customers of one activity, and of one look at whether the campaign still wants it.
CHUNK, BATCH = 5_000, 100
#: Runs of a campaign that Temporal has not heard of yet: what enters by itself never stands behind more.
UNSTARTED = 100
_LONGEST = 600.0  # seconds of an activity, where its pace is slow
_PARTS, _OF_A_PART = 4, 1_000
_LOOK = timedelta(seconds=10)  # how soon a switch that lives again, or a journey that is back, is seen
_LOOK_AT_SEGMENT = timedelta(seconds=5)
_TURN = 0.05  # seconds
_SOONEST = timedelta(seconds=1)


@dataclass(frozen=True)
class Campaigns:
    """The activities and what they work with."""

    database: Database
    versions: Versions
    delivery: Delivery
    clock: Clock

    @activity.defn(name="campaign-look")
    async def look(self, start: CampaignStart) -> CampaignStands:
        """How a campaign stands; its customers are written down as it begins, and it is finished when all are done."""
        async with alive():
            campaign = await campaigns.campaign(self.database, start.campaign)
            if campaign is None:
                return CampaignStands(state="over", told="it is gone")
            stands = await self._look(campaign)
            campaign = await campaigns.campaign(self.database, campaign.id) or campaign
            counts = await campaigns.counts_of(self.database, campaign.id)
            hindrance = await campaigns.hindrance_of(self.database, campaign.id)
            told = [in_words(campaign, counts, self.clock.now()), *([hindrance.told] if hindrance else [])]
            return stands.model_copy(update={"told": "; ".join(told)})

    @activity.defn(name="campaign-work")
    async def work(self, part: CampaignPart) -> int:
        """Work through some thousand customers of a part who are due; returns how many there were."""
        async with alive():
            campaign = await campaigns.campaign(self.database, part.campaign)
            some = self._way(campaign, part) if campaign is not None else None
            if campaign is None or some is None:
                return 0
            pace = Pace(campaign.per_second / part.parts) if campaign.per_second else None
            loop = asyncio.get_running_loop()
            until, done = loop.time() + _LONGEST, 0
            while done < CHUNK and loop.time() < until and await self._goes_on(campaign.id):
                turns = BATCH if pace is None else min(BATCH, pace.turns(self.clock.now(), self.clock.speed))
                with interruptible():
                    if not turns:
                        await asyncio.sleep(_TURN)
                        continue
                found = await some(turns)
                if pace is not None:
                    pace.took(max(found, 0), self.clock.now(), self.clock.speed)
                if not found:
                    break
                done += max(found, 0)
            return done

    @activity.defn(name="campaign-again")
    async def again(self, turn: CampaignTurn) -> None:
        """The turn of a recurring campaign: one like it, for this instant."""
        made = await campaigns.again(self.database, turn.campaign, UUID(str(uuid7())), self.clock.now(), turn.at)
        log.info("a recurring campaign's turn", of=str(turn.campaign), made=made and str(made))

    def _way(self, campaign: CampaignRow, part: CampaignPart) -> Callable[[int], Awaitable[int]] | None:
        """What is done with some of its customers: they are written to, or they are started."""
        if campaign.message is not None:
            writing = Writing.of(self.delivery, self.clock, campaign)
            return lambda limit: writing.some(part.part, part.parts, limit)
        spec = self.versions.own.specs.get(campaign.journey)
        return (lambda limit: self._start(campaign, spec, part, limit)) if spec is not None else None

    async def _start(self, campaign: CampaignRow, spec: JourneySpec, part: CampaignPart, limit: int) -> int:
        """Let some enter, as many as the dispatcher takes; -1: it has enough for now."""
        room = UNSTARTED - await campaigns.unstarted(self.database, campaign.id, UNSTARTED)
        if room <= 0:
            with interruptible():
                await asyncio.sleep(_TURN)
            return -1
        now = self.clock.now()
        async with self.database.transaction() as connection:
            taken = await campaigns.take(connection, campaign.id, now, part.part, part.parts, min(limit, room))
            runs = await enter(connection, campaign, spec, taken, now)
            done = [Done(number, ENTERED, None, run.id) for number, run in runs.items()]
            await campaigns.done(connection, campaign.id, done)
        return len(taken)

    async def _goes_on(self, id_: UUID) -> bool:
        """Whether it is neither paused nor cancelled, nor its journey switched off."""
        campaign = await campaigns.campaign(self.database, id_)
        if campaign is None or campaign.paused_at is not None or campaign.cancelled_at is not None:
            return False
        return await self._switch(campaign) != "paused"

    async def _switch(self, campaign: CampaignRow) -> str:
        async with self.database.pool.acquire() as connection:
            return await switches.state_of(connection, campaign.journey)

    async def _look(self, campaign: CampaignRow) -> CampaignStands:
        now, spec = self.clock.now(), self.versions.own.specs.get(campaign.journey)
        await campaigns.rows_of_closed(self.database, campaign.id)
        if campaign.cancelled_at is not None:
            return await self._cancel(campaign, now)
        if campaign.paused_at is not None or (campaign.needs_approval and campaign.approved_at is None):
            return CampaignStands(state="wait")
        if campaign.begins_at > now:
            return CampaignStands(state="wait", until=campaign.begins_at)
        gone = campaign.message is None and spec is None
        if gone or await self._switch(campaign) == "paused":
            return CampaignStands(state="wait", until=now + _LOOK * self.clock.speed)
        if campaign.prepared_at is None:
            if (wanting := await self._wanting(campaign)) is not None:
                await campaigns.hold(self.database, campaign.id, wanting)
                return CampaignStands(state="wait", until=now + _LOOK_AT_SEGMENT * self.clock.speed)
            home = home_of(campaign, spec.timezone if spec else None)
            await prepare(self.database, campaign, home, now, self.versions.own.predictions)
        return await self._next(campaign, now)

    async def _wanting(self, campaign: CampaignRow) -> str | None:
        """Why it is not known yet to whom it goes: nobody is in a segment that is not loaded."""
        if campaign.segment is None:
            return None
        return (await standing(self.database, self.versions.own.segments, campaign.segment)).wanting

    async def _next(self, campaign: CampaignRow, now: datetime) -> CampaignStands:
        due = await campaigns.next_due(self.database, campaign.id)
        if due is None:
            await campaigns.finish(self.database, campaign.id, now)
            return CampaignStands(state="over")
        if due > now:
            return CampaignStands(state="wait", until=max(due, now + _SOONEST * self.clock.speed))
        return CampaignStands(state="work", parts=1 if campaign.message is None else await self._parts(campaign))

    async def _cancel(self, campaign: CampaignRow, now: datetime) -> CampaignStands:
        async with self.database.transaction() as connection:
            await campaigns.drop_rest(connection, campaign.id, now)
        if await campaigns.next_due(self.database, campaign.id) is None:
            return CampaignStands(state="over")
        return CampaignStands(state="wait", until=now + _SOONEST * self.clock.speed)  # who is at a provider is waited for

    async def _parts(self, campaign: CampaignRow) -> int:
        current = await campaigns.campaign(self.database, campaign.id)
        return parts_of(current.rows if current is not None else 0)


def parts_of(rows: int) -> int:
    """In how many parts so many are written to, side by side."""
    return min(_PARTS, max(1, rows // _OF_A_PART))


def in_words(campaign: CampaignRow, counts: Counter[tuple[str, str | None, str | None]], now: datetime) -> str:
    """How it stands, for people: `running: 1,200 of 5,000 done; 1,100 sent, 100 skipped: no consent`."""
    total, done = counts.total(), sum(n for (state, _, _), n in counts.items() if state == "done")
    told: Counter[str] = Counter()
    for (state, outcome, reason), number in counts.items():
        if state == "done":
            told[f"{outcome}: {reason}" if reason else str(outcome)] += number
        elif state == "open":
            told[f"asked again: {reason}" if reason else "under way"] += number
    what = "; " + ", ".join(f"{number:,} {words}" for words, number in told.most_common()) if told else ""
    return f"{campaign.state(now)}: {done:,} of {total:,} done{what}"
