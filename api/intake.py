"""The way from requests to Postgres: what waits is stored together, and every request hears its own result.

A few lanes take turns: while Postgres works on one, Python reads the next requests. Nothing is answered before its commit,
and a request whose client went away is stored all the same.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import asyncpg

from api.state import Store
from store import Database
from store.dead_letters import DeadLetter, bury
from store.ingest import Item, Weeks, store

#: Items stored by one statement; more only makes everybody wait for each other.
_TOGETHER = 500


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of a request's items."""

    accepted: int = 0
    duplicates: int = 0
    refused: int = 0


@dataclass(slots=True, eq=False)
class _Waiting:
    items: Sequence[Item]
    done: asyncio.Future[Stored] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Intake:
    """Stores the items of many requests together."""

    def __init__(self, database: Store, lanes: int) -> None:
        self._store = database
        self._lanes = lanes
        self._busy: set[asyncio.Task[None]] = set()
        self._weeks = Weeks()
        self._waiting: deque[_Waiting] = deque()

    async def take(self, items: Sequence[Item]) -> Stored:
        """Store these items; returns after the commit.

        Raises:
            StoreUnreachable, OSError, asyncpg.PostgresError: they were not all stored; sending them again is harmless.
        """
        waiting = _Waiting(items)
        self._waiting.append(waiting)
        if len(self._busy) < self._lanes:
            lane = asyncio.create_task(self._run())
            self._busy.add(lane)
            lane.add_done_callback(self._busy.discard)
        try:
            return await asyncio.shield(waiting.done)
        except asyncio.CancelledError:  # answered 503 meanwhile: what has not begun is not stored
            with suppress(ValueError):
                self._waiting.remove(waiting)
            raise

    async def close(self) -> None:
        """Finish what was begun."""
        await asyncio.gather(*self._busy, return_exceptions=True)

    async def _run(self) -> None:
        # One turn of the loop, so that requests that were read together are stored together.
        await asyncio.sleep(0)
        while chunk := self._chunk():
            await self._serve(chunk)

    def _chunk(self) -> list[_Waiting]:
        chunk: list[_Waiting] = []
        size = 0
        while self._waiting and (not chunk or size + len(self._waiting[0].items) <= _TOGETHER):
            chunk.append(self._waiting.popleft())
            size += len(chunk[-1].items)
        return chunk

    async def _serve(self, chunk: list[_Waiting]) -> None:
        try:
            results = await self._save(chunk)
        except Exception as error:  # noqa: BLE001 - whatever it is, those who wait must hear it
            for waiting in chunk:
                waiting.done.set_exception(error)
                waiting.done.exception()  # a client that went away will not ask
            return
        for waiting, result in zip(chunk, results, strict=True):
            waiting.done.set_result(result)

    async def _save(self, chunk: list[_Waiting]) -> list[Stored]:
        """A message id that stands twice is stored by its first item; the others are duplicates."""
        database = await self._store.open()
        first: dict[str, Item] = {}
        for waiting in chunk:
            for item in waiting.items:
                first.setdefault(item.message_id, item)
        outcome = dict(zip(first, await self._all(database, list(first.values())), strict=True))
        return [_count(waiting.items, first, outcome) for waiting in chunk]

    async def _all(self, database: Database, items: list[Item]) -> list[bool | None]:
        """New, stored before, or (None) a dead letter: halved until the one that Postgres refuses stands alone."""
        try:
            return list(await store(database, items, self._weeks))
        except asyncpg.DataError as error:
            if len(items) == 1:
                await bury(database.pool, [_letter(items[0], error)])
                return [None]
            half = len(items) // 2
            return [*await self._all(database, items[:half]), *await self._all(database, items[half:])]


def _count(items: Sequence[Item], first: dict[str, Item], outcome: dict[str, bool | None]) -> Stored:
    accepted = sum(outcome[item.message_id] is True and first[item.message_id] is item for item in items)
    refused = sum(outcome[item.message_id] is None for item in items)
    return Stored(accepted, len(items) - accepted - refused, refused)


def _letter(item: Item, error: asyncpg.DataError) -> DeadLetter:
    return DeadLetter(item.source, item.received_at, item.message_id, f"not-storable: {error}", item.properties)
