"""What runs wait for, in Postgres: written down, found when something changes, marked when it happened, and told."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from store.database import Connection, Database, Pool, columns
from store.named import queries

_SQL = queries("expectations")
_SEPARATOR = chr(31)  # the SQL splits at it


@dataclass(frozen=True, slots=True)
class Wanted:
    """One thing that a wait waits for: as JSON, with the types of change that may make it so, and since when events count."""

    which: str
    expected: Mapping[str, Any]
    wakes: frozenset[str] = frozenset()
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Expectation:
    """Such a thing as it stands in Postgres, with the customer of its run."""

    run_id: UUID
    wait: int
    which: str
    place: int
    expected: dict[str, Any]
    since: datetime | None
    begun_at: datetime
    profile_id: UUID
    happened_at: datetime | None
    answer: dict[str, Any]


class Moved(NamedTuple):
    """A customer who entered a segment, or left it."""

    profile_id: UUID
    segment: str
    inside: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class ToTell:
    """Something has happened that a run waits for."""

    run_id: UUID
    wait: int
    which: str
    at: datetime
    answer: dict[str, Any]
    workflow_id: str


async def expect(
    connection: Connection, run_id: UUID, wait: int, wanted: Sequence[Wanted], *, at: datetime, until: datetime
) -> None:
    """Write down what a wait waits for, in the order in which its author wrote it."""
    rows = [(w.which, orjson.dumps(w.expected).decode(), _SEPARATOR.join(w.wakes), w.since) for w in wanted]
    await connection.execute(_SQL["expect"], run_id, wait, until, at, *columns(rows, 4))


async def of_wait(connection: Connection, run_id: UUID, wait: int) -> list[Expectation]:
    """What a wait waits for; what has happened comes first."""
    return [Expectation(**row) for row in await connection.fetch(_SQL["of_wait"], run_id, wait)]


async def woken(connection: Connection, changed: Mapping[UUID, frozenset[str]], at: datetime) -> list[Expectation]:
    """What open runs wait for that these changes (profile to types) may have made so."""
    types = [_SEPARATOR.join(each) for each in changed.values()]
    return [Expectation(**row) for row in await connection.fetch(_SQL["woken"], list(changed), types, at)]


async def moved(connection: Connection, moves: Sequence[Moved]) -> None:
    """Customers entered and left segments: for the runs that wait for that it has happened."""
    if moves:
        await connection.execute(_SQL["moved"], *columns(moves, 4))


async def of_messages(
    connection: Connection, asked: Sequence[tuple[UUID, UUID, str, str | None, int | None, datetime]]
) -> dict[int, datetime]:
    """By position: when such an event first came for (run, profile, event, step, occurrence, since)."""
    rows = await connection.fetch(_SQL["of_messages"], *columns(asked, 6)) if asked else []
    return {row["n"] - 1: row["at"] for row in rows}


async def happened(connection: Connection, found: Sequence[tuple[Expectation, datetime]]) -> None:
    """These have come true; the first of a wait, of equals the one that is written first, withdraws the others."""
    in_order = sorted(found, key=lambda each: (each[1], each[0].place))
    rows = [(e.run_id, e.wait, e.which, at, "{}") for e, at in in_order]
    firsts = list({row[:2]: row for row in reversed(rows)}.values())
    if firsts:
        await connection.execute(_SQL["happened"], *columns(firsts, 5))


async def to_tell(database: Database, shard: int, shards: int, limit: int) -> list[ToTell]:
    """What runs must hear."""
    return [ToTell(**row) for row in await database.pool.fetch(_SQL["to_tell"], shard, shards, limit)]


async def told(connection: "Connection | Pool", heard: Sequence[ToTell | Expectation], at: datetime) -> None:
    """Their runs know."""
    if heard:
        await connection.execute(_SQL["told"], *columns([(h.run_id, h.wait) for h in heard], 2), at)
