"""Things at the same instant: purchase and send, two dispatchers, two entries, fifty journeys (SEMANTICS 2, 3, 5)."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from extent import scaled
from temporalio.exceptions import ApplicationError

from journeys.contracts import Channel, DeliverRequest, Purpose, Receipt, WatchShard
from store import Database
from store.deliveries import ledger as deliveries
from store.deliveries.ledger import Entry, MessageKey, Settlement
from store.runs.views import Run
from workers.testing.shop import Shop, open_shop

PUSH_DUE = timedelta(seconds=2)
SHARD = WatchShard()
#: The order in which exits and claims of one run took effect: both happen under the lock on the run's row.
WITNESS = """
    create table witness (n bigint generated always as identity, run_id uuid, what text);
    create function saw_exit() returns trigger language plpgsql as
        $$ begin insert into witness (run_id, what) values (new.id, 'exit'); return null; end $$;
    create function saw_claim() returns trigger language plpgsql as
        $$ begin insert into witness (run_id, what) values (new.run_id, 'claim'); return null; end $$;
    create trigger exits after update on run for each row
        when (old.exit_reason is null and new.exit_reason is not null) execute function saw_exit();
    create trigger claims after insert or update on delivery for each row
        when (new.state = 'claimed') execute function saw_claim();
"""


@pytest.fixture
async def shop(database: Database, dsn: str, temporal_address: str, tmp_path: Path) -> AsyncIterator[Shop]:
    async with open_shop(database, dsn, temporal_address, tmp_path, catalogue="crash.catalogue") as opened:
        yield opened


@pytest.fixture
async def unserved(database: Database, dsn: str, temporal_address: str, tmp_path: Path) -> AsyncIterator[Shop]:
    """Without workers, so that a test makes the attempts itself, all at once."""
    async with open_shop(database, dsn, temporal_address, tmp_path, catalogue="crash.catalogue", serve=False) as opened:
        yield opened


async def test_a_purchase_at_every_instant_around_a_due_send(shop: Shop) -> None:
    """Customers order one after the other over 1.6 s, from half a second before their push is due."""
    await shop.database.pool.execute(WITNESS)
    users = [f"u{n:02}" for n in range(scaled(16, 40))]
    for user in users:
        await shop.signs_up(user)
        await shop.send("track", userId=user, event="Product Added")
    async with watching(shop):
        runs = await entered(shop, "three_channels", len(users))
        await asyncio.gather(*(order_at(shop, run, -0.5 + n * 1.6 / len(runs)) for n, run in enumerate(runs)))
        async with asyncio.timeout(60):
            results = [await shop.workflow(run).result() for run in runs]
    assert {result.outcome.value for result in results} == {"goal reached"}
    await closed(shop, runs)
    for run in runs:
        assert_at_most_one_message_that_the_ledger_knows(shop, await shop.messages(run), run)
    assert await claims_after_exits(shop) == []


async def order_at(shop: Shop, run: Run, offset: float) -> None:
    due = run.entered_at + PUSH_DUE + timedelta(seconds=offset)
    await asyncio.sleep(max(0.0, (due - datetime.now(UTC)).total_seconds()))
    user = await shop.database.pool.fetchval("select value from identity where profile_id = $1", run.profile_id)
    await shop.send("track", userId=user, event="Order Completed")


def assert_at_most_one_message_that_the_ledger_knows(shop: Shop, messages: list[Any], run: Run) -> None:
    accepted = [m.key for m in shop.sandbox.messages if m.key and m.key.startswith(str(run.id))]
    assert len(accepted) <= 1
    assert [m.state for m in messages] in ([], ["skipped"], ["sent"])
    assert len(accepted) == sum(m.state == "sent" for m in messages)


async def claims_after_exits(shop: Shop) -> list[Any]:
    return list(
        await shop.database.pool.fetch(
            """select * from witness claim join witness exit using (run_id)
               where claim.what = 'claim' and exit.what = 'exit' and claim.n > exit.n"""
        )
    )


async def test_several_dispatchers_on_the_same_transitions_start_one_run_each(shop: Shop) -> None:
    users = [f"u{n:02}" for n in range(scaled(10, 30))]
    for user in users:
        await shop.signs_up(user, tier="gold")
    await shop.watch._evaluate(SHARD)
    dispatchers = [replace(shop.watch.dispatcher) for _ in range(4)]
    await asyncio.gather(*(dispatcher.dispatch(SHARD) for dispatcher in dispatchers))
    await shop.look()
    runs = await shop.runs("welcome")
    assert len({run.profile_id for run in runs}) == len(runs) == len(users)
    assert all([(await shop.over(run)).sent == 1 for run in runs])
    assert Counter(m.key for m in shop.sandbox.messages).most_common(1)[0][1] == 1


async def test_a_transition_that_is_dispatched_again_starts_nothing(shop: Shop) -> None:
    await shop.signs_up("ana", tier="gold")
    await shop.look()
    run = await shop.run("welcome")
    await dispatch_again(shop)
    await shop.over(run)
    await shop.closed(run)
    await dispatch_again(shop)
    assert [r.id for r in await shop.runs()] == [run.id]
    assert len(shop.sandbox.messages) == 1


async def dispatch_again(shop: Shop) -> None:
    """As if the worker had died after the commit and another believed that it had not been done."""
    await shop.database.pool.execute("update segment_transition set dispatched_at = null")
    await shop.look()


async def test_identical_entries_in_the_same_millisecond_open_one_run_each_journey(shop: Shop) -> None:
    await shop.signs_up("ana")
    now = datetime.now(UTC).isoformat()
    event = {"userId": "ana", "event": "Product Saved", "timestamp": now, "properties": {"product_id": "p-1"}}
    async with watching(shop):
        await asyncio.gather(*(shop.send("track", **event) for _ in range(10)))
        await entered(shop, "saved_by_push", 1)
        await entered(shop, "saved_by_email", 1)
    await shop.look()
    assert Counter(run.journey for run in await shop.runs()) == {"saved_by_push": 1, "saved_by_email": 1}


async def test_concurrent_starts_under_one_idempotency_key_are_one_run(shop: Shop) -> None:
    await shop.signs_up("ana")
    start = {"json": {"customer": {"user_id": "ana"}}, "headers": {"Idempotency-Key": "order-17"}}
    path = "/v1/journeys/order_confirmation/runs"
    answers = await asyncio.gather(*(shop.operate("POST", path, **start) for _ in range(20)))
    assert Counter(answer.status_code for answer in answers) == {201: 1, 200: 19}
    assert len({answer.json()["id"] for answer in answers}) == 1
    await shop.look()
    assert (await shop.over(await shop.run())).sent == 1
    assert len(shop.sandbox.messages) == 1


async def test_fifty_journeys_at_once_on_one_customer_never_exceed_the_cap(unserved: Shop) -> None:
    await unserved.signs_up("ana")
    for n in range(25):
        await unserved.send("track", userId="ana", event="Product Saved", properties={"product_id": f"p-{n}"})
    await unserved.look()
    runs = await unserved.runs()
    assert len(runs) == 50
    channel = {"saved_by_push": Channel.PUSH, "saved_by_email": Channel.EMAIL}
    asked = [request(run, channel[run.journey], Purpose.MARKETING) for run in runs]
    await asyncio.gather(*map(unserved.parts.delivery.deliver, asked))
    rows = await unserved.database.pool.fetch("select state, reason from delivery")
    assert Counter(map(tuple, rows)) == {("sent", None): 5, ("skipped", "no allowed instant before its deadline"): 45}
    assert len(unserved.sandbox.messages) == 5


async def test_one_message_attempted_many_times_at_once_goes_out_once(unserved: Shop) -> None:
    """What Temporal does when it believes that workers have died which have not."""
    await unserved.signs_up("ana")
    run = await start(unserved, "welcome")
    asked = request(run, Channel.PUSH, Purpose.MARKETING)
    receipts = await asyncio.gather(*(unserved.parts.delivery.deliver(asked) for _ in range(10)))
    assert {receipt.outcome.value for receipt in receipts} <= {"sent", "unconfirmed"}
    assert await ledger_of(unserved, run) == [("sent", None)]
    assert len(unserved.sandbox.messages) == 1


async def test_a_transactional_message_attempted_many_times_at_once_is_sent_and_not_more_often_than_claimed(
    unserved: Shop,
) -> None:
    await unserved.signs_up("ana")
    for fault in ("451", "timeout_after_accept", "drop_before_accept"):
        unserved.sandbox.faults.tell("smtp", fault, probability=0.3, seed=1, hold_seconds=0.2)
    run = await start(unserved, "order_confirmation")
    asked = request(run, Channel.EMAIL, Purpose.TRANSACTIONAL)
    while not await somebody_sent(unserved, asked, attempts=5):
        pass
    (row,) = await unserved.messages(run)
    assert row.state == "sent"
    assert 1 <= len(unserved.sandbox.messages) <= row.attempts


async def somebody_sent(shop: Shop, asked: DeliverRequest, *, attempts: int) -> bool:
    """Attempts in parallel, each of which may fail as Temporal's do; whether one was told that the message is sent."""
    found = await asyncio.gather(*(shop.parts.delivery.deliver(asked) for _ in range(attempts)), return_exceptions=True)
    assert all(isinstance(each, Receipt | ApplicationError) for each in found), found
    return any(isinstance(each, Receipt) and each.sent for each in found)


