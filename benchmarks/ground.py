"""The ground that the benchmarks stand on: one Postgres, one Temporal server in memory, and processes that never outlive us.

All benchmarks of a run share the servers, each with a database and a Temporal namespace of its own.
"""

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from secrets import token_hex

import psutil
from google.protobuf.duration_pb2 import Duration
from pydantic import SecretStr
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest, RegisterNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError

from benchmarks.sizes import Sizes
from workers.embedded.parts import Program, says
from workers.embedded.postgres import EmbeddedPostgres, ensure_database
from workers.embedded.processes import Children
from workers.embedded.stack import EmbeddedStack
from workers.embedded.temporal import EmbeddedTemporal
from workers.settings import Settings
from workers.temporal import connect_temporal

#: Commit times are what "commit -> …" is measured by; the server notes them at next to no cost.
_POSTGRES = {"track_commit_timestamp": "on"}
READY = "bench worker serves"
Say = Callable[[str], None]


@dataclass
class Ground:
    """What a benchmark gets: servers, sizes, and somebody who listens."""

    folder: Path
    children: Children
    postgres: EmbeddedPostgres
    temporal: EmbeddedTemporal
    sizes: Sizes
    say: Say

    @property
    def dsn(self) -> str:
        """The Postgres server."""
        return self.postgres.dsn()

    async def database(self, name: str) -> str:
        """The DSN of an empty database of a benchmark's own."""
        await ensure_database(self.dsn, name)
        return self.postgres.dsn(name)

    async def settings(self, name: str, catalogue: str) -> Settings:
        """Settings that point at the servers, with a namespace of this name."""
        await _namespace(self.temporal.address, name)
        return Settings.model_construct(
            {"catalogue", "temporal_address", "temporal_namespace", "data_dir", "log_level", "secret"},
            catalogue=catalogue,
            temporal_address=self.temporal.address,
            temporal_namespace=name,
            data_dir=self.folder / name,
            log_level="WARNING",
            secret=SecretStr(token_hex(32)),
        )

    async def client(self, settings: Settings) -> Client:
        """A client with the product's plugin."""
        return await connect_temporal(settings)

    @asynccontextmanager
    async def stack(self, name: str, *, catalogue: str, workers: int) -> AsyncIterator[EmbeddedStack]:
        """The product's own processes (API, sandbox, workers) on our servers and a database of this name."""
        settings = await self.settings(name, catalogue)
        dsn = SecretStr(await self.database(name))
        settings = settings.model_copy(update={"database_url": dsn, "log_level": "INFO"})  # readiness is read from the log
        async with EmbeddedStack(settings, workers=workers, usual_ports=False) as stack:
            yield stack

    @asynccontextmanager
    async def worker(self, variant: str, environment: Mapping[str, str]) -> AsyncIterator[psutil.Process]:
        """A worker process of `benchmarks.journey_worker`."""
        signed = {**environment, "JOURNEYS_DEPLOY_KEY": token_hex(32)}  # it may deploy what it runs
        async with self._process(f"worker-{variant}", ("benchmarks.journey_worker", variant), signed) as process:
            yield process

    @asynccontextmanager
    async def watcher(self, segments: str, dsn: str, measured: str = "") -> AsyncIterator[psutil.Process]:
        """A process of `benchmarks.watcher`; it is there once it has loaded its segments."""
        environment = {"JOURNEYS_DATABASE_URL": dsn}
        async with self._process(f"watcher-{segments}", ("benchmarks.watcher", segments, measured), environment) as process:
            yield process

    @asynccontextmanager
    async def _process(
        self, name: str, command: tuple[str, ...], environment: Mapping[str, str]
    ) -> AsyncIterator[psutil.Process]:
        log = self.folder / f"{name}.log"
        program = Program(name, command, {**os.environ, **environment}, log, self.children, says(READY))
        await asyncio.to_thread(program.start)
        assert program.child is not None
        try:
            yield psutil.Process(program.child.process.pid)
        finally:
            await asyncio.to_thread(program.stop)


@asynccontextmanager
async def ground(sizes: Sizes, say: Say) -> AsyncIterator[Ground]:
    """Start the servers; everything is gone afterwards."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="journeys-bench-", ignore_cleanup_errors=True)))
        os.chmod(folder, 0o755)  # noqa: PTH101 - Postgres runs as another user where we are root
        children = stack.enter_context(Children())
        postgres = EmbeddedPostgres(folder / "postgres", children, preferred_port=0, options=_POSTGRES)
        temporal = EmbeddedTemporal(folder / "temporal.log", children, preferred_port=0, preferred_ui_port=None)
        await asyncio.gather(asyncio.to_thread(postgres.start), asyncio.to_thread(temporal.start))
        yield Ground(folder, children, postgres, temporal, sizes, say)


async def _namespace(address: str, name: str) -> None:
    client = await Client.connect(address)
    retention = Duration()
    retention.FromTimedelta(timedelta(days=1))
    request = RegisterNamespaceRequest(namespace=name, workflow_execution_retention_period=retention)
    await client.workflow_service.register_namespace(request)
    async with asyncio.timeout(30):
        while not await _known(client, name):  # noqa: ASYNC110 - the server tells nobody when it is there
            await asyncio.sleep(0.2)


async def _known(client: Client, name: str) -> bool:
    try:
        await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=name))
    except RPCError:
        return False
    return True
