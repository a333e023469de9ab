"""Loading definitions: a new or changed one is evaluated over all customers, in chunks, while the watch goes on.

Promise: nobody waits for it, it may be killed anywhere and goes on where it stopped, and customers whose membership a changed
definition does not change notice nothing. Why that is right:

* Everybody is evaluated as of one instant. What happens from then on is the watch's: registration has the shard alone, so
  every tick after it keeps a copy of the marks it consumes. They are put back when the definition is live, and the next tick
  works from the load's instant on: whoever came in meanwhile is logged as ever, dated with the event that decided.
* A definition that was never live on the shard is not ticked, so its members can be written chunk by chunk. Customers who came
  in between the instant and their chunk (`came_meanwhile`) are left to that next tick.
* One that replaces another is staged, while the old one goes on. At the switch, under the shard's lock, only those are settled
  for whom nothing has happened since the instant, neither by a mark nor by time; the next tick looks at all others.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from segments.language.events import TRAITS_CHANGED
from segments.language.segment import Segment
from segments.load.backfill import LONGEST, Backfill, evaluate
from segments.load.switch import Loaded, switch
from segments.watch.interest import interest
from segments.watch.shards import NEVER, alone, lock_shard
from store import Connection, Database, queries
from store.segments.rows import about_customers

__all__ = ["NEVER", "Backfill", "Loaded", "finish", "load", "lock_shard", "register"]

_SQL = queries("backfill")
_TIDY = ";\n".join(_SQL[name].rstrip("; \n") for name in ("give_up_abandoned", "tidy_members", "tidy_changes", "tidy_marks"))


async def load(
    database: Database,
    segments: Sequence[Segment],
    at: datetime,
    shard: int = 0,
    shards: int = 1,
    *,
    announce: bool = False,
    longest: timedelta = LONGEST,
) -> list[Loaded]:
    """Evaluate the definitions that this shard does not know yet, to the end; returns what that did.

    When a segment is seen for the first time, the customers already in it become members without a transition, unless
    `announce` (or the segment's own) is set. When its definition changed, the differences are logged, dated `at` (or with
    the instant up to which the old version has gone on meanwhile).

    Raises:
        LoadTooSlow: a definition took longer than `longest` to evaluate; those before it are live.
        asyncpg.PostgresError, OSError: the store failed; loading again goes on where it stopped.
    """
    begun = await register(database, [(segment, announce) for segment in segments], at, shard, shards)
    done = [await finish(database, segment, backfill, longest) for segment, backfill in begun]
    return [each for each in done if each is not None]


async def register(
    database: Database, segments: Iterable[tuple[Segment, bool]], at: datetime, shard: int, shards: int
) -> list[tuple[Segment, Backfill]]:
    """Begin to load what this shard does not know yet, or go on with it; from now on nothing that happens is missed.

    Each definition comes with whether its members are announced. What cannot wait is short: see `finish` for the rest.
    """
    await tidy(database)
    customers = await about_customers(database)
    async with database.transaction() as connection:
        await alone(connection, shard, shards)
        return await _begun(connection, list(segments), at, shard, shards, customers)


async def finish(database: Database, segment: Segment, backfill: Backfill, longest: timedelta = LONGEST) -> Loaded | None:
    """Evaluate what is left and make the definition live; None when somebody else did, or the load was given up.

    Raises:
        LoadTooSlow: it took longer than `longest` to evaluate; the version that was live before is still.
    """
    known = await evaluate(database, segment, backfill, longest)
    loaded = None if known is None else await switch(database, segment, known)
    await tidy(database)
    return loaded


async def give_up(connection: Connection, name: str, shard: int, shards: int) -> None:
    """Stop loading a segment, inside the caller's transaction, which has the shard alone."""
    await connection.execute(_SQL["give_up"], name, shard, shards)


async def tidy(database: Database) -> None:
    """Give up what nobody works at any more, and clear what loads have left behind."""
    await database.pool.execute(_TIDY)


async def _begun(
    connection: Connection, wanted: Sequence[tuple[Segment, bool]], at: datetime, shard: int, shards: int, customers: int
) -> list[tuple[Segment, Backfill]]:
    """The loads of what is not live yet, those that stand and new ones."""
    seen = await connection.fetch(_SQL["segments_seen"], *_versions(wanted), shard, shards, NEVER)
    known = {row["segment"]: row["known"] for row in seen if not row["loaded"]}
    missing = [(segment, announce) for segment, announce in wanted if segment.name in known]
    if not missing:
        return []
    standing = await connection.fetch(_SQL["go_on"], *_versions(missing), shard, shards)
    rows = {row["segment"]: row for row in standing}
    for segment, announce in missing:
        if segment.name not in rows:
            asked, of = interest(segment), (segment.name, segment.version)
            await connection.execute(_SQL["register_segment"], *of, segment.to_json(), at)
            await connection.execute(_SQL["give_up"], segment.name, shard, shards)
            kinds = (sorted(asked.types | {TRAITS_CHANGED}), asked.by_default)
            given = (at, known[segment.name], announce or segment.announce, *kinds, customers)
            row = await connection.fetchrow(_SQL["begin"], *of, shard, shards, *given)
            assert row is not None, "an insert answers with its row"
            rows[segment.name] = row
    return [(segment, Backfill.of(rows[segment.name])) for segment, _ in missing]


def _versions(segments: Sequence[tuple[Segment, bool]]) -> tuple[list[str], list[str]]:
    return [segment.name for segment, _ in segments], [segment.version for segment, _ in segments]
