"""Choices in the console: shares as a picture and a table, what options brought, and the switch."""

from datetime import UTC, datetime, timedelta

import pytest
from playwright.async_api import BrowserContext, expect

from activities.measuring.rewarding import Rewarding
from api.console import pictures
from store.audit import Which
from store.audit import page as audited
from tests.activities.test_choices import ask, order, people
from tests.api.console.chosen import SHARES, WORDS
from tests.api.console.conftest import Console
from tests.api.console.test_browser import chromium, scriptless, seen, signed_on, visitor  # noqa: F401 - fixtures
from tests.api.console.test_pages import asked, rows, shown

HERE = "/console/choices"


async def test_the_list_and_the_page_say_what_the_api_says(console: Console) -> None:
    shop = console.shop
    runs = await people(shop, 150)
    await ask(shop, WORDS, runs)
    shop.clock.set(shop.clock.now() + timedelta(hours=1))
    given = "select run_id from choice_made where option = 'many' and run_id = any($1)"
    await order(shop, [row["run_id"] for row in await shop.database.pool.fetch(given, runs)])
    shop.clock.set(shop.clock.now() + timedelta(days=1))
    await Rewarding(shop.database, shop.clock).hourly()
    await shop.parts.folding.fold()
    told = await asked(console, "/v1/choices/word")
    async with console.signed_on("reader") as browser:
        [row] = rows(await shown(browser, HERE), "Choices")
        assert (row[:3], row[4]) == (["word", "learns", "three_messages"], str(told["given"]))
        page = await shown(browser, f"{HERE}/word")
        assert "Freeze" not in page, "who may not operate has no switch"
        assert (await browser.post(f"{HERE}/word/state", data={"to": "frozen"})).status_code == 403
        assert (await browser.get(f"{HERE}/other")).status_code == 404
        assert 'href="/console/choices/word"' in await shown(browser, "/console/journeys/three_messages")
    drawn = rows(page, "Shares over time")
    assert [each[1] for each in drawn[1:4]] == ["100", "200", "300"]
    assert page.count("<polyline") == 2 * 3, "a line of each option, and its key"
    assert [(each[0], int(each[1]), each[3]) for each in rows(page, "What each option brought")] == [
        (each["option"], each["people"], str(each["given"].get("floor", 0))) for each in told["results"]
    ]
    against = rows(page, "Each option against the author's own")
    assert [each[:2] for each in against] == [[each["option"], each["against"]] for each in told["compared"]] != []
    assert [row[:2] for row in rows(page, "All that was chosen against the control")] == [["chosen", "own choice"]]
    [budget] = rows(page, "Budgets")
    assert budget == ["option: none", str(told["budgets"]["option: none"]["given"]), "5"]
    assert ("Lost against always giving" in page) == (told["regret"] is not None)


async def test_it_is_frozen_fixed_and_let_learn_on_buttons_and_the_audit_says_by_whom(console: Console) -> None:
    async with console.signed_on() as browser:
        for to, said in (("frozen", "Frozen: shares stay"), ("fixed", "Fixed: everybody"), ("learns", "It learns again")):
            answer = await browser.post(f"{HERE}/word/state", data={"to": to})
            page = await shown(browser, answer.headers["location"])
            assert (said in page, "These shares do not hold now" in page) == (True, to == "fixed")
            assert (await asked(console, "/v1/choices/word"))["state"] == to
            entry, *_ = await audited(console.shop.database, Which(kind="choice"), limit=1)
            assert (entry.verb, entry.name, entry.by) == ("switch", "word", "operator")
        assert (await browser.post(f"{HERE}/word/state", data={"to": "gone"})).status_code == 422
        assert (await browser.post(f"{HERE}/other/state", data={"to": "frozen"})).status_code == 404


@pytest.mark.parametrize("scripts", [True, False])
async def test_in_a_browser_by_keyboard_and_without_a_script(
    console: Console,
    visitor: BrowserContext,  # noqa: F811 - it asks for the fixture
    scriptless: BrowserContext,  # noqa: F811
    scripts: bool,
) -> None:
    page = await signed_on(console, visitor if scripts else scriptless)
    await page.goto(f"{console.url}{HERE}")
    await page.get_by_role("link", name="word", exact=True).focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("img", name="Shares of the options over time")).to_be_visible()
    await page.get_by_role("button", name="Freeze the shares").focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("status")).to_contain_text("Frozen")
    await page.get_by_role("button", name="Let it learn").click()
    await expect(page.get_by_role("status")).to_contain_text("It learns again")


async def test_its_pages_keep_nobody_out_in_light_and_dark_and_on_a_phone(
    console: Console,
    visitor: BrowserContext,  # noqa: F811 - it asks for the fixture
) -> None:
    page = await signed_on(console, visitor)
    found: dict[str, list[str]] = {}
    for name in ("choices", "choice", "journey"):
        await page.goto(console.url + console.pages[name])
        found |= await seen(page, name)
    assert found == {}


def test_a_line_holds_its_share_until_the_next_and_keeps_within_the_frame() -> None:
    began = datetime(2026, 3, 1, tzinfo=UTC)
    steps = [(began + timedelta(days=n), list(shares.values())) for n, shares in enumerate(SHARES)]
    drawn = pictures.stairs(steps, began + timedelta(days=4))
    assert drawn is not None
    assert [name for name, _ in drawn.lines] == ["line0", "line1", "line2"]
    many = [tuple(map(float, each.split(","))) for each in drawn.lines[1][1].split()]
    assert [many[n][1] == many[n + 1][1] for n in (0, 2, 4)] == [True] * 3, "it holds until the next"
    assert [many[n][0] == many[n + 1][0] for n in (1, 3)] == [True] * 2, "and moves at once"
    assert (many[0][0], many[-1][0]) == (pictures.LEFT, pictures.WIDE - pictures.RIGHT)
    assert many[0][1] > many[2][1] > many[4][1] >= pictures.ABOVE
    assert pictures.stairs([], began) is None
