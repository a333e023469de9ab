"""Web push's face: the scripts, what browsers tell, and whose word is taken; subscriptions come like any other address."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
import uvicorn
from playwright.async_api import Browser, Page, Request
from starlette.applications import Starlette
from starlette.requests import Request as Asked
from starlette.responses import Response
from starlette.routing import Route
from uuid_utils.compat import uuid7

from activities.channels.web_push.told import id_of, told_token
from api import ApiConfig
from store import Database
from store.keys import Grant, Role, create_key
from tests.api.server import serving
from tests.browser import chromium  # noqa: F401 - a fixture
from workers.sandbox.push.browsers import MadeUpBrowser
from workers.sandbox.server import WEB_PUSH_PUBLIC_KEY

SECRET = "b3a1f0e2d4c697887a6b5c4d3e2f1a0b"
SUBSCRIPTION = MadeUpBrowser("ana").subscription("https://push.example")


@pytest.fixture
async def url(dsn: str, database: Database) -> AsyncIterator[str]:
    config = ApiConfig(dsn=dsn, secret=SECRET, web_push_public_key=WEB_PUSH_PUBLIC_KEY, key_ttl=0.2)
    async with serving(config) as url:
        yield url


@pytest.fixture
async def http(url: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=url) as http:
        yield http


@pytest.fixture
async def client_key(database: Database) -> str:
    return await create_key(database.pool, "shop-web", Grant(Role.CLIENT, origins=["*"]))


@pytest.fixture
async def key(database: Database) -> str:
    """The key of a notification that a push service took."""
    profile, run, now = uuid7(), uuid7(), datetime.now(UTC)
    pool = database.pool
    await pool.execute("insert into profile (id, created_at, updated_at) values ($1, $2, $2)", profile, now)
    await pool.execute(
        "insert into run (id, journey, profile_id, entered_by, entered_at, workflow_id, created_at)"
        " values ($1, 'come_back', $2, 'api', $3, $4, $3)", run, profile, now, str(run),
    )  # fmt: skip
    key = f"{run}/web_push:still-looking/1"
    await pool.execute(
        "insert into delivery (run_id, step, occurrence, profile_id, journey, channel, purpose, template, due_at, state,"
        " claimed_at, settled_at, provider, provider_message_id) values ($1, 'web_push:still-looking', 1, $2, 'come_back',"
        " 'web_push', 'marketing', 'still-looking', $3, 'sent', $3, $3, 'web-push', $4)", run, profile, now, id_of(key),
    )  # fmt: skip
    return key


async def events(database: Database) -> list[str]:
    return [row["type"] for row in await database.pool.fetch("select type from event order by type")]


async def test_what_a_browser_tells_becomes_events_once(http: httpx.AsyncClient, database: Database, key: str) -> None:
    token = told_token(SECRET, key)
    for what in ("delivered", "clicked", "clicked", "closed", "delivered"):
        assert (await http.post(f"/w/{token}/{what}")).status_code == 204
    assert await events(database) == ["Message Clicked", "Message Closed", "Message Delivered", "Message Read"]
    told = await database.pool.fetchval("select properties from event where type = 'Message Clicked'")
    assert told["journey"] == "come_back"
    assert (told["channel"], told["step"], told["run_id"]) == ("web_push", "web_push:still-looking", key.partition("/")[0])
    row = await database.pool.fetchrow("select state, delivered_at, read_at from delivery")
    assert row is not None
    assert row["state"] == "sent"
    assert None not in (row["delivered_at"], row["read_at"])


async def test_a_click_settles_a_message_in_doubt(http: httpx.AsyncClient, database: Database, key: str) -> None:
    await database.pool.execute("update delivery set state = 'unconfirmed', provider_message_id = null, reason = 'x'")
    await http.post(f"/w/{told_token(SECRET, key)}/clicked")
    assert await database.pool.fetchval("select state from delivery") == "sent"


async def test_a_forged_token_tells_nothing(http: httpx.AsyncClient, database: Database, key: str) -> None:
    other = f"{UUID(int=7)}/web_push:still-looking/1"
    forged = [
        told_token("another secret, as long as ours is", key), told_token(SECRET, key)[:-1], told_token(SECRET, "no key"),
        key, "x",
    ]  # fmt: skip
    for token in forged:
        assert (await http.post(f"/w/{token}/clicked")).status_code == 404
    assert (await http.post(f"/w/{told_token(SECRET, other)}/clicked")).status_code == 204, "of nobody's message"
    for method, what in (("GET", "clicked"), ("POST", "sent"), ("POST", "unsubscribed")):
        assert (await http.request(method, f"/w/{told_token(SECRET, key)}/{what}")).status_code in (405, 422)
    assert await events(database) == []


async def test_the_scripts_hold_the_public_key_and_nothing_that_is_secret(http: httpx.AsyncClient, url: str) -> None:
    script = await http.get("/web-push/client.js")
    assert script.headers["content-type"].startswith("text/javascript")
    assert f'API = "{url}", KEY = "{WEB_PUSH_PUBLIC_KEY}"' in script.text
    worker = await http.get("/web-push/worker.js")
    assert "addEventListener" in worker.text
    assert SECRET not in script.text + worker.text
    assert (await http.get("/web-push/other.js")).status_code == 422


async def test_without_a_key_there_is_no_script(dsn: str, database: Database) -> None:
    async with serving(ApiConfig(dsn=dsn)) as url, httpx.AsyncClient(base_url=url) as http:
        answer = await http.get("/web-push/client.js")
    assert answer.status_code == 404
    assert "JOURNEYS_WEB_PUSH_PUBLIC_KEY" in answer.json()["detail"]


def said(status: str = "SUBSCRIBED", key: Any = SUBSCRIPTION, **who: str) -> dict[str, Any]:
    subscriptions = [{"key": key, "type": "WEB_PUSH", "status": status}]
    return {"messageId": str(uuid7()), "context": {"messaging_subscriptions": subscriptions}} | who


async def test_a_subscription_comes_with_consent_and_goes_with_it(
    http: httpx.AsyncClient, database: Database, client_key: str
) -> None:
    asked = "select channel, address, platform, marketing, invalid_at from endpoint"
    told = (("SUBSCRIBED", "granted"), ("UNSUBSCRIBED", "withdrawn"), ("SUBSCRIBED", "granted"))
    for ago, (status, state) in zip((60, 40, 20), told, strict=True):
        at = (datetime.now(UTC) - timedelta(seconds=ago)).isoformat()
        body = said(status, anonymousId="v1", timestamp=at)
        answer = await http.post("/v1/identify", json=body, auth=(client_key, ""))
        assert answer.status_code == 200
        [row] = await database.pool.fetch(asked)
        assert (row["channel"], row["platform"], row["marketing"]) == ("web_push", "web", state)
    assert json.loads(row["address"])["endpoint"] == "https://push.example/push/ana"
    await database.pool.execute("update endpoint set invalid_at = now(), invalid_reason = 'web-push 410'")
    await http.post("/v1/identify", json=said(anonymousId="v1"), auth=(client_key, ""))
    assert (await database.pool.fetch(asked))[0]["invalid_at"] is None, "a page that registers it again knows better"


@pytest.mark.parametrize("key", ["x", {}, SUBSCRIPTION | {"endpoint": "http://10.0.0.1/x"}, SUBSCRIPTION | {"keys": {}}])
async def test_what_is_no_subscription_is_a_dead_letter(
    http: httpx.AsyncClient, database: Database, client_key: str, key: Any
) -> None:
    await http.post("/v1/identify", json=said(key=key, anonymousId="v1"), auth=(client_key, ""))
    assert "is not an address for web_push" in await database.pool.fetchval("select reason from dead_letter")
    assert await database.pool.fetchval("select count(*) from endpoint") == 0


#: Chromium has no push service of its own to ask: this page's browser is a made-up one.
SUBSCRIBES = """
PushManager.prototype.subscribe = async function (options) {
    window.asked = options;
    return { toJSON: () => (%s), options, unsubscribe: async () => true };
};
"""
REGISTERS = """async () => {
    window.worker = await navigator.serviceWorker.register("/web-push/worker.js")
    while (!window.worker.active) await new Promise(done => setTimeout(done, 20))
}"""


@dataclass
class Heard:
    """A server that hears what the service worker tells, and nothing else."""

    url: str
    told: list[str] = field(default_factory=list)

    async def until(self, count: int) -> list[str]:
        async with asyncio.timeout(20):
            while len(self.told) < count:  # noqa: ASYNC110 - the browser gets it there
                await asyncio.sleep(0.02)
        return self.told


@pytest.fixture
async def heard() -> AsyncIterator[Heard]:
    async def tell(request: Asked) -> Response:
        heard.told.append(f"{request.method} {request.url.path}")
        return Response(status_code=204)

    async with _served(Starlette(routes=[Route("/{path:path}", tell, methods=["GET", "POST"])])) as url:
        heard = Heard(url)
        yield heard


@asynccontextmanager
async def _served(app: Starlette) -> AsyncIterator[str]:
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", access_log=False))
    running = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - it has no event for us
        await asyncio.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    await running


@pytest.fixture
async def visit(chromium: Browser, url: str) -> AsyncIterator[Page]:  # noqa: F811 - it asks for the fixture
    """The page to try it, whose visitor allows notifications."""
    visitor = await chromium.new_context(permissions=["notifications"])
    await visitor.add_init_script(SUBSCRIBES % json.dumps(SUBSCRIPTION))
    page = await visitor.new_page()
    await page.goto(f"{url}/web-push")
    yield page
    await visitor.close()


async def test_a_page_subscribes_a_browser_by_the_script_of_shops(visit: Page, database: Database, client_key: str) -> None:
    sent: list[Request] = []
    visit.on("request", lambda request: sent.append(request))  # noqa: PLW0108 - Playwright marks what it is given
    await visit.get_by_label("Client's key").fill(client_key)
    await visit.get_by_role("button", name="Allow notifications").click()
    await visit.get_by_text("subscribed", exact=True).wait_for()
    key = await visit.evaluate("[...new Uint8Array(window.asked.applicationServerKey)].length")
    assert (key, await visit.evaluate("window.asked.userVisibleOnly")) == (65, True)
    assert any(request.url.endswith("/v1/identify") for request in sent)
    row = await database.pool.fetchrow("select channel, marketing, address from endpoint")
    assert row is not None
    assert (row["channel"], row["marketing"]) == ("web_push", "granted")
    assert json.loads(row["address"])["endpoint"] == SUBSCRIPTION["endpoint"]


def _ids(told: dict[str, Any]) -> list[str]:
    return [each["registrationId"] for each in told["registrations"]]


async def test_the_service_worker_shows_opens_and_tells(visit: Page, heard: Heard, url: str) -> None:
    """As far as it goes without a push service: the browser is handed a message as if it had been read."""
    await visit.evaluate(REGISTERS)
    devtools = await visit.context.new_cdp_session(visit)
    registrations: list[str] = []
    devtools.on("ServiceWorker.workerRegistrationUpdated", lambda told: registrations.extend(_ids(told)))
    await devtools.send("ServiceWorker.enable")
    message = {
        "title": "Still looking?", "body": "The boots are still here.", "tag": "t1", "told": f"{heard.url}/w/token",
        "link": f"{url}/web-push?from=push", "buttons": [{"title": "See it", "link": f"{url}/docs"}], "data": {"product": "p1"},
    }  # fmt: skip
    async with asyncio.timeout(20):
        while not registrations:  # noqa: ASYNC110 - the browser tells it
            await asyncio.sleep(0.02)
    push = {"origin": url, "registrationId": registrations[0]}
    for data in ("not JSON", '{"title": "of somebody else"}', json.dumps(message)):
        await devtools.send("ServiceWorker.deliverPushMessage", push | {"data": data})
    assert await heard.until(1) == ["POST /w/token/delivered"]
    shown = await visit.evaluate(
        "worker.getNotifications()"
        ".then(all => all.map(n => [n.title, n.body, n.tag, n.data.data, n.actions.map(a => a.title)]))"
    )
    assert shown == [["Still looking?", "The boots are still here.", "t1", {"product": "p1"}, ["See it"]]]
    [worker] = visit.context.service_workers
    act = """async ([kind, action]) => {
        const [notification] = await self.registration.getNotifications()
        self.dispatchEvent(new NotificationEvent(kind, { notification, action }))
    }"""
    await worker.evaluate(act, ["notificationclose", ""])
    assert await heard.until(2) == ["POST /w/token/delivered", "POST /w/token/closed"]
    await worker.evaluate(act, ["notificationclick", "button-0"])
    assert (await heard.until(3))[2] == "POST /w/token/clicked"
    assert await visit.evaluate("worker.getNotifications().then(all => all.length)") == 0
