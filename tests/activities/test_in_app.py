"""A message inside the app from the gate to the click: exactly once, shown while it may be, and what became of it (CH-03)."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from activities.deliver.claim import Claim
from activities.deliver.deliver import Delivery
from activities.deliver.turns import Passed, Turn
from journeys.contracts import Cap, Channel, DeliverRequest, Purpose
from store.runs.views import Run
from tests.activities.test_deliver import declaring, request, start
from workers.testing.people import consent
from workers.testing.shop import Shop


def inside(run: Run, occurrence: int = 1, **changes: Any) -> DeliverRequest:
    return request(run, channel=Channel.IN_APP, step="in_app:note", occurrence=occurrence, **changes)


async def inbox(trial: Shop, user: str = "ana") -> list[dict[str, Any]]:
    answer = await trial.api.get("/v1/inbox", auth=(trial.ingest_key, ""), headers={"Journeys-User": user})
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["messages"]
    return found


async def tell(trial: Shop, id_: str, what: str, **query: Any) -> int:
    path = f"/v1/inbox/{id_}/{what}"
    told = await trial.api.post(path, params=query, auth=(trial.ingest_key, ""), headers={"Journeys-User": "ana"})
    return told.status_code


async def events(trial: Shop) -> dict[str, dict[str, Any]]:
    asked = "select type, properties from event where properties ->> 'channel' = 'in_app' order by type"
    return {row["type"]: row["properties"] for row in await trial.database.pool.fetch(asked)}


async def test_a_customer_without_any_address_finds_it_in_the_inbox(trial: Shop) -> None:
    await trial.signs_up("ana", channels=())  # no consent either: none is asked for
    run = await start(trial, "while_vip")
    for _ in range(2):  # Temporal may ask again for what was done
        assert (await trial.parts.delivery.deliver(inside(run))).sent
    [message] = await inbox(trial)
    assert (message["title"], message["body"], message["placement"]) == ("Hello Ana", "A note,\nin two lines.", "inbox")
    assert (message["actions"], message["language"]) == ([{"title": "Read it", "link": "https://shop.example/note"}], "en")
    assert message["seen"] is False
    assert await inbox(trial, "ben") == []


async def test_what_the_customer_does_comes_back_once_as_events_of_the_run_and_step(trial: Shop) -> None:
    await trial.signs_up("ana", channels=())
    run = await start(trial, "while_vip")
    await trial.parts.delivery.deliver(inside(run))
    [message] = await inbox(trial)
    for _ in range(2):
        assert await tell(trial, message["id"], "seen") == 204
    assert set(await events(trial)) == {"Message Sent", "Message Delivered", "Message Read"}
    assert (await inbox(trial))[0]["seen"] is True
    assert await tell(trial, message["id"], "clicked", action=0) == 204
    clicked = (await events(trial))["Message Clicked"]
    assert (clicked["run_id"], clicked["step"], clicked["journey"]) == (str(run.id), "in_app:note", "while_vip")
    assert clicked["link"] == "https://shop.example/note"
    assert await tell(trial, message["id"], "dismissed") == 204
    assert await inbox(trial) == []
    assert set(await events(trial)) == {
        "Message Clicked",
        "Message Closed",
        "Message Sent",
        "Message Delivered",
        "Message Read",
    }
    row = await trial.database.pool.fetchrow("select delivered_at, read_at from delivery where channel = 'in_app'")
    assert row is not None
    assert None not in (row["delivered_at"], row["read_at"])


async def test_it_is_not_shown_after_conversion_whether_the_watch_has_seen_that_or_not(trial: Shop) -> None:
    await trial.signs_up("ana", channels=())
    run = await start(trial, "three_messages")
    await trial.parts.delivery.deliver(inside(run))
    assert len(await inbox(trial)) == 1
    await trial.does("ana", "Order Completed")
    assert await inbox(trial) == []
    assert await trial.database.pool.fetchval("select withdrawn_at is not null from inbox")


async def test_a_purchase_before_the_run_takes_nothing_away(trial: Shop) -> None:
    await trial.signs_up("ana", channels=())
    await trial.does("ana", "Order Completed")
    run = await start(trial, "three_messages")
    await trial.parts.delivery.deliver(inside(run))
    assert len(await inbox(trial)) == 1


@pytest.mark.parametrize(
    "end",
    [
        "update run set exit_reason = 'goal reached', exit_at = now()",
        "update run set outcome = 'ended by an operator', ended_at = now()",
        "insert into journey_control (journey, state, at, by) values ('while_vip', 'killed', now(), 'ops')",
    ],
)
async def test_a_run_that_was_ended_takes_its_message_with_it(trial: Shop, end: str) -> None:
    await trial.signs_up("ana", channels=())
    run = await start(trial, "while_vip")
    await trial.parts.delivery.deliver(inside(run))
    assert len(await inbox(trial)) == 1
    await trial.database.pool.execute(end)
    assert await inbox(trial) == []


async def test_a_run_that_is_through_leaves_its_message_until_it_expires(trial: Shop) -> None:
    await trial.signs_up("ana", channels=())
    run = await start(trial, "while_vip")
    await trial.parts.delivery.deliver(inside(run))
    await trial.database.pool.execute("update run set outcome = 'finished', ended_at = now()")
    sent_at = trial.clock.now()
    trial.clock.set(sent_at + timedelta(days=3, seconds=-5))
    assert len(await inbox(trial)) == 1
    trial.clock.set(sent_at + timedelta(days=3, seconds=5))
    assert await inbox(trial) == [], "it lives for three days"


async def test_a_no_about_messages_in_the_app_holds_and_can_be_taken_back(trial: Shop) -> None:
    await trial.signs_up("ana", channels=())
    run = await start(trial, "while_vip")
    await trial.parts.delivery.deliver(inside(run))
    await trial.send("identify", userId="ana", context=consent("ana", ["in_app"], "UNSUBSCRIBED"))
    receipt = await trial.parts.delivery.deliver(inside(run, 2))
    assert (receipt.outcome.value, receipt.reason) == ("skipped", "no consent")
    assert await inbox(trial) == [], "nor is what is there shown any more"
    assert (await trial.parts.delivery.deliver(inside(run, 3, purpose=Purpose.TRANSACTIONAL))).sent, "it is about marketing"
    trial.clock.set(trial.clock.now() + timedelta(minutes=1))
    await trial.send("identify", userId="ana", context=consent("ana", ["in_app"]))
    assert (await trial.parts.delivery.deliver(inside(run, 4))).sent
    assert len(await inbox(trial)) == 3


async def test_a_server_cannot_say_it_for_the_customer_as_a_whole(trial: Shop) -> None:
    entry = {"type": "IN_APP", "status": "UNSUBSCRIBED"}
    body = {"userId": "ana", "context": {"messaging_subscriptions": [entry]}}
    answer = await trial.api.post("/v1/identify", json=body, auth=(trial.ingest_key, ""))
    assert answer.status_code == 422
    assert "about the customer as a whole" in answer.text


class _CrashesError(BaseException):
    """The process dies."""


async def test_a_claim_that_was_never_settled_showed_nothing_and_asks_the_gate_anew(
    trial: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exactly once: no attempt leaves a doubt, and who converts meanwhile gets nothing."""
    await trial.signs_up("ana", channels=())
    run = await start(trial, "three_messages")
    delivery = trial.parts.delivery

    async def dies(*_: object) -> None:
        raise _CrashesError

    with monkeypatch.context() as during:
        during.setattr(Delivery, "_write", dies)
        for occurrence in (1, 2):
            with pytest.raises(_CrashesError):
                await delivery.deliver(inside(run, occurrence))
    states = "select state from delivery where channel = 'in_app' order by occurrence"
    assert [row["state"] for row in await trial.database.pool.fetch(states)] == ["claimed", "claimed"]
    assert await inbox(trial) == []
    assert (await delivery.deliver(inside(run, 1))).sent
    assert len(await inbox(trial)) == 1
    await trial.does("ana", "Order Completed")
    receipt = await delivery.deliver(inside(run, 2))
    assert (receipt.outcome.value, receipt.reason) == ("skipped", "goal reached")
    assert [row["state"] for row in await trial.database.pool.fetch(states)] == ["sent", "skipped"]
    assert await trial.database.pool.fetchval("select count(*) from inbox") == 1


