"""Delivering a message: gate, claim, send, settle over real providers' protocols (SEMANTICS 1)."""

import re
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from temporalio.exceptions import ApplicationError

from activities.channels import suppression_digest
from activities.channels.tracking import Track, Tracking
from activities.deliver.claim import Claim, Full, Later, Pinned
from activities.deliver.deliver import Delivery
from activities.templates import load_templates
from activities.versions import OnlyOwn
from journeys.contracts import Cap, Channel, DeliverRequest, Purpose, QuietHours, Receipt
from journeys.policies import Topic
from store.customers.topics import choose
from store.runs.views import Message, Run
from workers.testing.people import consent
from workers.testing.shop import Shop


def declaring(trial: Shop, **policies: Any) -> Delivery:
    """The delivery, as if the journey had declared these policies."""
    own = trial.parts.library.own
    spec = replace(own.specs["while_vip"], **policies)
    return replace(trial.parts.delivery, versions=OnlyOwn(replace(own, specs={"while_vip": spec})))


async def claimed(delivery: Delivery, asked: DeliverRequest, now: datetime) -> Claim | Full | Pinned | Later | Receipt:
    """What an attempt comes to that goes no further than its claim, as where its worker dies right after."""
    return await delivery.claims.claim(asked, now, delivery.carriers[asked.channel].all[0])


async def start(trial: Shop, journey: str, user: str = "ana", **body: Any) -> Run:
    answer = await trial.operate("POST", f"/v1/journeys/{journey}/runs", json={"customer": {"user_id": user}} | body)
    assert answer.status_code == 201, answer.text
    await trial.look()
    (run,) = [r for r in await trial.runs(journey) if str(r.id) == answer.json()["id"]]
    return run


async def finish(trial: Shop, journey: str, user: str = "ana", **body: Any) -> list[Message]:
    run = await start(trial, journey, user, **body)
    await trial.over(run)
    await trial.closed(run)
    return await trial.messages(run)


def states(messages: list[Message]) -> list[tuple[str, str, str | None]]:
    return [(m.channel, m.state, m.reason) for m in messages]


def request(run: Run, **changes: Any) -> DeliverRequest:
    return DeliverRequest.model_validate(
        {
            "run_id": run.id,
            "journey": run.journey,
            "step": "push:note",
            "occurrence": 1,
            "channel": Channel.PUSH,
            "template": "note",
            "purpose": Purpose.MARKETING,
            "due_at": run.entered_at,
            "useless_after": run.entered_at + timedelta(hours=12),
        }
        | changes
    )


async def test_429_is_retried_after_what_the_provider_says(trial: Shop) -> None:
    await trial.signs_up("ana")
    trial.sandbox.faults.tell("fcm", "429", retry_after=1, times=2)
    (push,) = await finish(trial, "by_choice")
    assert (push.state, push.attempts) == ("sent", 3)
    assert len(trial.sandbox.messages) == 1


async def test_500_is_retried(trial: Shop) -> None:
    await trial.signs_up("ana")
    trial.sandbox.faults.tell("fcm", "500", times=1)
    (push,) = await finish(trial, "by_choice")
    assert (push.state, push.attempts) == ("sent", 2)


async def test_an_answer_that_never_came_leaves_a_marketing_message_unconfirmed_and_the_journey_goes_on(trial: Shop) -> None:
    await trial.signs_up("ana")
    trial.sandbox.faults.tell("fcm", "timeout_after_accept", times=1)
    (push,) = await finish(trial, "by_choice")
    assert states([push]) == [("push", "unconfirmed", "provider may have accepted it")]
    assert len(trial.sandbox.messages) == 1


async def test_an_answer_that_never_came_sends_a_transactional_message_again(trial: Shop) -> None:
    await trial.signs_up("ana")
    trial.sandbox.faults.tell("smtp", "timeout_after_accept", times=1)
    (email,) = await finish(trial, "urgent")
    assert email.state == "sent"
    assert [m.key for m in trial.sandbox.messages] == [trial.sandbox.messages[0].key] * 2


