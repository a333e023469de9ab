"""What came of choices, once their spans are over, and by that the next hour's shares.

Promise: what comes late, is refunded or cancelled afterwards is looked at again, for a month. An hour that is done twice learns
the same. A choice that an operator has frozen, or switched back, gets no new shares; what came of it is still looked at.
"""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import localcontext
from uuid import UUID

import structlog
from temporalio import activity

from activities.measuring.done import BEGINNING, done
from activities.measuring.values import Exposed, changes
from journeys.clock import Clock
from journeys.deciding.learning import Seen, allocate, shares
from journeys.deciding.options import Choice, State
from journeys.policies import TAKE_BACK
from segments.facts import Event
from store import Connection, Database
from store.measuring.values import EXACT
from store.runs import choices
from store.runs.choices import ChoiceRow, Given

log = structlog.get_logger(__name__)

#: For how long after its span what comes late still counts.
LATE = timedelta(days=30)
_AT_ONCE = 500
#: Events are received a moment before they are seen by others: nothing falls between two looks.
_OVERLAP = timedelta(minutes=5)


@dataclass(frozen=True)
class Rewarding:
    """The activity and what it works with."""

    database: Database
    clock: Clock

    @activity.defn(name="allocate-choices")
    async def hourly(self) -> None:
        """Look what came of all choices, and work out the next shares of those that learn."""
        for row in await choices.choices(self.database):
            await self.learn(row)

    async def learn(self, row: ChoiceRow) -> None:
        """Of one of them."""
        choice, now = Choice.from_json(row.declared), self.clock.now()
        news = await self._look(row, choice, now)
        if State(row.state) is not State.LEARNS:
            return
        async with self.database.transaction() as connection:
            cap = choice.reward.cap or (await choices.most(connection, row) if choice.counts_money else float("inf"))
            found = await choices.totals(connection, row, cap)
            last = await choices.newest(connection, row.name, row.number)
        if not news and sum(each.people for each in found) == last.people:
            return
        places = {name: n for n, name in enumerate(choice.names)}
        totals = {(each.cell, places[each.option]): Seen(each.people, each.total, each.squares) for each in found}
        people: dict[str, int] = defaultdict(int)
        for each in found:
            people[each.cell] += each.people
        version = last.version + 1
        learned = await asyncio.to_thread(allocate, choice, totals, version)
        said = shares(choice, learned, people)
        async with self.database.transaction() as connection:
            about = version, now, sum(people.values()), said, learned.to_json() if learned.rows else None
            await choices.allocate(connection, row, *about)
        log.info("a choice has new shares", choice=row.name, number=row.number, version=version, rewards=sum(people.values()))

    async def _look(self, row: ChoiceRow, choice: Choice, now: datetime) -> bool:
        """What came of those whose spans are over, and again of those of whom something came late; whether that is news."""
        news = False
        types = sorted(choice.reward.types | TAKE_BACK)
        while True:
            async with self.database.transaction() as connection:
                some = await choices.ripe(connection, row, now, _AT_ONCE)
                news |= await _reward(connection, choice, some)
            if len(some) < _AT_ONCE:
                break
        since = row.looked_at or row.declared_at
        async with self.database.transaction() as connection:
            late = await choices.late(connection, row, since - _OVERLAP, now - LATE, types)
            for n in range(0, len(late), _AT_ONCE):
                news |= await _reward(connection, choice, late[n : n + _AT_ONCE])
            await choices.looked(connection, row, now)
        return news


async def _reward(connection: Connection, choice: Choice, some: Sequence[Given]) -> bool:
    """Write down what came of these, where that is not known, or another by now; whether it is of any."""
    if not some:
        return False
    since = min(each.made_at for each in some) - choice.reward.before
    events = await done(connection, {each.who: [choice.reward] for each in some}, since, BEGINNING)
    found: list[tuple[UUID, int, float]] = []
    for each in some:
        reward = reward_of(choice, each.made_at, events[each.who])
        if reward != each.reward:
            found.append((each.run_id, each.asked, reward))
    await choices.reward(connection, found)
    return bool(found)


def reward_of(choice: Choice, at: datetime, events: Sequence[Event]) -> float:
    """What came of something that was given at an instant, by all that its customer did."""
    metric = str(choice.reward.kpi)
    with localcontext(EXACT):
        return float(sum(each.y for (_, of), each in changes(choice.reward, Exposed(at), events).items() if of == metric))
