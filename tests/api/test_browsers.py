"""Browser SDKs of Segment and RudderStack, unchanged, in a page of another origin (B1, B12): what arrives, what is refused."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.async_api import Page

from api import ApiConfig
from api.ingest.signed import identity_secret, sign_user
from store import Database
from store.keys import Grant, Role, create_key
from tests.api.server import serving
from tests.browser import chromium, page, shop  # noqa: F401 - fixtures
from tests.programs import node_modules

SECRET = "b3a1f0e2d4c697887a6b5c4d3e2f1a0b"
SEGMENT = """async ([url, key, options]) => {
    window.sdk = AnalyticsNext.AnalyticsBrowser.load({writeKey: key, cdnURL: url}, options)
    await window.sdk.ready()
}"""
RUDDER = """([url, key, options]) => new Promise(ready => {
    window.sdk = new rudderanalytics.RudderAnalytics()
    window.sdk.load(key, url, {configUrl: url, ...options})
    window.sdk.ready(ready)
})"""
BATCHING = {
    "integrations": {"Segment.io": {"deliveryStrategy": {"strategy": "batching", "config": {"size": 3, "timeout": 200}}}}
}
LATER = {
    "integrations": {"Segment.io": {"deliveryStrategy": {"strategy": "batching", "config": {"size": 99, "timeout": 60_000}}}}
}
SUBSCRIBED = {"messaging_subscriptions": [{"key": "ana@shop.example", "type": "EMAIL", "status": "SUBSCRIBED"}]}


@dataclass
class Shop:
    """A shop's page and the API that its SDK talks to."""

    page: Page
    url: str
    api: str
    key: str
    database: Database

    async def load(self, sdk: str, options: dict[str, Any], key: str = "") -> None:
        await self.page.goto(f"{self.url}/{sdk}")
        await self.page.evaluate({"segment": SEGMENT, "rudder": RUDDER}[sdk], [self.api, key or self.key, options])

    async def call(self, name: str, *arguments: Any) -> None:
        await self.page.evaluate("([name, given]) => { window.sdk[name](...given) }", [name, list(arguments)])

    async def types(self, count: int) -> list[str]:
        """The types of what was stored, as soon as there are so many events."""
        async with asyncio.timeout(30):
            while True:
                rows = await self.database.pool.fetch("select type from event order by type")
                if len(rows) >= count:
                    return [row["type"] for row in rows]
                await asyncio.sleep(0.05)

    async def row(self, query: str) -> Any:
        return await self.database.pool.fetchval(query)


@pytest.fixture
async def web(dsn: str, database: Database, page: Page) -> AsyncIterator[Shop]:  # noqa: F811 - it asks for the fixture
    node_modules()
    async with shop() as url, serving(ApiConfig(dsn=dsn, secret=SECRET, key_ttl=0.1)) as api:
        key = await create_key(database.pool, "web", Grant(Role.CLIENT, origins=[url]))
        yield Shop(page, url, api, key, database)


WAYS = [
    ("segment", {}),
    ("segment", BATCHING),
    ("rudder", {}),
    ("rudder", {"queueOptions": {"batch": {"enabled": True, "flushInterval": 200}}}),
]
BEACON = {"useBeacon": True, "beaconQueueOptions": {"flushQueueInterval": 600_000}}


@pytest.mark.parametrize(("sdk", "options"), [*WAYS, ("rudder", {"useBeacon": True, "beaconQueueOptions": {"maxItems": 1}})])
async def test_a_visitor_s_events_profile_and_consent_arrive(web: Shop, sdk: str, options: dict[str, Any]) -> None:
    await web.load(sdk, options)
    await web.call("page", "Shoes")
    await web.call("identify", {"city": "Bilbao", "email": "ana@shop.example"}, {"context": SUBSCRIBED})
    await web.call("track", "Product Added", {"price": 59.9})
    assert await web.types(3) == ["$identify", "Page Viewed", "Product Added"]
    assert await web.row("select count(distinct profile_id) from event") == 1
    assert (await web.row("select traits from profile where merged_into is null"))["city"] == "Bilbao"
    assert await web.row("select address from endpoint") == "ana@shop.example"
    assert await web.row("select state from consent") == "granted"
    assert await web.row("select count(*) from identity where kind = 'anonymous_id'") == 1
    assert await web.row("select reason from dead_letter") is None


