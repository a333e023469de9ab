"""Text messages on real servers: a number as people write it, an answer that resumes the journey, a STOP (CH-05, PRO-06)."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from store import Database
from tests.activities.test_deliver import finish, start, states
from workers.testing.shop import Shop, open_shop

WEBHOOK = "http://shop.test/v1/webhooks/twilio"
SAID = "Sí, mañana a las cinco"


async def signs_up(shop: Shop, phone: str) -> None:
    said = [
        {"key": phone, "type": "SMS", "status": "SUBSCRIBED"},
        {"key": "ana@example.com", "type": "EMAIL", "status": "SUBSCRIBED"},
    ]
    traits = {"firstName": "Ana", "email": "ana@example.com", "phone": phone}
    await shop.send("identify", userId="ana", traits=traits, context={"messaging_subscriptions": said})


async def posted(shop: Shop, query: str = "", **form: str) -> None:
    """What Twilio posts, signed by the sandbox's account."""
    headers = {"x-twilio-signature": shop.sandbox.callbacks.signature(WEBHOOK + query, form)}
    kind = {"content-type": "application/x-www-form-urlencoded"}
    answer = await shop.api.post(f"/v1/webhooks/twilio{query}", content=urlencode(form), headers=headers | kind)
    assert answer.text == "<Response/>"
    await shop.look()


@pytest.mark.parametrize("phone", ["600 11 22 33", "0034 600-112-233", "+34 600112233"])
async def test_pro_06_a_number_goes_to_the_provider_in_e164(trial: Shop, phone: str) -> None:
    await signs_up(trial, phone)
    await start(trial, "asks_by_text")
    [message] = await trial.sandbox.arrived(1)
    assert (message.to, message.body) == ("+34600112233", "Ana, a note. STOP to opt out.")


async def test_ch_05_an_answer_resumes_the_journey_and_stays_out_of_its_history(trial: Shop) -> None:
    await signs_up(trial, "600 11 22 33")
    run = await start(trial, "asks_by_text")
    await trial.asleep(run)
    [message] = trial.sandbox.messages
    await posted(trial, MessageSid="SMin", From=message.to, To=message.sender, Body=SAID)
    await trial.over(run)
    assert states(await trial.messages(run)) == [("sms", "sent", None), ("email", "sent", None)]
    [told] = await trial.database.pool.fetch("select properties from event where type = 'Message Replied'")
    properties: dict[str, Any] = told["properties"]
    assert (properties["text"], properties["run_id"], properties["template"]) == (SAID, str(run.id), "note")
    history = await trial.workflow(run).fetch_history()
    assert SAID not in history.to_json()
    assert message.to not in history.to_json()


async def test_ch_05_after_a_stop_nothing_is_texted(trial: Shop) -> None:
    await signs_up(trial, "600 11 22 33")
    await posted(trial, MessageSid="SMin", From="+34600112233", To="+15550001234", Body="Baja, por favor")
    messages = await finish_in_a_day(trial)
    assert (messages, trial.sandbox.messages) == ([("sms", "skipped", "no consent")], [])


async def finish_in_a_day(trial: Shop) -> list[tuple[str, str, str | None]]:
    run = await start(trial, "asks_by_text")
    await trial.asleep(run)
    return states(await trial.messages(run))


async def test_a_message_whose_answer_was_lost_is_sent_once_and_known(trial: Shop) -> None:
    await signs_up(trial, "600 11 22 33")
    trial.sandbox.faults.tell("twilio", "timeout_after_accept", hold_seconds=0)
    assert await finish_in_a_day(trial) == [("sms", "sent", None)]
    assert len(trial.sandbox.messages) == 1


async def test_what_neither_answer_nor_list_tells_a_status_does(trial: Shop) -> None:
    await signs_up(trial, "600 11 22 33")
    trial.sandbox.faults.tell("twilio", "lost", hold_seconds=0)
    assert await finish_in_a_day(trial) == [("sms", "unconfirmed", "provider may have accepted it")]
    [run] = await trial.runs("asks_by_text")
    [message] = trial.sandbox.messages
    callback = message.raw["StatusCallback"].removeprefix(WEBHOOK)
    await posted(trial, callback, MessageSid=message.provider_id, MessageStatus="delivered")
    assert states(await trial.messages(run)) == [("sms", "sent", None)]


async def test_a_dead_number_is_put_away(trial: Shop) -> None:
    await signs_up(trial, "600 11 22 33")
    trial.sandbox.faults.tell("twilio", "21614")
    assert await finish_in_a_day(trial) == [("sms", "skipped", "no reachable endpoint")]
    dead = await trial.database.pool.fetch("select channel from endpoint where invalid_at is not null")
    assert [row["channel"] for row in dead] == ["sms"], "WhatsApp may reach it all the same"


async def test_ch_11_the_next_channel_where_no_telephone_is_known(trial: Shop) -> None:
    said = [{"key": "ana@example.com", "type": "EMAIL", "status": "SUBSCRIBED"}]
    traits = {"firstName": "Ana", "email": "ana@example.com"}
    await trial.send("identify", userId="ana", traits=traits, context={"messaging_subscriptions": said})
    assert states(await finish(trial, "texts_or_writes")) == [
        ("sms", "skipped", "no consent"),
        ("email", "sent", None),
    ]


async def test_ch_05_marketing_to_france_waits_for_monday(
    database: Database, dsn: str, temporal_address: str, tmp_path: Path
) -> None:
    """Saturday, 23:00 in Paris; a message of two days."""
    async with open_shop(database, dsn, temporal_address, tmp_path, catalogue="trial_catalogue", on_time=True) as trial:
        trial.clock.set(datetime(2027, 6, 5, 21, tzinfo=UTC))
        await signs_up(trial, "+33 6 12 34 56 78")
        run = await start(trial, "texts_late")
        await trial.asleep(run)
        row = await trial.database.pool.fetchrow(
            "select state, reason, retry_at, detail from delivery where run_id = $1", run.id
        )
        assert row is not None
        assert (row["state"], row["reason"], row["detail"]["country"]) == ("deferred", "outside legal hours", "FR")
        assert row["retry_at"] == datetime(2027, 6, 7, 6, tzinfo=UTC)
        assert trial.sandbox.messages == []
