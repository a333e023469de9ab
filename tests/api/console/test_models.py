"""Predictions in the console: what the API says, drawn and as tables; trained, declared, approved, taken out of use."""

import json
import re
from dataclasses import replace
from html import unescape
from typing import Any

import pytest
from playwright.async_api import BrowserContext, expect

from api import ApiConfig
from api.console import pictures
from api.models.bodies import EXAMPLES
from segments.predictions.reasons import MATTERS
from segments.predictions.wire import KINDS, declared_from_json
from store.audit import Which
from store.audit import page as audited
from store.keys import Grant, Role, create_key
from tests.api.console.conftest import HOSTILE, Console
from tests.api.console.foretold import BUYS, OTHERS, WEEK
from tests.api.console.test_browser import chromium, scriptless, seen, signed_on, visitor  # noqa: F401 - fixtures
from tests.api.console.test_pages import asked, rows, shown
from tests.api.server import serving

HERE = "/console/models"
OTHER = BUYS | {"name": "buys-more"}


async def test_the_list_and_the_card_say_what_the_api_says(console: Console) -> None:
    view = next(each for each in (await asked(console, "/v1/models"))["models"] if each["name"] == "buys")
    detail = await asked(console, "/v1/models/buys")
    async with console.signed_on() as browser:
        page = await shown(browser, HERE)
        row, *others = sorted(rows(page, "Predictions"), key=lambda each: each[0] != "buys")
        assert {each[0] for each in others} == set(OTHERS)
        assert (row[0], row[1], row[2], row[3]) == ("buys", "held", str(view["people"]), "2 propensity")
        assert f"nobody new comes over a threshold: {view['held_why']}" in page
        card = await shown(browser, f"{HERE}/buys")
    champion = next(each for each in detail["versions"] if each["state"] == "champion")["card"]
    assert detail["english"] in card
    assert f"Who buys {HOSTILE}" in card, "unescaped, it was escaped in the page"
    groups = champion["measures"]["calibration"]
    drawn = rows(card, "Are its probabilities true?")
    assert [row[1] for row in drawn] == [str(each["people"]) for each in groups]
    assert [row[2] for row in drawn] == [f"{round(each['foretold'] * 100, 2):g} %" for each in groups]
    assert card.count("<circle") == len(groups) + 8, "a point for each group, and for each week"
    matters = rows(card, "What it goes by")
    little = sum(by < MATTERS for by in champion["importance"].values())
    assert len(matters) == len(champion["importance"]) - little
    assert ("left out here" in card) == (little > 0)
    assert matters[0][0] == detail["features"][max(champion["importance"], key=champion["importance"].get)]
    assert [int(row[1]) for row in rows(card, "Customers by score")] == detail["bands"]
    assert [row[:2] for row in rows(card, "Its models")] == [["3", "challenger"], ["2", "champion"], ["1", "former"]]
    assert rows(card, "Who asks for it") == [["may-buy", "50 %", "40 %", ""]]
    assert [row[0] for row in rows(card, "Is it still true of what comes?")] == sorted(
        row[0] for row in rows(card, "Is it still true of what comes?")
    )
    assert len(rows(card, "Is it still true of what comes?")) == 8


async def test_who_is_in_which_band_and_why_is_shown_to_who_may_see_persons(console: Console) -> None:
    told = (await asked(console, "/v1/models/buys/customers", band=10))["customers"]
    assert told
    assert all(each["score"] >= 0.9 for each in told)
    async with console.signed_on() as browser:
        page = await shown(browser, f"{HERE}/buys?band=10")
        found = rows(page, "Some customers with 90\u2013100 %, and why")
        assert [row[0] for row in found] == [each["customer_id"][-12:] for each in told]
        assert told[0]["reasons"][0]["words"] in found[0][3]
        assert f'href="/console/customers/{told[0]["customer_id"]}"' in page
        customer = await shown(browser, f"/console/customers/{told[0]['customer_id']}")
        told_of = rows(customer, "What is foretold of them")
        name, score, _, why = next(each for each in told_of if each[0] == "buys")
        assert (name, score) == ("buys", f"{round(told[0]['score'] * 100, 2):g} %")
        assert told[0]["reasons"][0]["words"] in why
        assert (await browser.get(f"{HERE}/buys?band=11")).status_code == 422
    async with console.signed_on("reader") as browser:
        page = await shown(browser, f"{HERE}/buys?band=10")
        assert ("Some customers with" in page, "?band=" in page.partition("<main")[2].partition("</main>")[0]) == (False, False)
        assert "Who they are is personal data" in page
        assert "What is foretold of them" not in await shown(browser, f"/console/customers/{console.customer}")
        assert "Train now" not in page


