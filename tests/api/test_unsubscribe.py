"""The unsubscribe link against a real Postgres: GET looks, POST acts, and only with our signature."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from uuid_utils.compat import uuid7

from activities.channels import sign_unsubscribe
from activities.channels.kinds import KINDS
from api import problems
from api.config import ApiConfig
from api.html import texts_of
from api.state import Store
from api.webhooks import unsubscribe
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


@pytest.fixture
async def letter(database: Database, customer: UUID, run: UUID) -> UUID:
    """The address that the letter of the link went to, with consent."""
    await database.pool.execute(
        "insert into endpoint (id, profile_id, channel, address, first_seen_at, last_seen_at)"
        " values ($1, $2, 'email', 'ana@shop.example', $3, $3)", endpoint := uuid7(), customer, NOW,
    )  # fmt: skip
    await database.pool.execute(
        "insert into delivery (run_id, step, occurrence, profile_id, journey, channel, purpose, template, state, endpoint_id,"
        " due_at) values ($1, 'cart-alternatives', 1, $2, 'cart_abandonment', 'email', 'marketing', 't', 'sent', $3, $4)",
        run, customer, endpoint, NOW,
    )  # fmt: skip
    await allow(database, customer, NOW - timedelta(days=1))
    return endpoint


async def states(database: Database) -> list[str]:
    return [row["state"] for row in await database.pool.fetch("select state from consent order by id")]


async def consent(database: Database) -> str:
    return str(await database.pool.fetchval("select marketing from endpoint"))


async def allow(
    database: Database,
    customer: UUID,
    at: datetime,
    by: str = "sync",
    address: str = "ana@shop.example",
    received: datetime | None = None,
) -> None:
    await database.pool.execute(
        "insert into consent (profile_id, channel, address, purpose, state, said_by, source, at, received_at)"
        " values ($1, 'email', $2, 'marketing', 'granted', $3, 'form', $4, $5)", customer, address, by, at, received or at,
    )  # fmt: skip


async def test_looking_changes_nothing(http: httpx.AsyncClient, link: str, database: Database) -> None:
    page = await http.get(link)
    assert page.status_code == 200
    assert '<form method="post">' in page.text
    assert page.headers["referrer-policy"] == "no-referrer"
    assert await states(database) == []
    assert await database.pool.fetchval("select count(*) from event") == 0


@pytest.mark.usefixtures("letter")
async def test_one_click_binds_the_address_of_the_letter_and_the_customer(
    http: httpx.AsyncClient, link: str, database: Database, customer: UUID, run: UUID
) -> None:
    await database.pool.execute("delete from dirty")
    page = await http.post(link, data=ONE_CLICK)
    assert page.status_code == 200
    assert "<form" not in page.text
    rows = await database.pool.fetch(
        "select profile_id, channel, address, purpose, state, said_by, source from consent order by id offset 1"
    )
    no = ("marketing", "withdrawn", "customer", "unsubscribe link")
    assert [tuple(row) for row in rows] == [(customer, "email", where, *no) for where in ("ana@shop.example", None)]
    assert await consent(database) == "withdrawn"
    event = await database.pool.fetchrow("select profile_id, type, properties from event")
    assert event is not None
    assert (event["profile_id"], event["type"]) == (customer, "Unsubscribed")
    assert event["properties"]["journey"] == "cart_abandonment"
    assert event["properties"]["run_id"] == str(run)
    assert [row["types"] for row in await database.pool.fetch("select types from dirty order by id")] == [
        ["$consent"],
        ["Unsubscribed"],
    ]


@pytest.mark.usefixtures("letter")
async def test_a_second_click_changes_nothing(http: httpx.AsyncClient, link: str, database: Database) -> None:
    await http.post(link, data=ONE_CLICK)
    assert (await http.post(link)).status_code == 200
    assert await consent(database) == "withdrawn"
    assert await database.pool.fetchval("select count(*) from event") == 1


@pytest.mark.usefixtures("letter")
async def test_an_old_link_works_again_after_a_new_yes(
    http: httpx.AsyncClient, link: str, database: Database, customer: UUID
) -> None:
    await http.post(link)
    await allow(database, customer, datetime.now(UTC) + timedelta(seconds=1), by="customer")
    assert await consent(database) == "granted"
    await http.post(link)
    assert await consent(database) == "granted", "it was said before that yes"
    await database.pool.execute("update consent set at = at - interval '1 hour', received_at = received_at - interval '1 hour'")
    await http.post(link)
    assert await consent(database) == "withdrawn"


@pytest.mark.usefixtures("letter")
async def test_a_yes_dated_ahead_by_a_fast_clock_does_not_win(
    http: httpx.AsyncClient, link: str, database: Database, customer: UUID
) -> None:
    """FAULTS B3."""
    now = datetime.now(UTC)
    await allow(database, customer, now + timedelta(minutes=4), by="customer", received=now)
    await http.post(link)
    assert await consent(database) == "withdrawn"


@pytest.mark.usefixtures("letter")
async def test_a_nightly_sync_does_not_undo_a_click(
    http: httpx.AsyncClient, link: str, database: Database, customer: UUID
) -> None:
    """FAULTS B3: neither of the address nor, with another one, of the customer."""
    await http.post(link)
    night = datetime.now(UTC) + timedelta(hours=8)
    await allow(database, customer, night)
    await database.pool.execute(
        "insert into endpoint (id, profile_id, channel, address, first_seen_at, last_seen_at)"
        " values ($1, $2, 'email', 'new@shop.example', $3, $3)", uuid7(), customer, night,
    )  # fmt: skip
    await allow(database, customer, night, address="new@shop.example")
    rows = await database.pool.fetch("select address, marketing from endpoint order by address")
    assert [tuple(row) for row in rows] == [("ana@shop.example", "withdrawn"), ("new@shop.example", "withdrawn")]
    await allow(database, customer, night, by="customer", address="new@shop.example")
    rows = await database.pool.fetch("select address, marketing from endpoint order by address")
    assert [tuple(row) for row in rows] == [("ana@shop.example", "withdrawn"), ("new@shop.example", "granted")]


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


async def test_the_way_out_is_in_the_language_of_the_browser(http: httpx.AsyncClient, link: str) -> None:
    spanish = {"Accept-Language": "es-MX,en;q=0.5"}
    asked = await http.get(link, headers=spanish)
    assert "¿Dejar de recibir correos?" in asked.text
    assert "<button>Darme de baja</button>" in asked.text
    assert '<html lang="es">' in asked.text
    assert asked.headers["content-language"] == "es"
    assert "Stop emails?" in (await http.get(f"{link}?lang=en", headers=spanish)).text
    assert "Te has dado de baja" in (await http.post(f"{link}?lang=es")).text
    assert "Este enlace no es válido" in (await http.get("/u/cut", headers=spanish)).text


@pytest.mark.parametrize("name", ["links", "preferences"])
def test_every_language_of_a_page_says_everything(name: str) -> None:
    english, *others = texts_of(name).values()
    assert english["channel"].keys() - {"other"} == KINDS.keys()
    for texts in others:
        assert (texts.keys(), texts["channel"].keys()) == (english.keys(), english["channel"].keys())


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
