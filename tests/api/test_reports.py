"""Reports over HTTP: the same as JSON, CSV and a page, by `format` or `Accept`, and what cannot be asked."""

import csv
import io
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from api import ApiConfig
from api.reports.known import REPORTS
from store import Database
from tests.api.server import INGEST_KEY, OPERATE_KEY, Api, serving
from tests.reports.planted import START, UNTIL, plant

DAYS = {"from": START.date().isoformat(), "to": UNTIL.isoformat()}
ANY = {"to": UNTIL.isoformat()}


@pytest.fixture
async def reports(dsn: str, keyed: Database, pooled_for_api: Database) -> AsyncIterator[Api]:
    """A real API on a planted shop, and a client with the operate key."""
    await plant(keyed)
    async with (
        serving(ApiConfig(dsn=dsn, key_ttl=0.2), pooled_for_api) as url,
        httpx.AsyncClient(base_url=url, auth=(OPERATE_KEY, ""), timeout=60) as http,
    ):
        yield Api(url, keyed, http)


async def get(api: Api, name: str, **options: Any) -> httpx.Response:
    answer = await api.http.get(f"/v1/reports/{name}", **options)
    assert answer.status_code == 200, answer.text
    return answer


async def test_what_there_is_is_listed_and_each_can_be_made_in_every_form(reports: Api) -> None:
    listed = (await reports.http.get("/v1/reports")).json()
    assert [each["name"] for each in listed] == list(REPORTS)
    for each in listed:
        asked = ANY | ({"journey": "carts"} if "journey" in each["needs"] else {})
        made = (await get(reports, each["name"], params=asked)).json()
        assert made["name"] == each["name"]
        assert made["rules"]
        for table in made["tables"]:
            names = [column["name"] for column in table["columns"]]
            assert all(list(row) == names for row in table["rows"])
            lines = (await get(reports, each["name"], params=asked | {"format": "csv", "table": table["name"]})).text
            read = list(csv.DictReader(io.StringIO(lines)))
            assert [{k: "" if v is None else str(v) for k, v in row.items()} for row in table["rows"]] == read
        page = await get(reports, each["name"], params=asked | {"format": "html"})
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert "<script" not in page.text
        assert "script-src" not in page.headers["content-security-policy"]


async def test_the_numbers_are_there_and_what_is_unknown_is_null(reports: Api) -> None:
    asked = DAYS | {"journey": "carts", "by": "step,channel"}
    made = (await get(reports, "messages", params=asked)).json()
    letters, push = made["tables"][0]["rows"]
    assert (letters["sent"], letters["delivery_rate"], letters["cost_EUR"]) == (375, 187 / 200, 10)
    assert push["delivery_rate"] is None
    assert (made["from"], made["to"]) == (DAYS["from"], DAYS["to"])
    apart = (
        await get(reports, "messages", params=[*DAYS.items(), ("journey", "carts"), ("by", "step"), ("by", "channel")])
    ).json()
    assert apart == made


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("*/*", "application/json"),
        ("text/csv", "text/csv"),
        ("text/html,application/xhtml+xml,*/*;q=0.8", "text/html"),
        ("image/png", "application/json"),
        ("application/json, text/csv", "application/json"),
    ],
)
async def test_the_form_is_what_the_client_accepts(reports: Api, accept: str, kind: str) -> None:
    answer = await get(reports, "ranking", params=ANY, headers={"Accept": accept})
    assert answer.headers["content-type"].partition(";")[0] == kind
    asked = await get(reports, "ranking", params=ANY | {"format": "json"}, headers={"Accept": accept})
    assert asked.json()["name"] == "ranking"


async def test_csv_is_a_file_with_a_name(reports: Api) -> None:
    answer = await get(reports, "deliverability", params=DAYS | {"format": "csv"})
    assert answer.headers["content-disposition"] == 'attachment; filename="deliverability.csv"'


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("sales", 404, "there is no report 'sales'; there are messages, funnel"),
        ("funnel", 422, "the report funnel needs a journey"),
        ("funnel?journey=cart", 422, "of a journey cart nothing was ever counted; there are carts, news, winback"),
        ("messages?by=domain", 422, "is not told apart by domain"),
        ("messages?from=yesterday", 422, "from: yesterday is no day; write 2026-03-01"),
        ("messages?from=2026-03-05&to=2026-03-05", 422, "there is no day"),
        ("experiments?from=2026-03-05", 422, "takes no from"),
        ("versions?journey=carts&version=v1", 422, "name two versions"),
        ("ranking?format=csv&table=more", 422, "has no table more; it has ranking"),
        ("ranking?format=pdf", 422, ""),
    ],
)
async def test_what_cannot_be_had_is_told_with_what_can(reports: Api, path: str, status: int, said: str) -> None:
    answer = await reports.http.get(f"/v1/reports/{path}")
    assert answer.status_code == status
    assert said in answer.json()["detail"]


async def test_reports_are_for_whoever_operates(reports: Api) -> None:
    for path in ("/v1/reports", "/v1/reports/messages"):
        assert (await reports.http.get(path, auth=(INGEST_KEY, ""))).status_code == 403
        assert (await httpx.AsyncClient(base_url=reports.url).get(path)).status_code == 401
