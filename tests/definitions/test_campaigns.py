"""The reference catalogue's campaigns, each by its capability: who enters, what they get, and when it is over."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from store import Database
from store.runs.views import Message, Run
from workers.testing.shop import Shop, open_shop


@pytest.fixture
async def shop(database: Database, dsn: str, temporal_address: str, tmp_path: Path) -> AsyncIterator[Shop]:
    async with open_shop(database, dsn, temporal_address, tmp_path) as opened:
        yield opened


async def enters(shop: Shop, journey: str, event: str | None = None, **properties: Any) -> Run:
    if event is not None:
        await shop.does("ana", event, **properties)
    await shop.look()
    return await shop.run(journey)


async def got(shop: Shop, run: Run) -> list[Message]:
    await shop.over(run)
    return await shop.messages(run)


def told(messages: list[Message]) -> list[str]:
    return [f"{message.channel} {message.template}" for message in messages]


async def says(shop: Shop, run: Run, outcome: str) -> None:
    """Somebody of the company does the task that a run waits for."""
    async with asyncio.timeout(60):
        while not (tasks := (await shop.operate("GET", "/v1/tasks")).json()["tasks"]):  # noqa: ASYNC110 - a worker asks
            await asyncio.sleep(0.05)
    assert tasks[0]["run_id"] == str(run.id)
    assert (await shop.operate("POST", f"/v1/tasks/{tasks[0]['id']}/done", json={"outcome": outcome})).status_code == 200
    await shop.look()


@pytest.mark.parametrize("near", [True, False])
async def test_jrn_05_near_a_dealer_a_push_or_else_an_invitation_after_two_weeks(shop: Shop, near: bool) -> None:
    await shop.signs_up("ana", interests=["skiing", "electric cars"])
    run = await enters(shop, "test_drive")
    if near:
        await shop.asleep(run)
        await shop.does("ana", "Geofence Entered", place="dealer")
        await shop.look()
    (message,) = await got(shop, run)
    assert message.template == ("dealer-nearby" if near else "test-drive-invitation")
    assert timedelta(0) <= message.due_at - run.entered_at - timedelta(days=0 if near else 14) < timedelta(days=1)


@pytest.mark.parametrize(
    ("score", "expected"),
    [(10, ["push review-us", "email review-us"]), (8, ["email news-"]), (3, ["push thanks-for-talking"])],
)
async def test_jrn_09_each_nps_class_goes_its_own_way(shop: Shop, score: int, expected: list[str]) -> None:
    await shop.signs_up("ana")
    run = await enters(shop, "nps", "NPS Answered", score=score)
    if score == 3:
        await says(shop, run, "settled")
    assert [each[: len(wanted)] for each, wanted in zip(told(await got(shop, run)), expected, strict=True)] == expected


async def test_jrn_09_while_a_complaint_is_open_nobody_sells_to_the_customer(shop: Shop) -> None:
    await shop.signs_up("ana")
    run = await enters(shop, "nps", "NPS Answered", score=0)
    await shop.asleep(run)
    body = {"customer": {"user_id": "ana"}}
    await shop.operate("POST", "/v1/journeys/cart_discount/runs", json=body)
    await shop.look()
    selling = await shop.run("cart_discount")
    await shop.forward(selling, timedelta(hours=2, minutes=1))
    await shop.settled_as(selling, "deferred")
    assert [message.reason for message in await shop.messages(selling)] == ["held by another journey"]


async def test_jrn_11_something_to_read_each_week_until_the_first_sign_of_life(shop: Shop) -> None:
    await shop.signs_up("ana")
    await shop.does("ana", "Order Completed", shop.opened_at - timedelta(days=119, hours=23))
    await shop.look()
    await shop.look(shop.opened_at + timedelta(hours=2))
    run = await shop.run("win_back")
    await shop.settled(run, 1)
    await shop.forward(run, timedelta(days=7, minutes=1))
    await shop.settled(run, 2)
    await shop.does("ana", "Application Opened", run.entered_at + timedelta(days=8))
    await shop.look()
    assert (await shop.workflow(run).result()).outcome.value == "goal reached"
    subjects = [message.title for message in shop.sandbox.messages]
    assert subjects == ["How to pack for three days", "Shoes that last"]


@pytest.mark.parametrize(("reason", "expected"), [("delivery", "email second-order"), (None, "push what-kept-you")])
async def test_jrn_12_a_second_purchase_by_the_reason_why_there_was_none(shop: Shop, reason: str | None, expected: str) -> None:
    await shop.signs_up("ana", **({"no_purchase_reason": reason} if reason else {}))
    await shop.does("ana", "Order Completed", shop.opened_at - timedelta(days=29, hours=23))
    await shop.look()
    await shop.look(shop.opened_at + timedelta(hours=2))
    assert told(await got(shop, await shop.run("second_purchase"))) == [expected]


@pytest.mark.parametrize(("outcome", "expected"), [("offer", []), ("not reached", ["email from-our-expert"])])
async def test_jrn_16_an_expert_calls_and_the_journey_waits_for_how_it_went(
    shop: Shop, outcome: str, expected: list[str]
) -> None:
    await shop.signs_up("ana")
    run = await enters(shop, "expert", "Content Viewed", content="configurator", intent="high")
    await says(shop, run, outcome)
    assert told(await got(shop, run)) == expected


async def test_jrn_16_who_only_read_gets_a_letter(shop: Shop) -> None:
    await shop.signs_up("ana")
    run = await enters(shop, "expert", "Content Viewed", content="prices", intent="high")
    assert told(await got(shop, run)) == ["email from-our-expert"]


async def test_jrn_17_nine_months_with_a_public_body(shop: Shop) -> None:
    await shop.signs_up("ana", customer_type="government")
    run = await enters(shop, "public_sector")
    messages = await got(shop, run)
    assert told(messages) == ["email monthly-brief"] * 9
    shown = [message.due_at.astimezone(ZoneInfo("Europe/Madrid")) for message in messages]  # by the number's prefix
    assert all(at.weekday() < 5 and 9 <= at.hour < 16 for at in shown)
    assert timedelta(days=235) < messages[-1].due_at - messages[0].due_at < timedelta(days=270)
