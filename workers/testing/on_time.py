"""Runs that begin at the shop's time, which may be days ahead of the server's: the first of their own time is skipped.

Promise: a run's clock shows what the shop's does when it begins, so that instants mean the same to both.
"""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from temporalio.api.common.v1 import FastForwardConfig, TimeSkippingConfig, WorkflowExecution
from temporalio.api.workflowservice.v1 import PollWorkflowExecutionTimeSkippingRequest
from temporalio.client import Client, Interceptor, OutboundInterceptor, StartWorkflowInput, WorkflowHandle

from journeys.clock import Clock

_SOON = timedelta(seconds=1)


def starting_on_time(client: Client, clock: Clock) -> Client:
    """The client, with runs that begin at the clock's time."""
    config = client.config()
    config["interceptors"] = [*config["interceptors"], _OnTime(client, clock)]  # the last word on how time is skipped
    return Client(**config)


class _OnTime(Interceptor):
    def __init__(self, client: Client, clock: Clock) -> None:
        self._client, self._clock = client, clock

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:  # noqa: A002 - the SDK's name
        return _Starting(next, self._client, self._clock)


class _Starting(OutboundInterceptor):
    def __init__(self, inner: OutboundInterceptor, client: Client, clock: Clock) -> None:
        super().__init__(inner)
        self._client, self._clock = client, clock

    async def start_workflow(self, input: StartWorkflowInput) -> WorkflowHandle[Any, Any]:  # noqa: A002 - the SDK's name
        ahead = self._clock.now() - datetime.now(UTC)
        if ahead <= _SOON:
            return await super().start_workflow(input)
        # The leap is part of the start: one that is asked for afterwards ends a moment after the run begins, and where that is
        # in the middle of its first task, the server may not see its end and skips on.
        leap = FastForwardConfig(id=str(uuid4()))
        leap.duration.FromTimedelta(ahead)
        input.start_delay = (input.start_delay or timedelta(0)) + ahead
        input.time_skipping_config = TimeSkippingConfig(enabled=True, fast_forward_config=leap)
        handle = await super().start_workflow(input)
        await self._landed(handle.id, leap.id)
        return handle

    async def _landed(self, workflow_id: str, leap: str) -> None:
        asked = PollWorkflowExecutionTimeSkippingRequest(
            namespace=self._client.namespace,
            workflow_execution=WorkflowExecution(workflow_id=workflow_id),
            fast_forward_id=leap,
        )
        service = self._client.workflow_service
        while not (await service.poll_workflow_execution_time_skipping(asked, retry=True)).fast_forward_polling_result:
            pass  # the server answers every so often, whether it is there or not
