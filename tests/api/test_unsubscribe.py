"""The unsubscribe link against a real Postgres: GET looks, POST acts, and only with our signature."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from uuid_utils.compat import uuid7

from activities.channels import sign_unsubscribe
from api import problems, unsubscribe
from api.config import ApiConfig
from api.state import Store
from store import Database

SECRET = "pepper"
NOW = datetime.now(UTC)
ONE_CLICK = {"List-Unsubscribe": "One-Click"}


@pytest.fixture
async def customer(database: Database) -> UUID:
    profile = uuid7()
    await database.pool.execute("insert into profile (id, created_at, updated_at) values ($1, $2, $2)", profile, NOW)
    return profile


@pytest.fixture
async def run(database: Database, customer: UUID) -> UUID:
    run = uuid7()
    await database.pool.execute(
        "insert into run (id, journey, profile_id, entered_by, entered_at, workflow_id, created_at)"
        " values ($1, 'cart_abandonment', $2, 'api', $3, $4, $3)", run, customer, NOW, str(run),
    )  # fmt: skip
    return run


@pytest.fixture
def link(customer: UUID, run: UUID) -> str:
    return "/u/" + sign_unsubscribe(SECRET, customer, "email", "marketing", f"{run}/cart-alternatives/1")


@pytest.fixture
async def http(database: Database) -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    problems.install(app)
    app.include_router(unsubscribe.router)
    config = ApiConfig(dsn="", secret=SECRET)
    app.state.config, app.state.store = config, Store(config, database)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://api") as client:
        yield client


async def states(database: Database) -> list[str]:
    return [row["state"] for row in await database.pool.fetch("select state from consent order by id")]


async def grant(database: Database, customer: UUID, at: datetime) -> None:
    await database.pool.execute(
        "insert into consent (profile_id, channel, purpose, state, source, at)"
        " values ($1, 'email', 'marketing', 'granted', 'form', $2)", customer, at,
    )  # fmt: skip


async def test_looking_changes_nothing(http: httpx.AsyncClient, link: str, database: Database) -> None:
    page = await http.get(link)
    assert page.status_code == 200
    assert '<form method="post">' in page.text
    assert page.headers["referrer-policy"] == "no-referrer"
    assert await states(database) == []
    assert await database.pool.fetchval("select count(*) from event") == 0


async def test_one_click_withdraws_this_purpose_on_this_channel(
    http: httpx.AsyncClient, link: str, database: Database, customer: UUID, run: UUID
) -> None:
    page = await http.post(link, data=ONE_CLICK)
    assert page.status_code == 200
    assert "<form" not in page.text
    row = await database.pool.fetchrow("select profile_id, channel, purpose, state, source from consent")
    assert row is not None
    assert tuple(row) == (customer, "email", "marketing", "withdrawn", "unsubscribe link")
    event = await database.pool.fetchrow("select profile_id, type, properties from event")
    assert event is not None
    assert (event["profile_id"], event["type"]) == (customer, "Unsubscribed")
    assert event["properties"]["journey"] == "cart_abandonment"
    assert event["properties"]["run_id"] == str(run)
    assert [row["types"] for row in await database.pool.fetch("select types from dirty order by id")] == [
        ["$consent"],
        ["Unsubscribed"],
    ]


async def test_a_second_click_changes_nothing(http: httpx.AsyncClient, link: str, database: Database) -> None:
    await http.post(link, data=ONE_CLICK)
    assert (await http.post(link)).status_code == 200
    assert await states(database) == ["withdrawn"]
    assert await database.pool.fetchval("select count(*) from event") == 1


async def test_an_old_link_works_again_after_a_new_yes(
    http: httpx.AsyncClient, link: str, database: Database, customer: UUID
) -> None:
    await http.post(link)
    await grant(database, customer, datetime.now(UTC))
    await http.post(link)
    assert await states(database) == ["withdrawn", "granted", "withdrawn"]


async def test_a_yes_dated_ahead_by_a_fast_clock_does_not_win(
    http: httpx.AsyncClient, link: str, database: Database, customer: UUID
) -> None:
    await grant(database, customer, NOW + timedelta(minutes=4))
    await http.post(link)
    latest = await database.pool.fetchval("select state from consent order by at desc, id desc limit 1")
    assert latest == "withdrawn"


async def test_the_link_of_a_merged_customer_acts_on_the_survivor(
    http: httpx.AsyncClient, link: str, database: Database, customer: UUID
) -> None:
    survivor = uuid7()
    await database.pool.execute("insert into profile (id, created_at, updated_at) values ($1, $2, $2)", survivor, NOW)
    await database.pool.execute("update profile set merged_into = $1 where id = $2", survivor, customer)
    await http.post(link)
    assert await database.pool.fetchval("select profile_id from consent") == survivor


async def test_the_link_of_an_erased_customer_is_answered_kindly(
    http: httpx.AsyncClient, run: UUID, database: Database
) -> None:
    gone = "/u/" + sign_unsubscribe(SECRET, uuid7(), "email", "marketing", f"{run}/x/1")
    assert (await http.post(gone)).status_code == 200
    assert await states(database) == []


@pytest.mark.parametrize("method", ["get", "post"])
async def test_a_link_that_is_not_ours_does_nothing(
    http: httpx.AsyncClient, link: str, customer: UUID, run: UUID, database: Database, method: str
) -> None:
    flipped = link[:-2] + ("A" if link[-2] != "A" else "B") + link[-1]
    foreign = "/u/" + sign_unsubscribe("other", customer, "email", "marketing", f"{run}/x/1")
    for bad in (flipped, foreign, "/u/x", "/u/" + "é" * 5, "/u/%00", link[:40]):
        answer = await http.request(method, bad)
        assert answer.status_code == 404, bad
        assert "not valid" in answer.text
    assert await states(database) == []