@pytest.mark.parametrize(("sdk", "options"), [("segment", LATER), ("rudder", BEACON)])
async def test_what_waits_is_sent_when_the_page_closes(web: Shop, sdk: str, options: dict[str, Any]) -> None:
    await web.load(sdk, options)
    await web.call("track", "Product Added")
    await web.page.wait_for_timeout(300)
    assert await web.row("select count(*) from event") == 0
    await web.page.close()
    assert "Product Added" in await web.types(1)


@pytest.mark.parametrize(("sdk", "options"), [WAYS[0], WAYS[3]])
async def test_a_signed_user_s_profile_and_consent_arrive(web: Shop, sdk: str, options: dict[str, Any]) -> None:
    signature = sign_user(identity_secret(SECRET, "web"), "u-1")
    await web.load(sdk, options)
    await web.call("track", "Product Viewed")
    await web.types(1)
    context = {**SUBSCRIBED, "identity": {"signature": signature}}
    await web.call("identify", "u-1", {"city": "Bilbao", "email": "ana@shop.example"}, {"context": context})
    await web.call("track", "Product Added")
    assert await web.types(3) == ["$identify", "Product Added", "Product Viewed"]
    assert await web.row("select count(*) from profile where merged_into is null") == 1, "the visitor is the user"
    assert (await web.row("select traits from profile where merged_into is null"))["city"] == "Bilbao"
    assert await web.row("select address from endpoint") == "ana@shop.example"
    assert await web.row("select state from consent") == "granted"
    assert signature not in str(await web.database.pool.fetch("select * from event"))
    assert await web.row("select reason from dead_letter") is None


@pytest.mark.parametrize(("sdk", "options"), WAYS[1:3])
async def test_an_unsigned_user_s_address_and_consent_are_refused(web: Shop, sdk: str, options: dict[str, Any]) -> None:
    await web.load(sdk, options)
    await web.call("identify", "u-1", {"city": "Bilbao", "email": "thief@evil.example"}, {"context": SUBSCRIBED})
    await web.call("track", "Product Added")
    assert await web.types(2) == ["$identify", "Product Added"]
    assert await web.row("select traits from profile where merged_into is null") == {}
    assert await web.row("select address from endpoint") is None
    assert await web.row("select state from consent") is None
    assert (await web.row("select reason from dead_letter")).startswith("unsigned-identity: /userId")


async def test_a_key_works_from_its_own_pages_alone(web: Shop) -> None:
    await create_key(web.database.pool, "other", Grant(Role.CLIENT, origins=["https://shop.example"]))
    foreign = await create_key(web.database.pool, "third", Grant(Role.CLIENT, origins=["https://third.example"]))
    server = await create_key(web.database.pool, "server", Role.INGEST)
    await web.page.goto(f"{web.url}/empty")
    send = """async ([url, key]) => {
        const headers = {Authorization: 'Basic ' + btoa(key + ':')}
        const options = {method: 'POST', headers, body: '{"anonymousId": "a", "event": "E"}'}
        const answer = await fetch(url + '/v1/t', options)
        return [answer.status, (await answer.json()).code ?? null]
    }"""
    assert await web.page.evaluate(send, [web.api, web.key]) == [200, None]
    assert await web.page.evaluate(send, [web.api, foreign]) == [403, "foreign-origin"]
    assert await web.page.evaluate(send, [web.api, server]) == [403, "server-key-in-a-page"]
    assert await web.page.evaluate(send, [web.api, "jk_unknown"]) == [401, "unauthorized"]
