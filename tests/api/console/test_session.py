"""Who looks at the console: a key exchanged for a session that names it, ends with it, and is good for our own pages alone."""

import asyncio
import re
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx
from fastapi import FastAPI

from api import ApiConfig, create_app
from api.console.session import COOKIE, token_of
from store import Database
from store.audit import Which
from store.audit import page as audited
from store.keys import Caller, Grant, Role, create_key, revoke_key, rotate_key
from tests.api.console.conftest import Console


def browsing(app: FastAPI) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://a", headers={"Origin": "https://a"})


async def lands(browser: httpx.AsyncClient, path: str = "/console") -> str:
    """Where somebody comes who opens a page."""
    answer = await browser.get(path)
    return answer.headers.get("location", path) if answer.status_code == 303 else path


async def test_a_key_is_exchanged_for_a_cookie_that_holds_nothing_of_it(console: Console) -> None:
    async with console.client() as browser:
        assert await lands(browser) == "/console/login?to=/console"
        answer = await browser.post("/console/login", data={"key": f" {console.keys['reader']} ", "to": "/console/segments"})
        assert (answer.status_code, answer.headers["location"]) == (303, "/console/segments")
        cookie = answer.headers["set-cookie"]
        assert all(each in cookie for each in ("HttpOnly", "SameSite=lax", "Path=/console", "Max-Age=43200"))
        assert "Secure" not in cookie, "the shop's own address is http"
        assert console.keys["reader"] not in cookie
        assert await lands(browser) == "/console"
        assert (await browser.get("/v1/journeys")).status_code == 401, "a session is no key"
        assert (await browser.post("/console/logout")).headers["location"] == "/console/login"
        assert await lands(browser) == "/console/login?to=/console"
    entry, *_ = await audited(console.shop.database, Which(kind="console"), limit=1)
    assert (entry.verb, entry.name, entry.by) == ("sign on", "reader", "reader")


async def test_over_https_the_cookie_insists_on_it(database: Database, dsn: str) -> None:
    key = await create_key(database.pool, "reader", Role.READ)
    app = create_app(ApiConfig(dsn=dsn, secret="s" * 32, public_url="https://shop.example"), database=database)
    headers = {"Origin": "https://shop.example"}
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://api.shop.example", headers=headers
    ) as browser:
        assert "Secure" in (await browser.post("/console/login", data={"key": key})).headers["set-cookie"]


async def test_who_has_no_key_to_look_with_is_told_so(console: Console) -> None:
    keys = {"jk_wrong": "This key is unknown", "": "This key is unknown", console.keys["starter"]: "may not look"}
    async with console.client() as browser:
        for key, said in keys.items():
            answer = await browser.post("/console/login", data={"key": key})
            assert (answer.status_code, said in answer.text, "set-cookie" in answer.headers) == (403, True, False)


async def test_without_a_secret_nobody_signs_on_and_no_session_is_believed(database: Database, dsn: str) -> None:
    key = await create_key(database.pool, "reader", Role.READ)
    app = create_app(ApiConfig(dsn=dsn), database=database)
    async with browsing(app) as browser:
        answer = await browser.post("/console/login", data={"key": key})
        assert (answer.status_code, "JOURNEYS_SECRET" in answer.text) == (403, True)
        browser.cookies.set(COOKIE, "AAAA", path="/console")
        assert "/console/login" in await lands(browser)


async def ended(console: Console, browser: httpx.AsyncClient) -> bool:
    """Whether a session is over once the key is not taken on trust any more."""
    await asyncio.sleep(0.2)
    return "/console/login" in await lands(browser)


async def test_a_session_ends_with_its_key_and_with_the_secret_it_was_begun_with(console: Console) -> None:
    pool = console.shop.database.pool
    async with console.signed_on("reader") as one, console.signed_on("operator") as other:
        assert not await ended(console, one)
        await revoke_key(pool, "reader")
        assert await ended(console, one)
        again = await rotate_key(pool, "operator", datetime.now(UTC) + timedelta(seconds=1))
        assert not await ended(console, other), "the secret before is good for a while"
        await asyncio.sleep(1)
        assert await ended(console, other)
        assert (await other.post("/console/login", data={"key": again})).status_code == 303
        await pool.execute("update api_key set ends_at = now() where name = 'operator'")
        assert await ended(console, other)


