"""One attempt at a delivery: a sign of life while it lasts, when it may be cut short, and patience with the store.

Promise: until a message is claimed, a run that ends or a worker that stops ends the attempt at once; from the claim on
nothing does but the death of the process, because what the provider says is known only here.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import timedelta
from typing import Any, TypeVar

from temporalio import activity
from temporalio.exceptions import ApplicationError

from store.away import NOT_WRITTEN

T = TypeVar("T")

#: How often an attempt shows a sign of life; an ordinary one is over long before the first, and costs none.
HEARTBEAT = timedelta(seconds=4)

_SETTLE_FOR = timedelta(seconds=20)  # so that a short outage of Postgres costs no certainty


async def patiently(write: Callable[[], Awaitable[T]]) -> T:
    """Write what the provider said: it is known only here, so a restart or a passing refusal of Postgres is waited out."""
    loop = asyncio.get_running_loop()
    give_up = loop.time() + _SETTLE_FOR.total_seconds()
    while True:
        try:
            return await write()
        except NOT_WRITTEN:
            if loop.time() > give_up:
                raise
            await asyncio.sleep(0.25)


@asynccontextmanager
async def alive() -> AsyncIterator[None]:
    """Tell Temporal that the attempt's worker lives, for as long as the block lasts."""
    beating = asyncio.create_task(_beat())
    try:
        yield
    finally:
        beating.cancel()


async def _beat() -> None:
    while activity.in_activity():
        await asyncio.sleep(HEARTBEAT.total_seconds())
        activity.heartbeat()


@contextmanager
def interruptible() -> Iterator[None]:
    """Around what waits before a claim: where the worker stops, another one takes the message over without a doubt.

    Raises:
        ApplicationError: the worker stops, or Temporal has given the attempt up; Temporal retries.
        CancelledError: the run has ended.
    """
    try:
        yield
    except asyncio.CancelledError:
        if activity.in_activity() and not _run_ended():
            raise _stopped() from None
        raise
    if activity.in_activity() and activity.is_worker_shutdown():
        raise _stopped()


async def to_its_end(work: Coroutine[Any, Any, T]) -> T:
    """Wait for what began with a claim, whoever wants it to stop: the provider's own deadlines end it."""
    task = asyncio.ensure_future(work)
    while not task.done():
        with suppress(asyncio.CancelledError):
            await asyncio.wait({task})
    return task.result()


def _run_ended() -> bool:
    """Whether a cancellation comes from the run; else Temporal has given the attempt up, or the worker stops."""
    details = activity.cancellation_details()
    return details is not None and details.cancel_requested


def _stopped() -> ApplicationError:
    return ApplicationError("this worker stops before the message is claimed; another goes on with it", type="WorkerStops")