@pytest.mark.parametrize("journey", ["by_choice", "urgent"])
async def test_a_message_that_was_sent_is_an_event_once_also_where_the_provider_reports_nothing(
    trial: Shop, journey: str
) -> None:
    await trial.signs_up("ana")
    trial.sandbox.faults.tell("smtp", "timeout_after_accept", times=1)  # a second copy is no second event
    (message,) = await finish(trial, journey)
    told = "select type, source, properties ->> 'step' from event where type = 'Message Sent'"
    pool = trial.parts.delivery.database.pool
    assert [tuple(row) for row in await pool.fetch(told)] == [("Message Sent", message.channel, message.step)]


async def test_a_dead_token_is_put_away_and_the_next_one_is_used(trial: Shop) -> None:
    await trial.signs_up("ana")
    await trial.send("track", userId="ana", event="Opened", context={"device": {"token": "newer", "type": "ios"}})
    trial.sandbox.faults.tell("fcm", "unregistered", match="newer")
    (push,) = await finish(trial, "by_choice")
    assert push.state == "sent"
    assert [m.to for m in trial.sandbox.messages] == ["token-ana"]
    dead = await trial.database.pool.fetch("select address from endpoint where invalid_at is not null")
    assert [row["address"] for row in dead] == ["newer"]


async def test_with_no_token_left_the_customer_is_unreachable_and_the_journey_falls_back(trial: Shop) -> None:
    await trial.signs_up("ana")
    trial.sandbox.faults.tell("fcm", "unregistered")
    await trial.does("ana", "Product Viewed")
    await trial.look()
    run = await trial.run("falls_back")
    await trial.over(run)
    assert states(await trial.messages(run)) == [
        ("push", "skipped", "no reachable endpoint"),
        ("whatsapp", "sent", None),
    ]
    happened = (await trial.operate("GET", f"/v1/runs/{run.id}/story")).json()["happened"]
    (came_to,) = [each for each in happened if each["kind"] == "not sent"]
    assert came_to["what"].endswith(": skipped (no reachable endpoint)")
    assert came_to["detail"]["error"].startswith("fcm")
    assert "token-ana" not in str(happened)


async def test_a_hard_bounce_suppresses_the_address_for_good(trial: Shop) -> None:
    await trial.signs_up("ana")
    trial.sandbox.faults.tell("smtp", "550", times=1)
    assert states(await finish(trial, "by_choice", params={"route": "email"})) == [
        ("email", "skipped", "no reachable endpoint")
    ]
    await trial.database.pool.execute("update endpoint set invalid_at = null")  # she types the same address again
    assert states(await finish(trial, "by_choice", params={"route": "email"})) == [("email", "skipped", "address suppressed")]


async def test_a_relay_that_refuses_us_suppresses_nobody(trial: Shop) -> None:
    """A6: the address is as good as before, whatever the relay thinks of us."""
    await trial.signs_up("ana")
    trial.sandbox.faults.tell("smtp", "relay", times=1)
    assert states(await finish(trial, "by_choice", params={"route": "email"})) == [
        ("email", "failed", "refused by the provider")
    ]
    assert await trial.database.pool.fetchval("select count(*) from suppression") == 0
    assert states(await finish(trial, "by_choice", params={"route": "email"})) == [("email", "sent", None)]


@pytest.mark.parametrize("address", ["ana@español.example", "ana@xn--espaol-zwa.example", "josé@mail.example"])
async def test_an_address_of_any_script_is_written_to(trial: Shop, address: str) -> None:
    """A4: by its A-label, and where the relay takes such by SMTPUTF8."""
    consent = [{"key": address, "type": "EMAIL", "status": "SUBSCRIBED"}]
    await trial.send("identify", userId="ana", traits={"email": address}, context={"messaging_subscriptions": consent})
    assert states(await finish(trial, "by_choice", params={"route": "email"})) == [("email", "sent", None)]
    assert trial.sandbox.messages[-1].to == address.replace("español", "xn--espaol-zwa")


