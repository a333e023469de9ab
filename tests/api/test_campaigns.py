"""Calls about campaigns and bulk starts: files, repeated calls, approval by another key, refusals, and what OpenAPI says."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from openapi_spec_validator import validate

import api
from journeys.campaigns.contracts import CampaignStart
from store import Database
from store.keys import Role, create_key
from store.segments.rows import delete_stored
from workers.serve import api_config
from workers.testing.shop import Shop, open_shop

SALE = {"name": "sale", "to": {"segment": "vips"}, "message": {"channel": "push", "template": "note"}}


@pytest.fixture
async def trial(database: Database, dsn: str, temporal_address: str, tmp_path: Path) -> AsyncIterator[Shop]:
    async with open_shop(database, dsn, temporal_address, tmp_path, catalogue="trial_catalogue", serve=False) as opened:
        yield opened


async def upload(trial: Shop, journey: str, body: str, kind: str = "text/csv", **query: Any) -> httpx.Response:
    path = f"/v1/journeys/{journey}/starts/file"
    return await trial.operate("POST", path, content=body.encode(), headers={"Content-Type": kind}, params=query)


async def test_a_file_is_staged_row_by_row_and_a_wrong_column_is_refused_with_the_near_name(trial: Shop) -> None:
    for user in ("ana", "bea"):
        await trial.signs_up(user)
    refused = await upload(trial, "by_choice", "user_id,rute\nana,push\n")
    assert refused.status_code == 400
    assert "did you mean 'route'?" in refused.json()["detail"]
    made = await upload(trial, "by_choice", "user_id,route\nana,email\nbea,pigeon\nnobody,push\nana,push\n")
    assert made.status_code == 201, made.text
    told = made.json()
    assert (told["rows"], told["bad"], told["twice"], told["waiting"]) == (4, 2, 1, 1)
    report = (await trial.operate("GET", f"/v1/campaigns/{told['id']}/report")).json()["rows"]
    assert [row["row"] for row in report] == [3, 4]
    assert report[0]["reason"].startswith("/params/route: ")
    assert "pigeon" not in str(report)
    lines = '{"user_id": "bea", "params": {"route": "push"}}\nno json\n'
    told = (await upload(trial, "by_choice", lines, "application/x-ndjson")).json()
    assert (told["rows"], told["bad"], told["waiting"]) == (2, 1, 1)


async def test_rows_that_name_somebody_once_more_are_told_with_whether_they_say_anything_else(trial: Shop) -> None:
    """A newcomer's: the second row's other parameters were dropped, and only counted."""
    for user in ("ana", "bea"):
        await trial.signs_up(user)
    sheet = "user_id,route\nana,email\nana,push\nbea,push\nbea,push\n"
    tried = (await upload(trial, "by_choice", sheet, dry_run=True)).json()
    made = (await upload(trial, "by_choice", sheet)).json()
    assert (made["bad"], made["twice"], made["refused"]) == (0, 2, None)
    told = [
        (3, "names the customer of row 2 once more, with other parameters: those of row 2 hold"),
        (5, "names the customer of row 4 once more, with the same parameters"),
    ]
    assert [(row["row"], row["problem"]) for row in tried["repeated"]] == told

    async def report(**query: Any) -> dict[str, Any]:
        answer: dict[str, Any] = (await trial.operate("GET", f"/v1/campaigns/{made['id']}/report", params=query)).json()
        return answer

    found = await report(of="twice")
    assert [(row["row"], row["reason"]) for row in found["rows"]] == told
    first = await report(of="twice", limit=1)
    assert ([row["row"] for row in first["rows"]], first["next"]) == ([3], 3)
    assert [row["row"] for row in (await report(of="twice", limit=1, after=3))["rows"]] == [5]
    assert (await report())["rows"] == []


async def test_a_bulk_start_may_have_a_name_of_its_own(trial: Shop) -> None:
    await trial.signs_up("ana")
    named = await trial.operate("POST", "/v1/journeys/by_choice/starts", json={"rows": [{"user_id": "ana"}], "name": "spring"})
    by_file = await upload(trial, "by_choice", "user_id\nana\n", name="spring-file")
    assert [each.json()["name"] for each in (named, by_file)] == ["spring", "spring-file"]
    assert {each.json()["journey"] for each in (named, by_file)} == {"by_choice"}
    assert (await upload(trial, "by_choice", "user_id\nana\n", name="No Name")).status_code == 422


async def test_a_repeated_call_makes_nothing_more(trial: Shop) -> None:
    await trial.signs_up("ana")
    body, headers = {"rows": [{"user_id": "ana"}]}, {"Idempotency-Key": "monday"}
    first = await trial.operate("POST", "/v1/journeys/by_choice/starts", json=body, headers=headers)
    again = await trial.operate("POST", "/v1/journeys/by_choice/starts", json=body, headers=headers)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()


async def test_a_key_that_was_used_for_another_request_is_refused(trial: Shop) -> None:
    for user in ("ana", "bea"):
        await trial.signs_up(user)

    async def asked(path: str, body: dict[str, Any], key: str) -> tuple[int, str]:
        answer = await trial.operate("POST", path, json=body, headers={"Idempotency-Key": key})
        return answer.status_code, answer.json().get("code", "")

    async def sent(body: str) -> tuple[int, str]:
        headers = {"Content-Type": "text/csv", "Idempotency-Key": "file"}
        answer = await trial.operate("POST", "/v1/journeys/by_choice/starts/file", content=body.encode(), headers=headers)
        return answer.status_code, answer.json().get("code", "")

    reused, starts, later = (422, "key-reused"), "/v1/journeys/by_choice/starts", {"at": "2027-01-01T00:00:00Z"}
    rows = {"rows": [{"user_id": "ana"}]}
    for body, status in [
        (rows, (201, "")),
        (rows, (200, "")),
        ({"rows": [{"user_id": "bea"}]}, reused),
        (rows | later, reused),
    ]:
        assert await asked(starts, body, "rows") == status
    for body, status in [
        ({"segment": "vips"}, (201, "")),
        ({"segment": "vips"}, (200, "")),
        ({"segment": "vips"} | later, reused),
    ]:
        assert await asked(starts, body, "segment") == status
    for body, status in [(SALE, (201, "")), (SALE, (200, "")), (SALE | later, reused)]:
        assert await asked("/v1/campaigns", body, "sale") == status
    for file, status in [("user_id\nana\n", (201, "")), ("user_id\nana\n", (200, "")), ("user_id\nbea\n", reused)]:
        assert await sent(file) == status
    assert await asked(starts, rows, "file") == reused


async def test_a_file_that_names_a_column_twice_is_refused(trial: Shop) -> None:
    for header in ("user_id,user_id", "user_id,User ID", "user_id,route,params.route", "user_id,key,Key"):
        answer = await upload(trial, "by_choice", f"{header}\nana,email,push\n")
        assert (answer.status_code, answer.json()["code"]) == (400, "bad-file"), header
        assert "leave one of them" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("path", "body", "status", "told"),
    [
        ("/v1/journeys/by_choice/starts", {"rows": [], "segment": "vips"}, 422, "exactly one of rows, segment and list"),
        ("/v1/journeys/by_choice/starts", {"segment": "nobody-knows"}, 404, "no segment 'nobody-knows'"),
        ("/v1/journeys/by_choice/starts", {"segment": "vips", "params": {"rute": "push"}}, 422, "did you mean 'route'?"),
        ("/v1/journeys/by_choise/starts", {"segment": "vips"}, 404, "no journey 'by_choise'"),
        ("/v1/journeys/by_choice/starts", {"list": "nobody-knows"}, 404, "no list 'nobody-knows'"),
        ("/v1/journeys/by_choice/starts", {"segment": "vips", "at": "2027-01-01T09:00:00"}, 422, "`at` needs an offset"),
        ("/v1/journeys/by_choice/starts", {"segment": "vips", "repeat": {"cron": "often"}}, 422, "a cron has five fields"),
        *(
            (path, body | {"at": f"{year}-01-01T00:00:00", "in_their_zone": True}, 422, "of a year from 1970 to 8999")
            for path, body in (("/v1/campaigns", SALE), ("/v1/journeys/by_choice/starts", {"segment": "vips"}))
            for year in ("0001", "9999")
        ),
        ("/v1/campaigns", SALE | {"repeat": {"cron": "99 9 * * *"}}, 422, "the minute is a number from 0 to 59"),
        ("/v1/campaigns", SALE | {"to": {}}, 422, "say a segment or a list"),
        ("/v1/campaigns", SALE | {"message": {"channel": "push", "template": "note", "timezone": "Mars"}}, 422, "no IANA"),
    ],
)
async def test_what_cannot_be_meant_is_refused_in_words(
    trial: Shop, path: str, body: dict[str, Any], status: int, told: str
) -> None:
    answer = await trial.operate("POST", path, json=body)
    assert answer.status_code == status, answer.text
    assert told in answer.text


async def test_somebody_else_approves_where_that_is_asked(trial: Shop, database: Database) -> None:
    config = api_config(trial.settings, trial.parts.catalogue.journeys, trial.parts.catalogue.segments)
    app = api.create_app(replace(config, clock=trial.clock, approve_campaigns=True), database=database)
    second = await create_key(database.pool, "olga", Role.OPERATE)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop.test") as http:
        made = await http.post("/v1/campaigns", json=SALE, auth=(trial.operate_key, ""))
        assert made.json()["state"] == "waiting for approval", made.text
        path = f"/v1/campaigns/{made.json()['id']}/approve"
        own = await http.post(path, auth=(trial.operate_key, ""))
        assert (own.status_code, own.json()["code"]) == (403, "own-campaign")
        begun = await http.put(path.replace("approve", "state"), json={"state": "running"}, auth=(second, ""))
        assert (begun.status_code, begun.json()["code"], path in begun.json()["detail"]) == (409, "not-approved", True)
        assert await database.pool.fetchval("select count(*) from audit where verb = 'switch'") == 0
        approved = await http.post(path, auth=(second, ""))
        assert (approved.json()["state"], approved.json()["approved_by"]) == ("running", "olga")


async def test_a_message_that_lacks_what_its_template_declares_is_refused_as_it_is_made_and_tried(trial: Shop) -> None:
    """A newcomer's: it passed the dry run, and failed for eleven of thirteen."""
    for dry_run in (True, False):
        for params, told in [
            ({}, "/message/params/points is needed"),
            ({"point": 3}, "/message/params/point is no param of this template; did you mean points?"),
        ]:
            message = {"channel": "wallet", "template": "card", "params": params}
            body = {"name": "card", "to": {"segment": "vips"}, "message": message, "dry_run": dry_run}
            answer = await trial.operate("POST", "/v1/campaigns", json=body)
            assert (answer.status_code, answer.json()["code"]) == (422, "invalid-params"), answer.text
            assert told in answer.json()["detail"]
    assert (await trial.operate("GET", "/v1/campaigns")).json()["campaigns"] == []


