"""The inbox over HTTP: whose it is, and how it is told as it changes."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote
from uuid import UUID, uuid4

import httpx
import jwt
import pytest
from uuid_utils.compat import uuid7

from api import ApiConfig
from api.ingest.signed import identity_secret, sign_user
from api.onsite import streams
from segments import did
from store import Database
from store.keys import Grant, Role, create_key
from tests.api.server import serving

SECRET = "b3a1f0e2d4c697887a6b5c4d3e2f1a0b"
PAGE = "https://shop.example"


@dataclass
class Web:
    """An API, and a client's key of a page."""

    url: str
    key: str
    database: Database
    http: httpx.AsyncClient

    def headers(self, user: str = "ana", **more: str) -> dict[str, str]:
        basic = base64.b64encode(f"{self.key}:".encode()).decode()
        signature = sign_user(identity_secret(SECRET, "web"), user)
        return {"Authorization": f"Basic {basic}", "Journeys-User": user, "Journeys-Signature": signature} | more

    async def get(self, path: str = "/v1/inbox", **headers: str) -> httpx.Response:
        return await self.http.get(path, headers={k: v for k, v in self.headers(**headers).items() if v})

    async def titles(self) -> list[str]:
        return [each["title"] for each in (await self.get()).json()["messages"]]

    async def put(
        self, title: str = "Hi", *, user: str = "ana", lives: timedelta = timedelta(days=1), ends: Any = (), **content: Any
    ) -> UUID:
        """A message that was put into a user's inbox."""
        links = [{"title": name, "link": link} for name, link in content.pop("actions", {}).items()]
        shown = {"title": title, "body": "b", "actions": links} | content
        pool, now = self.database.pool, datetime.now(UTC)
        asked = "select profile_id from identity where kind = 'user_id' and value = $1"
        profile = await pool.fetchval(asked, user)
        if profile is None:
            profile = uuid7()
            await pool.execute("insert into profile (id, created_at, updated_at) values ($1, $2, $2)", profile, now)
            named = "insert into identity (kind, value, since, profile_id, created_at) values ('user_id', $1, $3, $2, $3)"
            await pool.execute(named, user, profile, now)
        run, id_ = uuid7(), uuid4()
        await pool.execute(
            "insert into run (id, journey, profile_id, entered_by, entered_at, workflow_id, created_at, entry_key)"
            " values ($1, 'app_help', $2, 'api', $3, $4, $3, $4)", run, profile, now, str(run),
        )  # fmt: skip
        await pool.execute(
            "insert into delivery (run_id, step, occurrence, profile_id, journey, channel, purpose, template, due_at, state,"
            " claimed_at, settled_at) values ($1, 'in_app:hi', 1, $2, 'app_help', 'in_app', 'marketing', 'hi', $3, 'sent',"
            " $3, $3)", run, profile, now,
        )  # fmt: skip
        await pool.execute(
            "insert into inbox (id, run_id, step, occurrence, content, ends, put_at, expires_at)"
            " values ($1, $2, 'in_app:hi', 1, $3, $4, $5, $6)",
            id_, run, shown, list(ends), now, now + lives,
        )  # fmt: skip
        return id_


@asynccontextmanager
async def opened(dsn: str, database: Database, **more: Any) -> AsyncIterator[Web]:
    config = ApiConfig(dsn=dsn, secret=SECRET, key_ttl=0.1, **more)
    async with serving(config) as url, httpx.AsyncClient(base_url=url, timeout=20) as http:
        yield Web(url, await create_key(database.pool, "web", Grant(Role.CLIENT, origins=[PAGE])), database, http)


@pytest.fixture
async def web(dsn: str, database: Database) -> AsyncIterator[Web]:
    async with opened(dsn, database) as web:
        yield web


