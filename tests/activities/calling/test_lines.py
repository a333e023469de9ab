"""Calls to real servers on loopback: signatures, faults, limits, places; what each means for what happens next."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Literal

import httpx
import orjson
import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from pydantic import BaseModel, SecretStr

from activities.calling import lines as module
from activities.calling.body import Unlike, answer_of
from activities.calling.lines import PATIENT, PLACES_AT_ONCE, Lines, Request, SaidNo
from activities.calling.where import Where
from activities.channels.errors import Ambiguous, ChannelError, Forbidden, TryLater
from activities.web.addresses import network_of
from activities.web.guarded import guarded_client
from journeys import Service
from tests.activities.channels.test_tracing import spans
from tests.activities.web.test_guarded import Server, listening
from tests.standard_webhooks import verify
from workers.sandbox import Sandbox, running_sandbox
from workers.sandbox.server import SERVICE_SECRET

__all__ = ["spans"]  # a fixture

OTHER = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
LOOPBACK = [network_of("127.0.0.0/8")]
BODY = orjson.dumps({"type": "points", "timestamp": "2026-01-05T09:00:00Z", "data": {"user_id": "ana", "journey": "thanks"}})


class Points(BaseModel):
    balance: int
    tier: Literal["none", "gold"]
    greeting: str = ""


POINTS = Service("points", gives=Points)


@pytest.fixture(scope="module")
async def providers(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Sandbox]:
    async with running_sandbox(tmp_path_factory.mktemp("sandbox")) as running:
        yield running


@pytest.fixture
def sandbox(providers: Sandbox) -> Sandbox:
    """One for all: to make its key takes longer than the tests."""
    providers.faults.clear()
    providers.log.clear()
    return providers


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with guarded_client(PATIENT, LOOPBACK) as client:
        yield client


def lines_to(url: str, http: httpx.AsyncClient, *secrets: str, authorization: str | None = None) -> Lines:
    keys = tuple(map(SecretStr, secrets or (SERVICE_SECRET,)))
    where = Where(url=url, secrets=keys, authorization=SecretStr(authorization) if authorization else None)
    return Lines({"points": where}, http)


def request(n: int = 1, *, at_once: bool = False) -> Request:
    return Request("points", f"msg_0_{n}", BODY, at_once=at_once)


async def test_a_call_is_taken_and_seen(sandbox: Sandbox, http: httpx.AsyncClient) -> None:
    sandbox.answers.usual({"points": {"balance": 3, "tier": "gold", "greeting": "Hi", "more": 1}})
    answer = await lines_to(f"{sandbox.url}/services/points", http).ask(request())
    assert answer_of(POINTS, answer) == {"balance": 3, "tier": "gold", "greeting": "Hi"}
    (message,) = sandbox.messages
    assert (message.title, message.to, message.sender, message.key) == ("points: points", "ana", "thanks", "msg_0_1")
    page = await httpx.AsyncClient().get(sandbox.url)
    assert "points: points" in page.text


async def test_what_leaves_is_verified_by_what_was_written_apart(http: httpx.AsyncClient) -> None:
    server = Recorder()
    async with listening(server) as port:
        asking = lines_to(f"http://localhost:{port}/hook?shop=1", http, SERVICE_SECRET, OTHER, authorization="Bearer of-news")
        await asking.ask(request())
    head, headers = server.heard[0].split("\r\n", 1)[0], server.headers
    assert head == "POST /hook?shop=1 HTTP/1.1"
    assert headers["idempotency-key"] == headers["webhook-id"] == "msg_0_1"
    assert (headers["authorization"], headers["content-type"]) == ("Bearer of-news", "application/json")
    for secret in (SERVICE_SECRET, OTHER):
        verify(secret, headers, server.body)


async def test_a_secret_is_replaced_without_a_call_being_missed(sandbox: Sandbox, http: httpx.AsyncClient) -> None:
    url = f"{sandbox.url}/services/points"
    await lines_to(url, http, OTHER, SERVICE_SECRET).ask(request())
    with pytest.raises(SaidNo, match="401"):
        await lines_to(url, http, OTHER).ask(request())
    assert len(sandbox.messages) == 1


@pytest.mark.parametrize(
    ("fault", "kind", "more"),
    [
        ("429", TryLater, {"retry_after": 7}),
        ("503", TryLater, {}),
        ("500", TryLater, {}),
        ("502", TryLater, {}),
        ("timeout_after_accept", Ambiguous, {"hold_seconds": 0}),
        ("drop_before_accept", Ambiguous, {"hold_seconds": 0}),
        ("drip", Ambiguous, {}),
        ("slow", Ambiguous, {"hold_seconds": 30}),
        ("404", SaidNo, {}),
        ("410", SaidNo, {}),
        ("redirect", SaidNo, {}),
        ("html", Unlike, {}),
        ("huge", Unlike, {}),
        ("other_shape", Unlike, {}),
    ],
)
async def test_each_fault_means_one_thing(
    sandbox: Sandbox,
    http: httpx.AsyncClient,
    monkeypatch: pytest.MonkeyPatch,
    fault: str,
    kind: type[ChannelError],
    more: dict[str, int],
) -> None:
    monkeypatch.setattr(module, "PATIENT", timedelta(seconds=0.5))
    sandbox.faults.tell("services", fault, match="points/ana", **more)
    with pytest.raises(kind) as told:
        answer_of(POINTS, await lines_to(f"{sandbox.url}/services/points", http).ask(request()))
    assert sandbox.url not in told.value.detail
    assert getattr(told.value, "retry_after", None) == (timedelta(seconds=7) if more.get("retry_after") else None)
    assert getattr(told.value, "status", None) == ({"redirect": 302}.get(fault) or int(fault) if kind is SaidNo else None)


async def test_the_span_is_named_and_holds_nothing_of_where_and_whom(
    sandbox: Sandbox, http: httpx.AsyncClient, spans: InMemorySpanExporter
) -> None:
    sandbox.faults.tell("services", "503", times=1)
    lines = lines_to(f"{sandbox.url}/services/points", http)
    with pytest.raises(TryLater):
        await lines.ask(request())
    await lines.ask(request())
    failed, taken = [span for span in spans.get_finished_spans() if span.name == "call points"]
    assert failed.status.description == "points 503"
    for span in (failed, taken):
        assert not any(told in span.to_json() for told in (sandbox.url, "127.0.0.1", "ana", "whsec_"))


async def test_nobody_listens(http: httpx.AsyncClient) -> None:
    async with listening(Server()) as port:
        pass
    with pytest.raises(TryLater):
        await lines_to(f"http://127.0.0.1:{port}/", http).ask(request())


async def test_an_address_inside_is_not_asked_and_not_told(sandbox: Sandbox) -> None:
    async with guarded_client(PATIENT) as guarded:
        with pytest.raises(Forbidden) as told:
            await lines_to(f"{sandbox.url}/services/points", guarded).ask(request())
    assert "127.0.0.1" not in told.value.detail
    assert sandbox.messages == []


async def test_a_service_that_nobody_has_placed_is_waited_for(http: httpx.AsyncClient) -> None:
    lines = Lines({}, http)
    assert not lines.knows("points")
    with pytest.raises(TryLater, match="JOURNEYS_SERVICES does not say where it is"):
        await lines.ask(request())


async def test_a_function_answers_unless_settings_name_the_service_itself(sandbox: Sandbox, http: httpx.AsyncClient) -> None:
    """Where all others are (`*`) is not where it is."""
    somewhere = Where(url=f"{sandbox.url}/services/{{name}}", secrets=(SecretStr(SERVICE_SECRET),))

    async def inside(_: bytes) -> httpx.Response:
        return httpx.Response(200, json={"ours": True})

    told = [await Lines({name: somewhere}, http).ask(request(n), inside) for n, name in enumerate(("*", "points"), 1)]
    assert [each.json().get("ours", False) for each in told] == [True, False]


async def test_a_slow_service_takes_its_own_places_only(sandbox: Sandbox, http: httpx.AsyncClient) -> None:
    sandbox.faults.tell("services", "slow", match="points/*", hold_seconds=60)
    lines = lines_to(f"{sandbox.url}/services/points", http)
    slow = [asyncio.create_task(lines.ask(request(n, at_once=True))) for n in range(PLACES_AT_ONCE)]
    await sandbox.arrived(PLACES_AT_ONCE)
    with pytest.raises(TryLater, match="on their way") as told:
        await lines.ask(request(99, at_once=True))
    assert told.value.retry_after == timedelta(0)
    patient = asyncio.create_task(lines.ask(request(100)))
    await sandbox.arrived(PLACES_AT_ONCE + 1)
    for task in (*slow, patient):
        task.cancel()
    await asyncio.wait([*slow, patient])


@pytest.mark.parametrize(
    "cut",
    [
        b"content-length: 200\r\n\r\n",
        b'content-length: 200\r\n\r\n{"bal',
        b'content-length: 200\r\n\r\n{"balance": 1',
        b'transfer-encoding: chunked\r\n\r\n5\r\n{"bal\r\n',
        b'transfer-encoding: chunked\r\n\r\nno number\r\n{"bal\r\n0\r\n\r\n',
    ],
)
async def test_an_answer_that_breaks_off_is_asked_for_again(http: httpx.AsyncClient, cut: bytes) -> None:
    server = Recorder(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n" + cut)
    async with listening(server) as port:
        answer = await lines_to(f"http://localhost:{port}/", http).ask(request())
        assert answer.status_code == 200, "who is only told has taken it"
        with pytest.raises(Ambiguous):
            answer_of(POINTS, answer)
        server.answer = b"HTTP/1.1 404 Not Found\r\n" + cut
        with pytest.raises(SaidNo):
            await lines_to(f"http://localhost:{port}/", http).ask(request())


class Recorder(Server):
    """Keeps what came, byte by byte."""

    headers: dict[str, str]
    body: bytes

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        lines = [line.split(": ", 1) for line in head.split("\r\n")[1:] if line]
        self.headers = {name.lower(): value for name, value in lines}
        self.body = await reader.readexactly(int(self.headers["content-length"]))
        self.heard.append(head)
        writer.write(self.answer)
        await writer.drain()
        writer.close()