async def test_what_an_attempt_says_that_was_given_up_counts_only_when_it_is_good_news(unserved: Shop) -> None:
    await unserved.signs_up("ana")
    run = await start(unserved, "order_confirmation")
    key = MessageKey(run.id, "email:note", 1)
    first, second = [await claim(unserved, run, key) for _ in range(2)]
    assert (first, second) == (1, 2)
    for number, said, stays in (
        (first, "released", "claimed"),  # the second is on its way: nobody else may claim
        (first, "failed", "claimed"),
        (second, "unconfirmed", "unconfirmed"),
        (second, "released", "unconfirmed"),  # the run went on
        (first, "sent", "sent"),  # true whenever it comes
        (second, "failed", "sent"),
    ):
        await deliveries.settle(unserved.database, key, Settlement(said, run.entered_at), number)
        assert [m.state for m in await unserved.messages(run)] == [stays]


async def claim(shop: Shop, run: Run, key: MessageKey) -> int:
    about = {"journey": run.journey, "channel": "email", "purpose": "transactional", "template": "note"}
    async with shop.database.transaction() as connection:
        entry = Entry(key, run.profile_id, due_at=run.entered_at, state="claimed", attempts=1, **about)
        return (await deliveries.record(connection, entry)).attempts


async def test_a_run_that_ends_while_a_message_waits_to_be_tried_again_leaves_no_open_message(shop: Shop) -> None:
    await shop.signs_up("ana")
    shop.sandbox.faults.tell("smtp", "451")
    run = await start(shop, "order_confirmation")
    await in_state(shop, run, "released")
    assert (await end(shop, run)) == "ended by an operator"
    assert await ledger_of(shop, run) == [("skipped", "ended by an operator")]
    assert shop.sandbox.messages == []


