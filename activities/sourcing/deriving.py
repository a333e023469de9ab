"""Derived traits, written as their cases change: a trait follows its segments within a second.

Promise: what is said is inferred and names the definition and the case that decided, so that a declared value of the same name
is never replaced; a value that no case holds any more goes.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from journeys.clock import Clock
from journeys.sources.derived import DerivedTrait
from segments.language.events import TRAITS_CHANGED
from store import Database
from store.customers import derived
from store.customers.derived import SOURCE, Derived, Due

#: Seconds from one look to the next, and customers of one transaction.
EVERY = 0.5
_AT_ONCE = 500


@dataclass
class Deriving:
    """The chore and what it works with."""

    database: Database
    clock: Clock
    traits: Mapping[str, DerivedTrait]
    declared: bool = False

    async def derive(self) -> None:
        """Say what has become of everybody whose cases have changed, until nobody is left."""
        if not self.declared:
            told = {name: (each.version, tuple(each.values)) for name, each in self.traits.items()}
            await derived.declare(self.database, told)
            self.declared = True
        while await self._some():
            pass

    async def _some(self) -> bool:
        now = self.clock.now()
        async with self.database.transaction() as connection:
            taken, found = await derived.take(connection, _AT_ONCE)
            changed = [due.profile_id for due in found if await derived.say(connection, due, self._of(due), now)]
            if changed:
                await derived.mark(connection, changed, TRAITS_CHANGED, now)
        return taken == _AT_ONCE

    def _of(self, due: Due) -> list[Derived]:
        """What each trait is; those that nobody derives any more are nothing."""
        gone = [Derived(name, None, SOURCE) for name in due.has if name not in self.traits]
        return [*gone, *(self._by(name, each, due) for name, each in self.traits.items())]

    def _by(self, name: str, trait: DerivedTrait, due: Due) -> Derived:
        value, case = trait.value(due.cases)
        return Derived(name, value, f"{SOURCE} v{trait.version} by {case}" if case else SOURCE)
