"""Calling out: what it costs, what stays out of histories, and one id whatever attempts and workers it takes."""

import asyncio
from datetime import timedelta

import orjson
import pytest
from temporalio.exceptions import ApplicationError
from trial_catalogue import Points

from activities.calling import lines
from journeys.actions import Call
from journeys.contracts import Reason
from store.runs.calls import calls_of
from store.runs.views import Run
from tests.journeys.test_history import history
from tests.journeys.test_waiting import begin
from workers.sandbox.services import ServiceAnswer
from workers.testing.shop import Shop

GOLD = {"balance": 120, "tier": "gold", "greeting": "Hi Ana of Elm Street"}


def asked(run: Run, number: int = 9, **more: object) -> Call:
    """A call of a run, as its handle makes it."""
    until = run.entered_at + timedelta(minutes=10)
    what = {"service": "points", "event": "points", "fetch": True, "until": until, "gives": Points} | more
    return Call.model_validate({"run_id": run.id, "at": run.entered_at, "number": number} | what)


async def test_a_call_costs_a_line_and_leaves_nothing_personal(trial: Shop) -> None:
    trial.sandbox.answers.tell(ServiceAnswer(service="points", body=GOLD))
    await trial.signs_up("ana", tier="silver")
    run = await begin(trial, "calls_out")
    await trial.asleep(run)
    seen = await history(trial, run)
    events, text = seen.events, seen.text
    assert events.count("MARKER_RECORDED") == 2
    assert events.count("ACTIVITY_TASK_SCHEDULED") == 1, "the push"
    for personal in ("Elm Street", "ana@example.com", "greeting", "127.0.0.1", "whsec_", "silver"):
        assert personal not in text
    told = {
        message.template: orjson.loads(message.body) for message in trial.sandbox.messages if message.provider == "services"
    }
    assert told["points"]["customer"] == {"email": "ana@example.com"}
    assert told["points"]["params"] == {"season": 1, "note": ""}
    assert (told["points"]["user_id"], told["points"]["journey"]) == ("ana", "calls_out")
    assert told["crm"]["fetched"] == {"points": {"greeting": "Hi Ana of Elm Street"}}
    assert told["crm"]["customer"] == {"tier": "silver"}
    (push,) = [message for message in trial.sandbox.messages if message.provider == "fcm"]
    assert push.title == "Hi Ana of Elm Street", "its template says what the service gave"
    story = (await trial.operate("GET", f"/v1/runs/{run.id}/story")).json()
    assert ([stop["kind"] for stop in story["at"]], story["note"]) == (["wait"], None), "behind both calls"
    called = [each["what"] for each in story["happened"] if each["kind"] == "call"]
    assert called == ["points: answered", "crm, points.asked: answered"]


async def test_a_service_that_does_not_answer_at_once_is_asked_on_a_queue_of_its_own(trial: Shop) -> None:
    trial.sandbox.faults.tell("services", "429", match="points/*", times=2, retry_after=60)
    await trial.signs_up("ana")
    run = await begin(trial, "calls_out")
    assert (await trial.over(run)).sent == 1
    events = (await history(trial, run)).events
    assert events.count("ACTIVITY_TASK_SCHEDULED") == 2, "the call and a message, however many attempts"
    fetch, webhook = await calls_of(trial.database, run.id)
    assert (fetch.attempts, fetch.reason, fetch.status) == (3, None, 200)
    assert fetch.settled_at is not None
    assert timedelta(minutes=2) <= fetch.settled_at - fetch.asked_at < timedelta(minutes=3), "as the service wanted"
    assert (webhook.service, webhook.event, webhook.attempts) == ("crm", "points.asked", 1)
    shown = (await trial.operate("GET", f"/v1/runs/{run.id}")).json()["calls"]
    assert [(each["service"], each["attempts"], each["status"]) for each in shown] == [("points", 3, 200), ("crm", 1, 200)]


async def test_an_attempt_that_dies_at_the_service_is_made_again_under_the_same_id(trial: Shop) -> None:
    await trial.signs_up("ana")
    run, calling = await begin(trial, "waits_once"), trial.parts.calling
    trial.sandbox.faults.tell("services", "slow", match="points/*", times=1, hold_seconds=60)
    dying = asyncio.create_task(calling.call(asked(run)))
    await trial.sandbox.arrived(1)
    dying.cancel()
    with pytest.raises(asyncio.CancelledError):
        await dying
    answered = await calling.call(asked(run))
    assert (answered.reason, answered.values) == (None, {"balance": 10, "tier": "silver"})
    assert await calling.call(asked(run)) == answered, "what is settled is not asked again"
    first, second = trial.sandbox.messages
    assert first.key == second.key == f"msg_{run.id.hex}_9"
    assert trial.sandbox.stats.duplicates == {first.key: 2}
    trial.sandbox.answers.tell(ServiceAnswer(service="points", body=GOLD | {"greeting": "\x00"}))
    assert (await calling.call(asked(run, 10))).reason is Reason.UNLIKE_DECLARED, "Postgres could not hold it"


async def test_the_service_says_when_and_nobody_asks_before(trial: Shop) -> None:
    await trial.signs_up("ana")
    run, calling = await begin(trial, "waits_once"), trial.parts.calling
    trial.sandbox.faults.tell("services", "503", times=1, retry_after=90)
    for _ in range(2):  # the second finds the instant not yet come
        with pytest.raises(ApplicationError) as later:
            await calling.call(asked(run))
        assert later.value.next_retry_delay == timedelta(seconds=90)
    assert trial.sandbox.messages == []
    trial.sandbox.faults.tell("services", "503", times=1, retry_after=3600)
    never = await calling.call(asked(run, 10))
    assert never.reason is Reason.NO_ANSWER, "an hour is too late for who waits ten minutes"


async def test_what_never_left_is_no_attempt(trial: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    await trial.signs_up("ana")
    run, calling = await begin(trial, "waits_once"), trial.parts.calling
    monkeypatch.setattr(lines, "PLACES", 0)
    for _ in range(3):
        with pytest.raises(ApplicationError, match="are on their way"):
            await calling.call(asked(run))
        await trial.database.pool.execute("update service_call set retry_at = null")
    monkeypatch.undo()
    assert (await calling.call(asked(run))).reason is None
    assert (await calls_of(trial.database, run.id))[0].attempts == 1


async def test_nobody_is_told_for_a_run_that_is_over_or_has_reached_its_goal(trial: Shop) -> None:
    await trial.signs_up("ana")
    run, calling = await begin(trial, "calls_out"), trial.parts.calling
    await trial.asleep(run)
    heard = len(trial.sandbox.messages)
    await trial.does("ana", "Order Completed")  # which no tick has seen
    assert (await calling.call(asked(run))).reason is Reason.GOAL
    await trial.look()
    assert (await calling.call(asked(run, 10, fetch=False, service="crm"))).reason is Reason.GOAL
    assert len(trial.sandbox.messages) == heard
    nobody = asked(run).model_copy(update={"run_id": run.profile_id})
    assert (await calling.call(nobody)).reason is Reason.ERASED


async def test_a_call_asks_what_the_gate_asks_of_exits_by_age(trial: Shop) -> None:
    await trial.signs_up("ana", tier="gold")
    run, calling = await begin(trial, "ends_many_ways"), trial.parts.calling
    later = {"until": run.entered_at + timedelta(days=9)}
    assert (await calling.call(asked(run, **later))).reason is not Reason.EXIT
    assert (await calling.call(asked(run, 10, at=run.entered_at + timedelta(days=2), **later))).reason is Reason.EXIT
