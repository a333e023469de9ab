"""The embedded Postgres keeps its data over stops, kills and users; nobody enters it without the password."""

import asyncio
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import asyncpg
import psutil
import pytest

from workers.embedded.configured import OLDEST_MAJOR
from workers.embedded.errors import BinaryMissing, ServerFailed
from workers.embedded.ports import LOCALHOST
from workers.embedded.postgres import EmbeddedPostgres, closed_above, ensure_database, find_binaries
from workers.embedded.processes import Children

SCRIPT = """
import asyncio, os, sys, asyncpg
from pathlib import Path
from workers.embedded.postgres import EmbeddedPostgres
from workers.embedded.processes import Children
async def ask(dsn):
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval("select current_user || ' ' || current_setting('is_superuser')")
    finally:
        await connection.close()
with Children() as children:
    server = EmbeddedPostgres(Path(sys.argv[1]), children, preferred_port=0)
    server.start()
    print(asyncio.run(ask(server.dsn())), os.geteuid(), Path(f"/proc/{server.child.process.pid}").stat().st_uid)
"""


@pytest.fixture
def children() -> Iterator[Children]:
    with Children() as children:
        yield children


@pytest.fixture
def server(children: Children, tmp_path: Path) -> EmbeddedPostgres:
    server = EmbeddedPostgres(tmp_path / "postgres", children, preferred_port=0)
    server.start()
    return server


async def execute(dsn: str, statement: str) -> None:
    connection = await asyncpg.connect(dsn)
    await connection.execute(statement)
    await connection.close()


async def value(dsn: str, statement: str) -> object:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


@pytest.mark.parametrize("how", ["stop", "kill"])
async def test_data_and_port_survive(how: str, server: EmbeddedPostgres) -> None:
    port = server.port
    await ensure_database(server.dsn(), "shop")
    await execute(server.dsn("shop"), "create table t as select 42 as answer")
    getattr(server, how)()
    server.start()
    assert server.port == port
    assert await value(server.dsn("shop"), "select answer from t") == 42
    await ensure_database(server.dsn(), "shop")


async def test_a_directory_is_taken_over_with_its_password(server: EmbeddedPostgres, children: Children) -> None:
    await execute(server.dsn(), "create table t as select 1 as kept")
    server.stop()
    again = EmbeddedPostgres(server.directory, children, preferred_port=0)
    again.start()
    assert await value(again.dsn(), "select kept from t") == 1


async def test_a_server_left_running_is_ended_first(server: EmbeddedPostgres, children: Children) -> None:
    await execute(server.dsn(), "create table t as select 1 as kept")
    again = EmbeddedPostgres(server.directory, children, preferred_port=0)
    again.start()
    assert server.child is not None
    assert server.child.process.poll() is not None
    assert await value(again.dsn(), "select kept from t") == 1


async def test_a_busy_backend_of_a_killed_server_does_not_stand_in_the_way(server: EmbeddedPostgres) -> None:
    connection = await asyncpg.connect(server.dsn())
    pid = await connection.fetchval("select pg_backend_pid()")
    busy = asyncio.create_task(connection.execute("do $$ begin loop perform 1; end loop; end $$"))
    await asyncio.sleep(0.2)
    assert server.child is not None
    server.child.process.kill()
    server.child.process.wait()
    assert psutil.pid_exists(pid)
    server.stop()
    server.start()
    assert not psutil.pid_exists(pid)
    assert await value(server.dsn(), "select 1") == 1
    with pytest.raises((asyncpg.PostgresError, OSError)):
        await busy


async def test_a_pid_file_that_names_a_stranger_is_no_hindrance(server: EmbeddedPostgres, children: Children) -> None:
    server.kill()
    stranger = children.start("stranger", ["sleep", "600"], log=server.directory / "stranger.log")
    pid_file = server.directory / "data" / "postmaster.pid"
    pid_file.write_text("\n".join([str(stranger.process.pid), *pid_file.read_text().splitlines()[1:]]) + "\n")
    server.start()
    assert stranger.running
    assert await value(server.dsn(), "select 1") == 1


async def test_a_port_that_is_taken_is_left_alone(children: Children, tmp_path: Path) -> None:
    with socket.create_server((LOCALHOST, 0)) as taken:
        server = EmbeddedPostgres(tmp_path / "postgres", children, preferred_port=taken.getsockname()[1])
        server.start()
        assert server.port != server.preferred_port
        assert await value(server.dsn(), "select 1") == 1


