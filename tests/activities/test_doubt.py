"""Doubt begins at the first byte: whatever waits, waits without a claim; what is in doubt is sent again within bounds.

Rows A2, A3, A7 and A13 of the faults, through the ledger and real connections.
"""

import asyncio
import hashlib
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from temporalio.exceptions import ApplicationError
from temporalio.worker import Worker

from activities.channels import Fcm, Resend, Smtp
from activities.channels.base import Provider
from activities.channels.carriers import Carriers
from activities.channels.email.letter import Sender
from activities.deliver.deliver import Delivery
from activities.deliver.doubt import COPIES, Doubt
from journeys.contracts import WORKFLOW_QUEUE, Channel, DeliverRequest, Purpose, Receipt, delivery_queue
from journeys.temporal.workflow import JourneyRun
from store import Database
from store.runs.views import Run
from tests.activities.test_deliver import claimed, request, start
from workers.sandbox.server import APP_SECRET
from workers.testing.shop import EMAIL_FROM, Shop, open_shop

EMAIL = {"channel": Channel.EMAIL, "step": "email:note"}
WHATSAPP = {"channel": Channel.WHATSAPP, "step": "whatsapp:note"}
URGENT = {"purpose": Purpose.TRANSACTIONAL}


@pytest.fixture
async def run(trial: Shop) -> Run:
    """A run that sends nothing by itself for days."""
    await trial.signs_up("ana")
    return await start(trial, "while_vip")


async def row(shop: Shop, asked: DeliverRequest) -> dict[str, Any]:
    """A message's row on the ledger, or nothing."""
    found = await shop.database.pool.fetchrow(
        "select * from delivery where run_id = $1 and step = $2 and occurrence = $3",
        *(asked.run_id, asked.step, asked.occurrence),
    )
    return dict(found) if found else {}


async def in_flight(shop: Shop, asked: DeliverRequest) -> None:
    async with asyncio.timeout(20):
        while (await row(shop, asked)).get("state") != "claimed":  # noqa: ASYNC110 - the attempt gets it there
            await asyncio.sleep(0.01)


def with_relay(shop: Shop, **how: Any) -> tuple[Delivery, Provider]:
    smtp = Smtp(f"smtp://{shop.sandbox.smtp_host}:{shop.sandbox.smtp_port}", Sender.parse(EMAIL_FROM), **how)
    return replace(shop.parts.delivery, carriers={Channel.EMAIL: Carriers(smtp)}), smtp


async def test_who_waits_for_a_connection_has_claimed_nothing(trial: Shop, run: Run) -> None:
    """A2: of all letters only those on a connection may be in doubt when the worker dies."""
    trial.sandbox.faults.tell("smtp", "slow", hold_seconds=1)
    delivery, smtp = with_relay(trial, connections=1)
    letters = [request(run, **EMAIL, occurrence=n) for n in (1, 2, 3)]
    sending = [asyncio.create_task(delivery.deliver(asked)) for asked in letters]
    most, claimed = 0, "select count(*) from delivery where run_id = $1 and state = 'claimed'"  # all as of one instant
    while not all(task.done() for task in sending):
        most = max(most, await trial.database.pool.fetchval(claimed, run.id))
        await asyncio.sleep(0.02)
    assert most == 1
    assert all(task.result().sent for task in sending)
    assert sorted(m.key or "" for m in trial.sandbox.messages) == sorted(asked.key for asked in letters)
    await smtp.close()


async def test_who_waits_for_an_access_token_has_claimed_nothing(trial: Shop, run: Run) -> None:
    """A2: and a run that ends meanwhile, or a worker that stops, leaves nothing behind."""
    trial.sandbox.faults.tell("fcm", "slow_token", hold_seconds=1.5)
    gone, patient = request(run, occurrence=1), request(run, occurrence=2)
    leaving, staying = (asyncio.create_task(trial.parts.delivery.deliver(asked)) for asked in (gone, patient))
    await asyncio.sleep(0.5)
    assert await row(trial, patient) == {}
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    assert (await staying).sent
    assert await row(trial, gone) == {}
    assert [m.key for m in trial.sandbox.messages] == [patient.key]


