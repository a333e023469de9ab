"""Sleeping runs: what they cost the worker that put them to sleep, and whether each one wakes.

A worker keeps the runs it saw last in its cache (Temporal's default: 1,000) and forgets the others; a forgotten run is
replayed from its history when it wakes. So memory must stop growing once the cache is full.
"""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from uuid import UUID

import psutil
from temporalio.client import Client, WorkflowHandle

from benchmarks.ground import Ground
from benchmarks.lap import Pace, begin, start_now, strangers
from benchmarks.table import Row
from benchmarks.throughput import CATALOGUE, told
from journeys.contracts import RunOver

_AT_ONCE = 64
_FEW = 100
_ASLEEP = 5  # events in the history of a run that waits in its first timer


async def sleepers(ground: Ground) -> list[Row]:
    """The rows on sleeping runs."""
    settings = await ground.settings("sleepers", CATALOGUE)
    client = await ground.client(settings)
    async with ground.worker("ours", told(settings)) as worker:
        return await _night(ground, client, worker)


async def _night(ground: Ground, client: Client, worker: psutil.Process) -> list[Row]:
    count = ground.sizes.sleepers
    nap = await _nap(ground, client, count)
    awake = _megabytes(worker)
    pace = Pace("sleeps_an_hour", speed=timedelta(hours=1) / nap)
    ground.say(f"putting {count:,} runs to sleep for {nap.total_seconds():.0f} s")
    early = count * 2 // 3  # the cache is full by then, and Python's allocator has settled
    began = time.perf_counter()
    first = await _put_to_sleep(client, pace, early)
    then = _megabytes(worker)
    rest = await _put_to_sleep(client, pace, count - early)
    full = _megabytes(worker)
    late = timedelta(seconds=time.perf_counter() - began) > nap
    ground.say("waiting for them to wake")
    woke = await _woke([*first, *rest], nap)
    sizes = f"{awake:.0f} MB with none, {then:.0f} MB with {early:,}, {full:.0f} MB with {count:,}"
    if late:
        sizes += "; the machine was so busy that some woke before the last was asleep"
    return [
        Row(f"worker memory, {count:,} asleep / {early:,} asleep", f"{full / then:.0%}", "<= 105%", sizes),
        Row("sleeping runs missed on wake", f"{count - woke} runs", "<= 0 runs", f"of {count:,}"),
    ]


async def _nap(ground: Ground, client: Client, count: int) -> timedelta:
    """How long to sleep, so that all are asleep before the first one wakes; found out by trying a few."""
    ground.say("finding out how fast runs fall asleep")
    short = Pace("sleeps_an_hour", speed=3_600)
    tried = await _put_to_sleep(client, short, 50)  # the worker's first runs are slower
    began = time.perf_counter()
    tried += await _put_to_sleep(client, short, _FEW)
    each = (time.perf_counter() - began) / _FEW
    await asyncio.gather(*(sleeper.result() for sleeper in tried))
    return timedelta(seconds=5 + 1.2 * each * count)


async def _put_to_sleep(client: Client, pace: Pace, count: int) -> list["WorkflowHandle[object, RunOver]"]:
    gate = asyncio.Semaphore(_AT_ONCE)

    async def one(run_id: UUID, customer_id: UUID) -> "WorkflowHandle[object, RunOver]":
        async with gate:
            return await begin(client, pace.journey, start_now(pace, run_id, customer_id))

    handles = await asyncio.gather(*(one(*run) for run in strangers(count)))
    for handle in handles[-_AT_ONCE:]:
        while not await _asleep(handle):  # noqa: ASYNC110 - the server tells nobody
            await asyncio.sleep(0.1)
    return handles


async def _asleep(handle: "WorkflowHandle[object, RunOver]") -> bool:
    return (await handle.describe()).history_length >= _ASLEEP


async def _woke(handles: list["WorkflowHandle[object, RunOver]"], nap: timedelta) -> int:
    """How many are over, waiting until all are or it has been far too long."""
    give_up = datetime.now(UTC) + 2 * nap + timedelta(seconds=60)
    over = 0
    for handle in handles:
        left = (give_up - datetime.now(UTC)).total_seconds()
        try:
            async with asyncio.timeout(max(1, left)):
                over += (await handle.result()).outcome.value == "finished"
        except TimeoutError:
            continue
    return over


def _megabytes(worker: psutil.Process) -> float:
    return worker.memory_info().rss / 1e6
