"""The console in a real browser: nobody is kept out (axe-core) in light and dark, on a phone, by keyboard, without JavaScript.

`PICTURES=folder` keeps what was seen.
"""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, BrowserContext, Page, expect

from tests.api.console.conftest import Console
from tests.browser import barriers, chromium  # noqa: F401 - a fixture

_PICTURES = os.environ.get("PICTURES")
_DESK, _PHONE = {"width": 1280, "height": 900}, {"width": 360, "height": 740}


@pytest.fixture
async def visitor(chromium: Browser) -> AsyncIterator[BrowserContext]:  # noqa: F811 - it asks for the fixture
    context = await chromium.new_context(viewport=_DESK, locale="en-GB")  # type: ignore[arg-type]
    yield context
    await context.close()


@pytest.fixture
async def scriptless(chromium: Browser) -> AsyncIterator[BrowserContext]:  # noqa: F811 - it asks for the fixture
    context = await chromium.new_context(java_script_enabled=False, locale="en-GB")
    yield context
    await context.close()


async def signed_on(console: Console, context: BrowserContext, key: str = "operator") -> Page:
    page = await context.new_page()
    await page.goto(f"{console.url}/console")
    await page.get_by_label("API key").fill(console.keys[key])
    await page.get_by_role("button", name="Sign on").click()
    await page.wait_for_url(f"{console.url}/console")
    return page


async def picture(page: Page, name: str) -> None:
    if _PICTURES:
        await page.screenshot(path=Path(_PICTURES) / f"{name.replace(' ', '-')}.png", full_page=True)


async def seen(page: Page, name: str) -> dict[str, list[str]]:
    """What keeps anybody out of a page as it stands: in light, in dark, and on a phone."""
    found = {}
    for scheme in ("light", "dark"):
        await page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        await page.reload()
        await picture(page, f"{name} {scheme}")
        found[scheme] = await barriers(page)
        await page.evaluate("for (const each of document.querySelectorAll('td details')) each.open = true")
        if await page.locator("td details").count():
            await picture(page, f"{name} {scheme} opened")
            found[f"{scheme}, opened"] = await barriers(page)
    await page.set_viewport_size(_PHONE)  # type: ignore[arg-type]
    await picture(page, f"{name} phone")
    wide = await page.evaluate("document.documentElement.scrollWidth")
    found["phone"] = [f"{wide} wide"] if wide > _PHONE["width"] else []
    await page.set_viewport_size(_DESK)  # type: ignore[arg-type]
    return {f"{name}, {scheme}": told for scheme, told in found.items() if told}


