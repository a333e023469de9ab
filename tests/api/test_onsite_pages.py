"""Inbox and content in a page of the shop's, in a real browser: shown, read, followed, put away, under a strict policy."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from playwright.async_api import Page
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from activities.channels import InAppContent
from activities.channels.message import Button
from api.ingest.signed import identity_secret, sign_user
from journeys import Place, Show, did
from store import Database
from store.keys import Grant, Role, create_key
from tests.api.test_inbox import SECRET, Web, opened
from tests.browser import barriers, chromium, page  # noqa: F401 - fixtures

_HTML = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Shop</title>
<link rel="stylesheet" href="{api}/onsite/style.css"></head><body><main><h1>Shoes</h1><section id="hero"></section>
<section id="inbox" aria-label="Your messages"></section></main>
<script src="{api}/onsite/client.js"></script></body></html>"""
_NEVER = Show("never", when=did("Never Done"))
#: As strict as a shop's may be: nothing inline, nothing from elsewhere but the API's files.
_POLICY = "default-src 'none'; script-src {api}; style-src {api}; connect-src {api}; img-src https:; base-uri 'none'"
#: Where pictures of what is seen go, for whoever looks at them.
_PICTURES = os.environ.get("PICTURES")


@dataclass
class Shop:
    """A page of the shop's and the API behind it."""

    page: Page
    web: Web
    url: str
    faults: list[str]

    async def visits(self, **options: Any) -> None:
        """Somebody comes: the page loads, and begins."""
        await self.page.goto(self.url)
        await self.page.evaluate("options => journeysOnsite.start(options)", {"writeKey": self.web.key, **options})

    async def ana_visits(self) -> None:
        signature = sign_user(identity_secret(SECRET, "page"), "ana")
        await self.visits(userId="ana", signature=signature, inbox="#inbox")

    async def stored(self, column: str) -> bool:
        """Whether the API hears of it."""
        async with asyncio.timeout(15):
            asked = f"select bool_or({column} is not null) from inbox"
            while not await self.web.database.pool.fetchval(asked):  # noqa: ASYNC110 - the browser tells it
                await asyncio.sleep(0.02)
        return True

    async def event(self, named: str) -> dict[str, Any]:
        """What an event of this name says, as soon as there is one."""
        async with asyncio.timeout(15):
            while True:
                found = await self.web.database.pool.fetchval("select properties from event where type = $1", named)
                if found is not None:
                    return dict(found)
                await asyncio.sleep(0.02)

    async def picture(self, name: str) -> None:
        if _PICTURES:
            await self.page.screenshot(path=Path(_PICTURES) / f"{name}.png")


@asynccontextmanager
async def pages(api: str) -> AsyncIterator[str]:
    """A web server of the shop's, on an origin of its own."""

    async def answer(_: Request) -> Response:
        return HTMLResponse(_HTML.format(api=api), headers={"Content-Security-Policy": _POLICY.format(api=api)})

    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(Starlette(routes=[Route("/", answer)]), log_level="error", access_log=False))
    running = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        yield f"http://localhost:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        await running


@pytest.fixture
async def shop(dsn: str, database: Database, page: Page) -> AsyncIterator[Shop]:  # noqa: F811 - it asks for the fixture
    places = {each.name: each for each in (Place("hero", Show("guide")), Place("none", _NEVER), Place("popup", Show("stay")))}
    shown: dict[str, InAppContent] = {}
    content = {"places": places, "render": lambda name, *_: shown[name]}
    async with opened(dsn, database, **content) as web, pages(web.url) as url:
        begin = (Button(title="Begin", link=f"{url}/#guide"),)
        shown["guide"] = InAppContent(title="Find your size", body="Three questions.", actions=begin, placement="inline")
        shown["stay"] = InAppContent(title="Stay a while", body="We have tea.", placement="modal")
        web.key = await create_key(database.pool, "page", Grant(Role.CLIENT, origins=[url]))
        faults: list[str] = []
        page.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: faults.append(str(error)))
        yield Shop(page, web, url, faults)
        await page.close()
        assert faults == []


async def test_what_is_in_the_inbox_is_listed_read_followed_and_put_away(shop: Shop) -> None:
    await shop.web.put("Your order", body="It is on its way.\nIt comes tomorrow.", actions={"Follow it": f"{shop.url}/#order"})
    await shop.web.put("<b>Sale</b>", body="<img src=x onerror=alert(1)>", actions={"Bad": "javascript:alert(1)"})
    await shop.ana_visits()
    region = shop.page.get_by_role("region", name="Your messages")
    await region.get_by_role("heading", name="Your order").wait_for()
    assert await region.get_by_role("listitem").count() == 2
    assert await region.get_by_role("heading", name="<b>Sale</b>").count() == 1, "text, and no markup"
    assert await region.locator("b, img").count() == 0
    assert await region.get_by_role("link").all_inner_texts() == ["Follow it"], "no link runs a script"
    await shop.stored("seen_at")
    await shop.picture("inbox")
    await region.get_by_role("link", name="Follow it").click()
    await shop.stored("clicked_at")
    button = region.get_by_role("button", name="Dismiss: <b>Sale</b>")
    await button.focus()
    await shop.page.keyboard.press("Enter")
    await region.get_by_role("heading", name="<b>Sale</b>").wait_for(state="detached")
    assert await shop.page.evaluate("document.activeElement.textContent") == "Messages", "the focus is not lost"
    await shop.stored("dismissed_at")


