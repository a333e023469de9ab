"""Definitions that live in the database: those that product teams wrote through the API, beside the catalogue's.

Promise: they survive restarts, every shard takes them up and lets go of deleted ones, and one that cannot be read any more
is left out, never in the way of the others. A changed definition goes on in its old version until the new one is loaded.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from segments.define.define import alive
from segments.errors import CannotBeEvaluated, SegmentError
from segments.language.names import resolved
from segments.language.segment import Segment
from segments.load.backfill import LONGEST, Backfill, LoadTooSlow
from segments.load.load import Loaded, finish, give_up, register
from segments.watch.look import UNUSABLE
from segments.watch.shards import NEVER, alone, lock_shard
from store import Connection, Database, queries
from store.segments.rows import Stored, left_over, let_go, stored

log = structlog.get_logger(__name__)

_SQL = queries("backfill")


async def last_loaded(connection: Connection, name: str) -> Segment | None:
    """A segment as the watch last loaded it, wherever it is defined; None when it never was or cannot be read."""
    definition = await connection.fetchval(_SQL["last_loaded"], name, NEVER)
    return None if definition is None else _read(name, definition)


@dataclass
class LiveSegments:
    """The segments that a watch looks after now: the catalogue's, which win, the stored ones, and then the former ones.

    `former` have left the catalogue, but somebody is still in a journey of a version that had them.
    """

    catalogue: Sequence[Segment]
    former: Sequence[Segment] = ()
    longest: timedelta = LONGEST
    now: Sequence[Segment] = field(init=False)
    _loaded: list[Stored] = field(default_factory=list, init=False)
    _unusable: set[tuple[str, str]] = field(default_factory=set, init=False)

    def __post_init__(self) -> None:
        self.now = tuple(self.catalogue)

    async def changed(self, database: Database) -> bool:
        """Whether the stored definitions are others than those that were taken up last."""
        return await stored(database) != self._loaded

    async def load(self, database: Database, clock: Callable[[], datetime], shard: int, shards: int) -> list[Loaded]:
        """Load what this shard does not know yet to the end, and let go of what was deleted; see `loading`."""
        done: list[Loaded] = []
        begun = await self.register(database, clock(), shard, shards)
        await self._sleep(database, shard, shards)
        while begun:
            loaded = await self._finish(database, *begun[0])
            done += [] if loaded is None else [loaded]
            begun = await self.register(database, clock(), shard, shards)  # with what was written meanwhile
        return done

    async def register(self, database: Database, at: datetime, shard: int, shards: int) -> list[tuple[Segment, Backfill]]:
        """Begin to load what this shard does not know yet, without waiting for it: from now on nothing is missed."""
        rows = await stored(database)
        wanted = [*((segment, False) for segment in self.catalogue), *self._readable(rows)]
        names = {segment.name for segment, _ in wanted}
        wanted += [(segment, False) for segment in self.former if segment.name not in names]
        usable = [each for each in wanted if (each[0].name, each[0].version) not in self._unusable]
        begun = await register(database, usable, at, shard, shards)
        self.now = await self._standing(database, [segment for segment, _ in wanted], shard, shards)
        await self._let_go(database, rows, {segment.name for segment, _ in wanted}, at, shard, shards)
        self._loaded = rows
        return begun

    async def set_aside(self, database: Database, failed: CannotBeEvaluated, shard: int, shards: int) -> None:
        """Go on without a segment that fails: its members stay, and a changed definition is loaded anew."""
        log.error("a segment cannot be evaluated; it is left out", segment=failed.segment, error=failed.kind)
        self._unusable.add((failed.segment, failed.version))
        self.now = tuple(each for each in self.now if (each.name, each.version) not in self._unusable)
        await self._sleep(database, shard, shards)

    def _readable(self, rows: Sequence[Stored]) -> list[tuple[Segment, bool]]:
        """The stored segments with every name looked up, so that a changed one changes all that name it."""
        catalogue = {segment.name: segment for segment in self.catalogue}
        found = resolved(catalogue, {row.name: row.definition for row in alive(rows)})
        for name, problem in found.problems.items():
            log.warning("a stored segment cannot be read; it is left out", segment=name, problem=problem)
        usable = {name: segment for name, segment in found.segments.items() if name not in catalogue}
        return [(usable[row.name], row.announce) for row in rows if row.name in usable]

    async def _finish(self, database: Database, segment: Segment, backfill: Backfill) -> Loaded | None:
        try:
            return await finish(database, segment, backfill, self.longest)
        except LoadTooSlow as error:
            log.error("a segment takes too long to load; it is left out", segment=segment.name, problem=str(error))  # noqa: TRY400
        except UNUSABLE as error:
            kind = type(error).__name__  # its message could hold what customers have told us
            log.error("a segment cannot be evaluated; it is left out", segment=segment.name, error=kind)  # noqa: TRY400
        self._unusable.add((segment.name, segment.version))
        async with database.transaction() as connection:
            await alone(connection, backfill.shard, backfill.shards)
            await give_up(connection, segment.name, backfill.shard, backfill.shards)
        return None

    async def _standing(self, database: Database, wanted: Sequence[Segment], shard: int, shards: int) -> tuple[Segment, ...]:
        """These segments, each in the version that is live; those of which none is are left out."""
        names = [segment.name for segment in wanted]
        rows = await database.pool.fetch(_SQL["standing"], shard, shards, names, NEVER)
        live = {(row["segment"], row["version"]): row["definition"] for row in rows}
        as_wanted = {segment.name: segment for segment in wanted if (segment.name, segment.version) in live}
        others = {name: _read(name, live[name, version]) for name, version in live if name not in as_wanted}
        found = as_wanted | {name: each for name, each in others.items() if each and (name, each.version) in live}
        return tuple(found[name] for name in names if name in found)

    async def _sleep(self, database: Database, shard: int, shards: int) -> None:
        """What this watch does not look after misses what happens from now on: should it come back, it is loaded anew."""
        versions = [(segment.name, segment.version) for segment in self.now]
        names, hashes = zip(*versions, strict=True) if versions else ((), ())
        async with database.transaction() as connection:
            await lock_shard(connection, shard, shards)
            await connection.execute(_SQL["sleep"], shard, shards, names, hashes, NEVER)

    async def _let_go(
        self, database: Database, rows: Sequence[Stored], live: set[str], at: datetime, shard: int, shards: int
    ) -> None:
        deleted = [row.name for row in rows if row.deleted_at is not None and row.name not in live]
        for name in await left_over(database, deleted, shard, shards) if deleted else ():
            async with database.transaction() as connection:
                await alone(connection, shard, shards)
                await give_up(connection, name, shard, shards)
                await let_go(connection, name, shard, shards, at)
                await connection.execute(queries("segments")["clear_alarms"], name, shard, shards)


def _read(name: str, definition: dict[str, object]) -> Segment | None:
    try:
        return Segment.from_json(definition)
    except SegmentError as error:
        log.warning("a stored segment cannot be read; it is left out", segment=name, problem=str(error))
        return None