async def test_what_is_claimed_is_not_cut_short(trial: Shop, run: Run) -> None:
    """A2: whoever wants it to stop; the answer is known only here."""
    trial.sandbox.faults.tell("smtp", "slow", hold_seconds=1)
    asked = request(run, **EMAIL)
    sending = asyncio.create_task(trial.parts.delivery.deliver(asked))
    await in_flight(trial, asked)
    for _ in range(3):
        sending.cancel()
        await asyncio.sleep(0.1)
    assert (await sending).sent
    assert len(trial.sandbox.messages) == 1


@pytest.fixture
async def unserved(database: Database, dsn: str, temporal_address: str, tmp_path: Path) -> AsyncIterator[Shop]:
    async with open_shop(database, dsn, temporal_address, tmp_path, catalogue="trial_catalogue", serve=False) as opened:
        yield opened


@asynccontextmanager
async def hurried(shop: Shop, channel: Channel) -> AsyncIterator[None]:
    """A worker for a channel that is given a tenth of a second to stop."""
    worker = Worker(
        shop.client,
        task_queue=delivery_queue(channel),
        activities=[shop.parts.delivery.deliver],
        graceful_shutdown_timeout=timedelta(seconds=0.1),
    )
    async with worker:
        yield


async def test_a_worker_that_stops_hands_over_what_it_claimed_and_leaves_the_rest_to_the_next(unserved: Shop) -> None:
    """A2: stopping leaves no doubt, neither where a slow relay has a letter nor where a push waits for its token."""
    await unserved.signs_up("ana")
    unserved.sandbox.faults.tell("smtp", "slow", hold_seconds=4)
    unserved.sandbox.faults.tell("fcm", "slow_token", hold_seconds=12, times=1)
    async with Worker(unserved.client, task_queue=WORKFLOW_QUEUE, workflows=[JourneyRun]):
        async with hurried(unserved, Channel.EMAIL), hurried(unserved, Channel.PUSH):
            letter = await start(unserved, "by_choice", params={"route": "email"})
            await unserved.signs_up("bea")
            push = await start(unserved, "by_choice", "bea")
            await unserved.settled_as(letter, "claimed")
        assert [m.state for m in await unserved.messages(letter)] == ["sent"]
        assert await unserved.messages(push) == []
        async with hurried(unserved, Channel.PUSH):
            assert (await unserved.over(push)).sent == 1
    assert sorted(m.provider for m in unserved.sandbox.messages) == ["fcm", "smtp"]


async def test_a_provider_that_is_not_ready_leaves_no_doubt_and_the_gate_is_asked_all_the_same(trial: Shop, run: Run) -> None:
    """A2: nobody listens; what is forbidden meanwhile is not sent when somebody does."""
    account = orjson.loads(trial.sandbox.service_account.read_bytes())
    async with httpx.AsyncClient() as http:
        nobody = replace(trial.parts.delivery, carriers={Channel.PUSH: Carriers(Fcm(account, "http://127.0.0.1:1", http))})
        asked = request(run)
        with pytest.raises(ApplicationError, match="no connection"):
            await nobody.deliver(asked)
        found = await row(trial, asked)
        assert (found["state"], found["attempts"], found["copies"]) == ("released", 0, 0)
        await trial.operate("PUT", "/v1/journeys/while_vip/state", json={"state": "killed"})
        assert (await nobody.deliver(asked)).reason == "journey killed"
        assert (await row(trial, asked))["retry_at"] is None


async def test_an_answer_without_proof_is_a_doubt(trial: Shop, run: Run) -> None:
    """A3: a page of a front end with status 200 is not a push that was accepted."""
    trial.sandbox.faults.tell("fcm", "html")
    assert (await trial.parts.delivery.deliver(request(run))).outcome.value == "unconfirmed"
    assert trial.sandbox.messages == []


