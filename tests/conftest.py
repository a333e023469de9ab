"""Real servers for the whole suite: one Postgres and one time-skipping Temporal per test session, a database per test.

With pytest-xdist the controller starts both and tells its workers the addresses; without it, whoever needs one first.
A reaper (`workers.embedded.processes`) stops them even when pytest is killed.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import asyncpg
import pytest
from temporalio.client import Client, WorkflowHandle
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import TimeSkipper, WorkflowEnvironment

from store import Database, connect, migrate
from workers.embedded.postgres import EmbeddedPostgres, ensure_database
from workers.embedded.processes import Children
from workers.embedded.temporal import EmbeddedTemporal

TEMPLATE = "template_migrated"
FAST_NOT_SAFE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "shared_buffers": "64MB"}
TIME_SKIPPING = {"frontend.WorkflowTimeSkippingEnabled": "true"}


class Servers:
    """The session's servers, started when first asked for."""

    def __init__(self, given: dict[str, str]) -> None:
        self._given = given
        self._folder = tempfile.TemporaryDirectory(prefix="journeys-tests-", ignore_cleanup_errors=True)
        self._children = Children()

    @property
    def postgres(self) -> str:
        """The DSN of the server's `postgres` database; the migrated template stands beside it."""
        if "postgres" not in self._given:
            folder = Path(self._folder.name) / "postgres"
            server = EmbeddedPostgres(folder, self._children, preferred_port=0, options=FAST_NOT_SAFE)
            server.start()
            self._given["postgres"] = server.dsn()
            _run(_prepare_template(server.dsn()))
        return self._given["postgres"]

    @property
    def temporal(self) -> str:
        """The address of a Temporal server on which each workflow has its own clock."""
        if "temporal" not in self._given:
            log = Path(self._folder.name) / "temporal.log"
            server = EmbeddedTemporal(log, self._children, preferred_port=0, dynamic=TIME_SKIPPING)
            server.preferred_ui_port = None
            server.start()
            self._given["temporal"] = server.address
        return self._given["temporal"]

    def close(self) -> None:
        self._children.close()
        self._folder.cleanup()


SERVERS = pytest.StashKey[Servers]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[SERVERS] = Servers(getattr(config, "workerinput", {}).get("servers", {}))


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """The controller of pytest-xdist, before it starts a worker."""
    servers = node.config.stash[SERVERS]
    node.workerinput["servers"] = {"postgres": servers.postgres, "temporal": servers.temporal}


def pytest_unconfigure(config: pytest.Config) -> None:
    config.stash[SERVERS].close()


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
    return pytestconfig.stash[SERVERS]


@pytest.fixture(scope="session")
def server_dsn(servers: Servers) -> str:
    """The DSN of the session's Postgres server, for tests that create their own databases."""
    return servers.postgres


@pytest.fixture
async def empty_dsn(server_dsn: str) -> AsyncIterator[str]:
    """The DSN of an empty database of this test's own."""
    async with _database(server_dsn, template="template0") as dsn:
        yield dsn


@pytest.fixture
async def dsn(server_dsn: str) -> AsyncIterator[str]:
    """The DSN of a migrated database of this test's own."""
    async with _database(server_dsn, template=TEMPLATE) as dsn:
        yield dsn


@pytest.fixture(scope="session")
async def shared_dsn(server_dsn: str) -> AsyncIterator[str]:
    """The DSN of a migrated database for the tests of one worker that empty it behind them."""
    async with _database(server_dsn, template=TEMPLATE) as dsn:
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


async def _prepare_template(server: str) -> None:
    await ensure_database(server, TEMPLATE)
    database = await connect(_at(server, TEMPLATE))
    await migrate(database)
    await database.close()


@asynccontextmanager
async def _database(server: str, *, template: str) -> AsyncIterator[str]:
    name = f"test_{uuid4().hex}"
    await _execute(server, f"create database {name} template {template}")
    try:
        yield _at(server, name)
    finally:
        await _execute(server, f"drop database {name} with (force)")


async def _execute(server: str, statement: str) -> None:
    connection = await asyncpg.connect(server)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def _at(server: str, database: str) -> str:
    return urlunsplit(urlsplit(server)._replace(path=f"/{database}"))


def _run(work: Coroutine[Any, Any, None]) -> None:
    # In a thread: asyncio.run would take pytest-asyncio's session loop away from this one.
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, work).result()
