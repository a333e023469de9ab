"""The sums by day: what the ledger says, added up within seconds, and again from the ledger alone to see that both agree.

Promise: a change is added in the transaction that takes it away, so that whoever dies between loses none and counts none twice.
One at a time folds or recomputes; both see one instant of the store, whatever is written meanwhile.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TypeVar

import asyncpg

from store.away import AWAY
from store.database import Connection, Database
from store.locks import Lock
from store.named import queries

_SQL = queries("sums")
AT_ONCE = 20_000  # changes of the ledger in one transaction
_EVERYTHING = 2**62
_PATIENCE = 1.0
_LONGEST = 600.0  # seconds for a statement that reads a day of everything

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Difference:
    """A sum that was found to be another: what it was and what it is, as n, y, y², x, x², xy and how many y are not 0."""

    id: int
    at: datetime
    day: date
    journey: str
    version: str
    step: str
    channel: str
    provider: str
    segment: str
    experiment: str
    arm: str
    metric: str
    reason: str
    had: list[Decimal]
    found: list[Decimal]


@dataclass(frozen=True, slots=True)
class Differing:
    """Of a journey: how many sums were found to be different, of which day the latest, and when."""

    journey: str
    sums: int
    day: date
    at: datetime


@asynccontextmanager
async def alone(database: Database) -> "AsyncIterator[Connection | None]":
    """A transaction that sees one instant and has the sums to itself; None where somebody else has them.

    They are its own before it looks, and until what it wrote is there for everybody.
    """
    async with database.pool.acquire() as connection:
        if not await connection.fetchval(_SQL["alone"], Lock.SUMS):
            yield None
            return
        try:
            async with connection.transaction(isolation="repeatable_read"):
                yield connection
        finally:
            with suppress(*AWAY):
                await connection.execute(_SQL["no_longer_alone"], Lock.SUMS)


async def in_turn(database: Database, work: Callable[[Connection], Awaitable[T]], attempts: int = 1) -> T | None:
    """Do a piece of work with the sums to itself; None where somebody else has them, so many times, a second apart."""
    for attempt in range(attempts):
        if attempt:
            await asyncio.sleep(_PATIENCE)
        with suppress(asyncpg.SerializationError):  # somebody was done between our first look and our turn
            async with alone(database) as connection:
                if connection is not None:
                    return await work(connection)
    return None


async def fold_messages(connection: Connection, at_most: int = AT_ONCE) -> int:
    """Add changes of the ledger to the sums; returns how many there were."""
    taken: int = await connection.fetchval(_SQL["fold_messages"], at_most, timeout=_LONGEST)
    if taken:
        await connection.execute(_SQL["drop_empty"])
    return taken


async def recompute_messages(connection: Connection, day: date, at: datetime) -> list[Difference]:
    """The sums of a day (UTC) from the ledger alone, which stand from now on; returns where there were others."""
    await fold_messages(connection, _EVERYTHING)
    found = [Difference(**dict(row)) for row in await connection.fetch(_SQL["recompute_messages"], day, at, timeout=_LONGEST)]
    if found:
        await connection.execute(_SQL["drop_empty"])
    await connection.execute(_SQL["span_anew"], day, timeout=_LONGEST)
    return found


async def differences(database: Database, since: datetime, limit: int) -> list[Difference]:
    """What recomputations found to be different since an instant, newest first."""
    return [Difference(**dict(row)) for row in await database.pool.fetch(_SQL["differences"], since, limit)]


async def differing(database: Database, since: datetime) -> dict[str, Differing]:
    """Journeys of which a recomputation found other sums since an instant."""
    return {row["journey"]: Differing(**dict(row)) for row in await database.pool.fetch(_SQL["journeys_differing"], since)}
