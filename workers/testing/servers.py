"""Real servers for tests: one Postgres and one time-skipping Temporal per session, a database per test.

A reaper (`workers.embedded.processes`) stops them even when the tests are killed.
"""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import asyncpg

from journeys.kit.lending import borrowed
from store import connect, migrate
from store.roles import let_api_in
from workers.embedded.postgres import EmbeddedPostgres, ensure_database
from workers.embedded.processes import Children
from workers.embedded.temporal import EmbeddedTemporal
from workers.testing.place import Place

#: The database that has the schema already.
TEMPLATE = "template_migrated"
_UNSAFE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
_SMALL = {"shared_buffers": "64MB", "max_wal_size": "128MB"}  # its files may be in memory
_TIME_SKIPPING = {"frontend.WorkflowTimeSkippingEnabled": "true"}
#: Temporal's own worker in each namespace, for schedules, batches and Worker Deployments: it polls until the server ends.
_NO_WORKER_OF_ITS_OWN = {"worker.perNamespaceWorkerCount": "0"}


class Servers:
    """The session's servers, started when first asked for; with a lender they are the ones of pytest-xdist's controller.

    `dynamic` are settings of Temporal, over ours.
    """

    def __init__(self, lender: Sequence[str] | None = None, dynamic: Mapping[str, str] | None = None) -> None:
        self._lender = lender
        self._dynamic = _TIME_SKIPPING | _NO_WORKER_OF_ITS_OWN | dict(dynamic or {})
        self._place = Place()
        self._children = Children(shared=(self._place.descriptor,))

    @cached_property
    def postgres(self) -> str:
        """The DSN of the server's `postgres` database; the migrated template stands beside it."""
        if self._lender is not None:
            return borrowed(self._lender, "postgres")
        folder = self._place.path / "postgres"
        server = EmbeddedPostgres(folder, self._children, preferred_port=0, options=_UNSAFE | _SMALL)
        server.start()
        _run(_prepare_template(server.dsn()))
        return server.dsn()

    @cached_property
    def temporal(self) -> str:
        """The address of a Temporal server on which each workflow has its own clock."""
        if self._lender is not None:
            return borrowed(self._lender, "temporal")
        log = self._place.path / "temporal.log"
        server = EmbeddedTemporal(log, self._children, preferred_port=0, dynamic=self._dynamic)
        server.preferred_ui_port = None
        server.start()
        return server.address

    def close(self) -> None:
        """Stop what was started."""
        self._children.close()
        self._place.close()


async def _prepare_template(server: str) -> None:
    await ensure_database(server, TEMPLATE)
    database = await connect(_at(server, TEMPLATE))
    await migrate(database)
    await let_api_in(database, as_api(server))
    await database.close()


@asynccontextmanager
async def fresh_database(server: str, *, template: str = TEMPLATE) -> AsyncIterator[str]:
    """The DSN of a database of one test's own, a copy of a template; it is dropped afterwards.

    Its files are copied as they are: block by block through the log takes Postgres three times as long.
    """
    name = f"test_{uuid4().hex}"
    await _execute(server, f"create database {name} template {template} strategy file_copy")
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


def as_api(dsn: str) -> str:
    """The address of the same database for the API, whose role may write less."""
    parts = urlsplit(dsn)
    return urlunsplit(parts._replace(netloc=f"journeys_api:journeys_api@{parts.hostname}:{parts.port}"))


def _at(server: str, database: str) -> str:
    return urlunsplit(urlsplit(server)._replace(path=f"/{database}"))


def _run(work: Coroutine[Any, Any, None]) -> None:
    # In a thread: asyncio.run would take pytest-asyncio's session loop away from this one.
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, work).result()
