"""Starting from the console: tried first, then made once however often the form is sent, by the rules of the API's calls."""

import re
from datetime import timedelta

import httpx

from api.console.fields import Field, fields_of, params_in
from tests.api.console.conftest import Console
from tests.api.console.test_pages import asked, rows, shown

LETTER = {"message": "push/note", "name": "winter", "to": "segment:vips", "when": "now"}


def key_of(page: str) -> str:
    found = re.search(r'name="key" value="([^"]+)"', page)
    assert found, page
    return found[1]


def tile(page: str, name: str) -> str:
    found = re.search(rf"<dt>{name}</dt><dd>([^<]*)</dd>", page)
    assert found, page
    return found[1]


async def campaigns(console: Console) -> list[str]:
    return [each["name"] for each in (await asked(console, "/v1/campaigns", limit=100))["campaigns"]]


async def posted(browser: httpx.AsyncClient, path: str, said: dict[str, str], status: int = 200) -> str:
    answer = await browser.post(path, data=said)
    assert answer.status_code == status, answer.text
    return answer.text if status != 303 else answer.headers["location"]


async def test_a_campaign_is_tried_first_and_made_once_however_often_it_is_sent(console: Console) -> None:
    here = "/console/campaigns/new"
    async with console.signed_on() as browser:
        assert 'href="/console/campaigns/new"' in await shown(browser, "/console/campaigns")
        assert "push note" in await shown(browser, here)
        before = await campaigns(console)
        tried = await posted(browser, here, LETTER)
        call = {
            "name": "winter",
            "to": {"segment": "vips"},
            "message": {"channel": "push", "template": "note"},
            "dry_run": True,
        }
        told = (await console.shop.operate("POST", "/v1/campaigns", json=call)).json()
        would = told["would"]
        assert would
        assert told["reached"] == would["be written to"] > 0
        assert tile(tried, "Would be written to") == str(told["reached"])
        assert rows(tried, "What would come of it") == [[what, str(n)] for what, n in would.items()]
        assert 'action="/console/templates/push/note"' in tried, "it can be looked at"
        assert await campaigns(console) == before, "nothing was made"
        sure = LETTER | {"step": "make", "key": key_of(tried)}
        first, second = [await posted(browser, here, sure, 303) for _ in range(2)]
        assert first == second
        assert "It is made" in await shown(browser, first)
        assert await campaigns(console) == ["winter", *before]
        assert "look first" in await posted(browser, here, LETTER | {"step": "make"}, 422), "without having seen it"
    made = await console.shop.database.pool.fetch("select by from audit where verb = 'make' and became ->> 'name' = 'winter'")
    assert [each["by"] for each in made] == ["operator"]


async def test_a_campaign_says_when_and_how_fast_and_what_is_wrong_stands_in_the_form(console: Console) -> None:
    here = "/console/campaigns/new"
    async with console.signed_on() as browser:
        theirs = LETTER | {"when": "theirs", "at": "2030-01-01T09:00", "per_second": "5", "hours": "3"}
        tried = await posted(browser, here, theirs)
        back = await posted(browser, here, theirs | {"step": "back"})
        assert 'value="2030-01-01T09:00"' in back
        place = await posted(browser, here, theirs | {"step": "make", "key": key_of(tried)}, 303)
        made = await asked(console, "/v1/campaigns/" + place.partition("?")[0].rpartition("/")[2])
        assert (made["in_their_zone"], made["per_second"], made["state"]) == (True, 5, "scheduled")
        assert made["message"]["useless_after"] == "PT3H"
        at = await posted(browser, here, LETTER | {"name": "spring", "when": "at", "at": "2030-01-01T09:00"})
        assert "2030-01-01 09:00" in at
        for wrong, said in (
            ({"name": "No Good"}, "name"),
            ({"to": "segment:no-such"}, "no segment"),
            ({"when": "at"}, "which time"),
        ):
            page = await posted(browser, here, LETTER | wrong, 404 if "no-such" in str(wrong) else 422)
            assert said in page.partition('role="alert"')[2].partition("</p>")[0]
            assert 'value="winter"' in page or "name" in wrong, "what was said stands there still"
        await posted(browser, here, LETTER | {"message": "push/none"}, 404)
    async with console.signed_on("reader") as browser:
        assert (await browser.get(here)).status_code == 403
        assert here not in await shown(browser, "/console/campaigns")
    async with console.client() as browser:
        foreign = {"Origin": "http://evil.example"}
        await browser.post("/console/login", data={"key": console.keys["operator"]})
        assert (await browser.post(here, data=LETTER, headers=foreign)).status_code == 403


async def test_what_a_template_declares_is_asked_for_and_needed(console: Console) -> None:
    here = "/console/campaigns/new"
    async with console.signed_on() as browser:
        form = await shown(browser, f"{here}?message=wallet/card")
        assert re.search(r'<input[^>]* name="param.points"[^>]* required>', form), form
        told = await posted(browser, here, LETTER | {"message": "wallet/card"}, 422)
        assert "/message/params/points is needed" in told


async def test_a_name_that_there_is_already_is_a_warning(console: Console) -> None:
    call = {"name": "news", "to": {"segment": "vips"}, "message": {"channel": "push", "template": "note"}}
    for more, status in (({"dry_run": True}, 200), ({}, 201)):
        answer = await console.shop.operate("POST", "/v1/campaigns", json=call | more)
        assert answer.status_code == status
        assert "there is one of this name since" in answer.json()["warnings"][0]
    other = call | {"name": "never-before"}
    for said in (("k", 201), ("k", 200)):
        answer = await console.shop.operate("POST", "/v1/campaigns", json=other, headers={"Idempotency-Key": said[0]})
        assert (answer.status_code, answer.json()["warnings"]) == (said[1], []), "it is the same one"
    async with console.signed_on() as browser:
        assert "there is one of this name since" in await posted(browser, "/console/campaigns/new", LETTER | {"name": "news"})


