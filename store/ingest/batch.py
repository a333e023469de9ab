"""Storing what came in: a batch of items is stored once each, under one profile per customer, in one commit or not at all.

The steady state (everybody known, nothing but events) is a single statement. Whoever is new, a device that goes over, two
profiles that turn out to be one, and items that change a profile (traits, addresses, consent) take the slow path: a
transaction of a dozen statements, which then stores the rest, too.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

import asyncpg
import orjson
from asyncpg.exceptions._base import DataError as _ClientDataError

from store.audit import note
from store.customers.consent import Subject, Word, say
from store.customers.endpoints import ADDRESS_TRAITS, replace_addresses, write_addresses
from store.customers.identity import Claim, NamesMoved, settle
from store.customers.take_over import hand_over
from store.customers.traits import Word as TraitWord
from store.customers.traits import write_words
from store.database import Connection, Database
from store.ingest.items import Item, Provenance
from store.ingest.rights import within_rights
from store.lists import resolve
from store.named import queries

_T = TypeVar("_T")

_ATTEMPTS = 8
_EVENT_COLUMNS = 12  # of an Item: those that are stored as they are
_WEEK = timedelta(days=7)
#: Memory further back than this share the default partition: a history import must not make thousands of partitions.
_PARTITIONED = timedelta(days=2 * 365)


class Memory:
    """What a process remembers from batch to batch: the event partitions that exist, and whether somebody was new last time.

    While everybody is known, a batch is stored in one statement that also finds out; after one that was not, it is asked first.
    """

    def __init__(self) -> None:
        self._known: set[int] = set()
        self.newcomers = False

    async def ensure(self, database: Database, items: Sequence[Item]) -> None:
        """Make the partitions that these items need; free when they are known."""
        missing = {_week(item.ts): item for item in items}.keys() - self._known
        for week in sorted(missing):
            await self._make(database, week, max(item.received_at for item in items))

    async def _make(self, database: Database, week: int, now: datetime) -> None:
        starts = _MONDAY + week * _WEEK
        if starts > now - _PARTITIONED:
            # Another session that made it in the same instant has committed by the time we hear of the conflict.
            with suppress(asyncpg.DuplicateTableError, asyncpg.UniqueViolationError):
                await _again(lambda: database.pool.execute(queries("ingest")["ensure_week"], starts))
        self._known.add(week)


_MONDAY = datetime.fromisoformat("1970-01-05T00:00:00+00:00")


def _week(at: datetime) -> int:
    return (at - _MONDAY).days // 7


#: Errors that lie in what is stored, not in the store: a text it cannot hold, a rule of a table, a limit of an index.
OF_THE_DATA = (
    asyncpg.DataError,
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.ProgramLimitExceededError,
    _ClientDataError,
    UnicodeError,
    OverflowError,
)


async def store(database: Database, items: Sequence[Item], memory: Memory) -> list[bool]:
    """Store these items, whose message ids are distinct per source; says for each whether it was new (False: stored before).

    Raises:
        OF_THE_DATA: Postgres cannot hold one of the items; nothing was stored.
        asyncpg.PostgresError, OSError: the store failed; nothing was stored, unless the connection broke in the very commit.
    """
    await memory.ensure(database, items)
    return await _again(lambda: _store(database, items, memory)) if items else []


async def store_apart(database: Database, items: Sequence[Item], memory: Memory) -> "list[bool | Exception]":
    """As `store`, but an item that cannot be held is told by its error and costs the others nothing; one commit as well."""
    await memory.ensure(database, items)

    async def work() -> "list[bool | Exception]":
        async with database.transaction() as connection:
            return await _halved(connection, items)

    return await _again(work)


async def store_said(database: Database, item: Item) -> UUID:
    """Store one item that somebody of the company says, and note in the audit which traits it changes; returns its customer.

    Raises:
        OF_THE_DATA: Postgres cannot hold it; nothing was stored.
    """
    name = ("anonymous_id", item.anonymous_id or "") if item.user_id is None else ("user_id", item.user_id)
    await Memory().ensure(database, [item])

    async def work() -> UUID:
        async with database.transaction() as connection:
            await _store_all(connection, [item], await _unsettled(connection, [item]))
            [customer] = await resolve(connection, [name])
            assert customer is not None, "whoever is named by what was just stored is there"
            fields = item.changes.traits if item.changes else ()
            await note(connection, "change", "customer", customer, customer=customer, fields=fields)
            return customer

    return await _again(work)


async def _halved(connection: Connection, items: Sequence[Item]) -> "list[bool | Exception]":
    try:
        async with connection.transaction():
            return list(await _store_all(connection, items, await _unsettled(connection, items)))
    except OF_THE_DATA as error:
        if len(items) == 1:
            return [error]
    half = len(items) // 2
    return [*await _halved(connection, items[:half]), *await _halved(connection, items[half:])]


async def _store(database: Database, items: Sequence[Item], memory: Memory) -> list[bool]:
    unsettled: list[int] | None = None
    if not memory.newcomers and all(item.plain for item in items):
        async with database.pool.acquire() as connection:
            unsettled, repeated = await _store_known(connection, items, all_or_none=True)
        if not unsettled:
            return [n not in repeated for n in range(len(items))]
    async with database.transaction() as connection:
        if unsettled is None:  # else who was settled meanwhile may go the slow way, too
            unsettled = await _unsettled(connection, items)
        memory.newcomers = any(items[n].plain for n in unsettled)
        return await _store_all(connection, items, unsettled)


async def _store_all(connection: Connection, items: Sequence[Item], slow: Sequence[int]) -> list[bool]:
    """The slow path for those of these places, then the rest; in this order, so that locks are taken in one order."""
    new = [True] * len(items)
    for n, was_new in zip(slow, await _store_slowly(connection, [items[n] for n in slow]), strict=True):
        new[n] = was_new
    if rest := sorted(set(range(len(items))).difference(slow)):
        unsettled, repeated = await _store_known(connection, [items[n] for n in rest])
        if unsettled:
            raise NamesMoved("names changed hands meanwhile; the batch is tried again")
        for n in repeated:
            new[rest[n]] = False
    return new


async def _unsettled(connection: Connection, items: Sequence[Item]) -> list[int]:
    """The places of the items that need the slow path."""
    plain = [n for n, item in enumerate(items) if item.plain]
    names = [[items[n].user_id for n in plain], [items[n].anonymous_id for n in plain], [items[n].ts for n in plain]]
    rows = await connection.fetch(queries("ingest")["unsettled"], *names) if plain else []
    return sorted({*range(len(items))}.difference(plain) | {plain[row["n"] - 1] for row in rows})


async def _store_known(
    connection: Connection, items: Sequence[Item], *, all_or_none: bool = False
) -> tuple[list[int], set[int]]:
    """Places of those that are not settled yet, and of those that were stored before."""
    columns = _columns(items)
    row = await connection.fetchrow(queries("ingest")["store_known"], *columns, all_or_none)
    assert row is not None, "a select without from always answers"
    return sorted(n - 1 for n in row["unsettled"]), {n - 1 for n in row["repeated"]}


async def _store_slowly(connection: Connection, items: Sequence[Item]) -> list[bool]:
    ids = [[item.source for item in items], [item.message_id for item in items]]
    repeated = {row["n"] - 1 for row in await connection.fetch(queries("ingest")["repeated"], *ids)} if items else set()
    told = [item for n, item in enumerate(items) if n not in repeated]
    stored: set[int] = set()
    if told:
        claims = [Claim(item.user_id, item.anonymous_id, item.previous_id, item.ts) for item in told]
        now = max(item.received_at for item in told)
        profiles, moves = await settle(connection, claims, now)
        new = await _store_settled(connection, told, profiles)
        await hand_over(connection, moves, now)
        fresh = [(profile, item) for profile, item, was_new in zip(profiles, told, new, strict=True) if was_new]
        stored = {id(item) for _, item in fresh}
        fresh = await within_rights(connection, fresh)
        await _write_traits(connection, fresh)
        await _write_addresses(connection, fresh)
        await _write_choices(connection, fresh)
    return [id(item) in stored for item in items]


async def _store_settled(connection: Connection, items: Sequence[Item], profiles: Sequence[UUID]) -> list[bool]:
    message_ids, users, devices, *rest = _columns(items)
    columns = (message_ids, profiles, *rest, users, devices, False)
    rows = await connection.fetch(queries("ingest")["store_settled"], *columns)
    stored = {row["n"] for row in rows}
    return [n in stored for n in range(1, len(items) + 1)]


def _columns(items: Sequence[Item]) -> list[Sequence[Any]]:
    """What is stored of each item as it is. Where no item says anything, nothing is sent: `unnest` fills it up with nulls."""
    return [column if any(column) else () for column in list(zip(*items, strict=True))[:_EVENT_COLUMNS]]


async def _write_traits(connection: Connection, fresh: Sequence[tuple[UUID, Item]]) -> None:
    words = [
        _word(profile, item, name, value, item.changes.origins.get(name))
        for profile, item in fresh
        if item.changes is not None
        for name, value in item.changes.traits.items()
    ]
    if words:
        await write_words(connection, words)


def _word(profile: UUID, item: Item, name: str, value: Any, origin: Provenance | None) -> TraitWord:
    source, confidence = origin or (None, None)
    sure = None if confidence is None else _json(confidence)
    return TraitWord(profile, name, _json(value), item.ts, source or item.source, sure)


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()


async def _write_addresses(connection: Connection, fresh: Sequence[tuple[UUID, Item]]) -> None:
    changed = [(profile, item.ts, item.changes) for profile, item in fresh if item.changes is not None]
    seen = [(profile, at, found) for profile, at, changes in changed for found in changes.addresses]
    await write_addresses(connection, seen)
    named = {profile for profile, _, changes in changed if not changes.traits.keys().isdisjoint(ADDRESS_TRAITS)}
    await replace_addresses(connection, named | {profile for profile, _, _ in seen})


async def _write_choices(connection: Connection, fresh: Sequence[tuple[UUID, Item]]) -> None:
    """In the order in which they were received; of one request, in that in which they were said, a no last."""
    words = [
        Word(Subject(profile, choice.channel, choice.address), choice.state, choice.by, *_told(item), choice.text_version)
        for profile, item in fresh
        for choice in (item.changes.choices if item.changes else ())
    ]
    words.sort(key=lambda word: (word.received_at, min(word.at, word.received_at), word.state != "granted"))
    await say(connection, words)


def _told(item: Item) -> tuple[str, datetime, datetime, str]:
    return item.source, item.ts, item.received_at, item.message_id


async def _again(work: Callable[[], Awaitable[_T]]) -> _T:
    """Run a transaction again when it lost a race; everything in it is idempotent."""
    for attempt in range(1, _ATTEMPTS):
        try:
            return await work()
        except (asyncpg.TransactionRollbackError, NamesMoved):
            await asyncio.sleep(random.uniform(0, 0.01 * 2**attempt))  # noqa: S311 - spreads retries, guards nothing
    return await work()
