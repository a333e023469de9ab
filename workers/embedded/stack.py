"""The embedded stack: servers, API and workers as one thing that starts, stops, and loses parts on request.

`journeys dev`, `journeys demo`, the crash tests and the benchmarks all stand on it. Whatever happens to the process
that holds it, no child is left behind, and the data directory carries everything over to the next start.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import urlsplit, urlunsplit

from api.ingest.signed import identity_secret
from store import Database, connect, migrate
from store.keys import ANYWHERE, Grant, Role, digest, put_key
from store.roles import let_api_in
from store.segments.declarations import standing
from workers.embedded.configured import reach_postgres, reach_temporal, where
from workers.embedded.environment import signing_secret
from workers.embedded.hold import Hold
from workers.embedded.parts import Part
from workers.embedded.ports import Ports
from workers.embedded.postgres import EmbeddedPostgres, ensure_database
from workers.embedded.processes import Children
from workers.embedded.programs import Programs
from workers.embedded.temporal import EmbeddedTemporal
from workers.embedded.vault import Keys, Running, forget_running, keys_in, note_running, secrets_in
from workers.settings import Settings
from workers.training.process import missing

DATABASE = "journeys"
API_ROLE = "journeys_api"
Say = Callable[[str, str], None]
_UNTRAINED = "predictions", "are not trained: pip install 'journeys[predictions]', and start this again"


def _key_name(kind: str, key: str) -> str:
    """The digest tells stacks apart that share a configured database."""
    return f"embedded-{kind}-{digest(key).hex()[:8]}"


async def _any_declared(database: Database) -> bool:
    return any(each.definition is not None for each in await standing(database))


def _silent(_part: str, _sentence: str) -> None:
    """Nobody listens."""


@dataclass(slots=True)
class EmbeddedStack:
    """Use as `async with EmbeddedStack(settings) as stack`. Parts: postgres, temporal, sandbox, api, worker-1 to n."""

    settings: Settings
    workers: int = 1
    #: Added to the environment of the sandbox, the API and the workers, e.g. the demo's clock.
    env: Mapping[str, str] = field(default_factory=dict)
    #: Told (part, sentence) as things come up, for people to read.
    say: Say = _silent

    #: False: any free ports, so that several stacks start side by side.
    usual_ports: bool = True
    #: False: Temporal forgets its runs when it stops; for what begins afresh each time, such as the demo.
    durable: bool = True

    parts: dict[str, Part] = field(default_factory=dict, repr=False)
    dsn: str = field(default="", repr=False)
    #: The same database, in the API's role.
    api_dsn: str = field(default="", repr=False)
    temporal_address: str = ""
    ui_url: str = ""
    api_url: str = ""
    sandbox_url: str = ""
    smtp_url: str = ""
    metrics_urls: dict[str, str] = field(default_factory=dict)
    #: Signs user ids for the client's key.
    identity_secret: str = field(default="", repr=False)
    keys: Keys = field(default_factory=lambda: Keys("", "", ""))
    _children: Children = field(default_factory=Children, repr=False)
    _hold: Hold | None = field(default=None, repr=False)
    _ports: Ports = field(init=False, repr=False)
    _declared: bool = field(default=False, repr=False)  # whether predictions are declared by API
    _planned: Programs | None = field(default=None, repr=False)

    async def __aenter__(self) -> Self:
        try:
            await self.start()
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Bring everything up, in order.

        Raises:
            EmbeddedError: a part could not be found or started, a setting is wrong, or the directory is in use.
            StoreError: the configured Postgres does not answer, or holds another schema.
        """
        self.settings = self.settings.model_copy(update={"data_dir": self.settings.data_dir.resolve()})
        await self._check_settings()
        self._hold = await asyncio.to_thread(Hold, self.settings.data_dir)
        self._ports = Ports(self.settings.data_dir, self.say, self.usual_ports)
        self._children = Children(shared=(self._hold.descriptor,))
        await self._start_postgres()
        await self._start_temporal()
        await self._start_programs()
        note_running(self.settings.data_dir, Running(self.dsn, self.temporal_address, self.ui_url, self.api_url))

    async def stop(self) -> None:
        """Stop everything: workers and API first, the servers they need last."""
        for group in (self._programs(), ["temporal"], ["postgres"]):
            await asyncio.gather(*(asyncio.to_thread(self.parts[name].stop) for name in group if name in self.parts))
        await asyncio.to_thread(self._children.close)
        if self._hold is not None:
            forget_running(self.settings.data_dir)
            self._ports.release()
            self._hold.release()
            self._hold = None

    async def start_part(self, name: str) -> None:
        """Start a part that was stopped or killed; it keeps its address."""
        await asyncio.to_thread(self.parts[name].start)

    async def stop_part(self, name: str) -> None:
        """End a part cleanly, and leave it down."""
        await asyncio.to_thread(self.parts[name].stop)

    async def kill_part(self, name: str) -> None:
        """End a part with SIGKILL, and leave it down."""
        await asyncio.to_thread(self.parts[name].kill)

    async def restart_part(self, name: str) -> None:
        """Stop a part and start it again."""
        await self.stop_part(name)
        await self.start_part(name)

    async def train_what_is_declared(self) -> None:
        """Start the process that trains, where the first prediction was declared by API since the stack is up.

        Raises:
            ServerFailed: it does not start.
            asyncpg.PostgresError, OSError: the database does not answer right now.
        """
        if self._planned is None or "trainer" in self.parts or (missing() and self._declared):
            return
        database = await connect(self.dsn, max_size=1)
        try:
            self._declared = await _any_declared(database)
        finally:
            await database.close()
        if self._declared and missing():
            self.say(*_UNTRAINED)
        elif self._declared:
            await self._bring_up("trainer", self._planned.trainer())
            self.say("trainer", "trains what was declared")

    @property
    def worker_names(self) -> list[str]:
        """The names of the worker parts."""
        return [name for name in self.parts if name.startswith("worker-")]

    def _programs(self) -> list[str]:
        return [name for name in self.parts if name not in ("postgres", "temporal")]

    async def _check_settings(self) -> None:
        if self.settings.database_url is not None:
            await reach_postgres(self.settings.database_url.get_secret_value())
        if self.settings.temporal_address is not None:
            await reach_temporal(self.settings)

    async def _start_postgres(self) -> None:
        if self.settings.database_url is not None:
            self.dsn = self.settings.database_url.get_secret_value()
        else:
            directory, log = self.settings.data_dir / "postgres", self.settings.data_dir / "logs" / "postgres.log"
            server = EmbeddedPostgres(directory, self._children, log=log, port=self._ports.take("postgres", 5432))
            await self._bring_up("postgres", server)
            await ensure_database(server.dsn(), DATABASE)
            self.dsn = server.dsn(DATABASE)
        self.api_dsn = self._api_dsn()
        await self._prepare_database()
        self.say("postgres", where(self.dsn))

    def _api_dsn(self) -> str:
        """A role of its own: ours on a server of ours, else the configured one; who names a database alone named its owner."""
        if self.settings.api_database_url is not None:
            return self.settings.api_database_url.get_secret_value()
        if self.settings.database_url is not None:
            return self.dsn
        parts = urlsplit(self.dsn)
        password = secrets_in(self.settings.data_dir).api_database
        return urlunsplit(parts._replace(netloc=f"{API_ROLE}:{password}@{parts.hostname}:{parts.port}"))

    async def _prepare_database(self) -> None:
        self.keys = keys_in(self.settings.data_dir)
        database = await connect(self.dsn, max_size=2)
        try:
            await migrate(database)
            if self.api_dsn != self.dsn:
                await let_api_in(database, self.api_dsn)
            await put_key(database.pool, _key_name("ingest", self.keys.ingest), Role.INGEST, self.keys.ingest)
            operate = Grant(Role.OPERATE, personal=True)
            await put_key(database.pool, _key_name("operate", self.keys.operate), operate, self.keys.operate)
            # Any page of this machine may use it: whoever develops a shop has it on one port or another.
            client = _key_name("client", self.keys.client)
            await put_key(database.pool, client, Grant(Role.CLIENT, origins=[ANYWHERE]), self.keys.client)
            self.identity_secret = identity_secret(signing_secret(self.settings), client)
            self._declared = await _any_declared(database)
        finally:
            await database.close()

    async def _start_temporal(self) -> None:
        if self.settings.temporal_address is not None:
            self.temporal_address, self.ui_url = self.settings.temporal_address, self.settings.temporal_ui_url or ""
        else:
            server = EmbeddedTemporal(
                self.settings.data_dir / "logs" / "temporal.log",
                self._children,
                state=self.settings.data_dir / "temporal" / "state.db" if self.durable else None,
                port=self._ports.take("temporal", 7233),
                ui_port=self._ports.take("temporal UI", self.settings.temporal_ui_port),
                namespace=self.settings.temporal_namespace,
            )
            await self._bring_up("temporal", server)
            self.temporal_address, self.ui_url = server.address, server.ui_url
        self.say("temporal", self.temporal_address)

    async def _start_programs(self) -> None:
        programs = Programs.plan(
            self.settings,
            self._children,
            dsn=self.dsn,
            api_dsn=self.api_dsn,
            temporal=self.temporal_address,
            ui=self.ui_url,
            extra=self.env,
            ports=self._ports,
        )
        self.api_url, self.sandbox_url, self.smtp_url = programs.at.api, programs.at.sandbox, programs.at.smtp
        await self._bring_up("sandbox", programs.sandbox())
        self.say("sandbox", self.sandbox_url)
        rest = {"api": programs.api()}
        rest |= {f"worker-{number}": programs.worker(number) for number in range(1, self.workers + 1)}
        predicts = programs.predicts or self._declared
        if predicts and not missing():
            rest["trainer"] = programs.trainer()
        elif predicts:
            self.say(*_UNTRAINED)
        await asyncio.gather(*(self._bring_up(name, program) for name, program in rest.items()))
        self.say("api", self.api_url)
        self.say("workers", f"{self.workers} started")
        self.metrics_urls = programs.metrics_urls
        self._planned = programs

    async def _bring_up(self, name: str, part: Part) -> None:
        self.parts[name] = part  # first, so that a part that is cut short while starting is stopped as well
        await asyncio.to_thread(part.start)
