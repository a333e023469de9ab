"""Experiments in the console: what the report says of all and of one, day by day too, in a chart beside its table."""

from playwright.async_api import BrowserContext

from api.console.experiments import told
from api.reports.known import report
from journeys import Experiment
from store.measuring import experiments as declared
from store.measuring.experiments import Said
from store.reports.report import Asked
from tests.api.console.conftest import Console
from tests.api.console.test_browser import chromium, seen, signed_on, visitor  # noqa: F401 - fixtures
from tests.api.console.test_pages import rows, shown
from tests.reports.planted import plant

HERE = "/console/experiments"
HOLDOUT = "$holdout/carts"


async def test_all_and_one_of_them_say_what_the_report_says(console: Console) -> None:
    database, now = console.shop.database, console.shop.clock.now()
    async with console.signed_on("reader") as browser:
        assert "Nobody is in one." in await shown(browser, HERE)
        await plant(database)
        made = await report(database, "experiments", Asked.of(now))
        page = await shown(browser, HERE)
        assert [row[:3] for row in rows(page, "Experiments")] == [
            [row["experiment"], row["arm"], row["against"]] for row in told(made.table())
        ]
        one = await report(database, "experiments", Asked.of(now, experiment=HOLDOUT))
        page = await shown(browser, f"{HERE}/%24holdout/carts")
        assert all(each in page for each in one.findings), "the verdict, as it is"
        (arms,) = rows(page, "Arms")
        (row,) = told(one.table())
        assert arms[:4] == [row["arm"], row["against"], row["exposed"], row["exposed_against"]]
        days = told(one.table("days"))
        drawn = rows(page, f"{row['arm']} against {row['against']}, day by day")
        named = ("day", "people", "lift", "lift_low", "lift_high")
        assert [each[:5] for each in drawn] == [[each[name] for name in named] for each in days]
        assert [each[0] for each in rows(page, "Conversion rate")] == [row["arm"]]
        assert (await browser.get(f"{HERE}/nonsense")).status_code == 404
        assert "of a journey nobody nothing was ever counted" in await shown(browser, f"{HERE}?journey=nobody")
    async with console.signed_on("of one") as browser:
        assert (await browser.get(HERE)).status_code == 403
        assert (await browser.get(f"{HERE}?journey=three_messages")).status_code == 200
        assert (await browser.get(f"{HERE}/%24holdout/carts?journey=carts")).status_code == 403


async def test_a_sample_ratio_that_rings_is_seen_first_and_a_journey_leads_there(console: Console) -> None:
    await plant(console.shop.database)
    said = Said("$holdout/held_out", "v1", Experiment.of_holdout("$holdout/held_out", 0.2).to_json())
    await declared.declare(console.shop.database, [said], console.shop.clock.now())
    async with console.signed_on("reader") as browser:
        broken = await shown(browser, f"{HERE}/layout")
        assert broken.index("nothing of this counts") < broken.index("What may be concluded")
        assert "Nothing may be concluded: there are" in broken
        assert "nothing of this counts" not in await shown(browser, f"{HERE}/%24holdout/carts")
        assert 'href="/console/experiments/%24holdout/held_out"' in await shown(browser, "/console/journeys/held_out")
        assert "Nobody is in it yet." in await shown(browser, f"{HERE}/%24holdout/held_out")


async def test_its_bounds_are_drawn_by_day_and_nobody_is_kept_out(
    console: Console,
    visitor: BrowserContext,  # noqa: F811 - it asks for the fixture
) -> None:
    await plant(console.shop.database)
    page = await signed_on(console, visitor)
    await page.goto(f"{console.url}{HERE}/%24holdout/carts")
    drawn = page.get_by_role("img", name="Lift at each day's end")
    width = (await drawn.bounding_box() or {})["width"]
    assert await drawn.locator("canvas").evaluate("canvas => canvas.clientWidth") > width * 0.9
    assert await seen(page, "experiment") == {}
    await page.goto(f"{console.url}{HERE}")
    assert await seen(page, "experiments planted") == {}
