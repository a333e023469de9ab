"""One attempt at a delivery: a sign of life while it lasts, and patience with the store once a provider has answered.

Promise: what is in flight is settled, even if the run ends meanwhile or Postgres is restarted under it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from datetime import timedelta
from typing import Any, TypeVar

from temporalio import activity

from store.away import AWAY

T = TypeVar("T")

_SETTLE_FOR = timedelta(seconds=20)  # stays inside the attempt, so that a short outage of Postgres costs no certainty
_HEARTBEAT = 4.0  # an ordinary attempt is over long before, and costs no heartbeat


async def patiently(write: Callable[[], Awaitable[None]]) -> None:
    """Write what the provider said: it is known only here, so a restart of Postgres is waited out."""
    loop = asyncio.get_running_loop()
    give_up = loop.time() + _SETTLE_FOR.total_seconds()
    while True:
        try:
            return await write()
        except AWAY:
            if loop.time() > give_up:
                raise
            await asyncio.sleep(0.25)


async def alive(work: Coroutine[Any, Any, T]) -> T:
    """Wait for an attempt, telling Temporal that its worker lives; a run that ends does not abort what is in flight."""
    task = asyncio.ensure_future(work)
    while not task.done():
        try:
            await asyncio.wait({task}, timeout=_HEARTBEAT)
        except asyncio.CancelledError:
            if not _run_ended():
                task.cancel()
                raise
        if activity.in_activity() and not task.done():
            activity.heartbeat()
    return task.result()


def _run_ended() -> bool:
    """Whether a cancellation comes from the run; else the attempt took too long, or the worker stops."""
    details = activity.cancellation_details() if activity.in_activity() else None
    return details is not None and details.cancel_requested