async def test_who_is_of_a_kind_or_will_bring_much_is_shown_with_what_is_told_of_them_and_why(console: Console) -> None:
    sizes = (await asked(console, "/v1/models/styles"))["sizes"]
    kind = next(iter(sizes))
    by_kind = (await asked(console, "/v1/models/styles/customers", kind=kind, limit=50))["customers"]
    best = (await asked(console, "/v1/models/value-of-a-year/customers", band=10, limit=50))["customers"]
    assert {each["label"] for each in by_kind} == {kind}
    assert len(by_kind) == sizes[kind]
    spread = (await asked(console, "/v1/models/value-of-a-year"))["spread"]
    assert min(each["score"] for each in best) >= spread[9], "a tenth of the customers"
    assert (await asked(console, "/v1/models/styles/customers", kind="none such"))["customers"] == []
    async with console.signed_on() as browser:
        page = await shown(browser, f"{HERE}/styles?kind={kind}")
        found = rows(page, f"Some customers of the kind {kind}, and why")
        assert [row[0] for row in found] == [each["customer_id"][-12:] for each in by_kind][:10]
        assert by_kind[0]["reasons"][0]["words"] in found[0][3]
        page = await shown(browser, f"{HERE}/value-of-a-year?band=10")
        first = rows(page, "Some of the customers between 90 and 100 %, and why")[0]
        assert "orders expected; a customer still with" in first[1]
        channel = next(iter((await asked(console, "/v1/models/best-channel"))["sizes"]))
        channels = await shown(browser, f"{HERE}/best-channel?kind={channel}")
        assert "are answered; it is the best one with" in channels.partition('id="sample"')[2]
        customer = await shown(browser, f"/console/customers/{by_kind[0]['customer_id']}")
        told = {row[0]: row for row in rows(customer, "What is foretold of them")}
        assert set(told) == {"buys", *OTHERS}
        assert told["styles"][1].startswith(kind)
        assert all(row[3] for row in told.values()), "each with its reasons"
        spanish = await shown(browser, f"{HERE}/styles?kind={kind}&lang=es")
        assert "Algunos clientes del tipo" in spanish
    async with console.signed_on("reader") as browser:
        page = await shown(browser, f"{HERE}/styles?kind={kind}")
        assert ("Some customers of" in page, "?kind=" in page.partition("<main")[2].partition("</main>")[0]) == (False, False)
        assert "Who they are is personal data" in page


def test_there_is_an_example_of_each_kind() -> None:
    assert EXAMPLES.keys() == KINDS.keys()
    for kind, each in EXAMPLES.items():
        assert declared_from_json(each).kind == kind


async def test_an_example_of_each_kind_is_offered_and_told_of_what_it_would_come_to(console: Console) -> None:
    leaves = EXAMPLES["probability"]  # by whose holdout the example of an uplift is learned
    assert (await console.shop.operate("PUT", "/v1/models/leaves", json=leaves)).status_code == 201
    async with console.signed_on() as browser:
        for kind, example in EXAMPLES.items():
            page = await shown(browser, f"{HERE}/build/new?kind={kind}")
            text = re.search(r"<textarea[^>]*>(.*?)</textarea>", page, re.DOTALL)
            assert text is not None
            assert json.loads(unescape(text[1])) == example
            other = json.dumps(example | {"name": "another"})
            would = await browser.post(f"{HERE}/build/new", data={"declaration": other, "step": "check"})
            assert would.status_code == 200, would.text
            assert "What it would come to" in would.text
            assert ("A horizon ago" in would.text) == (kind == "probability")


async def test_the_segment_builder_offers_the_predictions_that_there_are(console: Console) -> None:
    async with console.signed_on() as browser:
        page = await shown(browser, "/console/segments/may-buy/change")
    row = page.partition('name="p.0.prediction"')[2] or page.partition(".prediction")[2]
    assert re.search(r"<option[^>]* selected[^>]*>buys</option>", row), row[:500]


