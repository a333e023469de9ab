"""Loading definitions: a new or changed one is evaluated in full, set-wise, before the watch keeps it up to date.

Promise: customers whose membership a changed definition does not change notice nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from segments import compiler
from segments.alarms import arm
from segments.language import Segment
from segments.thresholds import record
from store import Connection, Database, queries

#: The `evaluated_to` of a version that has to be evaluated anew.
NEVER = datetime(1970, 1, 1, tzinfo=UTC)
_SQL = queries("segments")
_LOCK = 7_203_119  # any constant of our own; the second key is the shard


@dataclass(frozen=True, slots=True)
class Loaded:
    """What loading a definition did to a shard: how many came in, how many went out, and whether that was logged."""

    segment: str
    version: str
    entered: int
    left: int
    announced: bool


async def lock_shard(connection: Connection, shard: int, shards: int) -> None:
    """Have a shard's membership alone until the transaction ends."""
    await connection.execute(_SQL["lock_shard"], _LOCK, shards * 256 + shard)


async def load(
    database: Database,
    segments: Sequence[Segment],
    at: datetime,
    shard: int = 0,
    shards: int = 1,
    *,
    announce: bool = False,
) -> list[Loaded]:
    """Evaluate the definitions that this shard does not know yet, each in its own transaction; returns what that did.

    When a segment is seen for the first time, the customers already in it become members without a transition, unless
    `announce` is set. When its definition changed, the differences are logged, dated `at`.

    Raises:
        asyncpg.PostgresError, OSError: the store failed; loading again goes on where it stopped.
    """
    done = [await _load(database, segment, at, shard, shards, announce=announce) for segment in segments]
    return [each for each in done if each is not None]


async def _load(
    database: Database, segment: Segment, at: datetime, shard: int, shards: int, *, announce: bool
) -> Loaded | None:
    which = (segment.name, segment.version)
    async with database.transaction() as connection:
        await lock_shard(connection, shard, shards)
        seen = await connection.fetchrow(_SQL["segment_seen"], *which, shard, shards, NEVER)
        assert seen is not None, "an aggregate always answers"
        await connection.execute(_SQL["register_segment"], *which, segment.to_json())
        if seen["loaded"]:
            return None
        announced = announce or seen["known"]
        entered, left = await _settle(connection, segment, at, shard, shards, announced=announced)
        await connection.execute(_SQL["supersede"], *which, shard, shards, NEVER)
        await connection.execute(_SQL["evaluated"], *which, shard, shards, at)
    return Loaded(*which, entered, left, announced)


async def _settle(
    connection: Connection, segment: Segment, at: datetime, shard: int, shards: int, *, announced: bool
) -> tuple[int, int]:
    full = compiler.everyone(segment.predicate)
    await arm(connection, segment, at, shard, shards)
    await record(connection, segment.predicate, at)
    await connection.execute(_SQL["make_inside"])
    await connection.execute(f"insert into inside {full.sql}", *full.args(at, shard=shard, shards=shards))
    cause = {"definition": segment.version}
    row = await connection.fetchrow(_SQL["settle_inside"], segment.name, shard, shards, at, cause, announced)
    assert row is not None, "a select of counts always answers"
    return row["entered"], row["left"]