async def test_a_message_comes_while_the_page_is_open_and_goes_when_it_is_not_true_any_more(shop: Shop) -> None:
    await shop.ana_visits()
    await shop.page.get_by_text("No messages").wait_for()
    id_ = await shop.web.put("Can we help?")
    await shop.page.get_by_role("heading", name="Can we help?").wait_for()
    await shop.web.database.pool.execute("update inbox set withdrawn_at = now() where id = $1", id_)
    await shop.page.get_by_role("heading", name="Can we help?").wait_for(state="detached")


async def test_a_banner_is_shown_once_and_put_away(shop: Shop) -> None:
    await shop.web.put("Can we help?", placement="banner", actions={"Show me": f"{shop.url}/#help"})
    await shop.ana_visits()
    banner = shop.page.get_by_role("region", name="Messages", exact=True)
    await banner.get_by_role("heading", name="Can we help?").wait_for()
    await shop.picture("banner")
    await shop.stored("seen_at")
    await banner.get_by_role("button").click()
    await banner.wait_for(state="detached")
    await shop.stored("dismissed_at")


async def test_a_pop_up_takes_the_focus_and_gives_it_back(shop: Shop) -> None:
    await shop.web.put("5 % back", placement="modal", body="Today only.", actions={"Laptops": f"{shop.url}/#laptops"})
    await shop.ana_visits()
    dialog = shop.page.get_by_role("dialog", name="5 % back")
    await dialog.wait_for()
    await shop.picture("modal")
    assert await shop.page.evaluate("document.querySelector('dialog').contains(document.activeElement)")
    await shop.page.keyboard.press("Escape")
    await dialog.wait_for(state="detached")
    await shop.stored("dismissed_at")


async def test_who_is_not_signed_has_no_inbox_and_the_page_does_not_ask_again(shop: Shop) -> None:
    asked: list[str] = []
    shop.page.on("request", lambda request: asked.append(request.url))
    await shop.web.put("For Ana")
    async with shop.page.expect_response(lambda answer: answer.url.endswith("/v1/inbox/stream")) as told:
        await shop.visits(userId="ana", signature="0" * 64, inbox="#inbox")
    assert (await told.value).status == 403
    await shop.page.wait_for_timeout(200)
    assert len([url for url in asked if "/v1/inbox" in url]) <= 1
    shop.faults.clear()  # the browser tells of the 403
    assert "For Ana" not in await shop.page.content()


async def test_content_stands_where_the_page_wants_it_and_is_told_when_it_is_seen(shop: Shop) -> None:
    """CH-10."""
    await shop.visits(anonymousId="d-1")
    found = await shop.page.evaluate("journeysOnsite.show({ hero: '#hero', none: '#none' })")
    assert (found["hero"]["title"], found["none"]) == ("Find your size", None)
    hero = shop.page.locator("#hero")
    assert await hero.get_by_role("heading", name="Find your size").count() == 1
    await shop.picture("content")
    await shop.event("Content Shown")
    await hero.get_by_role("link", name="Begin").click()
    told = await shop.event("Content Clicked")
    assert told == {"place": "hero", "content": "guide", "link": f"{shop.url}/#guide"}
    assert shop.page.url == f"{shop.url}/#guide"


async def test_content_may_be_a_pop_up(shop: Shop) -> None:
    await shop.visits(anonymousId="d-1")
    await shop.page.evaluate("journeysOnsite.show({ popup: '' })")
    await shop.page.get_by_role("dialog", name="Stay a while").wait_for()
    await shop.picture("popup")
    await shop.event("Content Shown")
    await shop.page.keyboard.press("Escape")
    assert (await shop.event("Content Dismissed"))["content"] == "stay"


async def test_nothing_of_it_keeps_anybody_out(shop: Shop) -> None:
    """By axe-core: list, banner, content and dialog, and the page to try them."""
    await shop.web.put("Your order", body="It is on its way.", actions={"Follow it": f"{shop.url}/#order"})
    await shop.web.put("Can we help?", placement="banner", actions={"Show me": f"{shop.url}/#a", "No": f"{shop.url}/#b"})
    await shop.ana_visits()
    await shop.page.get_by_role("listitem").first.wait_for()
    await shop.page.evaluate("journeysOnsite.show({ hero: '#hero' })")
    assert await barriers(shop.page) == []
    await shop.page.evaluate("journeysOnsite.show({ popup: '' })")
    await shop.page.get_by_role("dialog").wait_for()
    assert await barriers(shop.page) == []
    await shop.page.goto(f"{shop.web.url}/onsite")
    assert await barriers(shop.page) == []
    shop.faults.clear()  # the browser looks for an icon of the page, and there is none
