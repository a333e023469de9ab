"""Entries that could not be decided: the next version of the catalogue that is deployed is asked again, of each once.

Promise: what it decides is what it would have decided at first, late as it is: who is too late by the journey's rule stays out.
"""

from collections import defaultdict
from dataclasses import dataclass, replace

from activities.dispatch.admission import Look, admit
from activities.versions import Versions
from journeys.clock import Clock
from store import Database
from store.runs import entries
from store.runs.rows import OutboxRow

_BATCH = 200


@dataclass(frozen=True)
class Undecided:
    """Who asks again; `look` sees whether open runs are over in Temporal."""

    database: Database
    versions: Versions
    clock: Clock
    look: Look

    async def ask_again(self) -> int:
        """Decide what an earlier version could not; returns how many entries that were."""
        served = self.versions.own
        if served.version is None:
            return 0
        async with self.database.transaction() as connection:
            found = await entries.lock_undecided(connection, served.version, list(served.specs), _BATCH)
            by_journey: dict[str, list[OutboxRow]] = defaultdict(list)
            for each in found:
                by_journey[each.journey].append(each.transition)
            now = self.clock.now()
            for journey, transitions in by_journey.items():
                alone = replace(served, specs={journey: served.specs[journey]})
                await admit(connection, alone, transitions, now, self.look)
            await entries.mark_asked_again(connection, [each.refusal for each in found], now)
            return len(found)
