"""Many calls to another server at once, but no more than it takes side by side: more only queue there. Or many as one."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Sequence
from contextlib import asynccontextmanager
from contextvars import Context
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, Generic, TypeVar

T = TypeVar("T")
A = TypeVar("A")


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


@dataclass
class Gathered(Generic[A, T]):
    """Questions that are answered together: who asks while others are being answered is answered with all who wait by then.

    `answer` takes up to `most` of them and has an answer for each, in their order. Who asks after a silence is answered at
    once; where many ask, they are answered each `pause` seconds, so that many are together.
    """

    answer: Callable[[Sequence[A]], Awaitable[Sequence[T]]]
    most: int
    pause: float = 0.0
    _waiting: list[tuple[A, asyncio.Future[T]]] = field(default_factory=list, init=False)
    _answering: asyncio.Task[None] | None = field(default=None, init=False)

    async def ask(self, question: A) -> T:
        """The answer to a question; what answering all of them raises, each of them raises."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append((question, future))
        if self._answering is None or self._answering.done():
            self._answering = asyncio.create_task(self._go_on(), context=Context())  # nobody's own
        return await future

    async def _go_on(self) -> None:
        while self._waiting:
            some, self._waiting = self._waiting[: self.most], self._waiting[self.most :]
            began = perf_counter()
            try:
                answers = await self.answer([question for question, _ in some])
            except BaseException as error:
                for _, future in some:
                    if not future.done():
                        future.set_exception(error) if isinstance(error, Exception) else future.cancel()
                if not isinstance(error, Exception):
                    raise
            else:
                for (_, future), told in zip(some, answers, strict=True):
                    if not future.done():
                        future.set_result(told)
            await asyncio.sleep(max(began + self.pause - perf_counter(), 0))
