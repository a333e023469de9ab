"""A process that does what the watch activity does with membership, and nothing else: load, then tick for ever.

`python -m benchmarks.watcher twenty|hundred` with the database in JOURNEYS_DATABASE_URL.
"""

import asyncio
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

from benchmarks.ground import READY
from segments import Segment
from segments.watch.tick import load, tick
from store import connect
from workers.memory import long_lived

_PAUSE = 0.1  # seconds; the watch's own


def segments_named(name: str) -> Sequence[Segment]:
    """One of the two sets of segments."""
    if name == "hundred":
        from benchmarks.hundred import hundred

        return hundred()
    from benchmarks import catalogue

    return [each for each in vars(catalogue).values() if isinstance(each, Segment)]


async def watch(dsn: str, segments: Sequence[Segment]) -> None:
    """Look after the only shard."""
    database = await connect(dsn, max_size=2)
    await load(database, segments, datetime.now(UTC))
    print(READY, flush=True)
    long_lived()
    while True:
        began = asyncio.get_running_loop().time()
        if not (await tick(database, segments, 0, 1, datetime.now(UTC))).more:
            await asyncio.sleep(max(0.0, began + _PAUSE - asyncio.get_running_loop().time()))


if __name__ == "__main__":
    asyncio.run(watch(os.environ["JOURNEYS_DATABASE_URL"], segments_named(sys.argv[1])))