async def later(delivery: Delivery, asked: DeliverRequest) -> timedelta:
    """The pause after which a message that cannot go now is tried again."""
    with pytest.raises(ApplicationError) as caught:
        await delivery.deliver(asked)
    assert caught.value.next_retry_delay is not None
    return caught.value.next_retry_delay


async def test_a_transactional_message_in_doubt_is_sent_again_less_and_less_often_and_not_without_end(
    trial: Shop, run: Run
) -> None:
    """A13: the bound, and every copy is on the ledger."""
    trial.sandbox.faults.tell("smtp", "timeout_after_accept", hold_seconds=0)
    asked = request(run, **EMAIL, **URGENT)
    pauses = [await later(trial.parts.delivery, asked) for _ in range(COPIES - 1)]
    assert pauses == [timedelta(seconds=s) for s in (30, 120, 480, 1920)]
    assert (await row(trial, asked))["retry_at"] == asked.due_at + pauses[-1]
    assert (await trial.parts.delivery.deliver(asked)).outcome.value == "unconfirmed"
    assert (await trial.parts.delivery.deliver(asked)).outcome.value == "unconfirmed"
    assert len(trial.sandbox.messages) == (await row(trial, asked))["copies"] == COPIES
    assert (await row(trial, asked))["retry_at"] is None


async def test_a_copy_that_was_refused_does_not_count(trial: Shop, run: Run) -> None:
    """A13: a relay that says no, however often, leaves the bound as it is."""
    asked, delivery = request(run, **EMAIL, **URGENT), trial.parts.delivery
    trial.sandbox.faults.tell("smtp", "timeout_after_accept", hold_seconds=0, times=1)
    await later(delivery, asked)
    trial.sandbox.faults.tell("smtp", "451", times=7)
    for _ in range(7):
        with pytest.raises(ApplicationError, match="451"):
            await delivery.deliver(asked)
        found = await row(trial, asked)
        assert (found["state"], found["copies"]) == ("claimed", 1)
    assert (await delivery.deliver(asked)).sent
    assert (await row(trial, asked))["copies"] == len(trial.sandbox.messages) == 2


async def test_what_a_dead_worker_left_is_waited_for_before_a_second_copy(trial: Shop, run: Run) -> None:
    """A13: the worker may not be dead at all, only out of reach."""
    asked, delivery = request(run, **EMAIL, **URGENT), trial.parts.delivery
    await claimed(delivery, asked, asked.due_at)
    assert await later(delivery, asked) == timedelta(seconds=30)
    assert trial.sandbox.messages == []
    assert (await delivery.deliver(asked)).sent
    assert (await row(trial, asked))["copies"] == 2


async def test_what_is_useless_before_the_pause_is_over_stays_in_doubt(trial: Shop, run: Run) -> None:
    asked = request(run, **EMAIL, **URGENT, useless_after=run.entered_at + timedelta(seconds=20))
    trial.sandbox.faults.tell("smtp", "timeout_after_accept", hold_seconds=0)
    assert (await trial.parts.delivery.deliver(asked)).outcome.value == "unconfirmed"
    assert len(trial.sandbox.messages) == 1


async def test_whatsapp_tells_by_itself_and_no_second_copy_goes(trial: Shop, run: Run) -> None:
    """A13: its status webhook brings our key back within the pause."""
    trial.sandbox.faults.tell("whatsapp", "timeout_after_accept", hold_seconds=0)
    asked, delivery = request(run, **WHATSAPP, **URGENT), trial.parts.delivery
    assert await later(delivery, asked) >= timedelta(minutes=2)
    (message,) = trial.sandbox.messages
    await status_of(trial, message.provider_id, asked.key)
    receipt: Receipt = await delivery.deliver(asked)
    assert receipt.sent
    assert len(trial.sandbox.messages) == 1
    assert (await row(trial, asked))["retry_at"] is None


