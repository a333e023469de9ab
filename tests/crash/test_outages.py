"""Servers and processes that go away in the middle of runs and come back: nothing lost, nothing twice (Show 5)."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from crash.evidence import (
    Evidence,
    channels_in_order,
    every_entry_is_one_run,
    every_message_is_final,
    every_run_is_one_workflow_that_completed,
    gather,
    no_promise_is_broken,
    providers_have_nothing_that_the_ledger_does_not_know,
)
from crash.processes import (
    EVENTUALLY,
    SOON,
    carts_of,
    everything_ended,
    open_stack,
    send,
    sender,
    signs_up,
    temporal_of,
    track,
    until,
)
from temporalio.client import Client

from store import Database, connect
from workers.embedded.stack import EmbeddedStack

WATCH = "watch/0-of-1"
#: Seconds after its customers' carts at which a server goes, and for how long: messages are due at 2, 8 and 14.
OUTAGES = ((3.0, 7.0), (2.0, 3.0))


@pytest.fixture(scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EmbeddedStack]:
    async with open_stack(tmp_path_factory.mktemp("outages")) as stack:
        yield stack


@asynccontextmanager
async def as_a_test_sees_it(stack: EmbeddedStack) -> AsyncIterator[Database]:
    database = await connect(stack.dsn)
    yield database
    await database.close()


@pytest.fixture
async def ledger(stack: EmbeddedStack) -> AsyncIterator[Database]:
    async with as_a_test_sees_it(stack) as database:
        yield database


@pytest.mark.slow
async def test_postgres_stops_and_is_killed_in_the_middle_of_runs(stack: EmbeddedStack) -> None:
    users = [f"postgres{n}" for n in range(40)]
    await through_outages(stack, "postgres", users, during=refused_with_503)
    await check(stack, users)


@pytest.mark.slow
async def test_temporal_stops_and_is_killed_in_the_middle_of_runs(stack: EmbeddedStack) -> None:
    users = [f"temporal{n}" for n in range(40)]
    await through_outages(stack, "temporal", users, during=accepted_all_the_same)
    await check(stack, users)


async def through_outages(
    stack: EmbeddedStack, part: str, users: list[str], during: Callable[[EmbeddedStack], Awaitable[None]]
) -> None:
    """A quarter of the customers come and half of those order before, during and after each outage."""
    waves = [users[n::4] for n in range(4)]
    async with sender(stack) as http, asyncio.TaskGroup() as sending:
        for number, (after, length) in enumerate(OUTAGES):
            early, meanwhile = waves[2 * number : 2 * number + 2]
            await send(http, carts_of(early))
            await asyncio.sleep(after)
            await (stack.kill_part(part) if number else stack.stop_part(part))
            await during(stack)
            sending.create_task(send(http, carts_of(meanwhile)))
            sending.create_task(send(http, [track(user, "Order Completed") for user in early[::2]]))
            await asyncio.sleep(length)
            await stack.start_part(part)
        sending.create_task(send(http, [track(user, "Order Completed") for user in waves[3][::2]]))


async def refused_with_503(stack: EmbeddedStack) -> None:
    async with sender(stack) as http:
        answer = await http.post("/v1/batch", json={"batch": [track("nobody", "Not Stored")]})
    assert answer.status_code == 503, answer.text
    assert int(answer.headers["retry-after"]) >= 1


async def accepted_all_the_same(stack: EmbeddedStack) -> None:
    async with sender(stack) as http:
        answer = await http.post("/v1/batch", json={"batch": [track("somebody", "Stored")]})
    assert answer.status_code == 200, answer.text


async def check(stack: EmbeddedStack, users: list[str]) -> None:
    async with as_a_test_sees_it(stack) as ledger:
        await until(lambda: everything_ended(ledger), EVENTUALLY)
        evidence = await gather(ledger, await temporal_of(stack), stack.sandbox_url)
        user_of = await names_of(ledger, users)
    every_run_is_one_workflow_that_completed(evidence)
    every_entry_is_one_run(evidence)
    every_message_is_final(evidence)
    providers_have_nothing_that_the_ledger_does_not_know(evidence)
    no_promise_is_broken(evidence)
    everybody_was_served(evidence, users, user_of)


async def names_of(ledger: Database, users: list[str]) -> dict[object, str]:
    rows = await ledger.pool.fetch("select profile_id, value from identity where value = any($1)", users)
    return {row["profile_id"]: row["value"] for row in rows}


def everybody_was_served(evidence: Evidence, users: list[str], user_of: dict[object, str]) -> None:
    """All messages to who did not order; who did got a part of them, or never entered if the watch was away meanwhile."""
    ordered = {user for number in (0, 2, 3) for user in users[number::4][::2]}
    runs = {user_of[run["profile_id"]]: run for run in evidence.runs if run["profile_id"] in user_of}
    assert set(users) - ordered <= runs.keys()
    for user, run in runs.items():
        channels = channels_in_order(evidence.of(run))
        assert channels == ("push", "whatsapp", "email")[: len(channels)]
        assert run["outcome"] == "finished" or (run["outcome"] == "goal reached" and user in ordered)
        assert len(channels) == 3 or run["outcome"] == "goal reached"


async def test_another_worker_takes_the_watch_over_and_finds_who_entered_meanwhile(
    stack: EmbeddedStack, ledger: Database
) -> None:
    client = await temporal_of(stack)
    watcher = await worker_with_the_watch(stack, client)
    await stack.kill_part(watcher)
    users = [f"gap{n}" for n in range(5)]
    async with sender(stack) as http:
        await send(http, [signs_up(user, tier="gold") for user in users])
    await until(lambda: welcomed(ledger, users), SOON)
    assert await worker_with_the_watch(stack, client) != watcher
    await stack.start_part(watcher)


async def worker_with_the_watch(stack: EmbeddedStack, client: Client) -> str:
    """The part whose process Temporal last gave the watch to."""
    described = await client.get_workflow_handle(WATCH).describe()
    (pending,) = described.raw_description.pending_activities
    pids = {str(child.process.pid): name for name in stack.worker_names if (child := stack.parts[name].child)}
    return pids.get(pending.last_worker_identity.partition("@")[0], "nobody")


async def welcomed(ledger: Database, users: list[str]) -> bool:
    sent: int = await ledger.pool.fetchval(
        """select count(*) from delivery join identity using (profile_id)
           where value = any($1) and journey = 'welcome' and state = 'sent'""",
        users,
    )
    return sent == len(users)


@pytest.mark.slow
async def test_the_api_is_killed_again_and_again_and_what_is_sent_again_is_stored_once(
    stack: EmbeddedStack, ledger: Database
) -> None:
    batches = [[track(f"api{n}", "Page Turned", page=page) for page in range(20)] for n in range(60)]
    async with sender(stack) as http, asyncio.TaskGroup() as group:
        killing = group.create_task(kill_the_api(stack))
        for batch in batches:
            await send(http, batch)
            if killing.done():
                break
        await killing
        for batch in batches:
            await send(http, batch)
    ids = [call["messageId"] for batch in batches for call in batch]
    stored = await ledger.pool.fetch("select message_id from event where message_id = any($1)", ids)
    assert sorted(row["message_id"] for row in stored) == sorted(ids)


async def kill_the_api(stack: EmbeddedStack) -> None:
    dice = random.Random("api")
    for _ in range(2):
        await asyncio.sleep(dice.uniform(0.05, 0.3))
        await stack.kill_part("api")
        await stack.start_part("api")
