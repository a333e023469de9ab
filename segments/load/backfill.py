"""One definition over all customers of a shard: evaluated set-wise in one statement, then settled chunk by chunk.

Promise: the statement locks nothing that anybody waits for, and a chunk is a short transaction that commits its progress.
Killed anywhere, it goes on where it stopped; two who work at the same load take turns. See `loading` for why it is right.
"""

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from time import perf_counter
from typing import Final
from uuid import UUID

import asyncpg
import structlog

from segments.errors import SegmentError
from segments.language.moves import trait_names
from segments.language.segment import Segment
from segments.language.words import span_in_words
from segments.sql import statements as compiler
from segments.sql.plans import plan_for_everybody
from segments.watch.alarms import arm, clocks_of
from segments.watch.interest import interest
from segments.watch.thresholds import record
from store import Connection, Database, queries
from store.locks import Lock

log = structlog.get_logger(__name__)

#: After this id there are no customers.
END: Final = UUID(int=2**128 - 1)
_SQL = queries("backfill")
_FEWEST, _FIRST, _MOST = 100, 2_000, 50_000
_SECONDS = 0.15  # that a chunk should take: whoever waits for one of its rows waits no longer
_TELL_EVERY = 5.0
_PATIENCE = 3_600.0  # seconds; the server gives up earlier
#: So long may it take to evaluate one definition over everybody. A million customers take seconds.
LONGEST: Final = timedelta(minutes=10)


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
    found: bool
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


class LoadTooSlow(SegmentError):
    """A definition takes too long to evaluate over everybody; the message says which, and what to do."""

    def __init__(self, name: str, longest: timedelta) -> None:
        remedy = "narrow it with .within(…) or part it in two; a restarted worker tries again"
        super().__init__(
            f"segment {name!r} is not loaded: evaluating all customers took over {span_in_words(longest)}; {remedy}"
        )


async def evaluate(database: Database, segment: Segment, backfill: Backfill, longest: timedelta = LONGEST) -> Backfill | None:
    """Find who is in, and settle all chunks that are left; None when the load was given up or finished by somebody else.

    Raises:
        LoadTooSlow: finding who is in took longer than `longest`; nothing was changed.
    """
    size, told = _FIRST, perf_counter()
    known = backfill if backfill.found else await find(database, segment, backfill, longest)
    while known is not None and known.done_to != END:
        began = perf_counter()
        known = await chunk(database, segment, known.id, size)
        now = perf_counter()
        size = _next_size(size, now - began)
        if known is not None and now - told > _TELL_EVERY:
            told = now
            log.info("a segment is loading", segment=known.segment, shard=known.shard, percent=known.percent)
    return known


async def find(database: Database, segment: Segment, backfill: Backfill, longest: timedelta = LONGEST) -> Backfill | None:
    """Evaluate everybody into the stage. Its row is not held meanwhile: whoever gives the load up must not wait for that."""
    async with database.transaction() as connection:
        await connection.execute(_SQL["find_alone"], Lock.LOAD, backfill.id)
        row = await connection.fetchrow(_SQL["known"], backfill.id)
        if row is None or row["found"]:
            return None if row is None else Backfill.of(row)
        async with _for_so_long(connection, segment, longest):
            await _stage(connection, segment, backfill)
        row = await connection.fetchrow(_SQL["found"], backfill.id)
    return None if row is None else Backfill.of(row)


async def _stage(connection: Connection, segment: Segment, backfill: Backfill) -> None:
    await record(connection, segment.predicate, backfill.as_of, patience=_PATIENCE)
    full = compiler.everyone(segment.predicate)
    arguments = full.args(backfill.as_of, shard=backfill.shard, shards=backfill.shards)
    stage = f"insert into segment_backfill_member (backfill, profile_id) select {backfill.id}, id from ({full.sql}) as found"  # noqa: S608 - a number of ours
    await connection.execute(f"{stage} on conflict do nothing", *arguments, timeout=_PATIENCE)


@asynccontextmanager
async def _for_so_long(connection: Connection, segment: Segment, longest: timedelta) -> AsyncIterator[None]:
    """Statements about everybody, none of which may take longer."""
    await plan_for_everybody(connection)
    await connection.execute(_SQL["give_up_after"], str(round(longest / timedelta(milliseconds=1))))
    try:
        yield
    except asyncpg.QueryCanceledError:
        raise LoadTooSlow(segment.name, longest) from None
    await connection.execute(_SQL["give_up_after"], "0")


def _next_size(size: int, seconds: float) -> int:
    wanted = size * _SECONDS / max(seconds, 0.001)
    return int(min(max(wanted, size / 2, _FEWEST), size * 2, _MOST))


async def chunk(database: Database, segment: Segment, id_: int, size: int) -> Backfill | None:
    """Settle the next `size` customers by id, in a transaction of their own; None when the load is over or was given up."""
    async with database.transaction() as connection:
        row = await connection.fetchrow(_SQL["hold"], id_)
        if row is None:
            return None
        known = Backfill.of(row)
        following = await connection.fetchrow(_SQL["following"], known.done_to, size)
        assert following is not None, "an aggregate always answers"
        idle = known.replaces and not clocks_of(segment)  # nothing to settle before the switch, and no alarms
        high = following["high"] if following["customers"] == size and not idle else END
        entered, left = await _settle(connection, segment, known, high)
        await arm(connection, segment, known.as_of, known.shard, known.shards, (known.done_to, high))
        done = await connection.fetchrow(_SQL["move_on"], id_, high, following["customers"], entered, left)
        assert done is not None, "the row is held"
        return Backfill.of(done)


async def _settle(connection: Connection, segment: Segment, known: Backfill, high: UUID) -> tuple[int, int]:
    if known.replaces:  # the switch compares what was found with who is in by then
        return 0, 0
    rows = await connection.fetch(_SQL["staged_between"], known.id, known.done_to, high)
    inside = [row["profile_id"] for row in rows]
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