async def test_it_is_for_a_signed_user_alone(web: Web) -> None:
    await web.put()
    assert await web.titles() == ["Hi"]
    assert (await web.get(user="ben")).json() == {"messages": []}, "of whom nobody has heard yet"
    for forged in (
        {"Journeys-Signature": ""},
        {"Journeys-Signature": sign_user("another secret", "ana")},
        {"Journeys-User": ""},
    ):
        answer = await web.get(**forged)
        assert (answer.status_code, answer.json()["code"]) == (403, "unsigned-identity"), forged
    ben = sign_user(identity_secret(SECRET, "web"), "ben")
    assert (await web.get(**{"Journeys-Signature": ben})).status_code == 403, "the signature of another"
    until = datetime.now(UTC) + timedelta(minutes=5)
    token = jwt.encode({"sub": "ana", "exp": until}, identity_secret(SECRET, "web"), "HS256")
    assert (await web.get(**{"Journeys-Signature": token})).status_code == 200
    half = jwt.encode({"sub": "ana\ud800", "exp": until}, identity_secret(SECRET, "web"), "HS256")
    answer = await web.get(**{"Journeys-Signature": half})
    assert (answer.status_code, answer.json()["code"]) == (403, "unsigned-identity")
    assert (await web.get(Authorization="Bearer jk_unknown")).status_code == 401


async def test_a_name_that_headers_cannot_hold_is_percent_encoded(web: Web) -> None:
    await web.put(user="josé@shop.example")
    signature = sign_user(identity_secret(SECRET, "web"), "josé@shop.example")
    answer = await web.get(**{"Journeys-User": "jos%C3%A9%40shop.example", "Journeys-Signature": signature})
    assert len(answer.json()["messages"]) == 1
    assert (await web.get(**{"Journeys-User": "%FF"})).status_code == 422


@pytest.mark.parametrize("sent", ["jose\u0301", " jos\xe9 "])
async def test_a_user_id_is_signed_as_it_is_sent_and_means_its_normal_form(web: Web, sent: str) -> None:
    await web.put(user="jos\xe9")
    signed = {"Journeys-Signature": sign_user(identity_secret(SECRET, "web"), sent)}
    assert len((await web.get(**{"Journeys-User": quote(sent)}, **signed)).json()["messages"]) == 1
    assert (await web.get(**{"Journeys-User": quote(sent + "x")}, **signed)).status_code == 403


async def test_nobody_tells_of_another_s_message(web: Web) -> None:
    theirs = await web.put(user="ben")
    for id_ in (theirs, uuid4()):
        answer = await web.http.post(f"/v1/inbox/{id_}/dismissed", headers=web.headers())
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown-message")
    assert (await web.http.post(f"/v1/inbox/{theirs}/stolen", headers=web.headers())).status_code == 422
    assert await web.database.pool.fetchval("select dismissed_at from inbox") is None