async def test_no_session_is_believed_that_is_over_or_was_not_made_here(console: Console) -> None:
    config = console.shop.api._transport.app.state.config  # type: ignore[attr-defined]
    key = console.keys["reader"]
    id_ = await console.shop.database.pool.fetchval("select id from api_key where name = 'reader'")
    caller = Caller(id_, "reader", Role.READ)
    good, over = (token_of(config, caller, key, time.time() + seconds) for seconds in (60, -1))
    other = token_of(config, caller, "jk_of_somebody_else", time.time() + 60)
    for token, believed in (
        (good, True),
        (over, False),
        (other, False),
        (good[:-2] + "xx", False),
        (good[1:], False),
        ("", False),
    ):
        async with console.client() as browser:
            browser.cookies.set(COOKIE, token, domain="127.0.0.1", path="/console")
            assert (await lands(browser) == "/console") is believed, token


async def test_a_key_of_some_journeys_is_led_nowhere_that_refuses_it(console: Console) -> None:
    grant = Grant(Role.READ, personal=True, journeys=("urgent", "three_messages"))
    console.keys["of two"] = await create_key(console.shop.database.pool, "of two", grant)
    for key, campaigns in (("of one", ["Campaigns"]), ("of two", ["Campaigns three_messages", "Campaigns urgent"])):
        async with console.signed_on(key) as browser:
            menu = (await browser.get("/console")).text.partition("<nav")[2].partition("</nav>")[0]
            leads = re.findall(r'<a href="([^"]+)"[^>]*>([^<]+)</a>', menu)
            assert [name for _, name in leads if name.startswith("Campaigns")] == campaigns
            for path, name in leads:
                answer = await browser.get(path)
                assert (answer.status_code, name) == (200, name)
                assert f'<a href="{path}" aria-current="page">' in answer.text
    async with console.signed_on("reader") as browser:
        assert '<a href="/console/customers">' in (await browser.get("/console")).text


#: What a browser tells of where a form stands, and whether that is a page of ours.
SENT = [
    ({"Sec-Fetch-Site": "cross-site"}, False),
    ({"Sec-Fetch-Site": "same-site"}, False),
    ({"Sec-Fetch-Site": "none"}, False),
    ({"Sec-Fetch-Site": "cross-site", "Origin": "http://127.0.0.1"}, False),
    ({"Origin": "https://evil.example"}, False),
    ({"Origin": "null"}, False),
    ({"Origin": ""}, False),
    ({"Sec-Fetch-Site": "same-origin"}, True),
    ({"Sec-Fetch-Site": "same-origin", "Origin": "null"}, True),
]


async def test_what_another_sites_page_sends_changes_nothing(console: Console) -> None:
    state = "select state from journey_control where journey = 'while_vip'"
    async with console.signed_on() as browser:
        for sent, taken in SENT:
            answer = await browser.post("/console/journeys/while_vip/state", data={"to": "paused"}, headers=sent)
            assert answer.status_code == (303 if taken else 403), sent
            assert await console.shop.database.pool.fetchval(state) == ("paused" if taken else None), sent
            assert (await browser.post("/console/login", data={"key": "jk_x"}, headers=sent)).status_code == 403
        for sent, taken in SENT[:-1]:
            assert (await browser.post("/console/logout", headers=sent)).status_code == (303 if taken else 403), sent


async def test_where_a_public_address_is_set_no_other_name_is_ours(console: Console) -> None:
    config: ApiConfig = console.shop.api._transport.app.state.config  # type: ignore[attr-defined]
    app = create_app(replace(config, public_url="https://Shop.example"), database=console.shop.database)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://evil") as browser:
        for origin, taken in (
            ("http://evil", False),
            ("https://shop.example", True),
            ("http://shop.example", False),
            ("", False),
        ):
            said = {"key": console.keys["reader"]}
            answer = await browser.post("/console/login", data=said, headers={"Origin": origin, "Host": "evil"})
            assert answer.status_code == (303 if taken else 403), origin


