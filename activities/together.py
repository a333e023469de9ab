"""Many calls to another server at once, but no more than it takes side by side: more only queue there."""

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

T = TypeVar("T")


async def together(calls: Iterable[Coroutine[Any, Any, T]], at_once: int) -> list[T]:
    """Await calls, a limited number at once; their answers are in the order of the calls."""
    gate = asyncio.Semaphore(at_once)

    async def one(call: Coroutine[Any, Any, T]) -> T:
        async with gate:
            return await call

    return list(await asyncio.gather(*(one(call) for call in calls)))
