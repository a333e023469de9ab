"""Runs that begin at the shop's time, which may be days ahead of the server's: the first of their own time is skipped.

Promise: a run's clock shows what the shop's does when it begins, so that instants mean the same to both.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio.client import Client, Interceptor, OutboundInterceptor, StartWorkflowInput, WorkflowHandle
from temporalio.testing import TimeSkipper

from journeys.clock import Clock

_SOON = timedelta(seconds=1)


def starting_on_time(skipper: TimeSkipper, clock: Clock) -> Client:
    """The skipper's client, whose runs begin at the clock's time."""
    config = skipper.client.config()
    config["interceptors"] = [_OnTime(skipper, clock), *config["interceptors"]]
    return Client(**config)


class _OnTime(Interceptor):
    def __init__(self, skipper: TimeSkipper, clock: Clock) -> None:
        self._skipper, self._clock = skipper, clock

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:  # noqa: A002 - the SDK's name
        return _Starting(next, self._skipper, self._clock)


class _Starting(OutboundInterceptor):
    def __init__(self, inner: OutboundInterceptor, skipper: TimeSkipper, clock: Clock) -> None:
        super().__init__(inner)
        self._skipper, self._clock = skipper, clock

    async def start_workflow(self, input: StartWorkflowInput) -> WorkflowHandle[Any, Any]:  # noqa: A002 - the SDK's name
        ahead = self._clock.now() - datetime.now(UTC)
        if ahead <= _SOON:
            return await super().start_workflow(input)
        input.start_delay = (input.start_delay or timedelta(0)) + ahead
        handle = await super().start_workflow(input)
        await self._skipper.fast_forward(handle, ahead)
        return handle
