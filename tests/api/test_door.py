"""The door: who may send a body and how long it may take (B5, B7), and a store that is frozen or killed (B10)."""

import asyncio
import logging
import os
import re
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import psutil
import pytest
from fastapi.routing import APIRoute
from structlog.testing import capture_logs

from api import ApiConfig, connections
from api.app import ROUTERS
from api.auth import May
from api.state import database_of
from store import Database, connect, migrate
from store.keys import Grant, Role, put_key
from store.roles import let_api_in
from tests.api.server import INGEST_KEY, OPERATE_KEY, Api, serving
from workers.embedded.postgres import EmbeddedPostgres
from workers.embedded.processes import Children
from workers.testing.servers import as_api

TRACK = {"anonymousId": "a", "event": "E"}
MB = 1024 * 1024
_FILLED = {"import_id": "01000000-0000-7000-8000-000000000000", "what": "seen"}


async def answer_to(url: str, head: str, body: bytes = b"", *, seconds: float = 10) -> bytes:
    """What the server says to the beginning of a request, but for the body."""
    reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(url).port)
    writer.write(f"{head}\r\nHost: test\r\n\r\n".encode() + body)
    try:
        async with asyncio.timeout(seconds):
            return await reader.readuntil(b"\r\n\r\n")
    finally:
        writer.close()


async def bodies(api: Api) -> list[tuple[str, str]]:
    """Every call that takes a body, but for those with a protection of their own."""
    document = (await api.http.get("/openapi.json")).json()
    return [
        (method.upper(), re.sub(r"\{(\w+)\}", lambda found: _FILLED.get(found[1], found[1]), path))
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if "requestBody" in operation and not path.startswith(("/u/", "/p/", "/o/", "/v1/webhooks/", "/v1/hooks/"))
    ]


@pytest.mark.parametrize(("key", "status"), [("", 401), ("wrong", 401), (INGEST_KEY, 403), (OPERATE_KEY, 413)])
async def test_no_byte_of_a_body_is_waited_for_before_its_sender_may_send_it(ingest_api: Api, key: str, status: int) -> None:
    """Megabytes are announced and a few bytes sent: the answer comes all the same."""
    calls = await bodies(ingest_api)
    assert len(calls) > 15
    for method, path in calls:
        mine = path.removeprefix("/v1/") in ("identify", "track", "page", "screen", "group", "alias", "batch")
        want = (401 if key == "wrong" else 413) if mine else status
        want = 413 if path.startswith("/v1/content/") and key == INGEST_KEY else want  # a visitor's own, with their key
        size = 100 * MB if key == OPERATE_KEY else 3 * MB
        head = f"{method} {path} HTTP/1.1\r\nContent-Length: {size}\r\nAuthorization: Bearer {key}"
        said = await answer_to(ingest_api.url, head, b"[" * 1000)
        assert said.startswith(f"HTTP/1.1 {want} ".encode()), (method, path, said)
        assert b"\r\ncontent-type: application/problem+json\r\n" in said, (method, path, said)


@pytest.mark.parametrize(
    ("path", "key"), [("identify", INGEST_KEY), ("journeys/x/runs", OPERATE_KEY), ("segments/count", OPERATE_KEY)]
)
async def test_a_body_that_is_too_large_is_a_problem_with_or_without_a_length(ingest_api: Api, path: str, key: str) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(6):
            yield b"x" * MB

    for content in (b"x" * (6 * MB), pieces()):
        answer = await ingest_api.http.post(f"/v1/{path}", content=content, auth=(key, ""))
        assert (answer.status_code, answer.headers["content-type"]) == (413, "application/problem+json")
        told = answer.json()
        assert (told["type"], told["status"], told["code"]) == ("/problems/too-large", 413, "too-large")
        assert "the body is larger than " in told["detail"]


async def test_a_web_page_may_read_that_its_body_was_too_large(ingest_api: Api) -> None:
    key, shop = "jk_client_large", "https://shop.example"
    await put_key(ingest_api.database.pool, "web", Grant(Role.CLIENT, origins=[shop]), key)
    answer = await ingest_api.http.post("/v1/track", content=b"x" * (6 * MB), auth=(key, ""), headers={"Origin": shop})
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (413, shop)


async def test_a_body_without_a_length_is_limited_on_every_route(ingest_api: Api) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"x" * MB

    answer = await ingest_api.http.post("/v1/segments/count", content=endless(), auth=(OPERATE_KEY, ""))
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"


BEGUN = f"POST /v1/batch HTTP/1.1\r\nAuthorization: Bearer {INGEST_KEY}\r\nContent-Length: 100"