async def test_each_page_keeps_nobody_out_in_light_and_dark_and_on_a_phone(console: Console, visitor: BrowserContext) -> None:
    page = await signed_on(console, visitor, "admin")
    wrong: list[str] = []
    page.on("console", lambda said: wrong.append(said.text) if said.type == "error" and "404" not in said.text else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    found: dict[str, list[str]] = {}
    for name, path in {**console.pages, "login": "/console/login"}.items():
        await page.goto(console.url + path)
        found |= await seen(page, name)
    assert found == {}
    assert wrong == [], "no script fails, and the policy forbids nothing that a page asks for"


async def test_a_size_over_time_is_drawn_beside_its_table(console: Console, visitor: BrowserContext) -> None:
    page = await signed_on(console, visitor)
    await page.goto(f"{console.url}/console/segments/vips")
    drawn = page.get_by_role("img", name="Members at each day's end")
    width = (await drawn.bounding_box() or {})["width"]
    assert await drawn.locator("canvas").evaluate("canvas => canvas.clientWidth") > width * 0.9
    await page.get_by_text("Day by day, as a table").click()
    assert await page.get_by_role("table", name="Size over time").get_by_role("row").count() > 30


async def test_numbers_come_anew_by_themselves_and_why_is_told_in_its_place(console: Console, visitor: BrowserContext) -> None:
    page = await signed_on(console, visitor)
    await page.goto(f"{console.url}/console/customers/{console.customer}")
    await page.evaluate("document.body.dataset.stays = 'yes'")
    await page.get_by_label("Journey").select_option("three_messages")
    await page.get_by_role("button", name="Why?").click()
    await page.get_by_text("email note was not sent: goal reached").wait_for()
    assert await page.evaluate("document.body.dataset.stays") == "yes", "the rest of the page stood still"
    await page.goto(f"{console.url}/console")
    await page.evaluate("document.body.dataset.stays = 'yes'")
    await console.shop.database.pool.execute(
        "update run set ended_at = now(), outcome = 'finished' where journey = 'while_vip'"
    )
    async with page.expect_response(f"{console.url}/console"):
        await page.evaluate("htmx.trigger('#now', 'every')")
    await page.wait_for_function("document.querySelector('.tiles dd').textContent === '1'")
    assert await page.evaluate("document.body.dataset.stays") == "yes"


async def test_by_keyboard_alone_a_journey_is_paused_and_lives_again(console: Console, visitor: BrowserContext) -> None:
    page = await visitor.new_page()
    await page.goto(f"{console.url}/console/journeys/while_vip")
    await page.keyboard.type(console.keys["operator"])  # the field has the focus
    await page.keyboard.press("Enter")
    await page.get_by_role("heading", name="while_vip").wait_for()
    await page.keyboard.press("Tab")
    assert await page.evaluate("document.activeElement.textContent") == "Skip to the content"
    await page.keyboard.press("Enter")
    for name, said, state in (("Pause", "Paused: messages wait", "paused"), ("Let it live again", "Live again", "live")):
        await tab_to(page, name)
        await page.keyboard.press("Enter")
        await page.get_by_role("status").filter(has_text=said).wait_for()
        stands = "select state from journey_control where journey = 'while_vip'"
        assert await console.shop.database.pool.fetchval(stands) == state


async def tab_to(page: Page, name: str) -> None:
    for _ in range(200):
        if await page.evaluate("document.activeElement.textContent.trim()") == name:
            return
        await page.keyboard.press("Tab")
    raise AssertionError(f"nothing called {name} is reached")


async def test_without_javascript_everything_is_done_all_the_same(console: Console, scriptless: BrowserContext) -> None:
    page = await signed_on(console, scriptless)
    await page.get_by_role("link", name="Customers").click()
    await page.get_by_label("User id, email").fill("ana")
    await page.get_by_role("button", name="Look up").click()
    await expect(page).to_have_url(f"{console.url}/console/customers/{console.customer}")
    await page.get_by_label("Journey").select_option("three_messages")
    await page.get_by_role("button", name="Why?").click()
    await expect(page.get_by_text("email note was not sent: goal reached")).to_be_visible()
    await page.get_by_role("link", name="its story").first.click()
    await expect(page).to_have_url(f"{console.url}/console/runs/{console.run.id}")
    await page.get_by_text("End this run").click()
    await page.get_by_role("button", name="End it").click()
    await expect(page.get_by_role("status")).to_have_text("The run was told to end; nothing more is sent.")
    await page.goto(f"{console.url}/console/segments/vips")
    await page.get_by_label("User id, email").fill("ana@example.com")
    await page.get_by_role("button", name="Why?").click()
    await expect(page.get_by_text("is in it", exact=True)).to_be_visible()
    await page.get_by_role("link", name="ES", exact=True).click()
    await expect(page.get_by_role("heading", name="Tamaño con el tiempo")).to_be_visible()
    await page.get_by_role("link", name="Inicio").click()
    await expect(page.get_by_role("heading", name="Lo que necesita a alguien")).to_be_visible()
    await page.get_by_role("button", name="Salir").click()
    await page.wait_for_url("**/console/login*")
    await page.goto(f"{console.url}/console")
    assert "/console/login" in page.url


async def test_a_letter_is_shown_at_once_in_its_frames_in_light_and_in_dark(
    console: Console,
    chromium: Browser,  # noqa: F811 - it asks for the fixture
    scriptless: BrowserContext,
) -> None:
    untouched = await chromium.new_context(color_scheme="null", locale="en-GB")  # else every frame has the emulated one
    page = await signed_on(console, untouched)
    await page.goto(f"{console.url}/console/templates/email/note")
    await page.get_by_label("User id of a customer").fill("ana")
    await page.get_by_role("button", name="Preview").click()
    for scheme in ("light", "dark"):
        frame = page.frame_locator(f"iframe[name=letter-{scheme}]")
        await frame.get_by_text("Hello Ana.").wait_for()
        inside = page.frame(name=f"letter-{scheme}")
        assert inside is not None
        assert await inside.evaluate("matchMedia('(prefers-color-scheme: dark)').matches") == (scheme == "dark")
        assert await inside.evaluate("self.origin") == "null", "nobody's"
    assert "ana" not in page.url
    await untouched.close()
    plain = await signed_on(console, scriptless)
    await plain.goto(f"{console.url}/console/templates/email/note")
    await plain.get_by_role("button", name="The letter, in light").click()
    await plain.frame_locator("iframe[name=letter-light]").get_by_text("Hello you.").wait_for()


async def test_without_javascript_a_trait_is_said_and_a_customer_erased(console: Console, scriptless: BrowserContext) -> None:
    page = await signed_on(console, scriptless)
    await page.goto(f"{console.url}/console/customers/{console.customer}")
    await page.get_by_label("Trait", exact=True).fill("tier")
    await page.get_by_label("Value; empty").fill("silver")
    await page.get_by_role("button", name="Say it").click()
    await expect(page.get_by_role("status")).to_have_text("It is known of them now.")
    await page.get_by_label("to confirm").last.fill(str(console.customer)[-12:])
    await page.get_by_role("button", name="Erase for good").click()
    await expect(page.get_by_role("heading", name="Erasure")).to_be_visible()
    await page.set_viewport_size(_PHONE)  # type: ignore[arg-type]
    assert await page.evaluate("document.documentElement.scrollWidth") <= _PHONE["width"]


async def test_the_navigation_stands_on_one_line_of_a_desk(console: Console, visitor: BrowserContext) -> None:
    page = await signed_on(console, visitor, "admin")
    for language in ("en", "es"):
        await page.goto(f"{console.url}/console/campaigns?lang={language}")
        high = await page.evaluate("document.querySelector('.top').offsetHeight")
        assert high < 60, language
