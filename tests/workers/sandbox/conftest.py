"""A running sandbox, a client for it, and a small server that hears its webhooks."""

import asyncio
import shutil
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from workers.sandbox import Sandbox, running_sandbox
from workers.sandbox.accounts import ServiceAccount

DELAYS = (0.02, 0.04, 0.06)


async def until(true: Callable[[], bool]) -> None:
    """Wait for something that another thread or server does."""
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110 - it has no event for us
            await asyncio.sleep(0.01)


class Listener:
    """A shop's webhook endpoint: keeps what it took; answers 500 to the first `refusals` calls."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, bytes]] = []
        self.refusals = self.refused = 0
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/hook"

    @property
    def values(self) -> list[dict[str, Any]]:
        """The changes that were told, in the order in which they came."""
        entries = [entry for _, body in self.taken for entry in orjson.loads(body)["entry"]]
        return [change["value"] for entry in entries for change in entry["changes"]]

    @property
    def statuses(self) -> list[dict[str, Any]]:
        return [status for value in self.values for status in value.get("statuses", [])]

    async def heard(self, count: int) -> list[dict[str, Any]]:
        """The changes, once there are `count`."""
        await until(lambda: len(self.values) >= count)
        return self.values

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                refused = listener.refused < listener.refusals
                if refused:
                    listener.refused += 1
                else:
                    signature = self.headers["X-Hub-Signature-256"] or self.headers["X-Twilio-Signature"]
                    listener.taken.append((signature, body))
                self.send_response(500 if refused else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Quiet."""

        return Handler


@pytest.fixture
def listener() -> Iterator[Listener]:
    listener = Listener()
    yield listener
    listener.close()


@pytest.fixture(scope="session")
def account(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One service account for all tests here: its key takes longer to make than most of them."""
    return ServiceAccount(tmp_path_factory.mktemp("account"), "http://later").path


@pytest.fixture
def folder(tmp_path: Path, account: Path) -> Path:
    """A sandbox's data directory."""
    shutil.copy(account, tmp_path)
    return tmp_path


@pytest.fixture
async def sandbox(folder: Path) -> AsyncIterator[Sandbox]:
    async with running_sandbox(folder, status_delays=DELAYS) as sandbox:
        yield sandbox


@pytest.fixture
async def http(sandbox: Sandbox) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=sandbox.url, timeout=10) as client:
        yield client