async def test_a_hard_bounce_that_is_taken_back_is_written_to_again(trial: Shop) -> None:
    """A6: an operator takes it back by the address that they type."""
    await trial.signs_up("ana")
    trial.sandbox.faults.tell("smtp", "550", times=1)
    await finish(trial, "by_choice", params={"route": "email"})
    [suppressed] = (await trial.operate("GET", "/v1/suppressions")).json()["suppressions"]
    assert suppressed["reason"] == "hard bounce"
    answer = await trial.operate("POST", "/v1/suppressions/take-back", json={"channel": "email", "address": "ANA@example.com"})
    assert answer.json() == {"lifted": 1, "revived": 1, "kept": 0}
    assert states(await finish(trial, "by_choice", params={"route": "email"})) == [("email", "sent", None)]


async def test_a_letter_that_the_new_address_refuses_does_not_go_to_the_old_one(trial: Shop) -> None:
    """FAULTS A12."""
    await trial.signs_up("ana")
    new = [{"key": "new@example.com", "type": "EMAIL", "status": "SUBSCRIBED"}]
    context = {"messaging_subscriptions": new}
    await trial.send("identify", userId="ana", traits={"email": "new@example.com"}, context=context)
    trial.sandbox.faults.tell("smtp", "550", match="new@example.com")
    assert states(await finish(trial, "by_choice", params={"route": "email"})) == [
        ("email", "skipped", "no reachable endpoint")
    ]
    assert states(await finish(trial, "urgent")) == [("email", "skipped", "no reachable endpoint")]
    assert [m.to for m in trial.sandbox.messages] == []


async def test_a_message_goes_to_the_address_that_was_consented_to(trial: Shop) -> None:
    """FAULTS B3: a no for the newest address, a yes for the one before."""
    await trial.signs_up("ana")
    newer = [{"key": "token-newer", "type": "ANDROID_PUSH", "status": "UNSUBSCRIBED"}]
    await trial.send("identify", userId="ana", traits={}, context={"messaging_subscriptions": newer})
    assert states(await finish(trial, "by_choice")) == [("push", "sent", None)]
    assert [m.to for m in trial.sandbox.messages] == ["token-ana"]


async def test_an_address_that_was_suppressed_under_a_former_secret_stays_so(trial: Shop) -> None:
    """A16: the secret was replaced since; the row knows the old digest alone."""
    await trial.signs_up("ana")
    digest = suppression_digest("last year's", "email", "ana@example.com")
    await trial.database.pool.execute("insert into suppression values ('email', $1, 'all', 'hard bounce', now())", digest)
    run = await start(trial, "by_choice", params={"route": "email"})
    asked = request(run, step="email:note", channel=Channel.EMAIL, occurrence=9)
    later = replace(trial.parts.delivery, former_secrets=("older", "last year's"))
    assert (await later.deliver(asked)).reason == "address suppressed"


async def test_consent_that_was_withdrawn_while_waiting(trial: Shop) -> None:
    await trial.signs_up("ana")
    await trial.does("ana", "Cart Updated", cart_id="c")
    await trial.look()
    run = await trial.run("each_cart")
    withdrawn = [{"key": "token-ana", "type": "ANDROID_PUSH", "status": "UNSUBSCRIBED"}]
    await trial.send("identify", userId="ana", traits={}, context={"messaging_subscriptions": withdrawn})
    await trial.over(run)
    (push,) = await trial.messages(run)
    assert (push.state, push.reason, push.detail) == ("skipped", "no consent", {"consent": "withdrawn"})


async def test_the_holdout_runs_the_same_code_and_withholds_only_the_call(trial: Shop) -> None:
    await trial.signs_up("ana")
    assert states(await finish(trial, "held_out")) == [("push", "withheld", "holdout")]
    assert trial.sandbox.messages == []


async def test_quiet_hours_defer_to_the_customers_morning(trial: Shop) -> None:
    await trial.signs_up("ana", timezone="Asia/Tokyo")
    night = trial.opened_at.replace(hour=15, minute=0, second=0, microsecond=0) + timedelta(days=1)  # midnight in Tokyo
    run = await start(trial, "lets_people_sleep")
    receipt = await _deliver(trial, request(run, occurrence=9, due_at=night, useless_after=night + timedelta(hours=12)))
    assert (receipt.outcome.value, receipt.reason) == ("deferred", "quiet hours")
    assert receipt.retry_at == night + timedelta(hours=8)


