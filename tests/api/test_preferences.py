"""The preference page over HTTP and in a real browser: GET looks, POST saves, by channel, purpose and topic."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from playwright.async_api import Browser, Page
from uuid_utils.compat import uuid7

from activities.channels.preferences import preferences_url
from activities.channels.suppression import suppression_digest
from api.config import ApiConfig
from journeys import Journey, Topic, journey
from store import Database
from store.customers.topics import SALE, shareable, turned_off
from tests.api.mail_shop import ANA, NOW, SECRET
from tests.api.server import INGEST_KEY, serving
from tests.browser import barriers, chromium, page  # noqa: F401 - fixtures

NEWS = Topic("news", en="News and stories", es="Novedades e historias")


@journey(topic=NEWS)
async def stories(j: Journey) -> None:
    """Once in a while."""
    await j.email("story")


@dataclass
class Town:
    """Ana, with two addresses of email and a phone, before the API."""

    http: httpx.AsyncClient
    database: Database
    ana: UUID
    url: str

    async def states(self) -> dict[str, str]:
        rows = await self.database.pool.fetch("select channel, address, marketing from endpoint order by channel, address")
        return {f"{row['channel']} {row['address']}": row["marketing"] for row in rows}

    async def off(self) -> set[str]:
        async with self.database.pool.acquire() as connection:
            return await turned_off(connection, self.ana)

    async def words(self) -> list[tuple[str, str, str | None, str]]:
        asked = "select channel, state, text_version, said_by from consent where source = 'preference page' order by id"
        return [tuple(row) for row in await self.database.pool.fetch(asked)]

    async def save(self, *on: str, shown: tuple[str, ...] = (), **more: Any) -> httpx.Response:
        everything = ("email:marketing", "email:transactional", "sms:marketing", "topic:news", "sale")
        headers = more.pop("headers", {})
        form = {"shown": list(shown or everything), "on": list(on), **more}
        return await self.http.post(self.url, data=form, headers=headers)


@pytest.fixture
async def town(database: Database) -> AsyncIterator[Town]:
    pool, ana = database.pool, uuid7()
    await pool.execute("insert into profile (id, created_at, updated_at) values ($1, $2, $2)", ana, NOW)
    for channel, address in (("email", ANA), ("email", "old@mail.example"), ("sms", "+34600000001")):
        await pool.execute(
            "insert into endpoint (id, profile_id, channel, address, first_seen_at, last_seen_at)"
            " values ($1, $2, $3, $4, $5, $5)",
            uuid7(), ana, channel, address, NOW - timedelta(days=2),
        )  # fmt: skip
    await pool.execute(
        "insert into consent (profile_id, channel, address, purpose, state, said_by, source, at, received_at)"
        " values ($1, 'email', $2, 'marketing', 'granted', 'sync', 'crm', $3, $3)", ana, ANA, NOW - timedelta(days=1),
    )  # fmt: skip
    config = ApiConfig(dsn=database.dsn, secret=SECRET, catalogue={"stories": stories})
    async with serving(config) as url, httpx.AsyncClient(timeout=30) as http:
        yield Town(http, database, ana, preferences_url(url, SECRET, ana))


async def test_looking_changes_nothing_and_shows_what_holds(town: Town) -> None:
    before = await town.states()
    answer = await town.http.get(town.url, headers={"Sec-GPC": "1"})
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert ANA not in answer.text, "whoever gets the link by mistake reads no address"
    assert "a…@mail.example" in answer.text
    assert 'value="email:marketing" checked' in answer.text
    assert 'value="sms:marketing">' in answer.text
    assert 'value="topic:news" checked' in answer.text
    assert 'value="sale" checked' in answer.text, "the browser asks for it"
    assert (await town.states(), await town.off(), await town.words()) == (before, set(), [])


@pytest.mark.parametrize("odd", [{"lang": "e" * 11}, {"accepted": "x," * 600}, {"gpc": "1" * 11}])
async def test_whatever_a_browser_sends_its_user_sees_a_page(town: Town, odd: dict[str, str]) -> None:
    headers = {"Accept-Language": odd.get("accepted", "en"), "Sec-GPC": odd.get("gpc", "0")}
    answer = await town.http.get(town.url, params={"lang": odd.get("lang", "")}, headers=headers)
    assert (answer.status_code, answer.headers["content-language"]) == (200, "en")
    assert 'value="email:marketing" checked' in answer.text


async def test_each_choice_is_a_word_of_the_customer_s_with_its_text_and_what_is_no_news_is_none(town: Town) -> None:
    await town.save("sms:marketing", "email:transactional", "topic:news", lang="es")
    assert await town.states() == {
        f"email {ANA}": "withdrawn", "email old@mail.example": "withdrawn", "sms +34600000001": "granted"
    }  # fmt: skip
    words = await town.words()
    assert {word[1:] for word in words} == {(state, "preferences-es-1", "customer") for state in ("granted", "withdrawn")}
    assert {word[0] for word in words if word[1] == "granted"} == {"sms"}
    [event] = await town.database.pool.fetch("select type, properties from event")
    assert (event["type"], event["properties"]["channel"]) == ("Unsubscribed", "email")
    await town.save("sms:marketing", "email:transactional", "topic:news", lang="es")
    assert await town.words() == words, "saved again"


async def test_what_was_not_shown_stays_and_all_marketing_can_be_ended_at_once(town: Town) -> None:
    await town.save(shown=("topic:news",))
    assert (await town.states())[f"email {ANA}"] == "granted"
    assert await town.off() == {"news"}
    await town.save("email:marketing", "sms:marketing", "email:transactional", "topic:news", none="1")
    assert set((await town.states()).values()) == {"withdrawn"}
    assert await town.off() == {"news"}
    refused = "select count(*) from consent where purpose = 'transactional'"
    assert await town.database.pool.fetchval(refused) == 0


async def test_a_yes_takes_back_what_the_unsubscribe_link_said_and_a_no_that_was_kept(town: Town) -> None:
    await town.save(shown=("email:marketing",))
    await town.database.pool.execute(
        "update consent set at = at - interval '1 hour', received_at = received_at - interval '1 hour'"
    )
    digest = suppression_digest(SECRET, "email", ANA)
    await town.save("email:marketing", shown=("email:marketing",))
    kept = "insert into suppression (channel, digest, scope, reason, at) values ('email', $1, 'marketing', $2, $3)"
    await town.database.pool.execute(kept, digest, "said no", NOW)
    old = suppression_digest(SECRET, "email", "old@mail.example")
    await town.database.pool.execute(kept, old, "said no", NOW)
    assert 'value="email:marketing">' in (await town.http.get(town.url)).text, "an imported no is no yes"
    await town.save("email:marketing", shown=("email:marketing",))
    assert (await town.states())[f"email {ANA}"] == "granted"
    assert await town.database.pool.fetchval("select count(*) from suppression") == 0


async def test_gov_01_the_sale_of_data_is_refused_by_the_box_and_by_global_privacy_control(town: Town) -> None:
    async with town.database.pool.acquire() as connection:
        assert await shareable(connection, [town.ana]) == {town.ana}
        await town.save("sale", shown=("sale",))
        assert await shareable(connection, [town.ana]) == set()
        await town.save(shown=("sale",))
        assert await shareable(connection, [town.ana]) == {town.ana}
        await town.save(shown=("topic:news",), headers={"Sec-GPC": "1"})
        assert await shareable(connection, [town.ana]) == set()
    assert SALE in await town.off()


async def test_a_forged_link_a_damaged_one_and_one_of_somebody_erased_choose_nothing(town: Town) -> None:
    for forged in (
        town.url[:-1] + ("A" if town.url[-1] != "A" else "B"),
        preferences_url(town.url.partition("/p/")[0], "x" * 20, town.ana),
    ):
        for answer in (await town.http.get(forged), await town.http.post(forged, data={"none": "1"})):
            assert (answer.status_code, "This link is not valid" in answer.text) == (404, True)
    await town.database.pool.execute("update profile set merged_into = id")
    answer = await town.http.get(town.url, headers={"Accept-Language": "es-ES,es;q=0.9,en;q=0.8"})
    assert (answer.status_code, "No hay nada que elegir" in answer.text) == (404, True)
    assert await town.words() == []


async def test_the_link_is_given_to_operators_only(town: Town) -> None:
    path = town.url.partition("/p/")[0] + f"/v1/profiles/{town.ana}/preference-link"
    assert (await town.http.post(path)).status_code == 401
    assert (await town.http.post(path, auth=(INGEST_KEY, ""))).status_code == 401


async def test_in_a_browser_without_script_and_without_a_fault_of_axe(town: Town, chromium: Browser, page: Page) -> None:  # noqa: F811
    visitor = await chromium.new_context(java_script_enabled=False, locale="es-ES")
    plain = await visitor.new_page()
    await plain.goto(town.url)
    assert await plain.title() == "Tus mensajes"
    await plain.get_by_label("Novedades e historias").uncheck()
    await plain.get_by_role("group", name="SMS").get_by_label("Ofertas y novedades").check()
    await plain.get_by_role("button", name="Guardar").click()
    await plain.get_by_role("status").wait_for()
    await visitor.close()
    assert await town.off() == {"news"}
    assert (await town.states())["sms +34600000001"] == "granted"

    for language in ("en", "es"):
        await page.goto(f"{town.url}?lang={language}")
        assert await barriers(page) == []
    await page.get_by_role("button", name="Guardar").click()
    await page.get_by_role("status").wait_for()
    assert await barriers(page) == []
    await page.goto(town.url[:-2] + "AA")
    assert await barriers(page) == []


async def test_the_unsubscribe_page_leads_there(town: Town, page: Page) -> None:  # noqa: F811 - it asks for the fixture
    from activities.channels import sign_unsubscribe

    link = sign_unsubscribe(SECRET, town.ana, "email", "marketing", f"{uuid7()}/hello/1")
    await page.goto(f"{town.url.partition('/p/')[0]}/u/{link}")
    assert await barriers(page) == []
    await page.get_by_role("link", name="Choose what you get from us").click()
    await page.wait_for_url("**/p/**")
    assert await page.title() == "Your messages"