async def test_unfinished_bodies_stand_in_nobodys_way_and_are_told_to_come_again(dsn: str, keyed: Database) -> None:
    async with serving(ApiConfig(dsn=dsn, body_seconds=3)) as url, httpx.AsyncClient(auth=(INGEST_KEY, "")) as http:
        slow = [asyncio.create_task(answer_to(url, BEGUN, b"{", seconds=30)) for _ in range(100)]
        await asyncio.sleep(0.5)
        assert not any(task.done() for task in slow)
        answers = await asyncio.gather(*(http.post(f"{url}/v1/track", json=TRACK) for _ in range(50)))
        assert {answer.status_code for answer in answers} == {200}
        assert {(await task)[:12] for task in slow} == {b"HTTP/1.1 408"}


async def test_too_many_unfinished_bodies_push_out_the_oldest_and_not_the_next(dsn: str, keyed: Database) -> None:
    config = ApiConfig(dsn=dsn, body_seconds=60, unfinished_bodies=10)
    async with serving(config) as url, httpx.AsyncClient(auth=(INGEST_KEY, "")) as http:
        slow = []
        for _ in range(15):
            slow.append(asyncio.create_task(answer_to(url, BEGUN, b"{", seconds=30)))
            await asyncio.sleep(0.05)
        for task in slow[:5]:
            assert (await task).startswith(b"HTTP/1.1 408")
        assert (await http.post(f"{url}/v1/track", json=TRACK)).status_code == 200
        assert sum(task.done() for task in slow) <= 6
        for task in slow:
            task.cancel()


async def test_a_short_burst_waits_for_its_turn(dsn: str, keyed: Database) -> None:
    """200 clients at once, each on a connection of its own: nobody is sent away, however busy the machine is."""
    many = httpx.Limits(max_connections=None)
    async with (
        serving(ApiConfig(dsn=dsn, turn_seconds=60)) as url,
        httpx.AsyncClient(auth=(INGEST_KEY, ""), timeout=60, limits=many) as http,
    ):

        async def client(n: int) -> int:
            call = {"type": "track", "event": "E", "anonymousId": f"a-{n}"}
            return (await http.post(f"{url}/v1/batch", json={"batch": [call] * 20})).status_code

        assert set(await asyncio.gather(*(client(n) for n in range(200)))) == {200}
    assert await keyed.pool.fetchval("select count(*) from event") == 4000


async def test_head_is_get_without_the_content(ingest_api: Api) -> None:
    for path in ("/healthz", "/readyz", "/metrics", "/openapi.json", "/docs", "/problems/unauthorized"):
        answer = await ingest_api.http.head(path)
        assert (answer.status_code, answer.content) == (200, b""), path
    assert (await ingest_api.http.head("/v1/track")).status_code == 405
    assert (await ingest_api.http.head("/v1/runs")).status_code == 403


@dataclass
class OwnStore:
    """An API on a Postgres server that the test may freeze and kill."""

    url: str
    server: EmbeddedPostgres

    def everybody(self) -> list[psutil.Process]:
        assert self.server.child is not None
        root = psutil.Process(self.server.child.process.pid)
        return [root, *root.children(recursive=True)]

    def signal(self, number: signal.Signals) -> None:
        for process in self.everybody():
            os.kill(process.pid, number)