@pytest.mark.parametrize(
    ("traits", "context", "told_by"),
    [
        ({"timezone": "asia/tokyo"}, {}, "timezone"),
        ({"timezone": "Asia/Tokyo "}, {}, "timezone"),
        ({"timezone": "+09:00"}, {}, "timezone"),
        ({}, {"timezone": "Asia/Tokyo"}, "device"),
        ({"phone": "+819012345678"}, {}, "phone"),
        ({"address": {"country": "JP"}}, {}, "country"),
    ],
)
async def test_nobody_is_woken_in_tokyo_however_tokyo_came_to_be_known(
    trial: Shop, traits: dict[str, Any], context: dict[str, Any], told_by: str
) -> None:
    """A9: half past one at night."""
    await trial.send("identify", userId="ana", traits=traits, context=consent("ana", ["push"]) | context)
    night = trial.opened_at.replace(hour=16, minute=30, second=0, microsecond=0) + timedelta(days=1)
    run = await start(trial, "lets_people_sleep")
    asked = request(run, occurrence=9, due_at=night, useless_after=night + timedelta(hours=12))
    receipt = await _deliver(trial, asked)
    assert (receipt.outcome.value, receipt.reason) == ("deferred", "quiet hours")
    assert receipt.retry_at == night + timedelta(hours=6, minutes=30)
    [message] = [message for message in await trial.messages(run) if message.occurrence == 9]
    assert message.detail["told_by"] == told_by


async def test_a_zone_that_is_none_is_night_everywhere(trial: Shop) -> None:
    """A9: understood or closed; and the profile says so."""
    await trial.send("identify", userId="ana", traits={"timezone": "Asia/Tokio"}, context=consent("ana", ["push"]))
    run = await start(trial, "lets_people_sleep")
    noon = trial.opened_at.replace(hour=12, minute=0, second=0, microsecond=0) + timedelta(days=1)
    receipt = await _deliver(trial, request(run, occurrence=9, due_at=noon, useless_after=noon + timedelta(hours=12)))
    assert (receipt.outcome.value, receipt.reason) == ("deferred", "quiet hours")
    profile = (await trial.operate("GET", "/v1/profiles?user_id=ana")).json()
    assert (profile["zone"]["told_by"], profile["zone"]["not_understood"]) == ("nothing", "Asia/Tokio")
    concerns = (await trial.operate("GET", "/v1/concerns")).json()
    assert any("'Asia/Tokio'" in each["sentence"] for each in concerns)
    urgent = request(run, occurrence=8, due_at=noon, useless_after=noon + timedelta(hours=12), purpose=Purpose.TRANSACTIONAL)
    assert (await _deliver(trial, urgent)).outcome.value == "sent"


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0), (1, 0, 2)])
async def test_the_last_device_counts_by_event_time_whatever_the_order_of_arrival(trial: Shop, order: tuple[int, ...]) -> None:
    """A9: a phone that comes online late does not move anybody back."""
    await trial.send("identify", userId="ana", timestamp=trial.opened_at.isoformat())
    zones = ["Europe/Madrid", "Asia/Tokyo", "America/New_York"]
    for n in order:
        at = (trial.opened_at - timedelta(hours=3 - n)).isoformat()
        await trial.send("track", userId="ana", event="Seen", timestamp=at, context={"timezone": zones[n]})
    at = (trial.opened_at - timedelta(minutes=1)).isoformat()
    await trial.send("track", userId="ana", event="Seen", timestamp=at)  # a server knows nothing of zones
    assert await trial.database.pool.fetchval("select device_zone from profile") == "America/New_York"


async def test_a_cap_holds_over_journeys_and_says_when_there_is_room(trial: Shop) -> None:
    await trial.signs_up("ana")
    await finish(trial, "by_choice")
    run = await start(trial, "capped")
    receipt = await _deliver(trial, request(run, occurrence=9, useless_after=run.entered_at + timedelta(days=2)))
    assert (receipt.outcome.value, receipt.reason) == ("deferred", "frequency cap")
    assert receipt.retry_at is not None
    assert timedelta(hours=23) < receipt.retry_at - run.entered_at <= timedelta(days=1)


