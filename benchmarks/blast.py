"""A transactional message while a blast of marketing waits in the same channel's queue: by how much it comes later."""

import asyncio
import time
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from uuid import UUID

from temporalio.api.enums.v1 import EventType
from temporalio.client import Client
from temporalio.common import Priority
from uuid_utils.compat import uuid7

from benchmarks.ground import Ground
from benchmarks.numbers import quantile
from benchmarks.people import Ingest
from benchmarks.table import Row
from journeys.clock import Clock
from journeys.contracts import WORKFLOW_QUEUE, RunOver, RunStart
from journeys.entry import NewRun, workflow_id
from store import connect
from store.runs.entries import open_runs
from workers.embedded.parts import Program

CATALOGUE = "benchmarks.catalogue"
_AT_ONCE = 100
_BETWEEN = 0.5  # seconds


async def blast(ground: Ground) -> list[Row]:
    """A row: the delay, beside the same without a blast."""
    async with AsyncExitStack() as exits:
        ground.say("starting API and sandbox")
        stack = await exits.enter_async_context(ground.stack("blast", catalogue=CATALOGUE, workers=0))
        api = stack.parts["api"]
        assert isinstance(api, Program)
        await exits.enter_async_context(ground.worker("delivering", api.environment))
        client = await ground.client(stack.settings)
        users = [f"blast-{n}" for n in range(ground.sizes.blast + 2 * _urgent(ground))]
        ground.say(f"{len(users)} customers")
        async with Ingest.of(stack.api_url, stack.keys.ingest) as http:
            await http.introduce(users)
        many, few = await _runs(stack.dsn, users, ground.sizes.blast)
        half = len(few) // 2
        quiet = [await _took(client, run) for run in few[:half]]
        ground.say(f"{len(many)} marketing messages at once")
        began = time.perf_counter()
        waiting = asyncio.create_task(_all(client, many))
        await asyncio.sleep(1)
        during = []
        for run in few[half:]:
            if waiting.done():
                break
            during.append(await _took(client, run))
            await asyncio.sleep(_BETWEEN)
        await waiting
        per_second = len(many) / (time.perf_counter() - began)
    later = [max(each - quantile(quiet, 0.5), 0) for each in during]
    usual = f"{quantile(quiet, 0.5):.2f} s without a blast"
    note = f"max {max(later):.2f} s, n = {len(later)}; {usual}; marketing at {per_second:.0f} /s"
    return [
        Row(
            f"a transactional message behind {len(many):,} of marketing comes later by, p99",
            f"{quantile(later, 0.99):.2f} s",
            "<= 2 s",
            note,
        )
    ]


def _urgent(ground: Ground) -> int:
    return max(5, ground.sizes.blast // 200)


async def _all(client: Client, runs: list[NewRun]) -> None:
    gate = asyncio.Semaphore(_AT_ONCE)

    async def started(run: NewRun) -> None:
        async with gate:
            await _start(client, run)

    await asyncio.gather(*(started(run) for run in runs))
    await asyncio.gather(*(client.get_workflow_handle(run.workflow_id).result() for run in runs))


async def _took(client: Client, run: NewRun) -> float:
    """From the start of a run to its message being accepted, as Temporal dates it (seconds)."""
    await _start(client, run)
    handle = client.get_workflow_handle(run.workflow_id, result_type=RunOver)
    over = await handle.result()
    assert over.sent == 1, over
    at = {event.event_type: event.event_time.ToDatetime() for event in (await handle.fetch_history()).events}
    accepted = at[EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED] - at[EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED]
    return accepted.total_seconds()


async def _start(client: Client, run: NewRun) -> None:
    """As the dispatcher does."""
    now = datetime.now(UTC)
    start = RunStart(
        run_id=run.id,
        customer_id=run.profile_id,
        segment=None,
        entered_at=now,
        started_at=now,
        clock=Clock(real_origin=now, business_origin=now),
    )
    priority = Priority(priority_key=2 if run.journey == "urgent" else 3, fairness_key=run.journey)
    await client.start_workflow(run.journey, start, id=run.workflow_id, task_queue=WORKFLOW_QUEUE, priority=priority)


async def _runs(dsn: str, users: list[str], marketing: int) -> tuple[list[NewRun], list[NewRun]]:
    database = await connect(dsn, max_size=2)
    try:
        async with database.transaction() as connection:
            people = await connection.fetch("select profile_id from identity where value = any($1::text[])", users)
            runs = [_run(row["profile_id"], "blast" if n < marketing else "urgent") for n, row in enumerate(people)]
            await open_runs(connection, runs)
    finally:
        await database.close()
    return runs[:marketing], runs[marketing:]


def _run(customer_id: UUID, journey: str) -> NewRun:
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
