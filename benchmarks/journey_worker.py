"""A worker process under measurement: `python -m benchmarks.journey_worker ours|by-hand|by-hand-plain|delivering`.

The first three serve the same queues with the same options and the same activity, which does nothing; they differ in the
workflow. `delivering` is the product's own: gate, ledger, templates, providers.
"""

import asyncio
import signal
import sys
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

from temporalio import activity
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import PollerBehaviorAutoscaling, UnsandboxedWorkflowRunner, Worker

from benchmarks.by_hand import ByHand
from benchmarks.ground import READY
from journeys.contracts import WATCH_QUEUE, WORKFLOW_QUEUE, Channel, DeliverRequest, Outcome, Receipt, delivery_queue
from journeys.temporal.workflow import JourneyRun
from store import connect
from workers.assembly import assemble
from workers.definitions import load_definitions
from workers.settings import Settings
from workers.telemetry import set_up_logs
from workers.temporal import connect_temporal
from workers.worker import workers


@activity.defn(name="deliver")
async def deliver(_: DeliverRequest) -> Receipt:
    """A message that costs nothing: what is measured is everything around it."""
    return Receipt(outcome=Outcome.SENT)


async def serve(variant: str) -> None:
    settings = Settings()
    set_up_logs(settings)
    async with AsyncExitStack() as stack:
        for worker in await _workers(variant, settings, stack):
            await stack.enter_async_context(worker)
        print(READY, flush=True)
        await _told_to_stop()


async def _workers(variant: str, settings: Settings, stack: AsyncExitStack) -> list[Worker]:
    load_definitions(settings.catalogue)
    match variant:
        case "ours":
            return _idle_messages(await connect_temporal(settings), JourneyRun)
        case "by-hand":
            return _idle_messages(await connect_temporal(settings), ByHand)
        case "by-hand-plain":
            return _idle_messages(await _plain_client(settings), ByHand, workflow_runner=UnsandboxedWorkflowRunner())
    return await _delivering(settings, stack)


def _idle_messages(client: Client, workflow: type, **more: Any) -> list[Worker]:
    """The workers of `workers.worker`, with an activity that does nothing."""
    runs = Worker(
        client,
        task_queue=WORKFLOW_QUEUE,
        workflows=[workflow],
        workflow_task_poller_behavior=PollerBehaviorAutoscaling(),
        **more,
    )
    return [runs, *(_deliveries(client, delivery_queue(channel)) for channel in Channel)]


def _deliveries(client: Client, queue: str) -> Worker:
    return Worker(client, task_queue=queue, activities=[deliver], activity_task_poller_behavior=PollerBehaviorAutoscaling())


async def _plain_client(settings: Settings) -> Client:
    """Without the product's plugin: no tracing, no redaction."""
    await connect_temporal(settings)  # registers the search attributes
    return await Client.connect(
        settings.temporal_address or "", namespace=settings.temporal_namespace, data_converter=pydantic_data_converter
    )


async def _delivering(settings: Settings, stack: AsyncExitStack) -> list[Worker]:
    database = await connect(settings.dsn, max_size=settings.database_pool)
    stack.push_async_callback(database.close)
    client = await connect_temporal(settings)
    parts = assemble(settings, database, client)
    stack.push_async_callback(parts.close)
    # Each run has a clock of its own that races through three days: a message is tried when it is due.
    parts = replace(parts, delivery=replace(parts.delivery, clock=lambda request: request.due_at))
    queues = settings.worker_queues or [WORKFLOW_QUEUE, *(delivery_queue(channel) for channel in Channel)]
    assert WATCH_QUEUE not in queues
    return workers(client, parts, queues)


async def _told_to_stop() -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1]))
