"""One definition, evaluated over all customers of a shard: chunk by chunk, each a short transaction that commits its progress.

Promise: killed anywhere, it goes on where it stopped; two who work at the same load take turns. See `loading` for why the
result is right.
"""

from collections.abc import Collection
from dataclasses import dataclass, fields
from datetime import datetime
from time import perf_counter
from typing import Final
from uuid import UUID

import asyncpg
import structlog

from segments import compiler
from segments.alarms import arm
from segments.language import Segment
from segments.predicate import trait_names
from segments.thresholds import record
from segments.watching import interest
from store import Connection, Database, queries

log = structlog.get_logger(__name__)

#: After this id there are no customers.
END: Final = UUID(int=2**128 - 1)
_SQL = queries("backfill")
_FEWEST, _FIRST, _MOST = 100, 2_000, 50_000
_SECONDS = 0.15  # that a chunk should take: whoever waits for one of its rows waits no longer
_TELL_EVERY = 5.0


@dataclass(frozen=True, slots=True)
class Backfill:
    """How far the load of a definition on a shard has come; `customers` is about how many there are."""

    id: int
    segment: str
    version: str
    shard: int
    shards: int
    as_of: datetime
    replaces: bool
    announce: bool
    done_to: UUID
    done: int
    customers: int
    entered: int
    left: int

    @classmethod
    def of(cls, row: asyncpg.Record) -> "Backfill":
        """A row of `segment_backfill`."""
        return cls(**{each.name: row[each.name] for each in fields(cls)})

    @property
    def percent(self) -> int:
        """Of the customers done, 0 to 100."""
        return 100 if self.done_to == END else min(99, 100 * self.done // max(self.customers, 1))


async def evaluate(database: Database, segment: Segment, backfill: Backfill) -> Backfill | None:
    """Work through all chunks that are left; None when the load was given up or finished by somebody else."""
    if backfill.done_to != END:
        async with database.transaction() as connection:
            await record(connection, segment.predicate, backfill.as_of)
    size, told = _FIRST, perf_counter()
    known: Backfill | None = backfill
    while known is not None and known.done_to != END:
        began = perf_counter()
        known = await chunk(database, segment, known.id, size)
        now = perf_counter()
        size = _next_size(size, now - began)
        if known is not None and now - told > _TELL_EVERY:
            told = now
            log.info("a segment is loading", segment=known.segment, shard=known.shard, percent=known.percent)
    return known


def _next_size(size: int, seconds: float) -> int:
    wanted = size * _SECONDS / max(seconds, 0.001)
    return int(min(max(wanted, size / 2, _FEWEST), size * 2, _MOST))


async def chunk(database: Database, segment: Segment, id_: int, size: int) -> Backfill | None:
    """Evaluate the next `size` customers by id, in a transaction of their own; None when the load is over or was given up."""
    async with database.transaction() as connection:
        row = await connection.fetchrow(_SQL["hold"], id_)
        if row is None:
            return None
        known = Backfill.of(row)
        following = await connection.fetchrow(_SQL["following"], known.done_to, size)
        assert following is not None, "an aggregate always answers"
        high = following["high"] if following["customers"] == size else END
        entered, left = await _settle(connection, segment, known, high)
        await arm(connection, segment, known.as_of, known.shard, known.shards, (known.done_to, high))
        done = await connection.fetchrow(_SQL["move_on"], id_, high, following["customers"], entered, left)
        assert done is not None, "the row is held"
        return Backfill.of(done)


async def _settle(connection: Connection, segment: Segment, known: Backfill, high: UUID) -> tuple[int, int]:
    some = compiler.between(segment.predicate)
    bounds = {"low": known.done_to, "high": high, "shard": known.shard, "shards": known.shards}
    inside = [row["id"] for row in await connection.fetch(some.sql, *some.args(known.as_of, **bounds))]
    if known.replaces:
        await connection.execute(_SQL["stage"], known.id, inside)
        return 0, 0
    came_later = await _came_meanwhile(connection, segment, known, inside)
    inside = [profile for profile in inside if profile not in came_later]
    cause = {"definition": known.version}
    of = (known.segment, known.shard, known.shards, known.done_to, high, known.as_of)
    row = await connection.fetchrow(_SQL["settle_range"], *of, inside, cause, known.announce)
    assert row is not None, "a select of counts always answers"
    return row["entered"], row["left"]


async def _came_meanwhile(
    connection: Connection, segment: Segment, known: Backfill, inside: Collection[UUID]
) -> frozenset[UUID]:
    traits, marks, asked = sorted(trait_names(segment.predicate)), sorted(segment.predicate.marks), interest(segment)
    of = (list(inside), known.id, known.as_of, traits, marks)
    rows = await connection.fetch(_SQL["came_meanwhile"], *of, asked.wanted, asked.by_default)
    return frozenset(row["id"] for row in rows)
