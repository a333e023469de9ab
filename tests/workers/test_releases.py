"""Releases of the engine as versions of a Worker Deployment: routed by Temporal, and every run follows the current one."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import groupby

import pytest
from changing import Changing, changing, folder  # noqa: F401 - fixtures
from temporalio.api.enums.v1 import RoutingConfigUpdateState, VersioningBehavior
from temporalio.api.workflowservice.v1 import DescribeWorkerDeploymentRequest, SetWorkerDeploymentCurrentVersionRequest
from temporalio.service import RPCError, RPCStatusCode

from store.runs.views import Run
from tests.journeys.test_versions_of_runs import asleep, enter
from workers.testing.servers import Servers
from workers.testing.shop import Shop
from workers.worker import DEPLOYMENT, REMEMBERED, serving, workers


@pytest.fixture(scope="module")
def temporal_address() -> Iterator[str]:
    """A server with a worker of its own in each namespace, which keeps Worker Deployments; the session's goes without."""
    servers = Servers(dynamic={"worker.perNamespaceWorkerCount": "1"})
    yield servers.temporal
    servers.close()


@asynccontextmanager
async def release(shop: Shop, build: str) -> AsyncIterator[None]:
    """Workers of a release, beside those of others."""
    async with serving(workers(shop.skipper.client, shop.parts, remembered=REMEMBERED, build=build)):
        yield


async def becomes_current(shop: Shop, build: str) -> None:
    """`temporal worker deployment set-current-version`, as soon as the server has seen its workers; its queues know it then."""
    asked = SetWorkerDeploymentCurrentVersionRequest(
        namespace=shop.client.namespace, deployment_name=DEPLOYMENT, build_id=build, identity="an operator"
    )
    async with asyncio.timeout(60):
        while True:
            try:
                await shop.client.workflow_service.set_worker_deployment_current_version(asked)
            except RPCError as error:
                if error.status not in (RPCStatusCode.NOT_FOUND, RPCStatusCode.FAILED_PRECONDITION):
                    raise
                await asyncio.sleep(0.1)
            else:
                break
        while not await known_to_queues(shop):  # noqa: ASYNC110 - the server gets it there
            await asyncio.sleep(0.05)


async def known_to_queues(shop: Shop) -> bool:
    """The server tells its queues after it has answered."""
    asked = DescribeWorkerDeploymentRequest(namespace=shop.client.namespace, deployment_name=DEPLOYMENT)
    told = await shop.client.workflow_service.describe_worker_deployment(asked)
    state = told.worker_deployment_info.routing_config_update_state
    assert state != RoutingConfigUpdateState.ROUTING_CONFIG_UPDATE_STATE_UNSPECIFIED
    return state == RoutingConfigUpdateState.ROUTING_CONFIG_UPDATE_STATE_COMPLETED


async def builds(shop: Shop, run: Run) -> list[str]:
    """The releases that took the run's tasks, without repetitions."""
    events = (await shop.workflow(run).fetch_history()).events
    tasks = [
        e.workflow_task_completed_event_attributes for e in events if e.HasField("workflow_task_completed_event_attributes")
    ]
    assert {task.versioning_behavior for task in tasks} == {VersioningBehavior.VERSIONING_BEHAVIOR_AUTO_UPGRADE}
    return [build for build, _ in groupby(task.deployment_version.build_id for task in tasks)]


async def test_runs_follow_the_release_that_is_current_and_go_back_with_it(changing: Changing) -> None:  # noqa: F811 - the fixture
    shop = changing.shop
    changing.becomes("await j.push('note')", "await j.wait(days=30)", "await j.push('note')")
    await changing.deployed()
    await shop.parts.library.refresh()
    async with release(shop, "1.0"), release(shop, "1.1"):
        await becomes_current(shop, "1.0")
        ana, eva = [await enter(shop, user) for user in ("ana", "eva")]
        for run in (ana, eva):
            await asleep(shop, run)
        await becomes_current(shop, "1.1")
        assert (await shop.over(ana)).sent == 2
        await becomes_current(shop, "1.0")
        assert (await shop.over(eva)).sent == 2
        assert (await builds(shop, ana), await builds(shop, eva)) == (["1.0", "1.1"], ["1.0"])
