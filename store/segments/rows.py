"""What people ask about segments, as rows: stored definitions, days, members, overlaps, silence, coverage.

Nothing here knows what a definition means; `segments.ask.ask` does.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from store.database import Connection, Database, Pool, Record
from store.locks import Lock
from store.named import queries

_SQL = queries("segment_views")
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)
_NOBODY = UUID(int=0)
_BUCKETS = 256
#: Days that a size over time may have.
LONGEST = 1_100
#: No segment is older, and so many days from now may be asked for: the rest of a calendar, at most.
EARLIEST, AHEAD = date(1970, 1, 1), timedelta(days=LONGEST)
#: Rows that a report looks at before it makes do with a sample of the customers.
_EXACT = 500_000
#: Events of a type and a day that tell who sends them.
_OF_A_DAY = 200


@dataclass(frozen=True, slots=True)
class Stored:
    """A definition that came through the API; `deleted_at` makes it a tombstone."""

    name: str
    version: str
    definition: dict[str, Any]
    announce: bool
    by: str
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None


@dataclass(frozen=True, slots=True)
class Day:
    """A UTC day of a segment: who entered and left, and how many were in at its end (None: it was not evaluated yet)."""

    day: date
    entered: int
    left: int
    size: int | None


@dataclass(frozen=True, slots=True)
class Member:
    """A customer in a segment, with the traits that its definition names."""

    profile_id: UUID
    entered_at: datetime | None
    traits: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Overlap:
    """Two segments and the customers they share (counts are of the customers looked at)."""

    one: str
    other: str
    shared: int
    of_one: int
    of_other: int

    @property
    def jaccard(self) -> float:
        """What they share of all that either has, 0 to 1."""
        return self.shared / (self.of_one + self.of_other - self.shared)

    @property
    def containment(self) -> float:
        """What they share of the smaller one, 0 to 1."""
        return self.shared / min(self.of_one, self.of_other)


@dataclass(frozen=True, slots=True)
class SourceCoverage:
    """A source of a trait: how many have the trait from it, and when it last said one; None: from before it was kept."""

    source: str | None
    having: int
    newest_at: datetime | None


@dataclass(frozen=True, slots=True)
class Coverage:
    """A trait: how many of the customers looked at have it, when it was last said, by whom, and how surely where inferred."""

    trait: str
    having: int
    customers: int
    newest_at: datetime | None
    median_at: datetime | None
    outdated: int
    inferred: int
    median_confidence: float | None
    sources: tuple[SourceCoverage, ...]


async def stored(source: "Database | Connection") -> list[Stored]:
    """Every stored definition by name, tombstones too."""
    return [Stored(**dict(row)) for row in await _on(source).fetch(_SQL["stored"])]


async def lock_definitions(connection: Connection) -> None:
    """Change definitions one at a time, until the caller's transaction ends."""
    await connection.execute(_SQL["lock_definitions"], Lock.DEFINITIONS)


async def put_stored(
    source: "Database | Connection",
    name: str,
    version: str,
    definition: Mapping[str, Any],
    *,
    announce: bool,
    by: str,
    at: datetime,
) -> bool:
    """Write a definition; true when there was none of that name."""
    return bool(await _on(source).fetchval(_SQL["put_stored"], name, version, dict(definition), announce, by, at))


async def delete_stored(source: "Database | Connection", name: str, *, by: str, at: datetime) -> bool:
    """Take a definition out of use; false when there is none."""
    return await _on(source).fetchval(_SQL["delete_stored"], name, at, by) is not None


def _on(source: "Database | Connection") -> "Connection | Pool":
    return source.pool if isinstance(source, Database) else source


async def left_over(database: Database, names: Sequence[str], shard: int, shards: int) -> list[str]:
    """Which of these deleted segments a shard still has to let go of."""
    return [row["name"] for row in await database.pool.fetch(_SQL["left_over"], names, shard, shards)]


async def let_go(connection: Connection, name: str, shard: int, shards: int, at: datetime) -> None:
    """Empty a deleted segment on a shard, inside the caller's transaction, which has the shard's membership alone."""
    await connection.execute(_SQL["let_go"], name, shard, shards, at)
    await connection.execute(_SQL["forget_progress"], name, shard, shards)


async def evaluated(database: Database, versions: Mapping[str, str]) -> dict[str, datetime]:
    """Up to when each of these versions of segments is evaluated; missing: not at all yet."""
    rows = await database.pool.fetch(_SQL["evaluated"], list(versions), list(versions.values()), _NEVER)
    return {row["segment"]: row["evaluated_to"] for row in rows}