async def test_a_run_that_ends_while_an_attempt_fails_ends_for_its_reason(shop: Shop) -> None:
    """Temporal would not try again once it has been asked to cancel: the doubt stays in the ledger."""
    await shop.signs_up("ana")
    shop.sandbox.faults.tell("smtp", "timeout_after_accept", hold_seconds=1)
    run = await start(shop, "order_confirmation")
    await in_state(shop, run, "claimed")
    assert (await end(shop, run)) == "ended by an operator"
    assert await ledger_of(shop, run) == [("unconfirmed", "provider may have accepted it")]
    assert len(shop.sandbox.messages) == 1


async def test_what_is_in_flight_when_its_run_ends_is_settled_by_its_attempt(shop: Shop) -> None:
    """Its heartbeat tells it to stop; what the provider says to what was written is known only here."""
    await shop.signs_up("ana")
    shop.sandbox.faults.tell("fcm", "timeout_after_accept", hold_seconds=6)
    run = await start(shop, "welcome")
    await in_state(shop, run, "claimed")
    assert (await end(shop, run)) == "ended by an operator"
    (push,) = await shop.messages(run)
    assert (push.state, push.detail.keys()) == ("unconfirmed", {"error"})


async def test_an_entry_does_not_push_out_a_run_that_temporal_has_not_heard_of_yet(shop: Shop) -> None:
    await shop.signs_up("ana", tier="gold")
    run = await start(shop, "welcome")
    assert (run.entered_by, run.ended_at) == ("api", None)
    assert (await shop.over(run)).outcome.value == "finished"


async def start(shop: Shop, journey: str) -> Run:
    answer = await shop.operate("POST", f"/v1/journeys/{journey}/runs", json={"customer": {"user_id": "ana"}})
    assert answer.status_code == 201, answer.text
    await shop.look()
    return await shop.run(journey)


def request(run: Run, channel: Channel, purpose: Purpose) -> DeliverRequest:
    now = datetime.now(UTC)
    return DeliverRequest(
        run_id=run.id,
        journey=run.journey,
        step=f"{channel.value}:note",
        occurrence=1,
        channel=channel,
        template="note",
        purpose=purpose,
        due_at=now,
        useless_after=now + timedelta(hours=12),
    )


async def end(shop: Shop, run: Run) -> str:
    answer = await shop.operate("POST", f"/v1/runs/{run.id}/end")
    assert answer.status_code == 202, answer.text
    await shop.look()
    async with asyncio.timeout(60):
        result = await shop.workflow(run).result()
    await shop.closed(run)
    return result.outcome.value


async def in_state(shop: Shop, run: Run, state: str) -> None:
    async with asyncio.timeout(60):
        while [m.state for m in await shop.messages(run)] != [state]:  # noqa: ASYNC110 - workers get it there
            await asyncio.sleep(0.01)


async def ledger_of(shop: Shop, run: Run) -> list[tuple[str, str | None]]:
    return [(m.state, m.reason) for m in await shop.messages(run)]


async def closed(shop: Shop, runs: list[Run]) -> None:
    for run in runs:
        await shop.closed(run)


async def entered(shop: Shop, journey: str, count: int) -> list[Run]:
    """The runs of a journey, once there are as many."""
    async with asyncio.timeout(60):
        while len(found := await shop.runs(journey)) < count:  # noqa: ASYNC110 - the watch gets it there
            await asyncio.sleep(0.02)
    return found


@asynccontextmanager
async def watching(shop: Shop) -> AsyncIterator[None]:
    """The watch looks all the time."""

    async def look() -> None:
        while True:
            await shop.look()
            await asyncio.sleep(0.005)

    task = asyncio.create_task(look())
    try:
        yield
        assert not task.done(), task.exception()
    finally:
        task.cancel()
        await asyncio.wait([task])