async def test_home_says_that_a_prediction_is_held_or_failing(console: Console) -> None:
    async with console.signed_on() as browser:
        needs = (await shown(browser, "/console")).partition('<ul class="needs">')[2].partition("</ul>")[0]
        assert "buys" in needs
        assert "nobody new comes over a threshold: 38.0 % were foretold" in needs
    async with console.signed_on("of one") as browser:
        assert "nobody new comes over" not in await shown(browser, "/console")


async def test_it_is_trained_and_scored_on_a_button_and_the_audit_says_by_whom(console: Console) -> None:
    pool = console.shop.database.pool
    async with console.signed_on() as browser:
        for what, column in (("train", "asked_at"), ("score", "score_asked_at")):
            await pool.execute(f"update prediction set {column} = null where name = 'buys'")
            answer = await browser.post(f"{HERE}/buys/{what}")
            assert answer.status_code == 303, answer.text
            assert "takes it up." in await shown(browser, answer.headers["location"])
            assert await pool.fetchval(f"select {column} is not null from prediction where name = 'buys'")
            entry, *_ = await audited(console.shop.database, Which(kind="prediction"), limit=1)
            assert (entry.verb, entry.name, entry.by) == (what, "buys", "operator")
        assert (await browser.post(f"{HERE}/nobody/train")).status_code == 404
    async with console.signed_on("reader") as browser:
        assert (await browser.post(f"{HERE}/buys/train")).status_code == 403


async def test_it_is_declared_in_a_form_that_says_what_it_would_come_to_and_where_it_is_wrong(console: Console) -> None:
    async with console.signed_on() as browser:

        async def sent(text: str, step: str = "declare") -> Any:
            return await browser.post(f"{HERE}/build/new", data={"declaration": text, "step": step})

        would = await sent(json.dumps(OTHER), "check")
        assert (would.status_code, "What it would come to" in would.text, "nobody was there on" in would.text) == (
            200,
            True,
            True,
        )
        for text, said, place in (
            ("{", "line 1, column 2", ""),
            ("[]", "an object with a name", "/name"),
            (json.dumps(OTHER | {"horizon": "long"}), "valid number", "/horizon"),
            (json.dumps(OTHER | {"label": {"did": "Order Completed", "within": 2 * WEEK}}), "looks back 14 days", "/label"),
            (json.dumps(OTHER | {"never": ["added"]}), "stands under never", "/features/2"),
            (json.dumps(OTHER | {"never": [HOSTILE], "of": HOSTILE}), "valid dictionary", "/of"),
        ):
            wrong = await sent(text)
            assert (wrong.status_code, said in wrong.text) == (422, True), wrong.text
            assert f"<code>{place}</code>" in wrong.text or not place
            assert 'role="alert"' in wrong.text
            assert "<script src" not in wrong.text.replace('<script src="/console/assets', "")
        done = await sent(json.dumps(OTHER))
        assert done.headers["location"].startswith(f"{HERE}/buys-more?said=Declared")
        page = await shown(browser, f"{HERE}/buys-more")
        assert [row[0] for row in rows(page, "What was declared")] == ["1"]
        assert json.dumps("buys-more") in await shown(browser, f"{HERE}/build/new?copy=buys-more")
        refused = await browser.post(f"{HERE}/buys/delete")
        assert (refused.status_code, "asked for by segment" in refused.text) == (409, True)
        assert (await browser.post(f"{HERE}/buys-more/delete")).headers["location"].startswith(HERE)
        assert (await browser.get(f"{HERE}/buys-more")).status_code == 404


async def test_who_may_not_look_people_up_is_told_no_number_and_no_name(console: Console) -> None:
    keys = {"olga": await create_key(console.shop.database.pool, "olga", Grant(Role.OPERATE))}
    other = replace(console, keys=console.keys | keys)
    anna = "anna@example.org"
    hers = {"did": "Product Viewed", "where": {"property": "email", "is": "==", "value": anna}}
    async with other.signed_on() as personal, other.signed_on("olga") as olga:

        async def sent(browser: Any, body: dict[str, Any], step: str = "check") -> Any:
            return await browser.post(f"{HERE}/build/new", data={"declaration": json.dumps(body), "step": step})

        for browser, counted in ((personal, True), (olga, False)):
            would = await sent(browser, OTHER)
            assert (would.status_code, "Customers now" in would.text, "--personal" in would.text) == (200, counted, not counted)
        for step in ("check", "declare"):
            refused = await sent(olga, OTHER | {"of": hers}, step)
            assert (refused.status_code, "personal data" in refused.text) == (403, True)
        assert (await sent(personal, OTHER | {"of": hers}, "declare")).headers["location"].startswith(f"{HERE}/buys-more")
        for browser, told in ((personal, True), (olga, False)):
            page = await shown(browser, f"{HERE}/buys-more")
            assert (anna in page, "…" in page) == (told, not told or "…" in page)
        assert (await olga.get(f"{HERE}/build/new?copy=buys-more")).status_code == 403
        assert anna in await shown(personal, f"{HERE}/build/new?copy=buys-more")