async def test_a_journey_is_started_for_rows_that_are_pasted(console: Console) -> None:
    here = "/console/journeys/by_choice/start"
    said = {"to": "rows", "rows": "user_id,route\r\nzoe,push\r\neva,nowhere\r\nnobody,push\r\n"}
    async with console.signed_on() as browser:
        assert f'href="{here}"' in await shown(browser, "/console/campaigns/start")
        assert f'href="{here}"' in await shown(browser, "/console/journeys/by_choice")
        before = await campaigns(console)
        tried = await posted(browser, here, said)
        assert rows(tried, "What would come of it") == [["enter", "1"]]
        assert tile(tried, "Would come in") == "1"
        assert [row[0] for row in rows(tried, "Bad rows")] == ["3", "4"]
        assert await campaigns(console) == before
        sure = said | {"step": "make", "key": key_of(tried)}
        first, second = [await posted(browser, here, sure, 303) for _ in range(2)]
        assert first == second
        assert await campaigns(console) == ["by_choice", *before]
        assert "did you mean" in await posted(browser, here, {"to": "rows", "rows": "user_id,rout\nzoe,push\n"}, 400)
        everybody = await posted(browser, here, {"to": "segment:vips", "param.route": "push"})
        assert rows(everybody, "What would come of it")
        assert "route" in await posted(browser, here, {"to": "segment:vips", "param.route": "nowhere"}, 422)
    async with console.signed_on("of one") as browser:
        assert (await browser.get(here)).status_code == 403
        assert "three_messages" in await shown(browser, "/console/campaigns/start")


async def test_a_journey_is_started_for_one_customer(console: Console) -> None:
    here = f"/console/customers/{console.customer}/start"
    async with console.signed_on() as browser:
        assert f'action="{here}"' in await shown(browser, here.removesuffix("/start"))
        form = await shown(browser, f"{here}?journey=by_choice")
        assert '<select id="p-1" name="param.route">' in form, "by the journey's own schema"
        said = {"journey": "by_choice", "key": key_of(form), "param.route": "push"}
        wrong = await posted(browser, here, said | {"param.route": "x"}, 422)
        assert "Nothing was started:" in wrong
        assert key_of(wrong) == said["key"]
        first, second = [await posted(browser, here, said, 303) for _ in range(2)]
        assert first == second
        assert "Started: it begins" in await shown(browser, first)
        again = await posted(browser, here, said | {"key": "another"}, 409)
        assert "does not let this customer in" in again
        assert (await browser.get(f"{here}?journey=no_such")).status_code == 404
    runs = (await asked(console, "/v1/runs", customer_id=console.customer, journey="by_choice"))["runs"]
    assert len(runs) == 1
    async with console.signed_on("of one") as browser:
        assert (await browser.get(f"{here}?journey=by_choice")).status_code == 403
        assert (await browser.post(here, data=said)).status_code == 403


def test_a_schema_is_fields_where_it_is_simple_and_json_elsewhere() -> None:
    schema = {
        "properties": {
            "n": {"type": "integer"},
            "rate": {"anyOf": [{"type": "number"}, {"type": "null"}]},
            "on": {"type": "boolean", "description": "whether"},
            "kind": {"$ref": "#/$defs/Kind"},
            "words": {"type": "array", "items": {"type": "string"}},
            "either": {"anyOf": [{"type": "integer"}, {"type": "string"}]},
            "text": {"type": "string"},
        },
        "required": ["n"],
        "$defs": {"Kind": {"enum": ["a", "b"], "type": "string"}},
    }
    fields = fields_of(schema)
    assert [each.kind for each in fields] == ["number", "number", "choice", "choice", "json", "json", "text"]
    assert (fields[0].needed, fields[2], fields[3].choices) == (
        True,
        Field("on", "choice", ("true", "false"), about="whether"),
        ("a", "b"),
    )
    said = {
        "param.n": "7",
        "param.rate": "x",
        "param.on": "false",
        "param.words": '["a"]',
        "param.text": "01",
        "param.kind": "",
    }
    assert params_in(fields, said) == {"n": 7, "rate": "x", "on": False, "words": ["a"], "text": "01"}
    assert [Field("x", "plain").read(text) for text in ("7", "true", "01", "1e3", "NaN", "word")] == [
        7,
        True,
        "01",
        "1e3",
        "NaN",
        "word",
    ]


async def test_data_tells_how_sources_audiences_and_receivers_stand_while_nothing_is_wrong(console: Console) -> None:
    pool, now = console.shop.database.pool, console.shop.clock.now()
    await pool.execute(
        "update source set failed_at = null, failure = null, read_at = $1, newest_at = $1, rows = 12",
        now - timedelta(minutes=30),
    )
    await pool.execute("update subscription set took_at = $1 where name = 'fine'", now)
    async with console.signed_on("reader") as browser:
        page = await shown(browser, "/console/data")
    [source] = rows(page, "Sources")
    [one] = (await asked(console, "/v1/sources"))["sources"]
    assert (one["state"], source[1], source[6]) == ("read", "read", "12")
    assert f"{now + timedelta(minutes=30):%H:%M}" in source[4], "when it is read next"
    assert [row[0].split()[0] for row in rows(page, "Audiences")] == ["lookers"]
    receivers = {row[0].split()[0]: row for row in rows(page, "Receivers")}
    assert f"{now:%Y-%m-%d %H:%M}" in receivers["fine"][3]
