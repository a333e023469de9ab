"""One wait for all who wait: whoever comes while a question is being asked shares its answer, good or bad."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Shared(Generic[T]):
    """Asks one at a time. A waiter that is cancelled does not cancel the question, which the others wait for too."""

    def __init__(self, ask: Callable[[], Awaitable[T]]) -> None:
        self._ask = ask
        self._asking: asyncio.Future[T] | None = None

    async def answer(self) -> T:
        """The answer to the question that is being asked; raises what it raises."""
        if self._asking is None or self._asking.done():
            self._asking = asyncio.ensure_future(self._ask())
            self._asking.add_done_callback(_heard)
        return await asyncio.shield(self._asking)


def _heard(asked: "asyncio.Future[T]") -> None:
    """Take note of a failure even when all who waited are gone."""
    if not asked.cancelled():
        asked.exception()
