"""What the watch tells runs: that their goal is reached, or that something they wait for has happened.

Promise: it is decided in the transaction that consumes the change, so that a crash loses none; telling them comes after.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from uuid import UUID

from activities.asking.expecting import came_true
from activities.gate.goals import end, endings
from activities.versions import Versions
from journeys.contracts import Reason
from segments.watch.changes import since
from segments.watch.look import Look
from store import Connection
from store.measuring import values
from store.runs import expectations
from store.runs import rows as runs


@dataclass(frozen=True)
class Hearing:
    """Looks at what changed for the runs that it may concern."""

    versions: Versions

    @property
    def goal_types(self) -> frozenset[str]:
        """Which events can reach a goal or an exit, of whichever version."""
        return frozenset[str]().union(*(served.goal_types for served in self.versions.held))

    async def hear(self, look: Look) -> None:
        """All that what changed means to open runs and to experiments, in the tick's transaction."""
        connection, changed, at = look.connection, look.changed, look.at
        await values.touch(connection, ((who, type_) for who, types in changed.items() for type_ in types))
        goal_types = self.goal_types
        await self._goals(connection, [who for who, types in changed.items() if types & goal_types], at)
        woken = await expectations.woken(connection, changed, at)
        await expectations.happened(connection, await came_true(connection, woken, at, partial(since, look)))

    async def _goals(self, connection: Connection, profiles: Sequence[UUID], at: datetime) -> None:
        """Ask runs to end whose goal or exit the new events reach."""
        if not profiles:
            return
        open_runs = await runs.open_runs_of(connection, sorted(profiles))
        over = await endings(connection, self.versions, open_runs, at)
        await end(connection, over)
        await runs.mark_raced(connection, [(id_, each.at) for id_, each in over.items() if each.reason is Reason.GOAL])
