"""Definitions that live in the database: those that product teams wrote through the API, beside the catalogue's.

Promise: they survive restarts, every shard takes them up and lets go of deleted ones, and one that cannot be read any more
is left out, never in the way of the others.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import asyncpg
import structlog

from segments.defining import alive
from segments.errors import SegmentError
from segments.language import Segment
from segments.loading import Loaded, load, lock_shard
from segments.naming import resolved
from store import Connection, Database, queries
from store.segments import Stored, left_over, let_go, stored

log = structlog.get_logger(__name__)

#: What the definition itself is to blame for; anything else is the store's trouble, and passes.
_UNUSABLE = (
    asyncpg.DataError,
    asyncpg.SyntaxOrAccessError,
    asyncpg.ProgramLimitExceededError,
    NotImplementedError,
    RecursionError,
)


async def last_loaded(connection: Connection, name: str) -> Segment | None:
    """A segment as the watch last loaded it, wherever it is defined; None when it never was or cannot be read."""
    definition = await connection.fetchval(queries("segments")["last_loaded"], name)
    try:
        return None if definition is None else Segment.from_json(definition)
    except SegmentError:
        return None


@dataclass
class LiveSegments:
    """The segments that a watch looks after now: the catalogue's, which win, and the stored ones."""

    catalogue: Sequence[Segment]
    now: Sequence[Segment] = field(init=False)
    _loaded: list[Stored] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        self.now = tuple(self.catalogue)

    async def changed(self, database: Database) -> bool:
        """Whether the stored definitions are others than those that were loaded last."""
        return await stored(database) != self._loaded

    async def load(self, database: Database, at: datetime, shard: int, shards: int) -> list[Loaded]:
        """Evaluate what this shard does not know yet, and let go of what was deleted; see `loading.load`."""
        rows = await stored(database)
        done = await load(database, self.catalogue, at, shard, shards)
        usable = []
        for segment, announce in self._readable(rows):
            try:
                done += await load(database, [segment], at, shard, shards, announce=announce)
                usable.append(segment)
            except _UNUSABLE as error:
                kind = type(error).__name__  # its message could hold what customers have told us
                log.error("a stored segment cannot be evaluated; it is left out", segment=segment.name, error=kind)  # noqa: TRY400
        self.now = (*self.catalogue, *usable)
        await self._let_go(database, rows, at, shard, shards)
        self._loaded = rows
        return done

    def _readable(self, rows: Sequence[Stored]) -> list[tuple[Segment, bool]]:
        """The stored segments with every name looked up, so that a changed one changes all that name it."""
        catalogue = {segment.name: segment for segment in self.catalogue}
        found = resolved(catalogue, {row.name: row.definition for row in alive(rows)})
        for name, problem in found.problems.items():
            log.warning("a stored segment cannot be read; it is left out", segment=name, problem=problem)
        usable = {name: segment for name, segment in found.segments.items() if name not in catalogue}
        return [(usable[row.name], row.announce) for row in rows if row.name in usable]

    async def _let_go(self, database: Database, rows: Sequence[Stored], at: datetime, shard: int, shards: int) -> None:
        live = {segment.name for segment in self.now}
        deleted = [row.name for row in rows if row.deleted_at is not None and row.name not in live]
        for name in await left_over(database, deleted, shard, shards) if deleted else ():
            async with database.transaction() as connection:
                await lock_shard(connection, shard, shards)
                await let_go(connection, name, shard, shards, at)
                await connection.execute(queries("segments")["clear_alarms"], name, shard, shards)
