"""Many customers at once on real servers: what happens at an instant happens to all of them, and then they go on together.

Promise: their runs are still turned one by one by Temporal's own clocks, a few at a time, since a run's clock goes on while a
worker is busy with others. Whose run is by itself, and meets no provider twice, is turned to the end of a stretch at once;
everybody else from instant to instant, and as far beyond as things may be late.
"""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any, TypeVar
from unittest.mock import patch
from uuid import UUID

from journeys.contracts import Channel
from journeys.simulate.customers import Customer
from journeys.walk.seen import Seen
from workers.testing.seen import Run
from workers.testing.served import Served, opened
from workers.testing.servers import Servers

T = TypeVar("T")
#: What is due at an instant may be due so much later in a run that has worked, or was started by another.
NOTHING, LATE = timedelta(0), timedelta(seconds=100)
#: So many go on at a time.
FEW = 10


def in_fews(all_: Sequence[T]) -> Iterator[Sequence[T]]:
    """All of them, a few at a time; of nobody one group, for whom it gets late, too."""
    yield from (all_[n : n + FEW] for n in range(0, max(1, len(all_)), FEW))


class Crowd(Served):
    """A stage for a crowd."""

    _gathered = False

    @contextmanager
    def instant(self, names: Sequence[str]) -> Iterator[None]:
        """What is done inside about these is done at one instant, and settled for all of them together."""
        self._turn(self.now, [name for name in names if name in self._profiles], NOTHING)
        self._gathered = True
        yield
        self._gathered = False
        self._portal.call(self._hands.settle, self.now, [self._profiles[name] for name in names])

    def passes(self, until: datetime) -> None:
        """Time passes: for whom things hang together, from instant to instant; for the others at once."""
        before = {name: _known(who) for name, who in self.shadow.world.customers.items()}
        due = list(self.shadow.steps(until))
        closely = {name for name in {name for _, name in due} if self._is_entangled(name, before[name])}
        for _, group in groupby(
            [each for each in due if each[1] in closely], key=lambda each: each[0].replace(second=0, microsecond=0)
        ):
            together = list(group)
            self._turn(together[-1][0], sorted({name for _, name in together}), LATE)
        self._turn(until, list(self._profiles), NOTHING)

    def _turn(self, at: datetime, names: Sequence[str], beyond: timedelta) -> None:
        for few in in_fews(names):
            self._portal.call(self._hands.turn, at, [self._profiles[name] for name in few], beyond)

    def all_runs(self) -> dict[str, list[tuple[UUID, Run]]]:
        """Everybody's runs, as Postgres and Temporal have them."""

        async def of(id_: UUID) -> list[tuple[UUID, Run]]:
            return [(row.id, await self._seen(row)) for row in await self._hands.rows([id_])]

        async def everybodys() -> dict[str, list[tuple[UUID, Run]]]:
            return {name: await of(id_) for name, id_ in self._profiles.items()}

        return self._portal.call(everybodys)

    @property
    def people(self) -> dict[str, UUID]:
        """Everybody's id."""
        return dict(self._profiles)

    def _is_entangled(self, name: str, known: object) -> bool:
        who = self.shadow.world.customers[name]
        runs = self.shadow.world.runs.of(who)
        unsettled = any(each.attempts > 1 or each.state in ("claimed", "released") for run in runs for each in run.messages)
        uncalled = any(each.attempts > 1 or each.called is None for run in runs for each in run.calls)
        lined_up = any(run.spec.limits is not None for run in runs)  # nobody is let in before the shop's clock says so
        changed = _known(who) != known  # by its own run, which the watch is to see before it goes on
        return unsettled or uncalled or lined_up or changed or len(runs) > 1

    @asynccontextmanager
    async def _about(self, *names: str) -> AsyncIterator[None]:
        if self._gathered:
            yield
        else:
            async with super()._about(*names):
                yield

    def joins(self, name: str, channels: Sequence[Channel], traits: Mapping[str, Any]) -> None:
        """A customer joins."""
        if not self._gathered:
            return super().joins(name, channels, traits)
        self._portal.call(self._signs_up, name, channels, traits)
        self.shadow.joins(name, channels, traits, self._profiles[name])
        return None


def _known(who: Customer) -> object:
    """What a run can add to what is known of somebody: traits, and how many events there are of each name."""
    return dict(who.traits), {type_: len(events) for type_, events in who.events.items()}


@contextmanager
def crowd(servers: Servers, catalogue: str, folder: Path) -> Iterator[Crowd]:
    """Open a shop for a crowd, its runs outside of the sandbox, so that they can be traced.

    Its journeys are not walked on all of their ways before, which took longer than all that follows.
    """
    unwalked = patch("journeys.check.check.look_through", lambda _: Seen())
    with unwalked, opened(Crowd, servers, catalogue, folder, sandboxed=False) as stage:
        yield stage
