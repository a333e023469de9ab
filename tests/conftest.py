"""Real servers for the whole suite: one Postgres and one time-skipping Temporal per test session, a database per test.

Whoever needs one first starts it; with pytest-xdist its controller does, for all its workers (`journeys.kit.plugin`).
A reaper (`workers.embedded.processes`) stops them even when pytest is killed.
"""

import gc
import os
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import Client, WorkflowHandle
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import TimeSkipper, WorkflowEnvironment

from store import Database, connect
from tests.extent import QUICK
from tests.once import made_once
from tests.stuck import pytest_configure, pytest_runtest_protocol
from tests.wheel import installed, sdist, wheel
from workers.testing.plugin import servers_of
from workers.testing.servers import Servers, fresh_database
from workers.training.process import ONE_THREAD

__all__ = ["installed", "pytest_configure", "pytest_runtest_protocol", "sdist", "wheel"]

# As the process that trains does, before numpy is loaded: a second thread does nothing but wait for work in a loop.
os.environ.update(ONE_THREAD)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Files with long tests first: none begins when everything else is done. What a file's tests share stays together.

    A quick run of the whole suite is one without them.
    """
    slow = [item for item in items if item.get_closest_marker("slow")]
    if QUICK and _in(config, config.args) == _in(config, config.getini("testpaths")):
        config.hook.pytest_deselected(items=slow)
        items[:] = [item for item in items if item not in slow]
    long = {item.path for item in slow}
    items.sort(key=lambda item: item.path not in long)


def _in(config: pytest.Config, paths: list[str]) -> list[Path]:
    return [config.rootpath / path for path in paths]


def pytest_collection_finish(session: pytest.Session) -> None:
    """Tests and modules are there to stay: a tenth of a worker's time went into looking for garbage among them.

    And all tests are imported: whoever rewrites their asserts need not look at what the sandbox imports anew for each run.
    """
    gc.collect()
    gc.freeze()
    sys.meta_path.remove(session.config.pluginmanager.rewrite_hook)


@pytest.fixture(scope="session", autouse=True)
def dear_things_are_made_once() -> Iterator[None]:
    with made_once():
        yield


class TimeSkippingEnvironment(WorkflowEnvironment):
    """What `WorkflowEnvironment.start_time_skipping_v2` gives, over a server that we started ourselves.

    A server started by the SDK may abort the interpreter at exit (sdk-python issue 300); one of our own does not.
    """

    def __init__(self, client: Client) -> None:
        self._skipper = TimeSkipper(client)
        super().__init__(self._skipper.client)

    @property
    def supports_time_skipping_v2(self) -> bool:
        return True

    async def fast_forward(self, handle: WorkflowHandle[Any, Any], duration: timedelta | float | None = None, /) -> bool:
        return await self._skipper.fast_forward(handle, duration)

    async def get_current_time(self, handle: WorkflowHandle[Any, Any] | None = None) -> datetime:
        assert handle is not None, "each workflow has its own clock"
        return await self._skipper.get_current_time(handle)

    @contextmanager
    def with_time_skipping_disabled(self) -> Iterator[None]:
        with self._skipper.with_time_skipping_disabled():
            yield


@pytest.fixture(scope="session")
def servers(pytestconfig: pytest.Config) -> Servers:
    return servers_of(pytestconfig)


@pytest.fixture(scope="session")
def server_dsn(servers: Servers) -> str:
    """The DSN of the session's Postgres server, for tests that create their own databases."""
    return servers.postgres


@pytest.fixture
async def empty_dsn(server_dsn: str) -> AsyncIterator[str]:
    """The DSN of an empty database of this test's own."""
    async with fresh_database(server_dsn, template="template0") as dsn:
        yield dsn


@pytest.fixture
async def dsn(server_dsn: str) -> AsyncIterator[str]:
    """The DSN of a migrated database of this test's own."""
    async with fresh_database(server_dsn) as dsn:
        yield dsn


@pytest.fixture(scope="session")
async def shared_dsn(server_dsn: str) -> AsyncIterator[str]:
    """The DSN of a migrated database for the tests of one worker that empty it behind them."""
    async with fresh_database(server_dsn) as dsn:
        yield dsn


@pytest.fixture
async def database(dsn: str) -> AsyncIterator[Database]:
    """A pool on a migrated database of this test's own."""
    database = await connect(dsn)
    yield database
    await database.close()


@pytest.fixture(scope="session")
def temporal_address(servers: Servers) -> str:
    """The address of the session's Temporal server, for a client of your own (see TimeSkippingEnvironment)."""
    return servers.temporal


@pytest.fixture(scope="session")
async def temporal(temporal_address: str) -> TimeSkippingEnvironment:
    """The session's time-skipping environment, with pydantic payloads."""
    return TimeSkippingEnvironment(await Client.connect(temporal_address, data_converter=pydantic_data_converter))
