"""Predictions written down, and trained or scored as soon as somebody wants that; fits nothing itself.

Promise: what product teams declare, change or take out of use through the API is taken up within seconds, without a restart.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

from temporalio.client import Client

from activities.waking import woken
from journeys.clock import Clock
from segments.ask.crossings import is_new
from segments.ask.declared import declared
from segments.ask.overview import asked_of
from segments.language.predicate import Predicate
from segments.language.segment import Segment
from segments.predictions.declared import Declared
from store import Database, crossings, predictions
from store.away import AWAY
from store.segments.declarations import standing

#: How often it is looked whether somebody wants a prediction trained or scored now, and which are declared (seconds).
EVERY = 2.0
#: Have schedules of these predictions, as often as they say, and none any more of those names; whether that was done.
Keep = Callable[[Mapping[str, Declared], set[str]], Awaitable[bool]]


@dataclass(frozen=True)
class Predicting:
    """The chore of the watch, and what it works with; `catalogue` are those that stand in code.

    `segments` and `asks` are what the catalogue asks of them, in segments and beside these.
    """

    database: Database
    client: Client
    clock: Clock
    catalogue: Mapping[str, Declared]
    segments: Mapping[str, Segment] = field(default_factory=dict)
    asks: Sequence[Predicate] = ()
    _asked: dict[str, datetime | None] = field(default_factory=dict, init=False, repr=False)

    async def declare(self) -> Mapping[str, Declared]:
        """Write down which predictions there are; those that are new, or mean something else, are trained at once."""
        found = await declared(self.database, self.catalogue)
        for each in found.values():
            spans = each.retrain, each.score, each.max_age
            await predictions.declare(self.database, each.name, each.version, *spans, self.clock.now(), kind=each.kind)
        return found

    async def keep_up(self, keep: Keep) -> None:
        """For as long as it runs: write down what is declared, have schedules of it, and let go of what is declared no more."""
        kept: object = None
        while True:
            with suppress(*AWAY):
                gone = {each.name for each in await standing(self.database) if each.definition is None}
                found = await self.declare()
                await predictions.retire(self.database, sorted(gone - found.keys()), self.clock.now())
                await predictions.clear(self.database)
                await self.complete()
                wanted = {name: (each.retrain, each.score) for name, each in found.items()}, gone - found.keys()
                if wanted != kept and await keep(found, wanted[1]):
                    kept = wanted
            await asyncio.sleep(EVERY)

    async def complete(self) -> None:
        """Have customers scored where a threshold or a kind is asked for that no scoring has written down yet.

        Once for each, and again where the scoring that came had begun before somebody asked.
        """
        now = self.clock.now()
        rows = {row.name: row for row in await predictions.found(self.database) if row.held(now) is None}
        if not rows:
            return
        for leaf in await asked_of(self.database, self.segments, self.asks):
            row = rows.get(leaf.prediction)
            if row is None or not is_new(leaf, row, now) or self._asked.get(leaf.kind, now) == row.scored_at:
                continue
            self._asked[leaf.kind] = row.scored_at
            await crossings.have_scored(self.database, row.name, now)

    async def wake(self) -> None:
        """Have those trained or scored that somebody wants so."""
        if not (asked := await predictions.asked(self.database)):
            return
        found = await declared(self.database, self.catalogue)
        for name, trains in asked:
            if name not in found:
                continue
            what = "train" if trains else "score"
            why = f"{name}: {what}-prediction, because somebody asked for it"
            if await woken(self.client, f"{what}-prediction", name, f"predict/{name}/{what}/asked", why):
                await predictions.taken_up(self.database, name, trains=trains)
