"""The end of a load: the definition becomes live on its shard, in one short transaction.

Promise: ticks see the old version until then and the new one from then on, never half of it. How long the shard waits follows
from how many customers differ, not from how many there are.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from segments.language.events import LOADED
from segments.language.segment import Segment
from segments.load.backfill import Backfill
from segments.watch.alarms import grown
from segments.watch.interest import Live, sweeps
from segments.watch.shards import NEVER, alone
from segments.watch.sweep import swept
from segments.watch.thresholds import taken_anew
from store import Connection, Database, queries

_SQL = queries("backfill")
_WATCH = queries("segments")
_AT_ONCE = 10_000


@dataclass(frozen=True, slots=True)
class Loaded:
    """What loading a definition did to a shard: how many came in, how many went out, and whether that was logged."""

    segment: str
    version: str
    entered: int
    left: int
    announced: bool


@dataclass(frozen=True, slots=True)
class _Compared:
    """Up to when the old version was evaluated when the two were compared, and the last line in the log."""

    to: datetime
    transition: int


async def switch(database: Database, segment: Segment, backfill: Backfill) -> Loaded | None:
    """Make an evaluated definition live; None when somebody else did, or the load was given up."""
    compared = await _compare(database, segment, backfill) if backfill.replaces else None
    if backfill.replaces and compared is None:
        return None
    async with database.transaction() as connection:
        await alone(connection, backfill.shard, backfill.shards)
        row = await connection.fetchrow(_SQL["hold"], backfill.id)
        if row is None:
            return None
        entered, left = row["entered"], row["left"]
        if compared is not None:
            entered, left = await _settle(connection, segment, backfill, compared)
        await _go_live(connection, backfill)
    await _clear_old_alarms(database, backfill)
    return Loaded(backfill.segment, backfill.version, entered, left, backfill.announce or backfill.replaces)


async def _go_live(connection: Connection, backfill: Backfill) -> None:
    of = (backfill.segment, backfill.version, backfill.shard, backfill.shards)
    await connection.execute(_SQL["supersede"], *of, NEVER)
    await connection.execute(_SQL["evaluated"], *of, backfill.as_of, backfill.as_of if backfill.replaces else None)
    await connection.execute(_SQL["put_back_kept"], backfill.id, LOADED + backfill.segment)
    await connection.execute(_SQL["finish"], backfill.id)


async def _compare(database: Database, segment: Segment, backfill: Backfill) -> _Compared | None:
    """Find out who differs while the watch goes on; what ticks change afterwards is known by their lines in the log."""
    async with database.transaction() as connection:
        await alone(connection, backfill.shard, backfill.shards)
        to = await _live_until(connection, backfill)
        compared = _Compared(to, await connection.fetchval(_SQL["last_transition"]))
    async with database.transaction() as connection:
        if await connection.fetchrow(_SQL["hold"], backfill.id) is None:
            return None
        await _note_moved(connection, segment, backfill, backfill.as_of, compared.to)
        await connection.execute(_SQL["forget_changes"], backfill.id)
        await connection.execute(_SQL["compare"], backfill.id, backfill.segment, backfill.shard, backfill.shards)
    return compared


async def _settle(connection: Connection, segment: Segment, backfill: Backfill, compared: _Compared) -> tuple[int, int]:
    to = await _live_until(connection, backfill)
    await _note_moved(connection, segment, backfill, compared.to, to)
    of = (backfill.id, backfill.segment, backfill.shard, backfill.shards, compared.transition)
    row = await connection.fetchrow(_SQL["settle_changes"], *of, to, {"definition": backfill.version})
    assert row is not None, "a select of counts always answers"
    return row["entered"], row["left"]


async def _live_until(connection: Connection, backfill: Backfill) -> datetime:
    """The instant that the membership is of now: that of the load, or to where the old version has gone on since."""
    of = (backfill.segment, backfill.version, backfill.shard, backfill.shards)
    return max(backfill.as_of, await connection.fetchval(_SQL["live_until"], *of) or backfill.as_of)


async def _note_moved(connection: Connection, segment: Segment, backfill: Backfill, since: datetime, to: datetime) -> None:
    """Whom time moved in the new version: they get a mark, by which the next tick looks at them whether they are in or not."""
    if since >= to:
        return
    shard = (backfill.shard, backfill.shards)
    live = [Live(segment, since)]
    moved = set[UUID]().union(*(await swept(connection, sweeps(live, to), *shard)).values())
    moved |= await _ranked(connection, segment, backfill, since, to)
    moved.update(row["profile_id"] for row in await grown(connection, live, to, *shard))
    for some in _pieces(sorted(moved)):
        await connection.execute(_SQL["note_moved"], backfill.id, some, to)
    await connection.execute(_SQL["note_alarms"], backfill.id, backfill.segment, backfill.version, *shard, to)


async def _ranked(connection: Connection, segment: Segment, backfill: Backfill, since: datetime, to: datetime) -> set[UUID]:
    """Whom a threshold taken anew moved."""
    now = await taken_anew(connection, segment.predicate, since, to, backfill.shard, backfill.shards)
    if now is None:
        return set()
    return now ^ {row["profile_id"] for row in await connection.fetch(_SQL["staged"], backfill.id)}


async def _clear_old_alarms(database: Database, backfill: Backfill) -> None:
    of = (backfill.segment, backfill.shard, backfill.shards)
    while await database.pool.execute(_WATCH["clear_old_alarms"], *of, _AT_ONCE, NEVER) != "DELETE 0":
        pass


def _pieces(profiles: list[UUID]) -> Iterable[list[UUID]]:
    return (profiles[start : start + _AT_ONCE] for start in range(0, len(profiles), _AT_ONCE))