async def test_a_cap_longer_than_the_message_is_useful_settles_it_at_once(trial: Shop) -> None:
    """E12: what is settled has no time at which it is tried again."""
    await trial.signs_up("ana")
    await finish(trial, "by_choice")
    run = await start(trial, "capped")
    receipt = await _deliver(trial, request(run, occurrence=9, useless_after=run.entered_at + timedelta(hours=1)))
    assert (receipt.outcome.value, receipt.retry_at) == ("skipped", None)
    assert receipt.reason == "no allowed instant before its deadline"
    asked = "select state, retry_at from delivery where run_id = $1 and occurrence = 9"
    assert await trial.database.pool.fetchrow(asked, run.id) == ("skipped", None)
    [message] = [message for message in await trial.messages(run) if message.occurrence == 9]
    cap = {"messages": 1, "within": "1 day, 0:00:00"}
    assert message.detail == cap | {"shut_by": ["frequency cap"], "closed_by": "frequency cap"}


@pytest.mark.parametrize(
    ("cap", "channel", "capped"),
    [
        (Cap(1, timedelta(days=2), channel="push"), Channel.PUSH, True),
        (Cap(1, timedelta(days=2), channel="push"), Channel.EMAIL, False),
        (Cap(1, timedelta(days=2), channel="email"), Channel.PUSH, False),
        (Cap(2, timedelta(days=2)), Channel.PUSH, False),
        (Cap(2, timedelta(days=2), purpose=None), Channel.PUSH, True),
        (Cap(1, calendar="month"), Channel.PUSH, True),
    ],
)
async def test_what_a_cap_counts_is_its_channels_and_its_purposes(
    trial: Shop, cap: Cap, channel: Channel, capped: bool
) -> None:
    """Before, there were a push, which is marketing, and a transactional letter."""
    await trial.signs_up("ana")
    await finish(trial, "by_choice")
    await finish(trial, "urgent")
    run = await start(trial, "while_vip")
    delivery = declaring(trial, caps=(cap,))
    asked = request(run, occurrence=9, channel=channel, useless_after=run.entered_at + timedelta(days=40))
    receipt = await delivery.deliver(asked)
    assert (receipt.outcome.value, receipt.reason) == (("deferred", "frequency cap") if capped else ("sent", None))


async def test_what_a_cap_lets_go_at_night_waits_for_the_morning(trial: Shop) -> None:
    """The instant of a deferral is one that all allow."""
    await trial.signs_up("ana", timezone="UTC")
    await finish(trial, "by_choice")
    run = await start(trial, "while_vip")
    [room] = [m.claimed_at + timedelta(hours=12) for each in await trial.runs("by_choice") for m in await trial.messages(each)]
    night = QuietHours(f"{room - timedelta(hours=1):%H:%M}", f"{room + timedelta(hours=2):%H:%M}")
    delivery = declaring(trial, caps=(Cap(1, timedelta(hours=12)),), quiet_hours=night)
    receipt = await delivery.deliver(request(run, occurrence=9, useless_after=run.entered_at + timedelta(days=2)))
    assert (receipt.outcome.value, receipt.reason) == ("deferred", "frequency cap")
    assert receipt.retry_at == (room + timedelta(hours=2)).replace(second=0, microsecond=0)
    in_vain = request(run, occurrence=8, useless_after=room + timedelta(hours=1))
    assert (await delivery.deliver(in_vain)).reason == "no allowed instant before its deadline"
    [message] = [message for message in await trial.messages(run) if message.occurrence == 8]
    assert message.detail["shut_by"] == ["quiet hours", "frequency cap"]


async def test_a_run_that_ends_leaves_no_time_at_which_its_messages_are_tried_again(trial: Shop) -> None:
    """E12: also of a message that was waiting for it."""
    await trial.signs_up("ana")
    trial.sandbox.faults.tell("fcm", "429", retry_after=3600)
    run = await start(trial, "by_choice")
    await trial.settled_as(run, "released")
    await trial.operate("POST", f"/v1/runs/{run.id}/end")
    await trial.look()
    await trial.closed(run)
    asked = "select state, retry_at from delivery where run_id = $1"
    assert await trial.database.pool.fetchrow(asked, run.id) == ("skipped", None)


