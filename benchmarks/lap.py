"""One lap of the cart journey: many runs at once, with their three days in a few seconds, and what the worker spent on them."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import psutil
from temporalio.client import Client, WorkflowHandle
from uuid_utils.compat import uuid7

from journeys.clock import Clock
from journeys.contracts import WORKFLOW_QUEUE, RunOver, RunStart


@dataclass(frozen=True, slots=True)
class Pace:
    """A journey, and how fast its days go by."""

    journey: str
    speed: float
    lead: timedelta = timedelta(0)


#: Waits of 10, 230 and 480 ms.
RACING = Pace("three_messages", speed=360_000)
#: The reference journey waits for marks counted from entry. The entry is put two seconds ahead and the marks 125 ms, 3 s and
#: 9 s after it, so that none has passed already when the run gets there, however busy the machine is.
STRIDING = Pace("cart_abandonment", speed=28_800, lead=timedelta(seconds=2))


@dataclass(frozen=True, slots=True)
class Lap:
    """What one lap gave."""

    seconds: float
    cpu: float
    journeys: int
    events: tuple[int, ...]

    @property
    def per_second(self) -> float:
        return self.journeys / self.seconds

    @property
    def cpu_ms(self) -> float:
        """Milliseconds of worker CPU per journey."""
        return 1000 * self.cpu / self.journeys


def start_now(pace: Pace, run_id: UUID, customer_id: UUID) -> RunStart:
    """The argument of a run that begins now."""
    now = datetime.now(UTC)
    clock = Clock(real_origin=now + pace.lead, business_origin=now, speed=pace.speed)
    return RunStart(
        run_id=run_id,
        customer_id=customer_id,
        segment="abandoned-cart",
        entered_at=now,
        started_at=clock.business(now),
        clock=clock,
    )


async def lap(client: Client, worker: psutil.Process, pace: Pace, runs: Sequence[tuple[UUID, UUID]], in_flight: int) -> Lap:
    """Run these (run, customer) pairs, at most `in_flight` at once."""
    gate = asyncio.Semaphore(in_flight)

    async def one(run_id: UUID, customer_id: UUID) -> WorkflowHandle[object, RunOver]:
        async with gate:
            handle = await begin(client, pace.journey, start_now(pace, run_id, customer_id))
            over = await handle.result()
            assert over.sent == 3, over
            return handle

    began, spent = time.perf_counter(), cpu(worker)
    handles = await asyncio.gather(*(one(*run) for run in runs))
    seconds, spent = time.perf_counter() - began, cpu(worker) - spent
    events = [(await handle.describe()).history_length for handle in handles]
    return Lap(seconds, spent, len(runs), tuple(sorted(events)))


async def begin(client: Client, journey: str, start: RunStart) -> "WorkflowHandle[object, RunOver]":
    return await client.start_workflow(
        journey,
        start,
        id=f"{journey}/{start.customer_id}/{start.run_id}",
        task_queue=WORKFLOW_QUEUE,
        result_type=RunOver,
        start_delay=start.clock.duration(start.start_delay) or None,
    )


def strangers(count: int) -> list[tuple[UUID, UUID]]:
    """Runs of customers whom no database knows."""
    return [(_new_id(), _new_id()) for _ in range(count)]


def cpu(worker: psutil.Process) -> float:
    """Seconds of CPU that a process has used."""
    times = worker.cpu_times()
    return times.user + times.system


def _new_id() -> UUID:
    return UUID(str(uuid7()))
