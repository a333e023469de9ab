"""Where the time of a busy tick goes: each named statement, and what is left to Python.

`python -m benchmarks.tick_profile DSN [twenty|hundred] [EVENTS]` on a database that `benchmarks.past` filled.
"""

import asyncio
import sys
import time
from collections import Counter
from datetime import UTC, datetime

from asyncpg.connection import LoggedQuery
from rich.console import Console
from rich.table import Table

from benchmarks.feeder import feed, visits
from benchmarks.watcher import segments_named
from segments.watch.tick import load, tick
from store import Database, connect, queries

_ROUNDS, _WARMING = 12, 4
_OTHER = "transaction"


async def tick_profile(dsn: str, segments: str, events: int) -> Table:
    """Milliseconds per tick, by statement."""
    database = await connect(dsn, max_size=1)
    try:
        await load(database, segments_named(segments), datetime.now(UTC))
        spent, total = await _ticks(database, segments, events)
    finally:
        await database.close()
    shown = Table("part", "ms per tick", "share", title=f"a tick over {events:,} events, {segments} segments: {total:,.0f} ms")
    spent["Python"] = total - spent.total()
    for part, milliseconds in spent.most_common():
        shown.add_row(part, f"{milliseconds:,.1f}", f"{milliseconds / total:.0%}")
    return shown


async def _ticks(database: Database, segments: str, events: int) -> tuple[Counter[str], float]:
    """What each statement took in the mean tick, in milliseconds, and the tick itself."""
    customers = await database.pool.fetchval("select count(*) from profile")
    watched, people, name = segments_named(segments), list(visits(customers, 5_000, 60)), f"profile-{time.time()}"
    spent: Counter[str] = Counter()
    total = 0.0
    named = {text: name for name, text in queries("segments").items()}

    def note(query: LoggedQuery) -> None:
        spent[_part(query.query, named)] += 1000 * query.elapsed

    for n in range(_ROUNDS):
        await feed(database, f"{name}-{n}", people[n * events : (n + 1) * events], 1e9)
        async with database.pool.acquire() as connection:
            connection.add_query_logger(note)
        began = time.perf_counter()
        await tick(database, watched, 0, 1, datetime.now(UTC))
        total += 1000 * (time.perf_counter() - began)
        async with database.pool.acquire() as connection:
            connection.remove_query_logger(note)
        if n + 1 == _WARMING:
            spent.clear()
            total = 0.0
    rounds = _ROUNDS - _WARMING
    return Counter({part: milliseconds / rounds for part, milliseconds in spent.items()}), total / rounds


def _part(query: str, named: dict[str, str]) -> str:
    return named.get(query) or ("evaluate" if "FROM profile" in query else _OTHER)


if __name__ == "__main__":
    arguments = sys.argv[1:]
    which = arguments[1] if len(arguments) > 1 else "twenty"
    Console(width=100).print(asyncio.run(tick_profile(arguments[0], which, int(arguments[2]) if len(arguments) > 2 else 1_000)))
