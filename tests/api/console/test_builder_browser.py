"""The segment builder in a real browser: words and numbers come at each change, nothing typed is lost, nobody is kept out."""

from playwright.async_api import BrowserContext, expect

from tests.api.console.conftest import Console
from tests.api.console.test_browser import picture, scriptless, signed_on, tab_to, visitor  # noqa: F401 - fixtures
from tests.browser import barriers, chromium  # noqa: F401 - a fixture


async def test_words_and_numbers_come_at_each_change_and_what_is_typed_stays(
    console: Console,
    visitor: BrowserContext,  # noqa: F811 - it asks for the fixture
) -> None:
    page = await signed_on(console, visitor)
    failed: list[str] = []
    page.on("console", lambda said: failed.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: failed.append(str(error)))
    await page.goto(f"{console.url}/console/segments")
    await page.get_by_role("link", name="New segment").click()
    told = page.locator("#told")
    await page.get_by_label("Event", exact=True).fill("Product Added")
    await page.get_by_label("Within the last (if you like)").fill("30")
    await expect(told).to_contain_text('did "Product Added"')
    await page.keyboard.press("Tab")
    await expect(told).to_contain_text('did "Product Added" within 30 days')
    await expect(told).to_contain_text("1 customers")
    await expect(told).to_contain_text("exact: everybody was counted")
    assert await page.evaluate("document.activeElement.id") == "predicate.0.within-unit", "the focus stayed where it was"
    await page.get_by_role("button", name="Add a condition").click()
    await page.get_by_label("Kind of condition, 2").select_option(label="A trait compared with something")
    await page.get_by_label("Trait", exact=True).fill("tier")
    await page.get_by_label("Value", exact=True).fill("gold")
    await page.get_by_label("How they are joined").select_option(label="at least one of these")
    await expect(told).to_contain_text('did "Product Added" within 30 days or tier is "gold"')
    await expect(told).to_contain_text("4 customers")
    await page.get_by_label("Comparison").select_option(label="is one of")
    await page.get_by_label("Values, one a line").fill("silver\nbronze")
    await page.keyboard.press("Tab")
    await expect(told).to_contain_text('tier is one of "silver", "bronze"')
    await page.get_by_label("Within the last (if you like)").fill("soon")
    await page.keyboard.press("Tab")
    await expect(page.locator('[id="predicate.0.within-wrong"]')).to_have_text(
        "This is no number; write it with a point, such as 1234.5"
    )
    await page.get_by_label("Within the last (if you like)").fill("7")
    await page.keyboard.press("Tab")
    await expect(page.locator('[id="predicate.0.within-wrong"]')).to_have_text("")
    await page.get_by_role("button", name="Remove 2").click()
    await expect(page.get_by_label("Kind of condition, 2")).to_have_count(0)
    await picture(page, "builder filled")
    assert await barriers(page) == []
    await page.get_by_label("Name", exact=True).fill("just-added")
    await page.get_by_role("button", name="Save").click()
    await page.get_by_role("status").filter(has_text="Saved: every watch").wait_for()
    assert page.url.startswith(f"{console.url}/console/segments/just-added")
    assert failed == []


async def test_by_keyboard_alone_a_segment_is_changed(console: Console, visitor: BrowserContext) -> None:  # noqa: F811
    page = await signed_on(console, visitor)
    await page.goto(f"{console.url}/console/segments/fond-of-shoes/change")
    await page.locator('[id="predicate.0.at_least"]').focus()
    await page.keyboard.press("ControlOrMeta+a")
    await page.keyboard.type("3")
    await page.keyboard.press("Enter")  # the first button of the form: it is worked out, and nothing is saved or lost
    await expect(page.locator("#told")).to_contain_text("at least 3 times")
    await tab_to(page, "Save")
    await page.keyboard.press("Enter")
    await page.get_by_role("status").filter(has_text="Saved: every watch").wait_for()
    stored = await console.shop.database.pool.fetchval("select definition from segment_definition where name = 'fond-of-shoes'")
    assert stored["predicate"]["all"][0]["at_least"] == 3


async def test_without_script_the_form_is_filled_and_saved_all_the_same(
    console: Console,
    scriptless: BrowserContext,  # noqa: F811 - it asks for the fixture
) -> None:
    page = await signed_on(console, scriptless)
    await page.goto(f"{console.url}/console/segments/vips")
    await page.get_by_role("link", name="Copy to change").click()
    await page.get_by_role("button", name="Add a condition").click()
    await page.get_by_label("Kind of condition, 2").select_option(label="Can be reached")
    await page.get_by_role("button", name="Work it out").click()
    await page.get_by_label("Channel").select_option(label="push")
    await page.get_by_role("button", name="Work it out").click()
    await expect(page.get_by_text('tier is "gold" and is reachable by push')).to_be_visible()
    await expect(page.get_by_text("exact: everybody was counted")).to_be_visible()
    await page.get_by_label("Name", exact=True).fill("reachable-vips")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("status")).to_have_text("Saved: every watch takes it up within seconds.")
    await page.get_by_role("link", name="ES", exact=True).click()
    await page.get_by_role("link", name="Cambiar", exact=True).click()
    assert await page.get_by_label("Clase de condición, 2").input_value() == "reachable"