async def test_who_signs_on_comes_back_to_the_page_but_is_sent_nowhere_else(console: Console) -> None:
    async with console.client() as browser:
        path = f"/console/customers/{console.customer}?journey=three_messages"
        assert await lands(browser, path) == f"/console/login?to={path.replace('?', '%3F').replace('=', '%3D')}"
        for to in (
            "https://evil.example",
            "//evil.example",
            "/console@evil.example",
            "/consolevil",
            "/console\\evil",
            "/docs",
            "/console/../v1/keys",
            "/console/%2e%2E/v1",
            "/console/x/./../..",
            "/console/..",
        ):
            answer = await browser.post("/console/login", data={"key": console.keys["reader"], "to": to})
            assert answer.headers["location"] == "/console", to
        browser.cookies.clear()
        headers = {"Referer": f"{console.url}/console/runs/{console.run.id}"}
        answer = await browser.post(f"/console/runs/{console.run.id}/end", headers=headers)
        assert answer.headers["location"] == f"/console/login?to=/console/runs/{console.run.id}"
        answer = await browser.post("/console/state", headers={"Referer": "https://evil.example/console"})
        assert answer.headers["location"] == "/console/login?to=/console"
        part = await browser.get("/console", headers={"HX-Request": "true"})
        assert (part.status_code, part.headers["hx-redirect"]) == (401, "/console/login?to=/console")


async def test_without_personal_data_there_are_ids_and_reasons_and_nobody_is_found_by_a_name(console: Console) -> None:
    async with console.signed_on("reader") as browser:
        told = {name: await browser.get(path) for name, path in console.pages.items()}
        assert {name for name, answer in told.items() if answer.status_code == 403} == {
            *("segment why", "tasks", "tasks none"),
            *("keys", "audit", "audit none"),  # of admins
            "segment list",  # of those who may change one
            *("campaign new", "campaign new of a message", "start which", "start many", "start one"),  # of those who may start
        }
        everything = "".join(answer.text for answer in told.values())
        assert [each for each in ("Bilbao", "ana@", "34601", ">ana<") if each in everything] == []
        # What an author wrote of a task, and what providers and operators gave as reasons, is no word of a customer.
        assert {name for name, answer in told.items() if "evil.example" in answer.text} == {
            *("home", "customer", "customer why", "run", "trouble", "segments", "segment builder"),
            *("prediction", "prediction band", "prediction to change"),
        }
        assert "goal reached" in told["customer why"].text
        refused = await browser.post("/console/customers", data={"name": "ana"})
        assert (refused.status_code, "--personal" in refused.text) == (403, True)
        found = await browser.post("/console/customers", data={"name": str(console.customer)})
        assert found.headers["location"] == f"/console/customers/{console.customer}"
        assert "Pause" not in told["journey"].text


async def test_a_key_of_one_journey_sees_that_one(console: Console) -> None:
    async with console.signed_on("of one") as browser:
        told = {name: (await browser.get(path)).status_code for name, path in console.pages.items()}
        allowed = {name for name, status in told.items() if status == 200}
        assert allowed == {"home", "journey", "run", "tasks", "tasks none", "experiments of one", "start which"}
        home = (await browser.get("/console")).text
        assert ("three_messages" in home, "while_vip" in home) == (True, False)
        assert (await browser.get("/console/journeys/while_vip")).status_code == 403
        assert (await browser.post("/console/state", data={"to": "paused"})).status_code == 403
        assert (await browser.post("/console/journeys/three_messages/state", data={"to": "paused"})).status_code == 303


async def test_a_key_that_asks_too_often_is_told_when_to_come_back(console: Console) -> None:
    console.keys["slow"] = await create_key(console.shop.database.pool, "slow", Grant(Role.READ, per_minute=2))
    async with console.signed_on("slow") as browser:
        statuses = [(await browser.get("/console/customers")).status_code for _ in range(4)]
        assert statuses[:2] == [200, 200]
        last = await browser.get("/console/customers")
        assert (last.status_code, "retry-after" in last.headers, "Too many requests" in last.text) == (429, True, True)
