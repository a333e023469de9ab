"""Storing what came in: a batch of items is stored once each, under one profile per customer, in one commit or not at all.

The steady state (everybody known, nothing but events) is a single statement. Whoever is new, two profiles that turn out to be
one, and items that change a profile (traits, addresses, consent) take the slow path: a transaction of a dozen statements.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple, TypeVar
from uuid import UUID

import asyncpg
import orjson
from uuid_utils.compat import uuid7

from store.database import Connection, Database
from store.identity import Claim, NamesMoved, settle
from store.named import queries
from store.rights import within_rights
from store.traits import Word, write_words

_T = TypeVar("_T")

_ATTEMPTS = 8
_EVENT_COLUMNS = 12  # of an Item: those that are stored as they are
_WEEK = timedelta(days=7)
#: Weeks further back than this share the default partition: a history import must not make thousands of partitions.
_PARTITIONED = timedelta(days=2 * 365)


class Address(NamedTuple):
    """Where a customer can be reached."""

    channel: str
    address: str
    platform: str | None = None


class Origin(NamedTuple):
    """Where a trait comes from, if not simply from the item's source; with a confidence (0 to 1) it is inferred."""

    source: str | None = None
    confidence: float | None = None


class Choice(NamedTuple):
    """What a customer chose for marketing on a channel: granted, refused or withdrawn."""

    channel: str
    state: str


@dataclass(frozen=True, slots=True)
class Changes:
    """What an item changes about its customer, besides having happened."""

    traits: dict[str, Any] = field(default_factory=dict)
    addresses: tuple[Address, ...] = ()
    choices: tuple[Choice, ...] = ()
    origins: dict[str, Origin] = field(default_factory=dict)


class Item(NamedTuple):
    """One call of the Segment spec, read and checked; properties and context are JSON texts."""

    message_id: str
    user_id: str | None
    anonymous_id: str | None
    ts: datetime
    type: str
    kind: str
    properties: str
    context: str
    clamped: bool
    source: str
    received_at: datetime
    traceparent: str | None = None
    previous_id: str | None = None
    changes: Changes | None = None
    #: By a server's key; by a client's (an app, a web page) with a signed user id; by a client's without.
    trust: Literal["server", "signed", "claimed"] = "server"

    @property
    def plain(self) -> bool:
        """Whether this is an event and nothing else."""
        return self.changes is None and self.previous_id is None


class Weeks:
    """The event partitions that are known to exist."""

    def __init__(self) -> None:
        self._known: set[int] = set()

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


async def store(database: Database, items: Sequence[Item], weeks: Weeks) -> list[bool]:
    """Store these items, whose message ids are distinct; says for each whether it was new (False: stored before).

    Raises:
        asyncpg.DataError: Postgres cannot hold one of the items; nothing was stored.
        asyncpg.PostgresError, OSError: the store failed; part may be stored, and storing all again is harmless.
    """
    await weeks.ensure(database, items)
    new = [True] * len(items)
    plain = [i for i, item in enumerate(items) if item.plain]
    slow = [i for i, item in enumerate(items) if not item.plain]
    if plain:
        unsettled, repeated = await _again(lambda: _store_known(database, [items[i] for i in plain]))
        for n in repeated:
            new[plain[n - 1]] = False
        slow += [plain[n - 1] for n in unsettled]
    if slow:
        slow.sort()
        fresh = await _again(lambda: _store_slowly(database, [items[i] for i in slow]))
        for i, was_new in zip(slow, fresh, strict=True):
            new[i] = was_new
    return new


async def _store_known(database: Database, items: Sequence[Item]) -> tuple[list[int], list[int]]:
    """Ordinals (from 1) that are not settled yet, and those that were stored before."""
    columns = list(zip(*items, strict=True))[:_EVENT_COLUMNS]
    async with database.pool.acquire() as connection:
        row = await connection.fetchrow(queries("ingest")["store_known"], *columns)
    assert row is not None, "a select without from always answers"
    return row["unsettled"], row["repeated"]


async def _store_slowly(database: Database, items: Sequence[Item]) -> list[bool]:
    received_at = max(item.received_at for item in items)
    claims = [Claim(item.user_id, item.anonymous_id, item.previous_id, item.ts) for item in items]
    async with database.transaction() as connection:
        profiles = await settle(connection, claims, received_at)
        new = await _store_settled(connection, items, profiles)
        fresh = [(profile, item) for profile, item, was_new in zip(profiles, items, new, strict=True) if was_new]
        fresh = await within_rights(connection, fresh)
        await _write_traits(connection, fresh)
        await _write_addresses(connection, fresh)
        await _write_choices(connection, fresh)
    return new


async def _store_settled(connection: Connection, items: Sequence[Item], profiles: Sequence[UUID]) -> list[bool]:
    message_ids, _, _, *rest = list(zip(*items, strict=True))[:_EVENT_COLUMNS]
    rows = await connection.fetch(queries("ingest")["store_settled"], message_ids, profiles, *rest)
    stored = {row["n"] for row in rows}
    return [n in stored for n in range(1, len(items) + 1)]


async def _write_traits(connection: Connection, fresh: Sequence[tuple[UUID, Item]]) -> None:
    words = [
        _word(profile, item, name, value, item.changes.origins.get(name))
        for profile, item in fresh
        if item.changes is not None
        for name, value in item.changes.traits.items()
    ]
    if words:
        await write_words(connection, words)


def _word(profile: UUID, item: Item, name: str, value: Any, origin: Origin | None) -> Word:
    source, confidence = origin or (None, None)
    sure = None if confidence is None else _json(confidence)
    return Word(profile, name, _json(value), item.ts, source or item.source, sure)


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()


async def _write_addresses(connection: Connection, fresh: Sequence[tuple[UUID, Item]]) -> None:
    newest: dict[tuple[str, str], tuple[Any, ...]] = {}
    for profile, item in sorted(fresh, key=lambda pair: pair[1].ts):
        for found in item.changes.addresses if item.changes else ():
            row = (uuid7(), profile, found.channel, found.address, found.platform, item.ts)
            newest[found.channel, found.address] = row
    await _write(connection, "write_endpoints", list(newest.values()))


async def _write_choices(connection: Connection, fresh: Sequence[tuple[UUID, Item]]) -> None:
    rows = [
        (profile, choice.channel, choice.state, item.source, item.message_id, item.ts)
        for profile, item in fresh
        for choice in (item.changes.choices if item.changes else ())
    ]
    await _write(connection, "write_consents", rows)


async def _write(connection: Connection, name: str, rows: Sequence[tuple[Any, ...]]) -> None:
    if rows:
        await connection.execute(queries("ingest")[name], *zip(*rows, strict=True))


async def _again(work: Callable[[], Awaitable[_T]]) -> _T:
    """Run a transaction again when it lost a race; everything in it is idempotent."""
    for attempt in range(1, _ATTEMPTS):
        try:
            return await work()
        except (asyncpg.TransactionRollbackError, NamesMoved):
            await asyncio.sleep(random.uniform(0, 0.01 * 2**attempt))  # noqa: S311 - spreads retries, guards nothing
    return await work()
