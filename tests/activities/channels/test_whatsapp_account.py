"""A WhatsApp account from the inside, against the sandbox's Graph API and a real Postgres: templates, and read receipts."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import httpx
import pytest

from activities.channels.whatsapp.account import Account
from store import Database
from store.deliveries import replies, whatsapp
from store.deliveries.replies import Unread
from store.deliveries.whatsapp import TemplateState
from workers.sandbox import Sandbox
from workers.testing.shop import HandClock

MONDAY = datetime(2026, 1, 5, 9, tzinfo=UTC)
NUMBER = "100000000000001"


@pytest.fixture
async def account(database: Database, sandbox: Sandbox) -> AsyncIterator[Account]:
    clock = HandClock(real_origin=MONDAY, business_origin=MONDAY)
    clock.set(MONDAY)
    async with httpx.AsyncClient(timeout=2) as http:
        yield Account(database, clock, f"{sandbox.url}/v21.0", "token", NUMBER, "100000000000002", http)


async def known(database: Database) -> dict[str, tuple[str | None, str | None]]:
    return {each.name: (each.status, each.category) for each in await whatsapp.templates(database)}


async def test_all_templates_are_known_after_a_look_however_many_pages_they_are(
    account: Account, database: Database, sandbox: Sandbox
) -> None:
    for n in range(600):
        sandbox.whatsapp.templates.put(f"t{n}", status="PAUSED" if n == 7 else "APPROVED")
    await account.look()
    found = await known(database)
    assert len(found) == 600
    assert (await whatsapp.templates(database))[0].name == "t7", "what cannot be sent comes first"


async def test_what_meta_lists_no_more_is_gone(account: Account, database: Database, sandbox: Sandbox) -> None:
    sandbox.whatsapp.templates.put("here", category="UTILITY")
    sandbox.whatsapp.templates.put("there")
    await account.look()
    sandbox.whatsapp.templates.remove("there")
    account.clock.set(MONDAY + timedelta(minutes=5))  # type: ignore[attr-defined]
    await account.look()
    assert await known(database) == {"here": ("APPROVED", "UTILITY"), "there": ("DELETED", "MARKETING")}


async def test_a_webhook_that_came_meanwhile_outweighs_an_older_look(
    account: Account, database: Database, sandbox: Sandbox
) -> None:
    sandbox.whatsapp.templates.put("cart")
    async with database.transaction() as connection:
        await whatsapp.told(connection, [TemplateState("cart", "en", "PAUSED", None, MONDAY + timedelta(seconds=1))])
    await account.look()
    assert await known(database) == {"cart": ("PAUSED", None)}


async def test_a_category_alone_leaves_the_status_and_says_nothing_of_a_template_that_is_not_known(database: Database) -> None:
    async with database.transaction() as connection:
        await whatsapp.told(connection, [TemplateState("cart", "en", "PAUSED", "UTILITY", MONDAY)])
        moved = [TemplateState(name, "en", None, "MARKETING", MONDAY + timedelta(hours=1)) for name in ("cart", "else")]
        await whatsapp.told(connection, moved)
    assert await known(database) == {"cart": ("PAUSED", "MARKETING")}


@pytest.mark.parametrize("token", ["", "token"])
async def test_what_is_known_stays_where_meta_does_not_say(
    account: Account, database: Database, sandbox: Sandbox, token: str
) -> None:
    sandbox.whatsapp.templates.put("cart")
    await account.look()
    broken = Account(database, account.clock, f"{sandbox.url}{'' if token else '/v21.0'}", token, NUMBER, "1", account.http)
    await broken.look()
    assert await known(database) == {"cart": ("APPROVED", "MARKETING")}


async def test_what_a_journey_heard_is_shown_as_read_once_and_forgotten(
    account: Account, database: Database, sandbox: Sandbox
) -> None:
    async with database.transaction() as connection:
        heard = [Unread(f"wamid.{n}", uuid4(), MONDAY) for n in range(3)]
        await replies.heard(connection, "whatsapp", [*heard, Unread("wamid.old", uuid4(), MONDAY - timedelta(days=2))])
        await replies.heard(connection, "whatsapp", heard)
    await account.show_as_read()
    await account.show_as_read()
    assert sandbox.whatsapp.read == ["wamid.0", "wamid.1", "wamid.2"]
    assert await database.pool.fetchval("select count(*) from unread_reply") == 0


async def test_a_receipt_that_meta_does_not_take_now_is_tried_again(
    account: Account, database: Database, sandbox: Sandbox
) -> None:
    async with database.transaction() as connection:
        await replies.heard(connection, "whatsapp", [Unread("wamid.a", uuid4(), MONDAY), Unread("odd", uuid4(), MONDAY)])
    away = Account(database, account.clock, "http://127.0.0.1:9/v21.0", "token", NUMBER, "1", account.http)
    await away.show_as_read()
    assert sandbox.whatsapp.read == []
    await account.show_as_read()
    assert sandbox.whatsapp.read == ["wamid.a"], "what Meta calls no message is not tried for ever"
    assert await database.pool.fetchval("select count(*) from unread_reply") == 0
