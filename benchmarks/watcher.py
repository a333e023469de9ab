"""A process that does what the watch activity does with membership, and nothing else: load, then tick for ever.

`python -m benchmarks.watcher twenty|hundred [measured]` with the database in JOURNEYS_DATABASE_URL; with `measured` it
adds up sums, too.
"""

import asyncio
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

from activities.measuring.folding import EVERY, Folding
from benchmarks.ground import READY
from journeys.clock import Clock
from segments import Segment
from segments.watch.look import Look
from segments.watch.tick import Also, load, tick
from store import Database, connect
from store.measuring import values
from workers.memory import long_lived

_PAUSE = 0.1  # seconds; the watch's own


def segments_named(name: str) -> Sequence[Segment]:
    """One of the two sets of segments."""
    if name == "hundred":
        from benchmarks.hundred import hundred

        return hundred()
    from benchmarks import catalogue

    return [each for each in vars(catalogue).values() if isinstance(each, Segment)]


async def watch(dsn: str, segments: Sequence[Segment], *, measured: bool) -> None:
    """Look after the only shard."""
    database = await connect(dsn, max_size=4)
    await load(database, segments, datetime.now(UTC))
    print(READY, flush=True)
    long_lived()
    async with asyncio.TaskGroup() as group:
        group.create_task(_ticks(database, segments, _touch if measured else None))
        if measured:
            group.create_task(_folds(database))


async def _touch(look: Look) -> None:
    await values.touch(look.connection, ((who, type_) for who, types in look.changed.items() for type_ in types))


async def _folds(database: Database) -> None:
    folding = Folding(database, None, Clock())
    while True:
        await folding.fold()
        await asyncio.sleep(EVERY)


async def _ticks(database: Database, segments: Sequence[Segment], also: Also | None) -> None:
    while True:
        began = asyncio.get_running_loop().time()
        if not (await tick(database, segments, 0, 1, datetime.now(UTC), also=also)).more:
            await asyncio.sleep(max(0.0, began + _PAUSE - asyncio.get_running_loop().time()))


if __name__ == "__main__":
    asyncio.run(watch(os.environ["JOURNEYS_DATABASE_URL"], segments_named(sys.argv[1]), measured="measured" in sys.argv[2:]))
