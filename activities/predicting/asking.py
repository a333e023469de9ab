"""Predictions written down, and trained or scored as soon as somebody wants that; fits nothing itself.

Promise: what product teams declare, change or take out of use through the API is taken up within seconds, without a restart.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from temporalio.client import Client

from activities.waking import woken
from journeys.clock import Clock
from segments.ask.declared import declared
from segments.predictions.declared import Declared
from store import Database, predictions
from store.away import AWAY
from store.segments.declarations import standing

#: How often it is looked whether somebody wants a prediction trained or scored now, and which are declared (seconds).
EVERY = 2.0
#: Have schedules of these predictions, as often as they say, and none any more of those names; whether that was done.
Keep = Callable[[Mapping[str, Declared], set[str]], Awaitable[bool]]


@dataclass(frozen=True)
class Predicting:
    """The chore of the watch, and what it works with; `catalogue` are those that stand in code."""

    database: Database
    client: Client
    clock: Clock
    catalogue: Mapping[str, Declared]

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
                wanted = {name: (each.retrain, each.score) for name, each in found.items()}, gone - found.keys()
                if wanted != kept and await keep(found, wanted[1]):
                    kept = wanted
            await asyncio.sleep(EVERY)

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
