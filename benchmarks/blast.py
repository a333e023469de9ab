"""A transactional message beside a blast of marketing, from its run's row to the provider's answer: by how much it is later.

All goes the product's way: rows as the API writes them, the watch that starts runs, one worker process for everything.
"""

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import cycle
from uuid import UUID

from uuid_utils.compat import uuid7

from benchmarks.ground import Ground
from benchmarks.numbers import quantile
from benchmarks.people import Ingest
from benchmarks.table import Row
from journeys.entry import NewRun, workflow_id
from store import Database, connect
from store.runs.entries import open_runs

CATALOGUE = "benchmarks.catalogue"
_URGENT = 200  # customers who get a transactional message, again and again
_BETWEEN = 0.5  # seconds
_LOOK = 0.02  # seconds
_PATIENCE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Took:
    """Seconds from a run's row to Temporal having it, to the claim, and to the provider's acceptance."""

    started: float
    claimed: float
    accepted: float


async def blast(ground: Ground) -> list[Row]:
    """A row: the delay, beside the same without a blast; and where the slowest of them waited."""
    sizes = ground.sizes
    ground.say("starting API, sandbox and a worker")
    async with ground.stack("blast", catalogue=CATALOGUE, workers=1) as stack:
        users = [f"blast-{n}" for n in range(sizes.blast + _URGENT)]
        ground.say(f"{len(users):,} customers")
        async with Ingest.of(stack.api_url, stack.keys.ingest) as http:
            await http.introduce(users)
        database = await connect(stack.dsn, max_size=2)
        try:
            people = await database.pool.fetch("select distinct profile_id from identity where value = any($1::text[])", users)
            ids = [row["profile_id"] for row in people]
            urgent = cycle(ids[sizes.blast :])
            await _one(database, next(urgent))  # the first one pays for what is made once
            quiet = [await _one(database, next(urgent)) for _ in range(10)]
            ground.say(f"{sizes.blast:,} marketing messages at once")
            await open_rows(database, [new_run(id_, "blast") for id_ in ids[: sizes.blast]])
            during, left = await _beside(ground, database, urgent)
        finally:
            await database.close()
    return _rows(sizes.blast, quiet, during, left)


async def _beside(ground: Ground, database: Database, urgent: Iterator[UUID]) -> tuple[list[Took], "Left"]:
    """Transactional messages, one after the other, until the blast is over or the time is."""
    during: list[Took] = []
    began, until = time.perf_counter(), ground.sizes.blast_seconds
    while True:
        during.append(await _one(database, next(urgent)))
        seconds = time.perf_counter() - began
        gone = await database.pool.fetchval("select count(*) from delivery where journey = 'blast' and state = 'sent'")
        if len(during) % 60 == 0:
            ground.say(f"{gone:,} have gone; the last transactional one took {during[-1].accepted:.2f} s")
        if gone >= ground.sizes.blast or seconds > until:
            return during, Left(gone, seconds)
        await asyncio.sleep(_BETWEEN)


@dataclass(frozen=True, slots=True)
class Left:
    """How many of the blast's messages left in so many seconds."""

    gone: int
    seconds: float


def _rows(size: int, quiet: list[Took], during: list[Took], left: Left) -> list[Row]:
    usual = quantile([each.accepted for each in quiet], 0.5)
    later = [max(each.accepted - usual, 0) for each in during]
    slowest = max(during, key=lambda each: each.accepted)
    parts = f"{slowest.started:.2f} s to its start, then {slowest.claimed - slowest.started:.2f} s to its claim"
    told = f"{left.gone:,} had gone after {left.seconds:.0f} s, {left.gone / left.seconds:.0f} /s"
    return [
        Row(
            f"a transactional message behind {size:,} of marketing comes later by, p99",
            f"{quantile(later, 0.99):.2f} s",
            "<= 2 s",
            f"max {max(later):.2f} s ({parts}), n = {len(later)}; {usual:.2f} s without a blast",
        ),
        Row("the same, p50", f"{quantile(later, 0.5):.2f} s", "", told),
    ]


async def _one(database: Database, customer_id: UUID) -> Took:
    run = new_run(customer_id, "urgent")
    await open_rows(database, [run])
    async with asyncio.timeout(_PATIENCE.total_seconds()):
        while not (at := await database.pool.fetchrow(_ACCEPTED, run.id)):  # noqa: ASYNC110 - Postgres tells nobody
            await asyncio.sleep(_LOOK)
    return Took(*((instant - run.created_at).total_seconds() for instant in at))


_ACCEPTED = """
select run.started_at, delivery.claimed_at, delivery.settled_at
from run join delivery on delivery.run_id = run.id
where run.id = $1 and delivery.state = 'sent'
"""


async def open_rows(database: Database, runs: Sequence[NewRun]) -> None:
    """As the API does."""
    async with database.transaction() as connection:
        assert await open_runs(connection, runs) == {run.id for run in runs}


def new_run(customer_id: UUID, journey: str) -> NewRun:
    """A run that begins now."""
    run_id, now = UUID(str(uuid7())), datetime.now(UTC)
    return NewRun(
        id=run_id,
        journey=journey,
        profile_id=customer_id,
        entry_key="",
        entered_by="api",
        entered_at=now,
        workflow_id=workflow_id(journey, customer_id, run_id),
        created_at=now,
    )