async def test_a_segment_that_a_campaign_is_yet_to_ask_is_not_deleted_and_one_that_is_gone_is_told(
    trial: Shop, database: Database
) -> None:
    fresh = {"owner": "growth", "predicate": {"trait": "tier", "is": "==", "value": "gold"}}
    assert (await trial.operate("PUT", "/v1/segments/golden", json=fresh)).status_code == 201
    later = {"to": {"segment": "golden"}, "at": "2099-01-01T09:00:00Z"}
    repeating = {"segment": "golden", "repeat": {"cron": "0 9 * * mon"}}
    made = [
        (await trial.operate("POST", "/v1/campaigns", json=SALE | later)).json(),
        (await trial.operate("POST", "/v1/journeys/by_choice/starts", json=repeating)).json(),
    ]
    for each in made:
        refused = await trial.operate("DELETE", "/v1/segments/golden")
        assert (refused.status_code, refused.json()["code"]) == (409, "still-named")
        assert f"{each['name']} ({each['id']})" in refused.json()["detail"]
        await trial.operate("PUT", f"/v1/campaigns/{each['id']}/state", json={"state": "cancelled"})
    now = (await trial.operate("POST", "/v1/campaigns", json=SALE | {"to": {"segment": "golden"}})).json()
    await delete_stored(database, "golden", by="somebody", at=trial.clock.now())  # by who knows nothing of campaigns
    stands = await trial.parts.campaigns.look(CampaignStart(campaign=UUID(now["id"]), clock=trial.clock))
    assert stands.state == "wait"
    told = (await trial.operate("GET", f"/v1/campaigns/{now['id']}")).json()
    assert (told["state"], told["finished_at"]) == ("waiting for its segment", None)
    assert told["refused"] == "segment 'golden' is gone; define it again, or cancel this"


