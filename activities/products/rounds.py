"""What is worked out of products again and again: declared, asked for, and done in one transaction each."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from temporalio import activity
from temporalio.client import Client

from activities.deliver.patience import alive
from activities.products.expecting import expect
from activities.products.learning import learn
from activities.waking import woken
from journeys.clock import Clock
from journeys.contracts import ProductRound
from journeys.products.again import Replenishment
from journeys.products.together import BoughtTogether, SeenTogether, Together
from store import Connection, Database
from store.products import again, relations, rounds
from store.products.rounds import RoundRow

log = structlog.get_logger(__name__)

#: How often it is looked whether somebody wants something worked out now (seconds).
EVERY = 2.0
WORKFLOW = "product-round"
_BY = {kind.name: kind.by for kind in (BoughtTogether, SeenTogether)}


@dataclass(frozen=True)
class Rounds:
    """The activity, the chore of the watch, and what they work with."""

    database: Database
    client: Client
    clock: Clock
    declared: Mapping[str, Together | Replenishment]

    async def declare(self) -> dict[str, timedelta]:
        """Write down what the catalogue wants, and let go what it does not any more; returns how often each is worked out."""
        now = self.clock.now()
        for row in await rounds.found(self.database):
            if row.name not in self.declared:
                async with self.database.transaction() as connection:
                    await _let_go(connection, row)
        async with self.database.transaction() as connection:
            for name, what in self.declared.items():
                kind: rounds.Kind = "together" if isinstance(what, Together) else "again"
                await rounds.declare(connection, name, kind, what.version, what.every, now)
        return {name: each.every for name, each in self.declared.items()}

    async def wake(self) -> None:
        """Have that worked out which somebody wants now."""
        for name in await rounds.asked(self.database):
            if name in self.declared:
                why = f"{name} is worked out, because somebody asked for it"
                if await woken(self.client, WORKFLOW, name, f"products/{name}/asked", why):
                    await rounds.taken_up(self.database, name)

    @activity.defn(name=WORKFLOW)
    async def work_out(self, asked: ProductRound) -> str:
        """One round; what came of it, in words."""
        what = self.declared.get(asked.name)
        if what is None:
            return f"{asked.name} is not in this worker's catalogue"
        async with alive():
            try:
                async with self.database.transaction() as connection:
                    return await _worked_out(connection, what, self.clock.business(asked.at))
            except Exception as error:
                # Its kind alone: what a database says may hold what customers wrote.
                await rounds.fail(
                    self.database, what.name, self.clock.now(), f"it could not be worked out: {type(error).__name__}"
                )
                log.warning("nothing could be worked out of products", name=what.name, why=type(error).__name__)
                raise


async def _worked_out(connection: "Connection", what: Together | Replenishment, at: datetime) -> str:
    return await (learn(connection, what, at) if isinstance(what, Together) else expect(connection, what, at))


async def _let_go(connection: "Connection", row: RoundRow) -> None:
    await rounds.let_go(connection, row.name)
    if row.kind == "again":
        await again.forget(connection, row.name)
    elif row.name in _BY:
        await relations.forget(connection, _BY[row.name])