@pytest.fixture(scope="module")
async def own_store(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[OwnStore]:
    options = {"fsync": "off", "shared_buffers": "16MB"}
    with Children() as children:
        folder: Path = tmp_path_factory.mktemp("postgres")
        server = EmbeddedPostgres(folder / "pg", children, preferred_port=0, options=options)
        await asyncio.to_thread(server.start)
        database = await connect(server.dsn())
        await migrate(database)
        await let_api_in(database, as_api(server.dsn()))
        await put_key(database.pool, "web", Role.INGEST, INGEST_KEY)
        await put_key(database.pool, "operator", Grant(Role.OPERATE, personal=True), OPERATE_KEY)
        await database.close()
        async with serving(ApiConfig(dsn=server.dsn(), store_seconds=0.5, key_ttl=0.2)) as url:
            yield OwnStore(url, server)


CALLS: list[tuple[str, str, str, Any]] = [
    ("POST", "/v1/track", INGEST_KEY, TRACK),
    ("POST", "/v1/batch", INGEST_KEY, {"batch": [{"type": "track", **TRACK}, {"type": "bad"}]}),
    ("GET", "/v1/runs", OPERATE_KEY, None),
    ("GET", "/v1/profiles?user_id=u", OPERATE_KEY, None),
    ("POST", "/v1/segments/count", OPERATE_KEY, {"predicate": {"did": "E"}}),
    ("GET", "/readyz", INGEST_KEY, None),
]


async def statuses(http: httpx.AsyncClient, url: str, calls: list[tuple[str, str, str, Any]]) -> list[int]:
    async def one(method: str, path: str, key: str, body: Any) -> int:
        answer = await http.request(method, url + path, json=body, auth=(key, ""), timeout=30)
        assert answer.status_code != 503 or (answer.json()["code"], answer.headers["retry-after"]) == ("store-unavailable", "2")
        return answer.status_code

    return await asyncio.gather(*(one(*call) for call in calls))


#: Nobody asks on a connection that the server is just hanging up on, having heard nothing for some seconds.
CROWD = httpx.Limits(max_connections=100, max_keepalive_connections=0)


async def settled(http: httpx.AsyncClient, url: str) -> None:
    async with asyncio.timeout(60):
        while any(status not in (200, 404) for status in await statuses(http, url, CALLS)):  # noqa: ASYNC110
            await asyncio.sleep(0.2)


async def test_a_frozen_store_is_503_with_a_time_to_come_back_and_not_ready(own_store: OwnStore) -> None:
    async with httpx.AsyncClient(limits=CROWD, timeout=60) as http:
        await settled(http, own_store.url)
        own_store.signal(signal.SIGSTOP)
        try:
            for _ in range(2):
                assert set(await statuses(http, own_store.url, CALLS * 4)) == {503}
            assert (await http.get(f"{own_store.url}/healthz")).status_code == 200
        finally:
            own_store.signal(signal.SIGCONT)
        await settled(http, own_store.url)


async def test_a_killed_store_is_503_and_never_a_fault_of_ours(own_store: OwnStore) -> None:
    """Under load, again and again: what is answered is 200 or 503, also to those whose statement was running."""
    seen: set[int] = set()
    async with httpx.AsyncClient(limits=CROWD, timeout=60) as http:
        await settled(http, own_store.url)
        for _ in range(3):
            load = [asyncio.create_task(statuses(http, own_store.url, CALLS)) for _ in range(20)]
            await asyncio.sleep(0.03)
            await asyncio.to_thread(own_store.server.kill)
            load += [asyncio.create_task(statuses(http, own_store.url, CALLS)) for _ in range(5)]
            seen |= {status for each in await asyncio.gather(*load) for status in each}
            await asyncio.to_thread(own_store.server.start)
            await settled(http, own_store.url)
    assert 503 in seen
    assert seen <= {200, 404, 503}


async def test_a_store_that_hangs_up_on_everybody_is_503(dsn: str) -> None:
    """Something listens, takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        config = ApiConfig(dsn=f"postgres://u:p@127.0.0.1:{silent.getsockname()[1]}/x", store_seconds=0.5)
        async with serving(config) as url, httpx.AsyncClient() as http:
            assert set(await statuses(http, url, CALLS)) == {503}


async def test_a_definition_with_five_thousand_conditions_is_refused_at_once(ingest_api: Api) -> None:
    """B11; what is just allowed is compiled beside the event loop."""
    many = {"any": [{"did": f"E{n}", "within": 3600} for n in range(5000)]}
    for method, path, body in (
        ("POST", "/v1/segments/count", {"predicate": many}),
        ("POST", "/v1/segments/preview", {"predicate": many}),
        ("PUT", "/v1/segments/large", {"predicate": many, "owner": "growth"}),
    ):
        answer = await ingest_api.http.request(method, path, json=body, auth=(OPERATE_KEY, ""))
        assert answer.status_code == 422, answer.text
        assert "more than 1,000 parts" in answer.json()["detail"]


HEAD = b"GET /healthz HTTP/1.1\r\nHost: test\r\n"
LAST_PIECE = b"POST /v1/track HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n"


@pytest.mark.parametrize("begun", [b"", b"\r\n", b"GET /", HEAD, HEAD + b"X: ", HEAD + b"\r\n" + HEAD])
async def test_who_does_not_finish_a_head_is_hung_up_on(ingest_api: Api, monkeypatch: pytest.MonkeyPatch, begun: bytes) -> None:
    monkeypatch.setattr(connections, "SECONDS", 0.2)
    reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(ingest_api.url).port)
    writer.write(begun)
    async with asyncio.timeout(20):
        said = await reader.read()
    writer.close()
    assert (b"HTTP/1.1 408 " in said) == (begun.strip() != b""), said


@pytest.mark.parametrize(
    "begun", [b"GET /", HEAD + b"X: ", HEAD + b"X: a\r\n" * 9, HEAD + b"\r\n" + HEAD + b"X: ", LAST_PIECE + b"X: "]
)
async def test_a_head_without_end_is_refused(ingest_api: Api, begun: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(ingest_api.url).port)
    writer.write(begun)
    answer = asyncio.create_task(reader.read())
    sent = 0
    with suppress(ConnectionError):
        while not answer.done() and sent < 64 * MB:
            writer.write(b"a" * 1000 if not begun.endswith(b"\r\n") else b"X: a\r\n" * 100)
            await writer.drain()
            sent += 1000
    writer.close()
    with suppress(ConnectionError):
        assert b"HTTP/1.1 431 " in await answer or LAST_PIECE in begun
    assert sent < 16 * MB, "far fewer than were taken"
    assert (await ingest_api.http.get("/healthz")).status_code == 200


async def test_a_long_head_that_comes_at_once_is_refused_and_a_usual_one_is_not(ingest_api: Api) -> None:
    assert (await ingest_api.http.get("/healthz", headers={"X": "a" * 20_000})).status_code == 200
    answer = await ingest_api.http.get("/healthz", headers={"X": "a" * 40_000})
    assert (answer.status_code, answer.headers["content-type"]) == (431, "application/problem+json")
    assert answer.json()["code"] == "request-header-fields-too-large"


async def test_large_bodies_in_pieces_have_no_head_to_speak_of(ingest_api: Api) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b'{"batch": ['
        for _ in range(9):
            yield b" " * 40_000
        yield b"]}"

    answer = await ingest_api.http.post("/v1/batch", content=pieces())
    assert answer.status_code not in (408, 431), answer.text


@pytest.mark.parametrize("path", ["/u/x/", "/healthz/", "/v1/runs/"])
async def test_nobody_is_led_to_where_the_host_header_says(ingest_api: Api, path: str) -> None:
    answer = await ingest_api.http.get(path, headers={"Host": "evil.example"})
    assert (answer.status_code, answer.headers.get("location")) == (404, None)


async def test_what_a_device_logs_can_be_written_down(ingest_api: Api) -> None:
    """JSON can say half of a surrogate pair, and UTF-8 cannot."""
    body = b'{"logs": ["\\ud800 is no letter", "\\ud83d\\ude00 is"]}'
    with capture_logs() as lines:
        answer = await ingest_api.http.post("/wallet/apple/v1/log", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 200
    assert [line["said"] for line in lines if "said" in line] == ["? is no letter", "\N{GRINNING FACE} is"]


async def test_questions_that_take_long_leave_connections_to_events_and_keys(dsn: str, keyed: Database) -> None:
    """More of them than there are connections, as by somebody who asks again and again: Postgres has none of them answered."""
    async with (
        serving(ApiConfig(dsn=dsn, pool_size=6, key_ttl=0)) as url,
        httpx.AsyncClient(base_url=url, timeout=20) as http,
    ):
        connection = await keyed.pool.acquire()
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute("lock table suppression in access exclusive mode")
        asked = [asyncio.create_task(http.get("/v1/suppressions", auth=(OPERATE_KEY, ""))) for _ in range(12)]
        await asyncio.sleep(0.5)
        sent = await asyncio.gather(*(http.post("/v1/track", json=TRACK, auth=(INGEST_KEY, ""), timeout=5) for _ in range(10)))
        assert {answer.status_code for answer in sent} == {200}
        assert not any(task.done() for task in asked)
        await transaction.rollback()
        await keyed.pool.release(connection)
        assert {answer.status_code for answer in await asyncio.gather(*asked)} == {200}


def test_who_asks_is_known_before_a_connection_is_chosen() -> None:
    """So that people's questions come to people's connections: a route names its caller before the database."""
    found = 0
    for route in (each for router in ROUTERS for each in router.routes if isinstance(each, APIRoute)):
        calls = [each.call for each in route.dependant.dependencies]
        if database_of in calls and (callers := [n for n, call in enumerate(calls) if isinstance(call, May)]):
            found += 1
            assert calls.index(database_of) > callers[0], route.path
    assert found > 50


async def test_who_hangs_up_in_the_middle_of_a_body_is_no_fault_of_ours(ingest_api: Api) -> None:
    lines: list[logging.LogRecord] = []
    hearing = logging.Handler()
    hearing.emit = lines.append  # type: ignore[method-assign]
    logging.getLogger("uvicorn.error").addHandler(hearing)
    try:
        with capture_logs() as told:
            for path, key in (
                ("/v1/batch", INGEST_KEY),
                ("/v1/segments/count", OPERATE_KEY),
                ("/mcp", OPERATE_KEY),
                ("/p/x", ""),
            ):
                head = f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\nContent-Length: 100\r\n\r\n"
                _, writer = await asyncio.open_connection("127.0.0.1", urlsplit(ingest_api.url).port)
                writer.write(head.encode() + b"{")
                await writer.drain()
                await asyncio.sleep(0.3)
                writer.close()
                await asyncio.sleep(0.3)
    finally:
        logging.getLogger("uvicorn.error").removeHandler(hearing)
    assert [line.getMessage() for line in lines] == []
    assert [line for line in told if line["log_level"] == "error"] == []
