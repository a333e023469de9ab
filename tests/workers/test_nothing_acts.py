"""No command that looks at a catalogue lets it act: what reaches the world by itself is told, and is never called."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tests.command_line import journeys

JOURNEY = """\
from acme_calls import ask
from journeys import Journey, journey, purchases

@journey(goal=purchases)
async def hello(j: Journey) -> None:
    await j.wait(hours=1)
    if ask():
        await j.push("hello")
"""
COMMANDS = (
    ("check", "acme"),
    ("lint", "--catalogue", "acme"),
    ("graph", "hello", "--catalogue", "acme"),
    ("simulate", "calls.jsonl", "--catalogue", "acme"),
    ("diff", "before", "--catalogue", "acme"),
    ("diff", ".", "before", "--catalogue", "acme"),
    ("replay", "nothing", "--json"),
)


@pytest.fixture
def asked() -> Iterator[tuple[str, list[str]]]:
    """A server of the company, its address and the calls that it got."""
    calls: list[str] = []

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            calls.append(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Answers)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", calls
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(params=["from urllib.request import urlopen as call", "import urllib.request\ncall = urllib.request.urlopen"])
def shop(request: pytest.FixtureRequest, tmp_path: Path, asked: tuple[str, list[str]]) -> Path:
    """A catalogue whose helper calls a server, and the same before it did."""
    helper = f"{request.param}\n\ndef ask() -> bool:\n    return call('{asked[0]}/a').status == 200\n"
    for folder, text in ((tmp_path, helper), (tmp_path / "before", "def ask() -> bool:\n    return True\n")):
        package = folder / "acme"
        package.mkdir(parents=True)
        (package / "__init__.py").write_text(JOURNEY)
        (package / "hello.push.yaml").write_text("title: Hello\nbody: there\n")
        (folder / "acme_calls.py").write_text(text)
    call = {"type": "track", "event": "Opened", "userId": "ana", "timestamp": "2026-01-05T10:00:00Z", "messageId": "1"}
    (tmp_path / "calls.jsonl").write_text(json.dumps(call) + "\n")
    (tmp_path / "nothing").mkdir()
    return tmp_path


def test_what_a_journey_calls_by_itself_is_never_called(shop: Path, asked: tuple[str, list[str]]) -> None:
    for command in COMMANDS:
        said = journeys(*command, cwd=shop, catalogue="acme")
        told = said.stdout + said.stderr
        assert (said.returncode, "acme_calls.py:1:1: imports urllib" in told) == (1, True), (command, told)
    assert asked[1] == []


def test_the_server_is_called_where_it_would_be(shop: Path, asked: tuple[str, list[str]]) -> None:
    """The test above can fail: the helper does call when somebody calls it."""
    source = (shop / "acme_calls.py").read_text()
    exec(f"{source}\nask()", {})  # as a journey would call it
    assert asked[1] == ["/a"]