async def test_an_attempt_that_was_given_up_puts_nothing_into_the_inbox(trial: Shop) -> None:
    await trial.signs_up("ana", channels=())
    run = await start(trial, "while_vip")
    delivery, asked = trial.parts.delivery, inside(run)
    [ours] = trial.parts.carriers[Channel.IN_APP].all
    late = await delivery.claims.claim(asked, delivery.clock(asked), ours)
    assert isinstance(late, Claim)
    assert (await delivery.deliver(asked)).sent
    async with ours.ready() as line:
        await delivery._send(asked, late, Turn(ours, line, Passed(), last=True))
    assert len(await inbox(trial)) == 1


async def test_a_cap_counts_it(trial: Shop) -> None:
    await trial.signs_up("ana", channels=())
    run = await start(trial, "while_vip")
    capped = declaring(trial, caps=(Cap(1, timedelta(days=1)),))
    assert (await capped.deliver(inside(run))).sent
    receipt = await capped.deliver(inside(run, 2))
    assert (receipt.outcome.value, receipt.reason) == ("skipped", "no allowed instant before its deadline")


async def test_many_attempts_at_once_put_it_there_once(trial: Shop) -> None:
    await trial.signs_up("ana", channels=())
    run = await start(trial, "while_vip")
    receipts = await asyncio.gather(*(trial.parts.delivery.deliver(inside(run)) for _ in range(8)), return_exceptions=True)
    assert any(not isinstance(each, BaseException) and each.sent for each in receipts)
    assert (await trial.parts.delivery.deliver(inside(run))).sent
    assert len(await inbox(trial)) == 1
    assert await trial.database.pool.fetchval("select count(*) from inbox") == 1


async def test_two_profiles_that_are_one_customer_have_one_inbox(trial: Shop) -> None:
    for user in ("ana", "ana-2"):
        await trial.signs_up(user, channels=())
        await trial.parts.delivery.deliver(inside(await start(trial, "three_messages", user)))
    assert [len(await inbox(trial, user)) for user in ("ana", "ana-2")] == [1, 1]
    await trial.send("alias", userId="ana", previousId="ana-2")
    first, second = [await inbox(trial, user) for user in ("ana", "ana-2")]
    assert first == second
    assert len(first) == 1, "of two runs of one journey one goes on, and the other takes its message with it"