async def test_the_password_is_needed_and_kept_private(server: EmbeddedPostgres) -> None:
    assert stat.S_IMODE((server.directory / "password").stat().st_mode) == 0o600
    assert stat.S_IMODE((server.directory / "data").stat().st_mode) == 0o700
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(f"postgresql://journeys:wrong@{LOCALHOST}:{server.port}/postgres")
    assert await value(server.dsn(), "select rolpassword like 'SCRAM-SHA-256$%' from pg_authid where rolname = 'journeys'")


def test_it_listens_on_localhost_only(server: EmbeddedPostgres) -> None:
    assert server.child is not None
    command = " ".join(Path(f"/proc/{server.child.process.pid}/cmdline").read_text().split("\0"))
    assert f"listen_addresses={LOCALHOST} " in command
    assert "unix_socket_directories= " in command
    assert (server.directory / "password").read_text() not in command


def test_a_server_that_cannot_start_is_told_with_its_own_words(server: EmbeddedPostgres) -> None:
    server.stop()
    server.options = {"shared_buffers": "nonsense"}
    with pytest.raises(ServerFailed, match="shared_buffers"):
        server.start()
    assert server.child is None


def test_the_newest_suitable_binaries_are_found() -> None:
    found = find_binaries()
    assert found.major >= OLDEST_MAJOR
    assert find_binaries(found.major) == found


def test_missing_binaries_are_told_with_what_to_do() -> None:
    with pytest.raises(BinaryMissing, match=r"PostgreSQL 99, which wrote the data.*JOURNEYS_DATABASE_URL.*pip install"):
        find_binaries(99)


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that other users may enter, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix="journeys-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def run(prefix: list[str], folder: Path, path: str, python: str = sys.executable) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, **SEEN, "PATH": path, "HOME": str(folder)}
    command = [*prefix, python, "-c", SCRIPT, str(folder / "postgres")]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


#: Where a Python that is not ours finds our packages and those that we need.
SEEN = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PYTHONDONTWRITEBYTECODE": "1"}


def somebody_else() -> tuple[list[str], str]:
    """How to become another user, and a Python that this user may run with all that we need.

    Where they may not enter our folder (a clone in root's home) they are another user in a user namespace only.
    """
    same = shutil.which(f"python3.{sys.version_info.minor}", path=os.defpath)
    prefixes = [
        ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"],
        ["unshare", "--user", "--map-user=65534", "--map-group=65534"],
    ]
    for prefix, python in product(prefixes, filter(None, (sys.executable, same))):
        needed = "import asyncpg, psutil, workers.embedded.postgres"
        command = [*prefix, "sh", "-c", f'"$0" -c "{needed}"', python]
        if not shutil.which(prefix[0]):
            continue
        if not subprocess.run(command, env={**os.environ, **SEEN}, capture_output=True, check=False).returncode:
            return prefix, python
    pytest.skip("no other user may read this folder, and user namespaces are forbidden")


@needs_root
def test_an_ordinary_user_can_run_it(open_folder: Path) -> None:
    """E15."""
    prefix, python = somebody_else()
    if prefix[0] == "setpriv":
        os.chown(open_folder, 65534, 65534)
    finished = run(prefix, open_folder, os.environ["PATH"], python)
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.split() == ["journeys", "on", "65534", "65534"]


@needs_root
def test_root_without_user_namespaces_steps_down_to_nobody(open_folder: Path) -> None:
    """E15."""
    (open_folder / "no-programs").mkdir()
    finished = run([], open_folder, str(open_folder / "no-programs"))
    if closed := closed_above(find_binaries().folder):
        assert f"Postgres does not run as root, and the user nobody may not enter {closed}" in finished.stderr
    else:
        assert finished.returncode == 0, finished.stderr
        assert finished.stdout.split() == ["journeys", "on", "0", "65534"]


@needs_root
def test_where_nobody_may_not_go_it_says_what_to_do(open_folder: Path) -> None:
    """E15."""
    closed = open_folder / "closed"
    closed.mkdir(mode=0o700)
    assert closed_above(closed / "postgres") == closed
    finished = run([], closed, str(closed))
    assert finished.returncode == 1
    said = finished.stderr.strip().splitlines()[-1]
    assert "Postgres does not run as root, and the user nobody may not enter" in said
    assert "set JOURNEYS_DATABASE_URL" in said
    assert not (closed / "postgres").exists()


def test_a_server_started_by_a_killed_process_ends_cleanly(tmp_path: Path) -> None:
    script = SCRIPT.replace("print(", "print(server.child.log, flush=True); import time; time.sleep(600); print(")
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path / "postgres")], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        log = Path(parent.stdout.readline().strip())
        parent.send_signal(signal.SIGKILL)
    with Children() as children:
        again = EmbeddedPostgres(tmp_path / "postgres", children, preferred_port=0)
        again.start()
    assert "database system is shut down" in log.read_text()
    assert "not properly shut down" not in log.read_text()
