"""The way from requests to Postgres: what waits is stored together, and every request hears its own result.

A few lanes take turns: while Postgres works on one, Python reads the next requests. Nothing is answered before its commit,
and a request whose client went away is stored all the same.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import orjson

from api.state import Store
from store import Database
from store.ingest.batch import OF_THE_DATA, Memory, store, store_apart
from store.ingest.dead_letters import DeadLetter, bury
from store.ingest.items import Item

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
        self._memory = Memory()
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
        """A message id that stands twice (of one source) is stored by its first item; the others are duplicates."""
        database = await self._store.open()
        first: dict[tuple[str, str], Item] = {}
        for waiting in chunk:
            for item in waiting.items:
                first.setdefault((item.source, item.message_id), item)
        outcome = dict(zip(first, await self._all(database, list(first.values())), strict=True))
        return [_count(waiting.items, first, outcome) for waiting in chunk]

    async def _all(self, database: Database, items: list[Item]) -> list[bool | None]:
        """New, stored before, or (None) a dead letter, where an item is what Postgres refuses."""
        try:
            return list(await store(database, items, self._memory))
        except OF_THE_DATA:
            outcome = await store_apart(database, items, self._memory)
        letters = [_letter(item, kept) for item, kept in zip(items, outcome, strict=True) if isinstance(kept, Exception)]
        await bury(database.pool, letters)
        return [None if isinstance(kept, Exception) else kept for kept in outcome]


def _count(items: Sequence[Item], first: dict[tuple[str, str], Item], outcome: dict[tuple[str, str], bool | None]) -> Stored:
    keys = [(item.source, item.message_id) for item in items]
    accepted = sum(outcome[key] is True and first[key] is item for key, item in zip(keys, items, strict=True))
    refused = sum(outcome[key] is None for key in keys)
    return Stored(accepted, len(items) - accepted - refused, refused)


def _letter(item: Item, error: Exception) -> DeadLetter:
    """The item as a call that reads as it again."""
    said = orjson.Fragment(item.properties)
    content: dict[str, Any] = {"event": item.type} if item.kind == "track" else {}
    content |= {"groupId": orjson.loads(item.properties).get("groupId")} if item.kind == "group" else {}
    content |= {"previousId": item.previous_id} if item.kind == "alias" else {}
    names = {"messageId": item.message_id, "userId": item.user_id, "anonymousId": item.anonymous_id}
    body = {"traits" if item.kind in {"identify", "group"} else "properties": said, "context": orjson.Fragment(item.context)}
    call = orjson.dumps({"type": item.kind, **names, **content, "timestamp": item.ts, **body}).decode()
    reason = f"not-storable: {error}"
    return DeadLetter(item.source, item.received_at, item.message_id, reason, call, '{"kind": null, "skew": 0, "context": {}}')
