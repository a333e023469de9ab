"""Every kind of leaf, the library, and pairs of leaves, over everybody, each beside SQL that somebody wrote for it by hand.

Promise: both must find the same customers, and they take turns, so that neither always reads what the other has just read. The
best of a few rounds is compared, because what else the machine does only ever adds. `python -m benchmarks.leaves DSN` measures
a database that `benchmarks.past` filled; it adds what a past lacks.
"""

import asyncio
import gc
import sys
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import combinations
from typing import Any, NamedTuple

from rich.console import Console

from benchmarks.ground import Ground, Say
from benchmarks.leaves_by_hand import LEAVES, LIBRARY, MORE_PAST, PAIRED
from benchmarks.report import table
from benchmarks.table import Row
from segments import Predicate
from segments.sql import statements as compiler
from segments.sql.plans import plan_for_everybody
from segments.watch.thresholds import record
from store import Connection, Database, connect

_ROUNDS = 5
_BUDGET = "<= 1.30"
_PATIENCE = 600.0


class Beside(NamedTuple):
    """Best times in milliseconds."""

    ours: float
    hand: float
    found: int

    def row(self, what: str) -> Row:
        """The ratio, with both times."""
        note = f"{self.ours:,.0f} ms against {self.hand:,.0f} ms, {self.found:,} customers"
        return Row(f"{what}, ours / by hand", f"{self.ours / self.hand:.2f}", _BUDGET, note)


async def beside(database: Database, predicate: Predicate, by_hand: str, at: datetime) -> Beside:
    """A definition and its SQL by hand, in turns."""
    full, ours, hand = compiler.everyone(predicate), [], []
    arguments, found = full.args(at, shard=0, shards=1), []
    async with database.transaction() as connection:
        await record(connection, predicate, at)
    for n in range(_ROUNDS):
        both = [(ours, full.sql, arguments), (hand, by_hand, [at] if "$1" in by_hand else [])]
        for taken, sql, given in both if n % 2 else reversed(both):
            async with database.transaction() as connection:
                if taken is ours:
                    await plan_for_everybody(connection)
                else:
                    await connection.execute("set local plan_cache_mode = force_custom_plan")
                milliseconds, who = await _timed(connection, sql, given)
            taken.append(milliseconds)
            found.append(who)
        if found[-1] != found[-2]:
            raise AssertionError(f"{len(found[-1] ^ found[-2])} customers differ: {predicate}")
    return Beside(min(ours), min(hand), len(found[-1]))


async def _timed(connection: Connection, sql: str, arguments: list[Any]) -> tuple[float, set[str]]:
    gc.collect()
    gc.disable()  # a collection in the middle of one of them takes longer than a day's carts
    began = time.perf_counter()
    rows = await connection.fetch(sql, *arguments, timeout=_PATIENCE)
    taken = 1000 * (time.perf_counter() - began)
    gc.enable()
    return taken, {str(row[0]) for row in rows}


def pairs() -> Iterator[tuple[str, Predicate, str]]:
    """Each two of some kinds: both, or one without the other; by hand, what the two find is combined."""
    for n, (a, b) in enumerate(combinations(PAIRED, 2)):
        (one, first), (other, second) = LEAVES[a], LEAVES[b]
        together, word = (one & ~other, "except") if n % 2 else (one & other, "intersect")
        yield f"{a} {'without' if n % 2 else 'and'} {b}", together, f"({first}) {word} ({second})"


async def measure(dsn: str, say: Say, *, only: str = "") -> list[Row]:
    """Leaves, the library, pairs."""
    database = await connect(dsn, max_size=2)
    rows = []
    try:
        for each in MORE_PAST:
            await database.pool.execute(each, timeout=_PATIENCE)
        at = datetime.now(UTC) - timedelta(seconds=1)
        for kind, some in (("", LEAVES), ("library: ", LIBRARY)):
            rows += await _all(database, {f"{kind}{name}": both for name, both in some.items()}, at, say, only)
        rows += await _all(database, {f"pair: {name}": (ours, hand) for name, ours, hand in pairs()}, at, say, only)
    finally:
        await database.close()
    return rows


async def _all(database: Database, some: Mapping[str, tuple[Predicate, str]], at: datetime, say: Say, only: str) -> list[Row]:
    rows = []
    for name, (predicate, by_hand) in some.items():
        if only in name:
            rows.append((await beside(database, predicate, by_hand, at)).row(name))
            say(f"{rows[-1].what}: {rows[-1].measured} ({rows[-1].note})")
    return rows


async def leaves(ground: Ground) -> list[Row]:
    """The rows, at a tenth of the largest shop."""
    from benchmarks.past import past

    customers = max(1_000, ground.sizes.customers // 10)
    dsn = await ground.database(f"leaves_{customers}")
    await past(dsn, customers, ground.sizes.events_each * customers, ground.say)
    rows = await measure(dsn, ground.say)
    return [row._replace(what=f"{row.what}; {customers:,} customers") for row in rows]


if __name__ == "__main__":
    console = Console(width=150)
    console.print(table(asyncio.run(measure(sys.argv[1], console.print, only=" ".join(sys.argv[2:])))))
