"""Sources in Postgres: how each stands, and what its rows said when they were read last, as hashes.

Promise: no value and no name of anybody is here. Keys are keyed hashes, which outlive an erasure so that nobody comes back.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from store.audit import note
from store.database import Connection, Database
from store.named import queries

_SQL = queries("sources")


@dataclass(frozen=True, slots=True)
class SourceRow:
    """A source as it stands; counts are of the last reading, `known` of all that is known of it."""

    name: str
    every: timedelta
    becomes: str
    asked_at: datetime | None
    begun_at: datetime | None
    read_at: datetime | None
    newest_at: datetime | None
    failed_at: datetime | None
    failure: str | None
    rows: int
    changed: int
    gone: int
    bad: int
    erased: int
    problems: list[dict[str, Any]]
    gives: list[str]
    changed_at: datetime | None
    known: int

    def late(self, now: datetime) -> bool:
        """Whether it should have been read again long ago: twice as long as it may take, or it has never been."""
        since = self.read_at or self.begun_at
        return since is not None and now - since > 2 * self.every

    def standing(self, now: datetime) -> Literal["failing", "late", "waiting", "read"]:
        """How it stands, in one word."""
        if self.failed_at is not None:
            return "failing"
        return "late" if self.late(now) else "waiting" if self.read_at is None else "read"


@dataclass(frozen=True, slots=True)
class Kept:
    """A row, by the keyed hash of its key, what it says, and whom it is about."""

    key: bytes
    digest: bytes
    profile_id: UUID | None


@dataclass(frozen=True, slots=True)
class Gone:
    """Somebody who is not in a source any more, and which of their traits came from there."""

    key: bytes
    profile_id: UUID | None
    user_id: str | None
    traits: list[str]


@dataclass(frozen=True, slots=True)
class Counts:
    """What came of a reading."""

    rows: int = 0
    changed: int = 0
    gone: int = 0
    bad: int = 0
    erased: int = 0


@dataclass(slots=True)
class Result:
    """What came of a reading: `problems` are the first bad rows, `gives` are traits or the type of its events."""

    counts: Counts = field(default_factory=Counts)
    newest: datetime | None = None
    problems: list[dict[str, Any]] = field(default_factory=list)
    gives: set[str] = field(default_factory=set)


async def found(database: Database, name: str | None = None) -> list[SourceRow]:
    """All of them by name, or the one of this name."""
    return [SourceRow(**dict(row)) for row in await database.pool.fetch(_SQL["all"], name)]


async def declare(database: Database, name: str, every: timedelta, becomes: str) -> None:
    """Write down a source of the catalogue."""
    await database.pool.execute(_SQL["declare"], name, every, becomes)


async def ask(database: Database, name: str, now: datetime) -> bool:
    """Have a source read now; whether there is one."""
    async with database.transaction() as connection:
        known = await connection.fetchval(_SQL["ask"], name, now) is not None
        if known:
            await note(connection, "read", "source", name)
        return known


async def asked(database: Database) -> list[str]:
    """Those that somebody wants read now."""
    return [row["name"] for row in await database.pool.fetch(_SQL["asked"])]


async def begin(database: Database, name: str, now: datetime) -> datetime | None:
    """Note that a reading begins; returns the newest instant that was read before."""
    newest: datetime | None = await database.pool.fetchval(_SQL["begin"], name, now)
    return newest


async def known(connection: Connection, name: str, keys: Sequence[bytes]) -> dict[bytes, bytes | None]:
    """What these rows said when they were read last; nothing at the keys of whoever was erased."""
    return {row["key"]: row["digest"] for row in await connection.fetch(_SQL["known"], name, list(keys))}


async def keep(connection: Connection, name: str, rows: Sequence[Kept]) -> None:
    """Write down what rows say now."""
    of = [each.key for each in rows], [each.digest for each in rows], [each.profile_id for each in rows]
    await connection.execute(_SQL["keep"], name, *of)


async def begin_seen(connection: Connection) -> None:
    """Make room, in this session, for the keys of a whole reading."""
    await connection.execute("drop table if exists source_seen")
    await connection.execute(_SQL["begin_seen"])


async def seen(connection: Connection, keys: Sequence[bytes]) -> set[bytes]:
    """Note in this session that these rows are there; returns those that were not seen in it before."""
    return {row["key"] for row in await connection.fetch(_SQL["seen"], list(keys))}


async def count_gone(connection: Connection, name: str) -> tuple[int, int]:
    """How many of those known were not seen in this session, and how many are known."""
    row = await connection.fetchrow(_SQL["count_gone"], name)
    return (row["gone"], row["known"]) if row else (0, 0)


async def gone(connection: Connection, name: str, limit: int) -> list[Gone]:
    """Some of those known who were not seen in this session."""
    return [Gone(**dict(row)) for row in await connection.fetch(_SQL["gone"], name, limit)]


async def forget(connection: Connection, name: str, keys: Sequence[bytes]) -> None:
    """These rows are not there any more."""
    await connection.execute(_SQL["forget"], name, list(keys))


async def finish(database: Database, name: str, now: datetime, result: Result) -> None:
    """Write down what came of a reading."""
    counts = result.counts
    told = counts.rows, counts.changed, counts.gone, counts.bad, counts.erased
    await database.pool.execute(_SQL["finish"], name, now, result.newest, *told, result.problems, sorted(result.gives))


async def fail(database: Database, name: str, now: datetime, failure: str) -> None:
    """Write down that a reading did not come to its end, and why."""
    await database.pool.execute(_SQL["fail"], name, now, failure)
