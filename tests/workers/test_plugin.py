"""The plugin: an activity's unexpected error leaves its kind in the history, and nothing it said."""

from datetime import timedelta
from uuid import uuid4

import pytest
from temporalio import activity, workflow
from temporalio.client import Client, WorkflowFailureError
from temporalio.common import RetryPolicy
from temporalio.worker import UnsandboxedWorkflowRunner, Worker
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

from workers.plugin import plugin, runner
from workers.testing.shop import new_namespace


@activity.defn
async def leaks() -> None:
    raise ValueError("the address ana@example.com is not valid")


@workflow.defn
class Leaky:
    @workflow.run
    async def run(self) -> None:
        await workflow.execute_activity(
            leaks, start_to_close_timeout=timedelta(seconds=5), retry_policy=RetryPolicy(maximum_attempts=1)
        )


async def test_an_unexpected_error_is_recorded_by_its_kind_only(temporal_address: str) -> None:
    namespace = await new_namespace(temporal_address)
    client = await Client.connect(temporal_address, namespace=namespace, plugins=[plugin(sandboxed=False)])
    async with Worker(client, task_queue="leaks", workflows=[Leaky], activities=[leaks]):
        handle = await client.start_workflow(Leaky.run, id=str(uuid4()), task_queue="leaks")
        with pytest.raises(WorkflowFailureError):
            await handle.result()
    history = (await handle.fetch_history()).to_json()
    assert "ValueError at tests/workers/test_plugin.py:19" in history
    assert "ana@example.com" not in history


def test_tests_run_in_the_strict_sandbox_and_production_does_not() -> None:
    assert isinstance(runner(sandboxed=True), SandboxedWorkflowRunner)
    assert isinstance(runner(sandboxed=False), UnsandboxedWorkflowRunner)
