"""Messages in doubt: listed with what happened, settled by an operator, repeated on purpose (GOV-02)."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from journeys.contracts import Cap, Channel, Purpose, Reason
from store import Database
from store.deliveries.ledger import MessageKey
from store.runs.views import Message, Run
from tests.activities.test_deliver import claimed, declaring, finish, request, start
from tests.activities.test_doubt import EMAIL, row, status_of
from tests.api.test_runs import problem
from tests.command_line import in_thread
from workers.testing.shop import Shop, open_shop

WHERE = "/v1/messages/in-doubt"
TWICE = {"may_arrive_twice": True}


@pytest.fixture
async def trial(database: Database, dsn: str, temporal_address: str, tmp_path: Path) -> AsyncIterator[Shop]:
    async with open_shop(database, dsn, temporal_address, tmp_path, catalogue="trial_catalogue") as opened:
        yield opened


async def in_doubt(trial: Shop, user: str = "ana") -> tuple[Run, str]:
    """A run that is over, and its push of which no answer came."""
    await trial.signs_up(user)
    trial.sandbox.faults.tell("fcm", "timeout_after_accept", times=1)
    (push,) = await finish(trial, "by_choice", user)
    assert push.state == "unconfirmed"
    (run,) = [each for each in await trial.runs("by_choice") if (await trial.messages(each)) == [push]]
    return run, f"{run.id}/{push.step}/{push.occurrence}"


async def listed(trial: Shop, **asked: Any) -> list[dict[str, Any]]:
    answer = await trial.operate("GET", WHERE, params=asked)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["messages"])


async def done(trial: Shop, what: str, **body: Any) -> tuple[int, int, int]:
    answer = await trial.operate("POST", f"{WHERE}/{what}", json=body)
    assert answer.status_code in (200, 202), answer.text
    found = answer.json()
    return found["messages"], found["repeatable"], found["done"]


async def repeated(trial: Shop, message: str) -> Message:
    """The message, once what was asked of it has been done."""
    assert (await done(trial, "repeat", message=message, **TWICE))[2] == 1
    await trial.look()
    number = await trial.database.pool.fetchval("select max(id) from doubt_said")
    await trial.client.get_workflow_handle(f"repeat/{number}").result()
    key = MessageKey.parse(message)
    (one,) = [each for run in await trial.runs() if run.id == key.run_id for each in await trial.messages(run)]
    return one


async def test_they_are_listed_with_what_happened_by_filter_and_page(trial: Shop, dsn: str) -> None:
    first, message = await in_doubt(trial)
    second, other = await in_doubt(trial, "bea")
    found = await listed(trial)
    assert [each["message"] for each in found] == [other, message]
    one = found[1]
    told = {
        "state": "unconfirmed",
        "provider": "fcm",
        "channel": "push",
        "journey": "by_choice",
        "copies": 1,
        "not_repeatable": None,
    }
    assert {name: one[name] for name in told} == told
    assert one["reason"] not in ("", "-")
    for asked, expected in (
        ({"run_id": str(first.id)}, [message]),
        ({"provider": "fcm", "channel": "push"}, [other, message]),
        ({"provider": "twilio"}, []),
        ({"journey": "urgent"}, []),
        ({"until": one["since"]}, []),
        ({"since": found[0]["since"]}, [other]),
    ):
        assert [each["message"] for each in await listed(trial, **asked)] == expected
    page = (await trial.operate("GET", WHERE, params={"limit": 1})).json()
    rest = (await trial.operate("GET", WHERE, params={"limit": 1, "after": page["next"]})).json()
    assert [page["messages"][0]["message"], rest["messages"][0]["message"]] == [other, message]
    assert problem(await trial.operate("GET", WHERE, params={"after": "x"}))[:2] == (400, "bad-cursor")
    assert "ana" not in json.dumps(found)
    shown = await in_thread("doubts", "--journey", "by_choice", database_url=dsn)
    assert (shown.returncode, message in shown.stdout, one["reason"][:20] in shown.stdout) == (0, True, True), shown.stderr
    assert second.id != first.id


async def test_a_killed_workers_message_says_what_happened(trial: Shop) -> None:
    """Also where its run is ended before anybody looked."""
    await trial.signs_up("ana")
    run = await start(trial, "while_vip")
    asked = [request(run, **EMAIL, occurrence=n) for n in (1, 2)]
    for each in asked:
        await claimed(trial.parts.delivery, each, each.due_at)
    assert await listed(trial) == [], "a worker has them in hand, as far as anybody knows"
    assert not (await trial.parts.delivery.deliver(asked[0])).sent
    await trial.operate("POST", f"/v1/runs/{run.id}/end")
    await trial.look()
    await trial.over(run)
    await trial.closed(run)
    assert {each["reason"] for each in await listed(trial)} == {"the worker stopped before an answer came"}
    assert [(await row(trial, each))["detail"]["error"] for each in asked] == ["the worker stopped before an answer came"] * 2


async def test_one_is_settled_as_sent_and_who_said_so_is_kept(trial: Shop) -> None:
    run, message = await in_doubt(trial)
    body = {"message": message, "outcome": "sent", "provider_message_id": "projects/x/messages/1"}
    assert await done(trial, "settle", **body) == (1, 1, 1)
    (push,) = await trial.messages(run)
    assert (push.state, push.reason, push.provider_message_id) == ("sent", None, "projects/x/messages/1")
    assert await listed(trial) == []
    (said,) = (await trial.operate("GET", f"{WHERE}/said")).json()["said"]
    assert (said["message"], said["said"], said["by"], said["refused"]) == (message, "sent", "operate", None)
    again = problem(await trial.operate("POST", f"{WHERE}/settle", json=body))
    assert again == (409, "not-in-doubt", "it is in doubt no more: sent")
    body["message"] = f"{run.id}/push:other/1"
    assert problem(await trial.operate("POST", f"{WHERE}/settle", json=body))[:2] == (404, "unknown-message")


async def test_what_was_not_sent_is_failed_and_counts_no_more_but_a_late_report_outweighs_it(trial: Shop) -> None:
    await trial.signs_up("ana")
    run = await start(trial, "while_vip")
    asked = request(run, channel=Channel.WHATSAPP, step="whatsapp:note")
    trial.sandbox.faults.tell("whatsapp", "timeout_after_accept", times=1)
    assert (await trial.parts.delivery.deliver(asked)).outcome.value == "unconfirmed"
    assert await done(trial, "settle", message=asked.key, outcome="failed") == (1, 1, 1)
    note = await row(trial, asked)
    assert (note["state"], note["reason"]) == ("failed", "settled by an operator")
    await status_of(trial, "wamid.late", asked.key)
    note = await row(trial, asked)
    assert (note["state"], note["reason"], note["provider_message_id"]) == ("sent", None, "wamid.late")


async def test_one_is_sent_once_more_with_a_number_of_its_own(trial: Shop) -> None:
    run, message = await in_doubt(trial)
    assert problem(await trial.operate("POST", f"{WHERE}/repeat", json={"message": message}))[0] == 422
    assert (await repeated(trial, message)).state == "sent"
    (push,) = await trial.messages(run)
    assert (push.state, push.attempts) == ("sent", 2)
    assert len(trial.sandbox.messages) == 2
    late = problem(await trial.operate("POST", f"{WHERE}/repeat", json={"message": message} | TWICE))
    assert late == (409, "not-in-doubt", "it is in doubt no more: sent")


async def test_a_repetition_passes_the_gate_as_it_is_now_and_says_why_it_was_not_sent(trial: Shop) -> None:
    _, message = await in_doubt(trial)
    await trial.operate("PUT", "/v1/journeys/by_choice/state", json={"state": "paused"})
    assert (await repeated(trial, message)).state == "unconfirmed"
    (one,) = await listed(trial)
    assert (one["repeat_refused"][:21], one["repeat_by"]) == ("journey paused, until", "operate")
    assert one["not_repeatable"] is None, "it may be asked for again"
    await trial.operate("PUT", "/v1/journeys/by_choice/state", json={"state": "live"})
    assert (await repeated(trial, message)).state == "sent"
    assert len(trial.sandbox.messages) == 2
    _, hers = await in_doubt(trial, "bea")
    await trial.send("identify", userId="bea", context=trial.consents("bea", ["push"], "UNSUBSCRIBED"))
    assert (await repeated(trial, hers)).state == "unconfirmed"
    said = (await trial.operate("GET", f"{WHERE}/said")).json()["said"]
    assert [(each["message"], each["refused"]) for each in said[:2]] == [(hers, "no consent"), (message, None)]
    assert len(trial.sandbox.messages) == 3, "nothing more of hers"


async def test_a_repetition_whose_answer_is_lost_or_that_is_not_taken_stays_in_doubt(trial: Shop) -> None:
    _, message = await in_doubt(trial)
    for number, fault in enumerate(("timeout_after_accept", "500"), 2):
        trial.sandbox.faults.tell("fcm", fault, times=1)
        push = await repeated(trial, message)
        assert (push.state, push.attempts) == ("unconfirmed", number)
        assert push.detail["error"]
    assert len(trial.sandbox.messages) == 2, "a copy for each but the one that was not taken"


async def test_a_worker_that_dies_with_a_repetition_leaves_no_third_copy(trial: Shop) -> None:
    await trial.signs_up("ana")
    run = await start(trial, "while_vip")
    asked = request(run, **EMAIL, purpose=Purpose.TRANSACTIONAL)
    await claimed(trial.parts.delivery, asked, asked.due_at)
    await trial.database.pool.execute("update delivery set state = 'unconfirmed' where run_id = $1", run.id)
    again = asked.model_copy(update={"repeat": 2})
    await claimed(trial.parts.delivery, again, asked.due_at)
    assert (await row(trial, asked))["state"] == "claimed"
    assert (await trial.parts.delivery.deliver(again)).outcome.value == "unconfirmed"
    found = await row(trial, asked)
    assert (found["state"], found["attempts"], trial.sandbox.messages) == ("unconfirmed", 2, [])
    assert (await trial.parts.delivery.deliver(again)).outcome.value == "unconfirmed"
    assert (await row(trial, asked))["attempts"] == 2, "that number has been used"


async def test_what_ended_a_run_before_its_end_ended_its_messages_too(trial: Shop) -> None:
    await trial.signs_up("ana")
    run = await start(trial, "while_vip")
    asked = request(run, **EMAIL)
    await claimed(trial.parts.delivery, asked, asked.due_at)
    await trial.parts.delivery.deliver(asked)
    await trial.operate("POST", f"/v1/runs/{run.id}/end")
    (one,) = await listed(trial)
    assert "its run is over (ended by an operator)" in one["not_repeatable"]
    status, code, why = problem(await trial.operate("POST", f"{WHERE}/repeat", json={"message": asked.key} | TWICE))
    assert (status, code, why) == (409, "not-repeatable", one["not_repeatable"])


async def test_many_are_counted_first_and_not_more_are_settled_than_were(trial: Shop, dsn: str) -> None:
    for user in ("ana", "bea", "cai"):
        await in_doubt(trial, user)
    mine = {"provider": "fcm", "outcome": "failed"}
    assert await done(trial, "settle", **mine) == (3, 3, 0)
    few = await trial.operate("POST", f"{WHERE}/settle", json=mine | {"at_most": 2})
    assert problem(few)[:2] == (409, "more-messages")
    assert await done(trial, "repeat", provider="fcm", **TWICE) == (3, 3, 0)
    assert problem(await trial.operate("POST", f"{WHERE}/settle", json={"outcome": "sent"}))[0] == 422
    looked = await in_thread("doubts", "settle", "--failed", "--provider", "fcm", "--dry-run", "--json", database_url=dsn)
    assert json.loads(looked.stdout) == {"messages": 3, "repeatable": 3, "what": "settled", "done": 0}
    unsure = await in_thread("doubts", "repeat", "--provider", "fcm", database_url=dsn)
    assert (unsure.returncode, "--may-arrive-twice" in unsure.stderr) == (1, True)
    asked = await in_thread(
        "doubts", "repeat", "--provider", "fcm", "--may-arrive-twice", "--yes", "--by", "eva", database_url=dsn
    )
    assert (asked.returncode, "3 to be sent once more" in asked.stdout) == (0, True), asked.stderr
    settled = await in_thread("doubts", "settle", "--failed", "--journey", "by_choice", "--yes", "--json", database_url=dsn)
    assert json.loads(settled.stdout)["done"] == 3
    told = await in_thread("doubts", "said", "--json", database_url=dsn)
    assert [each["said"] for each in json.loads(told.stdout)] == ["failed"] * 3 + ["repeat"] * 3


async def test_a_repetition_counts_once_in_a_cap_and_keeps_to_what_came_meanwhile(trial: Shop) -> None:
    await trial.signs_up("ana")
    run = await start(trial, "while_vip")
    once = declaring(trial, caps=(Cap(1, timedelta(days=1)),))
    trial.sandbox.faults.tell("fcm", "timeout_after_accept", times=2)
    first = request(run)
    for number in (None, 2):
        asked = first.model_copy(update={"repeat": number})
        assert (await once.deliver(asked)).outcome.value == "unconfirmed"
    assert (await row(trial, first))["attempts"] == 2, "its own first copy holds nothing back"
    assert (await trial.parts.delivery.deliver(request(run, step="push:other"))).sent
    refused = await once.deliver(first.model_copy(update={"repeat": 3}))
    assert (refused.outcome.value, refused.reason) == ("unconfirmed", Reason.NO_INSTANT)
    assert (await row(trial, first))["attempts"] == 2
