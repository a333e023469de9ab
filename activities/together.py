"""Many calls to another server at once, but no more than it takes side by side: more only queue there."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass
class Lane:
    """Calls that can wait, to a server that others need, too: fewer at once for as long as it is slow to answer.

    What is in flight stands before whatever is urgent. A server that is quick is given up to `most` calls. An answer that takes
    longer than `quick` seconds halves that, once for all calls that were in flight; each that does not adds a little.
    """

    most: int
    quick: float = 0.1
    _width: float = field(default=1.0, init=False)
    _flying: int = field(default=0, init=False)
    _narrowed: float = field(default=0.0, init=False)
    _free: asyncio.Condition = field(default_factory=asyncio.Condition, init=False)

    @property
    def width(self) -> int:
        """How many calls it is given at once now."""
        return int(self._width)

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """For one call, once it is its turn: who came first goes first."""
        async with self._free:
            await self._free.wait_for(lambda: self._flying < self.width)
        self._flying += 1
        began = perf_counter()
        try:
            yield
        finally:
            self._flying -= 1
            self._learn(began, perf_counter())
            async with self._free:
                self._free.notify(max(self.width - self._flying, 0))

    def _learn(self, began: float, ended: float) -> None:
        if ended - began <= self.quick:
            self._width = min(float(self.most), self._width + 1 / self._width)
        elif began >= self._narrowed:
            self._width, self._narrowed = max(1.0, self._width / 2), ended


async def together(calls: Iterable[Coroutine[Any, Any, T]], at_once: int | Lane) -> list[T]:
    """Await calls, a limited number at once; their answers are in the order of the calls."""
    gate = asyncio.Semaphore(at_once) if isinstance(at_once, int) else at_once

    async def one(call: Coroutine[Any, Any, T]) -> T:
        async with gate if isinstance(gate, asyncio.Semaphore) else gate.turn():
            return await call

    return list(await asyncio.gather(*(one(call) for call in calls)))
