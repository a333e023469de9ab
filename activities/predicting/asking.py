"""Predictions of the catalogue, written down, and trained or scored as soon as somebody wants that; fits nothing itself."""

from collections.abc import Mapping
from dataclasses import dataclass

from temporalio.client import Client

from activities.waking import woken
from journeys.clock import Clock
from segments.predictions.declared import Declared
from store import Database, predictions

#: How often it is looked whether somebody wants a prediction trained or scored now (seconds).
EVERY = 2.0


@dataclass(frozen=True)
class Predicting:
    """The chore of the watch, and what it works with."""

    database: Database
    client: Client
    clock: Clock
    declared: Mapping[str, Declared]

    async def declare(self) -> Mapping[str, Declared]:
        """Write down which predictions the catalogue has; those that are new, or mean something else, are trained at once."""
        for each in self.declared.values():
            spans = each.retrain, each.score, each.max_age
            await predictions.declare(self.database, each.name, each.version, *spans, self.clock.now(), kind=each.kind)
        return self.declared

    async def wake(self) -> None:
        """Have those trained or scored that somebody wants so."""
        for name, trains in await predictions.asked(self.database):
            if name not in self.declared:
                continue
            what = "train" if trains else "score"
            why = f"{name}: {what}-prediction, because somebody asked for it"
            if await woken(self.client, f"{what}-prediction", name, f"predict/{name}/{what}/asked", why):
                await predictions.taken_up(self.database, name, trains=trains)