async def test_a_message_past_its_deadline_is_recorded_as_such(trial: Shop) -> None:
    await trial.signs_up("ana")
    run = await start(trial, "short_lived")
    late = request(run, occurrence=9, due_at=run.entered_at, useless_after=run.entered_at - timedelta(seconds=1))
    receipt = await _deliver(trial, late)
    assert (receipt.outcome.value, receipt.reason) == ("failed", "useless after its deadline")


async def test_an_outage_longer_than_the_deadline_ends_in_a_recorded_failure(trial: Shop) -> None:
    await trial.signs_up("ana")
    trial.sandbox.faults.tell("fcm", "429", retry_after=7200, times=1)
    push, email = await finish(trial, "short_lived")
    assert (push.state, push.reason) == ("failed", "useless after its deadline")
    assert email.state == "sent"


async def test_a_claim_that_was_never_settled_is_in_doubt_not_sent_again(trial: Shop) -> None:
    """What a worker that was killed between claim and settlement leaves behind."""
    await trial.signs_up("ana")
    run = await start(trial, "short_lived")
    await trial.over(run)
    again = request(run)
    await trial.database.pool.execute("update delivery set state = 'claimed' where run_id = $1", run.id)
    receipt = await _deliver(trial, again)
    assert (receipt.outcome.value, receipt.reason) == ("unconfirmed", "provider may have accepted it")
    assert len([m for m in trial.sandbox.messages if m.provider == "fcm"]) == 1


async def test_a_message_that_was_sent_is_answered_from_the_ledger(trial: Shop) -> None:
    await trial.signs_up("ana")
    run = await start(trial, "by_choice")
    await trial.over(run)
    for _ in range(3):
        assert (await _deliver(trial, request(run))).sent
    assert len(trial.sandbox.messages) == 1


async def test_a_run_that_was_erased_sends_nothing(trial: Shop) -> None:
    await trial.signs_up("ana")
    run = await start(trial, "by_choice")
    assert (await _deliver(trial, request(run, run_id=UUID(int=1)))).reason == "customer erased"


async def test_a_journey_that_branches_on_a_predicate(trial: Shop) -> None:
    await trial.signs_up("ana")
    assert await finish(trial, "asks") == []
    await trial.signs_up("bea")
    run_id = (await trial.operate("POST", "/v1/journeys/asks/runs", json={"customer": {"user_id": "bea"}})).json()["id"]
    await trial.does("bea", "Product Viewed")
    await trial.look()
    (run,) = [r for r in await trial.runs("asks") if str(r.id) == run_id]
    await trial.over(run)
    assert states(await trial.messages(run)) == [("push", "sent", None)]


async def test_email_carries_one_click_unsubscribe_headers_and_using_it_stops_the_next_one(trial: Shop) -> None:
    await trial.signs_up("ana")
    await finish(trial, "by_choice", params={"route": "email"})
    (message,) = trial.sandbox.messages
    headers = {name.lower(): value for name, value in message.raw["headers"]}
    assert headers["list-unsubscribe-post"] == "List-Unsubscribe=One-Click"
    link = headers["list-unsubscribe"].strip("<>")
    seen = await trial.api.get(link)
    assert seen.status_code == 200
    answer = await trial.api.post(link, data={"List-Unsubscribe": "One-Click"})
    assert answer.status_code == 200
    assert states(await finish(trial, "by_choice", params={"route": "email"})) == [("email", "skipped", "no consent")]


async def test_a_letter_is_measured_where_its_customer_agreed_and_a_click_comes_back(trial: Shop) -> None:
    for name, agreed in (("ana", True), ("bea", False)):
        await trial.signs_up(name)
        await trial.send("identify", userId=name, traits={"trackingConsent": agreed})
    tracking = Tracking(clicks=Track.CONSENTED, url=str(trial.api.base_url).rstrip("/"))
    delivery = replace(trial.parts.delivery, tracking=tracking)
    for name in ("ana", "bea"):
        run = await start(trial, "while_vip", name)
        await delivery.deliver(request(run, channel=Channel.EMAIL, step="email:note", occurrence=9))
    ana, bea = (message.html or "" for message in trial.sandbox.messages)
    assert ("/c/" in ana, "/c/" in bea) == (True, False)
    (link, *_) = re.findall(r'href="([^"]+/c/[^"]+)"', ana)
    answer = await trial.api.get(link)
    assert answer.status_code in (204, 302)
    clicked = "select properties from event where type = 'Message Clicked'"
    (told,) = await trial.database.pool.fetch(clicked)
    assert (told["properties"]["step"], told["properties"]["journey"]) == ("email:note", "while_vip")


