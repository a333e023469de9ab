"""Predictions at size: features as of an instant, a training and three scorings, and what they cost who stands beside them.

The watch of a hundred segments looks at 500 events a second meanwhile; the models of a customer's lifetime are fitted to a
sample and asked about everybody.
"""

import asyncio
import os
import sys
import time
from datetime import UTC, datetime

import numpy as np
import orjson

from benchmarks.feeder import feed, visits
from benchmarks.ground import Ground
from benchmarks.membership import LATENCIES
from benchmarks.numbers import latencies
from benchmarks.past import past
from benchmarks.table import Row
from benchmarks.watcher import segments_named
from segments.models.lifetime import Histories, Orders
from segments.watch.tick import load
from store import Database, connect

_PER_SECOND = 500
_WARMING = 5  # seconds
_BUDGETS = {"features": "<= 30 s", "trained": "<= 60 s", "scored": "<= 30 s", "again": "", "rewritten": "<= 30 s"}
_WORDS = {
    "features": "features as of an instant",
    "trained": "training",
    "scored": "first scoring, all are written",
    "again": "scoring once more, nothing is written",
    "rewritten": "scoring, all are written over",
}


async def predicting(ground: Ground) -> list[Row]:
    """Rows of the prediction, of who stands beside it, and of lifetimes."""
    customers = ground.sizes.customers
    dsn = await ground.database("predicting")
    await past(dsn, customers, ground.sizes.events_each * customers, ground.say)
    database = await connect(dsn, max_size=8)
    try:
        ground.say("a training and three scorings, alone")
        rows = _told(await _trainer(dsn))
        await database.pool.execute("truncate prediction cascade")
        rows += await _beside(database, dsn, customers, ground)
    finally:
        await database.close()
    size = f"{customers:,} customers, {ground.sizes.events_each * customers:,} events"
    ground.say("lifetimes")
    return [row._replace(what=f"{row.what}; {size}") for row in rows] + _lifetimes(customers)


async def _trainer(dsn: str) -> dict[str, float]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.trainer",
        env={**os.environ, "JOURNEYS_DATABASE_URL": dsn}, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError("benchmarks.trainer failed; what it said stands above")
    found: dict[str, float] = orjson.loads(out.splitlines()[-1])
    return found


def _told(found: dict[str, float]) -> list[Row]:
    rows = [
        Row(_WORDS[name], f"{found[name]:.1f} s", budget, str(found.get(f"{name}, in words", f"{found['people']:,.0f} people")))
        for name, budget in _BUDGETS.items()
    ]
    return [*rows, Row("memory of the process that trains", f"{found['most']:,.0f} MiB", "<= 2,048 MiB", "the most it held")]


async def _beside(database: Database, dsn: str, customers: int, ground: Ground) -> list[Row]:
    """Latencies of the watch while a training and three scorings run beside it, for as long as they take."""
    segments = segments_named("hundred")
    ground.say(f"loading {len(segments)} segments, then {_PER_SECOND} events/s beside a training and three scorings")
    await load(database, segments, datetime.now(UTC))
    async with ground.watcher("hundred", dsn):
        people = list(visits(customers, _PER_SECOND, _WARMING))
        await feed(database, "warm-predicting", people, _PER_SECOND)
        trainer, n, late = asyncio.create_task(_trainer(dsn)), 0, 0.0
        while not trainer.done():
            people = list(visits(customers, _PER_SECOND, _WARMING))
            late = max(late, await feed(database, f"predicting-{n}", people, _PER_SECOND))
            n += 1
        found = await trainer
        await asyncio.sleep(_WARMING)
    waited = [float(row["ms"]) for row in await database.pool.fetch(LATENCIES, "predicting-%", timeout=600)]
    what = f"event commit -> transition commit, {_PER_SECOND} events/s, {len(segments)} segments, beside training and scoring"
    note = f"features {found['features']:.0f} s, training {found['trained']:.0f} s, scoring {found['scored']:.0f} s meanwhile"
    return latencies(what, waited, ("", "<= 1,000 ms"), note if late < 1 else f"{note}; the feeder fell {late:.0f} s behind")


def _lifetimes(customers: int) -> list[Row]:
    seen = _histories(customers)
    began = time.perf_counter()
    model = Orders.fit(seen)
    fitted = time.perf_counter()
    model.expected(seen, 52.0)
    told = time.perf_counter()
    return [
        Row("orders of a lifetime: fit to a sample", f"{fitted - began:.2f} s", "<= 1 s", "MBG/NBD, 50,000 customers"),
        Row(f"orders of a lifetime: said of {customers:,}", f"{told - fitted:.2f} s", "<= 1 s", "of the next year"),
    ]


def _histories(customers: int) -> Histories:
    """As the model believes that they come about: some leave after each order, the first one too."""
    dice = np.random.default_rng(7)
    observed, rate = dice.uniform(10, 100, customers), dice.gamma(0.5, 0.15, customers)
    most = dice.geometric(dice.beta(0.8, 2.4, customers)) - 1
    orders, last, at = np.zeros(customers), np.zeros(customers), np.zeros(customers)
    for n in range(1, 200):
        at += dice.exponential(1 / rate)
        came = (n <= most) & (at <= observed)
        if not came.any():
            break
        orders[came], last[came] = n, at[came]
    return Histories.of(orders, last, observed)