async def test_a_page_of_the_shop_may_ask_and_no_other(web: Web) -> None:
    asks = {"Origin": PAGE, "Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "journeys-user"}
    answer = await web.http.options("/v1/inbox/stream", headers=asks)
    assert (answer.status_code, answer.headers["access-control-allow-headers"]) == (204, "journeys-user")
    assert (await web.get(Origin=PAGE)).headers["access-control-allow-origin"] == PAGE
    assert (await web.get(Origin="https://evil.example")).status_code == 403


@asynccontextmanager
async def listening(web: Web, **headers: str) -> AsyncIterator[AsyncIterator[tuple[str, list[str]]]]:
    """The events of a stream: the id of each, and the titles that it shows."""
    async with web.http.stream("GET", "/v1/inbox/stream", headers=web.headers(**headers)) as answer:
        assert answer.status_code == 200, await answer.aread()
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["cache-control"] == "no-store"

        async def events() -> AsyncIterator[tuple[str, list[str]]]:
            id_ = ""
            async for line in answer.aiter_lines():
                if line.startswith("id: "):
                    id_ = line[4:]
                if line.startswith("data: "):
                    yield id_, [each["title"] for each in json.loads(line[6:])["messages"]]

        yield events()


async def test_a_stream_tells_the_inbox_and_each_change_of_it(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "LOOK", 0.05)
    goal = did("Order Completed").to_json()
    async with asyncio.timeout(20), listening(web) as events:
        assert (await anext(events))[1] == [], "nobody has heard of this user yet"
        await web.put("one", ends=[goal])
        assert (await anext(events))[1] == ["one"]
        two = await web.put("two", lives=timedelta(days=1))
        last, titles = await anext(events)
        assert titles == ["two", "one"]
        assert (await web.http.post(f"/v1/inbox/{two}/seen", headers=web.headers())).status_code == 204
        assert (await anext(events))[1] == ["two", "one"], "seen now, elsewhere perhaps"
        assert (await web.http.post(f"/v1/inbox/{two}/dismissed", headers=web.headers())).status_code == 204
        assert (await anext(events))[1] == ["one"]
        bought = {"userId": "ana", "event": "Order Completed", "messageId": "m1"}
        server = await create_key(web.database.pool, "server", Role.INGEST)
        assert (await web.http.post("/v1/track", json=bought, auth=(server, ""))).status_code == 200
        last, titles = await anext(events)
        assert titles == [], "its goal is reached"
    async with asyncio.timeout(20), listening(web, **{"Last-Event-ID": last}) as events:
        await web.put("three")
        assert (await anext(events))[1] == ["three"], "what was seen is not told again"


async def is_open(web: Web) -> bool:
    async with web.http.stream("GET", "/v1/inbox/stream", headers=web.headers()) as answer:
        return answer.status_code == httpx.codes.OK


async def test_head_of_a_stream_ends_with_its_headers_and_opens_none(web: Web) -> None:
    async with asyncio.timeout(20):
        for _ in range(9):  # one more than a user may have open
            answer = await web.http.head("/v1/inbox/stream", headers=web.headers())
            assert (answer.status_code, answer.content) == (200, b"")
            assert answer.headers["content-type"].startswith("text/event-stream")
        assert await is_open(web)
        assert (await web.http.head("/v1/inbox", headers=web.headers())).headers["content-length"] != "0"
        assert (
            await web.http.head("/v1/inbox/stream", headers=web.headers(user="eve", **{"Journeys-Signature": ""}))
        ).status_code == 403


async def test_streams_are_bounded_for_each_user_and_for_the_process(dsn: str, database: Database) -> None:
    async with opened(dsn, database, inbox_streams=9) as web, listening(web, user="ben"):
        many = [listening(web) for _ in range(8)]
        for each in many:
            await each.__aenter__()
        ninth = await web.get("/v1/inbox/stream")
        assert (ninth.status_code, ninth.headers["retry-after"]) == (429, "60")
        tenth = await web.get("/v1/inbox/stream", user="eve")
        assert (tenth.status_code, tenth.headers["retry-after"]) == (503, "30")
        for each in many:
            await each.__aexit__(None, None, None)
        async with asyncio.timeout(10):
            while not await is_open(web):  # noqa: ASYNC110 - the server hears by itself that they have gone
                await asyncio.sleep(0.05)


async def test_a_stream_shows_that_it_lives_and_ends_with_its_key(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "HEARTBEAT", 0.2)
    async with asyncio.timeout(20), web.http.stream("GET", "/v1/inbox/stream", headers=web.headers()) as answer:
        lines = answer.aiter_lines()
        async for line in lines:
            if line == ": still here":
                break
        await web.database.pool.execute("update api_key set ends_at = now()")
        assert {line async for line in lines} <= {"", ": still here"}


async def test_a_hundred_streams_at_once_of_one_user_are_eight(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each has its place when it is let in, and not only when its first byte has gone."""
    monkeypatch.setattr(streams, "HEARTBEAT", 0.1)
    streaming, gone = asyncio.Event(), asyncio.Event()
    got: list[int] = []

    async def one() -> None:
        async with web.http.stream("GET", "/v1/inbox/stream", headers=web.headers()) as answer:
            got.append(answer.status_code)
            if len(got) == 100:
                streaming.set()
            await gone.wait()

    async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
        for _ in range(100):
            tasks.create_task(one())
        await streaming.wait()
        gone.set()
    assert (got.count(200), got.count(429)) == (8, 92)
    async with asyncio.timeout(10):
        while not await is_open(web):  # noqa: ASYNC110 - the server hears by itself that they have gone
            await asyncio.sleep(0.05)


async def test_a_client_that_goes_before_the_first_byte_leaves_no_stream_open() -> None:
    async def look(_: object) -> dict[str, Any]:
        return {}

    async def send(_: object) -> None:
        raise OSError("gone")

    async def receive() -> dict[str, str]:
        return {"type": "http.disconnect"}

    async def allowed() -> None:
        return None

    open_ = streams.Streams(look, 1)
    for _ in range(3):  # one more than there is room for would be refused
        with suppress(Exception):
            await open_.answer("ana", "", allowed)({"type": "http", "asgi": {"spec_version": "2.4"}}, receive, send)
    with open_.joined("ana", ""):
        pass
    await open_.close()
