"""`python -m workers.sandbox`: says `ready`, serves, stops on SIGTERM with code 0, and fails with one sentence."""

import random
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from tests.workers.sandbox.conftest import Listener
from tests.workers.sandbox.sending import PHONE, template
from workers.sandbox import running_sandbox

ROOT = Path(__file__).parents[3]


def free_ports() -> tuple[int, int]:
    """Two that no client is given by the system before they are taken."""
    free = (port for port in random.sample(range(20_000, 32_000), 50) if is_free(port))
    return next(free), next(free)


def is_free(port: int) -> bool:
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


def command(folder: Path, port: int, smtp_port: int, *more: str) -> list[str]:
    ports = ("--port", str(port), "--smtp-port", str(smtp_port), "--apns-port", "0")
    return [sys.executable, "-m", "workers.sandbox", *ports, "--data-dir", str(folder), *more]


@contextmanager
def process(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A sandbox that has said `ready`; killed if the test leaves it running."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(list(arguments), cwd=ROOT, text=True, **pipes) as running:
        try:
            assert running.stdout is not None
            assert running.stdout.readline() == "ready\n", running.stderr and running.stderr.read()
            yield running
        finally:
            with suppress(ProcessLookupError):
                running.kill()


def stopped(running: subprocess.Popen[str], how: signal.Signals) -> tuple[int, str]:
    """The exit code, and everything that the process said since it was ready."""
    running.send_signal(how)
    out, err = running.communicate(timeout=10)
    return running.returncode, out + err


def failed(*arguments: str) -> list[str]:
    """What a sandbox that cannot start says."""
    ended = subprocess.run(list(arguments), cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)
    assert ended.returncode != 0
    assert ended.stdout == ""
    return ended.stderr.splitlines()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_ready_means_that_it_listens_and_a_signal_ends_it_cleanly(folder: Path, how: signal.Signals) -> None:
    port, smtp_port = free_ports()
    with process(*command(folder, port, smtp_port)) as running, httpx.Client(base_url=f"http://127.0.0.1:{port}") as http:
        assert http.get("/").status_code == 200
        with socket.create_connection(("127.0.0.1", smtp_port)) as connection:
            assert connection.recv(100).startswith(b"220 ")
            # Both connections stay open: a customer of ours does not keep it alive.
            assert stopped(running, how) == (0, "")


def test_a_restart_finds_the_messages_even_after_a_kill(folder: Path) -> None:
    port, smtp_port = free_ports()
    url = f"http://127.0.0.1:{port}/v21.0/1/messages"
    with process(*command(folder, port, smtp_port)) as running:
        assert httpx.post(url, json=template(), headers={"Authorization": "Bearer x"}).status_code == 200
        running.kill()
    with process(*command(folder, port, smtp_port)) as running:
        assert [m["to"] for m in httpx.get(f"http://127.0.0.1:{port}/_sandbox/messages").json()] == [PHONE]
        assert stopped(running, signal.SIGTERM)[0] == 0


async def test_the_webhook_address_is_an_argument_and_its_secret_never(
    folder: Path, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JOURNEYS_WHATSAPP_APP_SECRET", "s")  # of the process that is started
    port, smtp_port = free_ports()
    webhook = ("--whatsapp-webhook-url", listener.url, "--public-url", "http://named.example/")
    with process(*command(folder, port, smtp_port, *webhook)):
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
            await http.post("/_sandbox/whatsapp/replies", json={"from": PHONE, "text": "Hi"})
            [value] = await listener.heard(1)
    assert value["messages"][0]["text"] == {"body": "Hi"}
    assert '"token_uri": "http://named.example/token"' in (folder / "service-account.json").read_text()


@pytest.mark.parametrize("taken", ["http", "smtp"])
def test_a_taken_port_is_one_readable_line(folder: Path, taken: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        ports = (port, 0) if taken == "http" else (0, port)
        [line] = failed(*command(folder, *ports))
    assert line.startswith(f"sandbox: cannot listen on 127.0.0.1:{port}: Address already in use")
    assert "--port" in line


def test_a_port_that_cannot_be_is_one_readable_line(folder: Path) -> None:
    [line] = failed(*command(folder, 70_000, 0))
    assert line.startswith("sandbox: cannot listen on 127.0.0.1:70000: ")


def test_a_data_directory_that_cannot_be_is_one_readable_line(folder: Path) -> None:
    (folder / "file").touch()
    [line] = failed(*command(folder / "file" / "below", 0, 0))
    assert line.startswith("sandbox: ")
    assert str(folder / "file") in line


async def test_two_sandboxes_do_not_share_a_port(folder: Path, tmp_path: Path) -> None:
    async with running_sandbox(folder) as first:
        port = int(first.url.rpartition(":")[2])
        with pytest.raises(OSError, match=f"cannot listen on 127.0.0.1:{port}"):
            async with running_sandbox(tmp_path / "second", port=port):
                pass