async def test_a_transactional_letter_has_no_button_that_ends_marketing(trial: Shop) -> None:
    await trial.signs_up("ana")
    run = await start(trial, "while_vip")
    asked = request(run, channel=Channel.EMAIL, step="email:note", occurrence=9, purpose=Purpose.TRANSACTIONAL)
    await trial.parts.delivery.deliver(asked)
    (message,) = trial.sandbox.messages
    assert not {name.lower() for name, _ in message.raw["headers"]} & {"list-unsubscribe", "list-unsubscribe-post"}


async def _deliver(trial: Shop, asked: DeliverRequest) -> Receipt:
    return await trial.parts.delivery.deliver(asked)


async def test_a_date_is_said_on_the_customers_clock_and_in_their_language(trial: Shop, tmp_path: Path) -> None:
    """A18: told by the last device and the trait `locale`."""
    await trial.send(
        "identify",
        userId="ana",
        traits={"locale": "es-ES"},
        context=consent("ana", ["push"]) | {"timezone": "Asia/Tokyo"},
    )
    text = "title: t\nbody: \"{{ '2026-11-24T22:30:00Z' | date: '%A %H:%M' }}\""
    (tmp_path / "dated").mkdir()
    (tmp_path / "dated" / "note.push.yaml").write_text(text)
    own = replace(trial.parts.library.own, templates=load_templates(tmp_path / "dated"))
    delivery = replace(trial.parts.delivery, versions=OnlyOwn(own))
    run = await start(trial, "while_vip")
    await delivery.deliver(request(run, occurrence=9, purpose=Purpose.TRANSACTIONAL))
    [sent] = [message for message in trial.sandbox.messages if message.key == f"{run.id}/push:note/9"]
    assert sent.body == "miércoles 07:30"


async def test_a_template_that_this_worker_does_not_have_waits_for_the_one_that_has_it(trial: Shop) -> None:
    await trial.signs_up("ana")
    run = await start(trial, "while_vip")
    with pytest.raises(ApplicationError, match="there is no push template missing"):
        await _deliver(trial, request(run, template="missing"))
    (push,) = await trial.messages(run)
    assert push.state == "released"
    assert (await _deliver(trial, request(run))).sent


async def test_a_cap_goes_on_counting_a_message_in_doubt(trial: Shop) -> None:
    await trial.signs_up("ana")
    first = await start(trial, "while_vip")
    await claimed(trial.parts.delivery, request(first), first.entered_at)  # its worker dies right after
    assert (await _deliver(trial, request(first))).outcome.value == "unconfirmed"
    run = await start(trial, "capped")
    receipt = await _deliver(trial, request(run, occurrence=9, useless_after=run.entered_at + timedelta(days=2)))
    assert receipt.reason == "frequency cap"


async def test_a_topic_that_was_turned_off_is_not_written_about_and_the_rest_is(trial: Shop) -> None:
    await trial.signs_up("ana")
    run = await start(trial, "while_vip")
    about = declaring(trial, topic=Topic("news", en="News"))
    async with trial.database.transaction() as connection:
        told = {"source": "preference page", "at": trial.clock.now()}
        assert await choose(connection, run.profile_id, {"news": False, "offers": True}, **told) == ["news"]  # type: ignore[arg-type]
    receipt = await about.deliver(request(run))
    assert (receipt.sent, receipt.reason) == (False, "turned this topic off")
    assert (await declaring(trial, topic=Topic("offers", en="Offers")).deliver(request(run, occurrence=2))).sent
    assert (await about.deliver(request(run, occurrence=3, purpose=Purpose.TRANSACTIONAL))).sent
