"""Previews over HTTP: for operators alone, of a customer or of somebody made up, with problems that say what to do."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import httpx
import pytest
from uuid_utils.compat import uuid7

from activities.preview import Previews
from activities.templates import load_templates
from api import ApiConfig
from journeys.clock import Clock
from store import Database
from tests.activities.test_templates import written
from tests.api.server import INGEST_KEY, OPERATE_KEY, serving

NOW = datetime(2026, 11, 16, 12, tzinfo=UTC)
FILE = "params: [week]\ntitle: \"{{ customer.firstName | default: 'Hello' }}\"\nbody: 'Week {{ params.week | default: 1 }}'\n"
URL = "/v1/templates/push/hi/preview"


@pytest.fixture
async def http(dsn: str, keyed: Database, pooled_for_api: Database, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    id_ = uuid7()
    traits = {"firstName": "Ana"}
    await keyed.pool.execute(
        "insert into profile (id, traits, created_at, updated_at) values ($1, $2, $3, $3)", id_, traits, NOW
    )
    await keyed.pool.execute(
        "insert into identity (kind, value, since, profile_id, created_at) values ('user_id', 'ana', $2, $1, $2)", id_, NOW
    )
    previews = Previews(load_templates(written(tmp_path, hi__push__yaml=FILE)))
    config = ApiConfig(dsn=dsn, preview=partial(previews, Clock()))
    async with (
        serving(config, pooled_for_api) as url,
        httpx.AsyncClient(base_url=url, auth=(OPERATE_KEY, ""), timeout=30) as http,
    ):
        yield http


async def test_a_customer_and_somebody_made_up(http: httpx.AsyncClient, keyed: Database) -> None:
    answer = await http.get(URL, params={"user_id": "ana"})
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    told = answer.json()
    assert (told["content"]["title"], told["content"]["body"], told["missing"]) == ("Ana", "Week 1", ["params.week"])
    made_up = await http.post(URL, json={"customer": {"firstName": "Eva"}, "params": {"week": 3}})
    assert (made_up.json()["content"]["title"], made_up.json()["content"]["body"]) == ("Eva", "Week 3")
    both = await http.post(URL, json={"user_id": "ana", "params": {"week": 3}})
    assert (both.json()["content"]["title"], both.json()["missing"]) == ("Ana", [])
    assert await keyed.pool.fetchval("select count(*) from delivery") == 0


async def test_what_cannot_be_shown_is_a_problem(http: httpx.AsyncClient) -> None:
    async def refused(url: str, **body: object) -> tuple[int, str, str]:
        answer = await http.post(url, json=body)
        return answer.status_code, answer.json()["code"], answer.json()["detail"]

    assert (await refused(URL, user_id="nobody"))[:2] == (404, "unknown-customer")
    assert "did you mean hi?" in (await refused("/v1/templates/push/hii/preview"))[2]
    assert (await refused("/v1/templates/fax/hi/preview"))[:2] == (404, "unknown-template")
    status, code, told = await refused(URL, params={"day": 3})
    assert (status, code) == (422, "cannot-preview")
    assert "declares no param day" in told
    assert (await http.get(URL)).json()["code"] == "invalid-request"
    assert (await http.post(URL, json={}, auth=(INGEST_KEY, ""))).json()["code"] == "forbidden"
