"""Templates: who sends them, and messages of each channel as they would look, for a customer and for somebody made up."""

import re

from tests.api.console.conftest import HOSTILE, Console
from tests.api.console.test_pages import asked, rows, shown

HERE = "/console/templates"


async def test_they_stand_there_by_channel_and_language_with_who_sends_them(console: Console) -> None:
    known = await asked(console, "/v1/templates")
    async with console.signed_on("reader") as browser:
        page = await shown(browser, HERE)
        of_one = rows(await shown(browser, f"{HERE}?channel=whatsapp&language=es"), "Templates")
        none = await shown(browser, f"{HERE}?language=fr")
    told = rows(page, "Templates")
    assert [(row[0], row[1]) for row in told] == [(each["template"], each["channel"]) for each in known]
    assert [row[3].split(" , ") for row in told] == [each["journeys"] or [""] for each in known]
    assert "three_messages" in next(row[3] for row in told if row[:2] == ["note", "push"])
    assert [row[:3] for row in of_one] == [["note", "whatsapp", "es"]]
    assert "None. A template is a file" in none


async def test_each_says_which_values_it_wants_and_which_campaigns_are_of_it(console: Console) -> None:
    known = {(each["channel"], each["template"]): each for each in await asked(console, "/v1/templates")}
    assert known["push", "note"]["variables"] == ["entry.name"]
    assert known["wallet", "card"]["variables"] == ["customer.firstName", "entry.order_id", "params.points", "params.used"]
    assert known["push", "points"]["variables"] == ["fetched.points.greeting"]
    async with console.signed_on("reader") as browser:
        page = await shown(browser, f"{HERE}/push/note")
        assert f'href="/console/campaigns/{console.letter}"' in page
        assert re.findall(r'name="value\.([^"]+)"', page) == ["entry.name"]
        assert (await browser.get(f"{HERE}/fax/note")).status_code == 404
        assert (await browser.get(f"{HERE}/push/{HOSTILE.replace('/', '')}")).status_code == 404


async def test_with_values_it_shows_what_the_api_shows(console: Console) -> None:
    async with console.signed_on("reader") as browser:
        page = await shown(browser, f"{HERE}/push/note")
        assert ("a fallback stands there: entry.name" in page, ">you</p>" in page) == (True, True)
        answer = await browser.post(f"{HERE}/push/note", data={"value.entry.name": HOSTILE})
        assert ("<script src=" not in answer.text.partition("<main")[2], "&lt;script src=" in answer.text) == (True, True)
        assert "a fallback stands there" not in answer.text
        long = await browser.post(f"{HERE}/sms/note", data={"value.customer.firstName": "ñandú €"})
        assert "1 part" in long.text
        assert "units of UCS-2" in long.text
        spoken = await browser.post(f"{HERE}/whatsapp/note", data={"language": "es"})
        assert "(es), whose gaps are filled so:" in spoken.text
        assert "voided is neither true nor false" in (await browser.get(f"{HERE}/wallet/card")).text, "params stand by name"
        card = await browser.post(f"{HERE}/wallet/card", data={"value.params.points": "7", "value.params.used": "false"})
        assert ("Points: 7" in card.text, 'fill="#1b4332"' in card.text) == (True, True)
        api = await console.shop.operate(
            "POST", "/v1/templates/wallet/card/preview", json={"params": {"points": 7, "used": False}}
        )
        assert api.json()["content"]["fields"]["header"][0]["value"] == "7"


async def test_what_cannot_be_shown_is_told_in_its_place(console: Console) -> None:
    async with console.signed_on() as browser:
        for said, told in (
            ({"user_id": "nobody"}, "no such customer"),
            ({"timezone": "Mars/Base"}, "there is no timezone"),
            ({"value.params.offer": "x"}, "declares no param offer"),
        ):
            answer = await browser.post(f"{HERE}/push/note", data=said)
            assert (answer.status_code, told in answer.text) == (422, True), answer.text
        for wrong in (
            {"value.customer": "x", "value.customer.firstName": "y"},
            {"value.entry.name": "[" * 4_000},
            {"user_id": "\x00"},
        ):
            answer = await browser.post(f"{HERE}/push/note", data=wrong)
            assert answer.status_code == (200 if "value.entry.name" in wrong else 422), (wrong, answer.status_code)


async def test_for_a_customer_it_takes_the_right_to_their_data(console: Console) -> None:
    async with console.signed_on() as browser:
        answer = await browser.post(f"{HERE}/email/note", data={"user_id": "ana"})
        assert "Hello Ana." in answer.text
        letter = await browser.post(f"{HERE}/email/note/letter", data={"user_id": "ana"})
        assert "Hello Ana." in letter.text
    async with console.signed_on("reader") as browser:
        for path in (f"{HERE}/email/note", f"{HERE}/email/note/letter"):
            assert (await browser.post(path, data={"user_id": "ana"})).status_code == 403
            assert (await browser.post(path, data={"value.customer.firstName": "Eva"})).status_code == 200
    async with console.signed_on("of one") as browser:
        assert (await browser.get(HERE)).status_code == 403


async def test_a_letter_stands_in_a_frame_where_nothing_runs_and_nothing_is_loaded(console: Console) -> None:
    async with console.signed_on() as browser:
        said = {"value.customer.firstName": HOSTILE}
        letter = await browser.post(f"{HERE}/email/note/letter", data=said)
        policy = letter.headers["content-security-policy"]
        assert policy.startswith("sandbox; default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'")
        assert ("img-src" in policy, letter.headers["cache-control"]) == (False, "no-store")
        assert ("<script src=" in letter.text, "&lt;script" in letter.text) == (False, True)
        with_pictures = await browser.post(f"{HERE}/email/note/letter", data={"pictures": "yes"})
        assert with_pictures.headers["content-security-policy"].endswith("img-src https: data:")
        assert (await browser.post(f"{HERE}/push/note/letter", data={})).status_code == 404
        page = await browser.post(f"{HERE}/email/note", data=said | {"pictures": "yes"})
        for field, text in (("value.customer.firstName", "&lt;script"), ("pictures", "yes")):
            assert page.text.count(f'type="hidden" name="{field}" value="{text}') == 2, "both frames ask for the same"
    async with console.client() as stranger:
        assert (await stranger.post(f"{HERE}/email/note/letter", data={})).headers["location"].startswith("/console/login")