async def loading(database: Database, versions: Mapping[str, str]) -> dict[str, float]:
    """Which of these versions of segments are being loaded, and the share of the customers done, 0 to 1."""
    rows = await database.pool.fetch(_SQL["loading"], list(versions), list(versions.values()))
    return {row["segment"]: row["done"] / max(row["customers"], 1) for row in rows}


def period(today: date, since: date | None, until: date | None) -> tuple[date, date]:
    """The first and the last day that are asked for: thirty days before the last one, and today, where they are not said.

    Raises:
        ValueError: nothing is known of one, they are the wrong way round, or they are too many; the message says it.
    """
    last = until or today
    for day in (since, last):
        if day is not None and not EARLIEST <= day <= today + AHEAD:
            raise ValueError(f"nothing can be known of {day}; choose days from {EARLIEST} to {today + AHEAD}")
    first = since or max(EARLIEST, last - timedelta(days=30))
    if not 0 <= (last - first).days < LONGEST:
        raise ValueError(f"since must not be after until, nor more than {LONGEST:,} days before it")
    return first, last


async def days(database: Database, name: str, since: date, until: date) -> list[Day]:
    """Each UTC day from `since` to `until`.

    The size is today's, counted back by who entered and left; who was in already when the segment was first loaded entered
    without a line in the log, and so counts from the beginning.
    """
    return [Day(**dict(row)) for row in await database.pool.fetch(_SQL["days"], name, since, until)]


async def members(
    database: Database, name: str, traits: Sequence[str], *, limit: int, after: UUID | None = None
) -> list[Member]:
    """Some members by customer id."""
    rows = await database.pool.fetch(_SQL["members"], name, after or _NOBODY, traits, limit)
    return [Member(**dict(row)) for row in rows]


async def traits_of(connection: Connection, ids: Sequence[UUID], traits: Sequence[str]) -> list[Member]:
    """These customers with these traits."""
    return [Member(**dict(row)) for row in await connection.fetch(_SQL["traits_of"], ids, traits)]


async def last_heard(database: Database, types: Sequence[str], at: datetime) -> dict[str, datetime]:
    """When the last event of each type happened; missing: never."""
    return {row["type"]: row["ts"] for row in await database.pool.fetch(_SQL["last_heard"], types, at)}


async def heard_from(database: Database, types: Sequence[str], at: datetime) -> list[Record]:
    """Who sent events of these types in the last four weeks: rows of `type, source, last_at, days, longest_gap`."""
    return list(await database.pool.fetch(_SQL["heard_from"], types, at, _OF_A_DAY))


async def zones_said(database: Database) -> dict[str, int]:
    """How many customers have said each time zone (trait `timezone`), as it was said."""
    rows = await database.pool.fetch(_SQL["zones_said"])
    return {row["said"]: row["customers"] for row in rows if row["said"] is not None}


async def overlaps(database: Database, members_now: Mapping[str, int]) -> list[Overlap]:
    """Each two of these segments that share somebody; of many members, only a sample of the customers is looked at."""
    buckets = _sample(sum(members_now.values()))
    return [Overlap(**dict(row)) for row in await database.pool.fetch(_SQL["overlaps"], list(members_now), buckets)]


async def about_customers(database: Database) -> int:
    """About how many customers there are."""
    return int(await database.pool.fetchval(_SQL["customers"]))


async def coverage(database: Database, outdated_before: datetime, segment: str | None = None) -> tuple[int, list[Coverage]]:
    """How many customers were looked at, and each trait that one of them has; of many customers a sample is looked at."""
    buckets = _sample(await about_customers(database))
    customers: int = await database.pool.fetchval(_SQL["looked_at"], buckets, segment)
    rows = await database.pool.fetch(_SQL["coverage"], outdated_before, buckets, segment)
    sources: dict[str, list[SourceCoverage]] = {}
    for row in rows:
        if not row["total"]:
            sources.setdefault(row["trait"], []).append(SourceCoverage(row["source"], row["having"], row["newest_at"]))
    return customers, [_coverage(row, sources[row["trait"]]) for row in rows if row["total"]]


def _coverage(row: Record, sources: Sequence[SourceCoverage]) -> Coverage:
    known = {name: value for name, value in row.items() if name not in ("source", "total")}
    return Coverage(**known, sources=tuple(sources))


def _sample(rows: int) -> int:
    """Of how many of the 256 buckets to look at the customers: the last byte of an id is random."""
    return max(1, min(_BUCKETS, _BUCKETS * _EXACT // max(rows, 1)))