async def test_somebody_else_approves_it_on_the_list(console: Console) -> None:
    config: ApiConfig = console.shop.api._transport.app.state.config  # type: ignore[attr-defined]
    second = await create_key(console.shop.database.pool, "olga", Grant(Role.OPERATE))
    async with serving(replace(config, key_ttl=0.1, approve_predictions=True)) as url:
        other = replace(console, url=url, keys=console.keys | {"olga": second})
        async with other.signed_on() as own, other.signed_on("olga") as olga:
            answer = await own.post(f"{HERE}/build/new", data={"declaration": json.dumps(OTHER), "step": "declare"})
            assert "once somebody else approves it" in await shown(own, answer.headers["location"])
            assert "buys-more, version 1, waits for approval: operator wrote it." in await shown(olga, HERE)
            assert (await own.post(f"{HERE}/buys-more/approve")).status_code == 403
            approved = await olga.post(f"{HERE}/buys-more/approve")
            page = await shown(olga, approved.headers["location"])
            assert [row[3:5] for row in rows(page, "What was declared")] == [["holds", "olga"]]


@pytest.mark.parametrize("scripts", [True, False])
async def test_in_a_browser_by_keyboard_and_without_a_script(
    console: Console,
    visitor: BrowserContext,  # noqa: F811 - it asks for the fixture
    scriptless: BrowserContext,  # noqa: F811
    scripts: bool,
) -> None:
    page = await signed_on(console, visitor if scripts else scriptless)
    await page.goto(f"{console.url}{HERE}")
    await page.get_by_role("link", name="buys").first.focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="buys", level=1)).to_be_visible()
    await expect(page.get_by_role("img", name="What was foretold of groups")).to_be_visible()
    await page.get_by_role("link", name="90\u2013100 %").focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("region", name="Some customers, and why").first).to_be_visible()
    await page.get_by_role("button", name="Train now").focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("status").first).to_contain_text("A model is trained as soon as")
    await page.get_by_role("link", name="Change").click()
    await page.get_by_label("Declaration").fill("{}")
    await page.get_by_role("button", name="Declare", exact=True).click()
    await expect(page.get_by_role("alert")).to_contain_text("an object with a name")


async def test_its_pages_keep_nobody_out_in_light_and_dark_and_on_a_phone(
    console: Console,
    visitor: BrowserContext,  # noqa: F811 - it asks for the fixture
) -> None:
    page = await signed_on(console, visitor)
    found: dict[str, list[str]] = {}
    for name, path in console.pages.items():
        if name.startswith("prediction") or name == "home":
            await page.goto(console.url + path)
            found |= await seen(page, name)
    assert found == {}


def test_an_interval_is_wilsons_and_a_picture_keeps_within_its_frame() -> None:
    low, high = pictures.interval(0.3, 100)
    assert (round(low, 4), round(high, 4)) == (0.2189, 0.3958)  # by R's prop.test(30, 100, correct = FALSE)
    assert pictures.interval(0.0, 10)[0] == 0.0
    assert pictures.interval(0.0, 0) == (0.0, 1.0)
    found = pictures.groups([{"people": 3, "foretold": 0.99, "came": 1.0}, {"people": 1, "foretold": 0.0, "came": 0.0}])
    drawn = pictures.calibrated(found)
    assert drawn is not None
    for dot in drawn.dots:
        assert pictures.LEFT <= dot.x <= pictures.WIDE
        assert pictures.ABOVE <= dot.high <= dot.y <= dot.low <= pictures.HIGH - pictures.BELOW
    assert (pictures.calibrated([]), pictures.drifting([], 0.05), pictures.shares([0, 0])) == (None, None, [0.0, 0.0])