async def status_of(shop: Shop, message_id: str, key: str) -> None:
    at = str(int(shop.clock.now().timestamp()))
    status = {"id": message_id, "status": "sent", "timestamp": at, "recipient_id": "1", "biz_opaque_callback_data": key}
    value = {"messaging_product": "whatsapp", "metadata": {}, "statuses": [status]}
    body = orjson.dumps({"entry": [{"id": "1", "changes": [{"field": "messages", "value": value}]}]})
    signature = "sha256=" + hmac.new(APP_SECRET.encode(), body, hashlib.sha256).hexdigest()
    answer = await shop.api.post("/v1/webhooks/whatsapp", content=body, headers={"x-hub-signature-256": signature})
    assert answer.json()["dead_letters"] == 0, answer.text


async def test_a_push_ends_when_its_message_is_useless_in_the_time_that_customers_live_in(trial: Shop, run: Run) -> None:
    """A7: what is left of twelve hours, and a 3,600th of it in a demo that is as much faster."""
    demo = replace(trial.parts.delivery, doubt=Doubt(speed=3600))
    await trial.parts.delivery.deliver(request(run, occurrence=1))
    await demo.deliver(request(run, occurrence=2))
    assert [m.raw["android"]["ttl"] for m in trial.sandbox.messages] == ["43200s", "12s"]


async def test_a_letter_in_doubt_goes_again_where_its_key_is_known_and_only_as_long_as_it_is(trial: Shop, run: Run) -> None:
    """Whatever its purpose: Resend sends nothing twice under one key, for a day."""
    async with httpx.AsyncClient(timeout=5) as http:
        resend = Resend("re_key", Sender.parse(EMAIL_FROM), http, url=trial.sandbox.url)
        delivery, asked = replace(trial.parts.delivery, carriers={Channel.EMAIL: Carriers(resend)}), request(run, **EMAIL)
        trial.sandbox.faults.tell("resend", "timeout_after_accept", hold_seconds=0)
        for _ in range(2):
            with pytest.raises(ApplicationError, match="no answer"):
                await delivery.deliver(asked)
        assert (await row(trial, asked))["state"] == "claimed"
        forgotten = replace(delivery, clock=lambda _: asked.due_at + Resend.forgets_after + timedelta(hours=1))
        trial.sandbox.faults.clear()
        assert (await delivery.deliver(asked)).sent
        assert len(trial.sandbox.messages) == 1

        late, lost = (
            request(run, **EMAIL, occurrence=2),
            trial.sandbox.faults.tell("resend", "timeout_after_accept", hold_seconds=0),
        )
        late = late.model_copy(update={"useless_after": late.due_at + timedelta(days=7)})
        with pytest.raises(ApplicationError):
            await delivery.deliver(late)
        trial.sandbox.faults.clear(lost.id)
        assert (await forgotten.deliver(late)).outcome == "unconfirmed"
        assert len(trial.sandbox.messages) == 2


async def test_a_write_that_postgres_refuses_for_a_moment_is_repeated_by_the_attempt(unserved: Shop) -> None:
    """What the provider said is known only here: one copy goes, and the ledger says so, whatever broke the first two writes."""
    await unserved.signs_up("ana")
    run = await start(unserved, "while_vip")
    pool = unserved.database.pool
    await pool.execute("create sequence refusals")
    await pool.execute("""
        create function refuse() returns trigger language plpgsql as $$
        begin
            if nextval('refusals') <= 2 then
                raise foreign_key_violation using message = 'somebody deleted what it refers to';
            end if;
            return new;
        end $$""")
    await pool.execute("create trigger refuses before update on delivery for each row execute function refuse()")
    try:
        assert (await unserved.parts.delivery.deliver(request(run, **URGENT))).sent
        assert await pool.fetchval("select last_value from refusals") == 3
        assert (await row(unserved, request(run)))["state"] == "sent"
        assert len(unserved.sandbox.messages) == 1
    finally:
        await pool.execute("drop function refuse cascade")
        await pool.execute("drop sequence refusals")
