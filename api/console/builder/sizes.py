"""How many customers a form means: counted or estimated in the background of the form, and remembered for a minute.

Promise: bounded. One question is asked once however many ask it, two at a time in a process, each for some seconds at most.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from segments.ask.ask import QUICKLY, Estimate, TooSlow, estimate, hinted, preview
from segments.language.predicate import Predicate
from store import Database
from store.segments.rows import Member

T = TypeVar("T")
_LASTS = 60.0  # seconds
_KEPT, _AT_ONCE, _SOME = 200, 2, 5


@dataclass(frozen=True, slots=True)
class Size:
    """An estimate with some of the customers, and why the definition may be true of nobody; `told` says why there is none."""

    estimate: Estimate | None
    some: tuple[Member, ...] = ()
    hints: tuple[str, ...] = ()
    told: str = ""


class Sizes:
    """What was counted lately, by definition."""

    def __init__(self) -> None:
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._known: OrderedDict[str, tuple[float, asyncio.Task[Size]]] = OrderedDict()

    def lately(self, predicate: Predicate) -> Size | None:
        """What was found within a minute, if anything was."""
        until, task = self._known.get(predicate.key, (0.0, None))
        if task is None or until < time.monotonic() or not task.done() or task.cancelled() or task.exception():
            return None
        return task.result()

    async def of(self, database: Database, predicate: Predicate, at: datetime) -> Size:
        """How many, found now or within the last minute.

        Raises:
            CannotAsk: Postgres cannot evaluate the definition.
        """
        until, task = self._known.get(predicate.key, (0.0, None))
        if task is None or until < time.monotonic() or (task.done() and (task.cancelled() or task.exception())):
            task = asyncio.create_task(self._found(database, predicate, at))
            self._known[predicate.key] = time.monotonic() + _LASTS, task
            while len(self._known) > _KEPT:
                self._known.popitem(last=False)
        return await asyncio.shield(task)

    async def _found(self, database: Database, predicate: Predicate, at: datetime) -> Size:
        async with self._turns:
            told = tuple(await _unless_slow(hinted(database, predicate, at, patience=QUICKLY)))
            try:
                found = await estimate(database, predicate, at)
            except TooSlow as error:
                return Size(None, hints=told, told=str(error))
            some = await _unless_slow(preview(database, predicate, at, _SOME, patience=QUICKLY))
            return Size(found, tuple(some), told)


async def _unless_slow(asked: Awaitable[list[T]]) -> list[T]:
    """What is there besides the number, where it comes soon."""
    try:
        return await asked
    except TooSlow:
        return []