async def test_openapi_has_the_schema_of_each_journeys_parameters(trial: Shop) -> None:
    document = (await trial.api.get("/openapi.json")).json()
    validate(document)
    schemas = document["components"]["schemas"]
    choice = schemas["params.by_choice"]
    assert choice["additionalProperties"] is False
    assert choice["properties"]["route"]["enum"] == ["push", "email"]
    for body in ("StartRun", "Starts"):
        assert {"$ref": "#/components/schemas/params.by_choice"} in schemas[body]["properties"]["params"]["anyOf"]


async def test_a_message_that_names_a_context_is_previewed_as_it_declares_unless_it_is_given(
    database: Database, dsn: str, temporal_address: str, tmp_path: Path
) -> None:
    """A newcomer's H4: no door could show it."""
    async with open_shop(database, dsn, temporal_address, tmp_path, catalogue="weather_catalogue", serve=False) as shop:
        body = {
            "name": "rain", "to": {"segment": "coat-fans"}, "at": "2099-01-01T09:00:00Z",
            "message": {"channel": "push", "template": "by-weather"},
        }  # fmt: skip
        made = await shop.operate("POST", "/v1/campaigns", json=body)
        assert made.status_code == 201, made.text
        path = f"/v1/campaigns/{made.json()['id']}/preview"
        told = (await shop.operate("GET", path)).json()
        assert (told["title"], told["otherwise"]["context.weather.rain"]) == ("Go out", 0)
        wet = (await shop.operate("GET", path, params={"context": ["weather.rain=2", "weather.temperature=9"]})).json()
        assert (wet["title"], wet["body"], "otherwise" in wet) == ("Stay in: 2 mm", "9 degrees", False)
        refused = await shop.operate("GET", path, params={"context": "rain"})
        assert (refused.status_code, refused.json()["code"]) == (422, "cannot-preview")
        path = "/v1/templates/push/by-weather/preview"
        shown = (await shop.operate("POST", path, json={"context": {"weather": {"rain": 3}}})).json()
        assert shown["content"]["title"] == "Stay in: 3 mm"
        assert shown["otherwise"] == {"context.weather.temperature": 26}
        assert (await shop.operate("POST", path, json={})).json()["content"]["title"] == "Go out"
