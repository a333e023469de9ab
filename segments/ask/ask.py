"""What people ask of a segment: who is in it, how many, since when, why or why not; also of one that is not saved.

Promise: reads only, and gives up after half a minute, so that a curious question never stands in the way of the watch.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg

from segments.ask.crossings import to_come, waiting
from segments.ask.hints import hints
from segments.ask.why import Finding, why
from segments.errors import SegmentError
from segments.language.events import AHEAD
from segments.language.moves import event_types, trait_names
from segments.language.predicate import Predicate
from segments.language.segment import Segment
from segments.sql import statements as compiler
from segments.sql.plans import plan_for_a_few, plan_for_everybody
from segments.watch.thresholds import recorded
from segments.watch.transitions import read_event, read_facts, read_person
from store import Connection, Database, queries
from store.segments.rows import Member, traits_of

_SQL, _VIEWS = queries("segments"), queries("segment_views")
_PATIENCE = timedelta(seconds=30)
#: For an estimate, twice at most: over everybody, then over a sample of about so many customers.
QUICKLY = timedelta(seconds=2)
_SAMPLE = 5_000
_EVENTS = 10_000
_MOST_VALUES = 2_000  # Postgres takes 32,767 parameters in one statement
_BEGINNING = datetime(1, 1, 1, tzinfo=UTC)


class TooSlow(SegmentError):
    """The answer would have taken too long."""


class CannotAsk(SegmentError):
    """Postgres cannot evaluate the definition, though it reads well."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """How many customers a definition is true of at an instant; `looked_at`: of how many it is told, None where of all."""

    members: int
    at: datetime
    looked_at: int | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """Why one customer is or is not in a segment.

    `member` is what the watch has written, `finding` what the definition says at `at`: they differ for a moment when
    something has just happened. `complete` is false when there were more events than were looked at.
    """

    at: datetime
    member: bool
    entered_at: datetime | None
    finding: Finding
    complete: bool


async def count(database: Database, predicate: Predicate, at: datetime) -> int:
    """How many customers the definition is true of at an instant.

    Raises:
        TooSlow: it took longer than half a minute.
        CannotAsk: Postgres refuses it.
    """
    return await _counted(database, predicate, at, _PATIENCE)


async def estimate(database: Database, predicate: Predicate, at: datetime, patience: timedelta = QUICKLY) -> Estimate:
    """About how many customers the definition is true of: counted where the patience suffices, else of a sample.

    Raises:
        TooSlow: the sample took longer than the patience, too.
        CannotAsk: Postgres refuses it.
    """
    try:
        return Estimate(await _counted(database, predicate, at, patience), at)
    except TooSlow:
        return await sampled(database, predicate, at, patience)


async def sampled(
    database: Database, predicate: Predicate, at: datetime, patience: timedelta = QUICKLY, sample: int = _SAMPLE
) -> Estimate:
    """About how many, told of customers on pages of the table that chance has chosen, the same ones each time.

    Raises:
        TooSlow: that took longer than the patience, too.
        CannotAsk: Postgres refuses it.
    """
    async with briefly(database, patience) as connection:
        unwritten = (await waiting(connection, predicate, at)).types
        statement = await asyncio.to_thread(compiler.among, predicate, unwritten)
        customers = await connection.fetchval(_VIEWS["customers"])
        share = min(100.0, 100 * sample / max(customers, 1))
        ids = [row["id"] for row in await connection.fetch(_VIEWS["sample"], share)]
        await plan_for_a_few(connection)
        found = len(await connection.fetch(statement.sql, *statement.args(at, ids=ids))) if ids else 0
        return Estimate(round(found * customers / max(len(ids), 1)), at, len(ids))


async def _counted(database: Database, predicate: Predicate, at: datetime, patience: timedelta) -> int:
    async with _asking(database, predicate, at, patience) as (connection, statement):
        sql = f"select count(*) from ({statement.sql}) as members"  # noqa: S608 - what the compiler emits
        counted: int = await connection.fetchval(sql, *statement.args(at, shard=0, shards=1))
        return counted


async def everyone(database: Database, predicate: Predicate, at: datetime) -> list[UUID]:
    """All customers of whom the definition is true, by their ids; raises as `count` does."""
    async with _asking(database, predicate, at, _PATIENCE) as (connection, statement):
        return sorted(row["id"] for row in await connection.fetch(statement.sql, *statement.args(at, shard=0, shards=1)))


async def preview(
    database: Database, predicate: Predicate, at: datetime, limit: int, *, patience: timedelta = _PATIENCE
) -> list[Member]:
    """Some customers of whom the definition is true, with the traits that it names; raises as `count` does."""
    async with _asking(database, predicate, at, patience) as (connection, statement):
        sql = f"select id from ({statement.sql}) as members limit {int(limit)}"  # noqa: S608 - what the compiler emits
        rows = await connection.fetch(sql, *statement.args(at, shard=0, shards=1))
        return await traits_of(connection, [row["id"] for row in rows], sorted(trait_names(predicate)))


async def hinted(database: Database, predicate: Predicate, at: datetime, *, patience: timedelta = _PATIENCE) -> list[str]:
    """Why the definition may be true of nobody though it is valid, a sentence each; raises as `count` does."""
    async with briefly(database, patience) as connection:
        return await hints(connection, predicate, at)


async def check(database: Database, predicate: Predicate, at: datetime) -> None:
    """Have Postgres plan the definition without running it.

    Raises:
        CannotAsk: it cannot.
    """
    statement = await asyncio.to_thread(_statement, predicate)
    async with briefly(database) as connection:
        await connection.fetch(f"explain {statement.sql}", *statement.args(at, shard=0, shards=1))


async def explain(
    database: Database, segment: Segment, profile: UUID, at: datetime, words: Predicate | None = None
) -> Answer | None:
    """Why this customer is or is not in the segment; None when there is no such customer. `words`: as `why` has it."""
    types = sorted(event_types(segment.predicate))
    async with briefly(database) as connection:
        row = next(iter(await connection.fetch(_SQL["lock_facts"], [profile])), None)
        if row is None:
            return None
        known = [read_event(each) for each in await _events(connection, profile, types, at)]
        known += await to_come(connection, await waiting(connection, segment.predicate, at), profile, at)
        [person] = await connection.fetch(_SQL["facts_people"], [profile])
        entered = {each["segment"]: each["entered_at"][0] for each in await connection.fetch(_SQL["members"], [profile])}
        thresholds = await recorded(connection, [segment])
    complete = len(known) < _EVENTS
    facts = read_facts(row, known, read_person(person), thresholds)
    member = segment.name in entered
    return Answer(at, member, entered.get(segment.name), why(segment.predicate, facts, at, words), complete)


async def _events(connection: Connection, profile: UUID, types: Sequence[str], at: datetime) -> list[Any]:
    if not types:
        return []
    return list(await connection.fetch(_SQL["facts_events"], [profile], types, _BEGINNING, at + AHEAD, _EVENTS))


@asynccontextmanager
async def _asking(
    database: Database, predicate: Predicate, at: datetime, patience: timedelta
) -> AsyncIterator[tuple[Connection, compiler.Statement]]:
    """A question about everybody, planned so; crossings that no scoring has written down yet are told by the scores."""
    async with briefly(database, patience) as connection:
        unwritten = (await waiting(connection, predicate, at)).types
    statement = await asyncio.to_thread(
        _statement, predicate, unwritten
    )  # seconds for a large one: others are served meanwhile
    async with briefly(database, patience) as connection:
        await plan_for_everybody(connection)
        yield connection, statement


def _statement(predicate: Predicate, unwritten: frozenset[str] = frozenset()) -> compiler.Statement:
    statement = compiler.everyone(predicate, unwritten) if unwritten else compiler.everyone(predicate)  # as the watch has it
    if len(statement.names) > _MOST_VALUES:
        raise CannotAsk(f"the definition has more than {_MOST_VALUES:,} conditions; put customers on a list instead")
    return statement


@asynccontextmanager
async def briefly(database: Database, patience: timedelta = _PATIENCE) -> AsyncIterator[Connection]:
    """A transaction that only asks, and gives up; raises as `count` does."""
    try:
        async with database.pool.acquire() as connection:
            transaction = connection.transaction()
            await transaction.start()
            try:
                await connection.execute(f"set local statement_timeout = {max(1, int(patience.total_seconds() * 1000))}")
                yield connection
            finally:
                await transaction.rollback()
    except asyncpg.QueryCanceledError:
        sentence = (
            f"took longer than {patience.total_seconds():g} s; narrow it with a window, or save it and let the watch count"
        )
        raise TooSlow(sentence) from None
    except asyncpg.InsufficientPrivilegeError:
        raise  # our own fault, whatever was asked: simplifying it would not help
    except (asyncpg.DataError, asyncpg.SyntaxOrAccessError, asyncpg.ProgramLimitExceededError) as error:
        raise CannotAsk(f"Postgres cannot evaluate this definition ({type(error).__name__}); simplify it") from None
