"""Workers killed at random instants while providers fail: nothing lost, no marketing twice (SEMANTICS 1, 3 and 5; Show 4)."""

import asyncio
import random
from itertools import product
from pathlib import Path
from profile import scaled
from typing import Any

import httpx
import pytest
from crash.evidence import (
    Evidence,
    channels_in_order,
    every_entry_is_one_run,
    every_message_is_final,
    every_run_is_one_workflow_that_completed,
    gather,
    marketing_at_most_once_and_the_ledger_tells_the_truth,
    providers_have_nothing_that_the_ledger_does_not_know,
    services_hear_of_everything_under_one_id,
    transactional_at_least_once_and_within_the_stated_bound,
)
from crash.processes import (
    EVENTUALLY,
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

from store import Database
from workers.embedded.stack import EmbeddedStack
from workers.testing.shop import new_namespace

CUSTOMERS = scaled(60, 300)
ORDERS = CUSTOMERS // 5  # of the customers order while they wait for a message
LETTERS = CUSTOMERS // 5
SAVED = 25  # products that one customer saves; two journeys want to write about each
KILLING = scaled(8.0, 25.0)  # seconds

FAULTS: list[dict[str, Any]] = [
    {"provider": "fcm", "fault": "429", "retry_after": 1, "probability": 0.06},
    {"provider": "fcm", "fault": "500", "probability": 0.06},
    {"provider": "fcm", "fault": "timeout_after_accept", "hold_seconds": 1.5, "probability": 0.08},
    {"provider": "fcm", "fault": "drop_before_accept", "hold_seconds": 0.5, "probability": 0.03},
    {"provider": "whatsapp", "fault": "429", "retry_after": 1, "probability": 0.06},
    {"provider": "whatsapp", "fault": "500", "probability": 0.06},
    {"provider": "whatsapp", "fault": "timeout_after_accept", "hold_seconds": 1.5, "probability": 0.08},
    {"provider": "smtp", "fault": "451", "probability": 0.06},
    {"provider": "smtp", "fault": "421", "probability": 0.04},
    {"provider": "smtp", "fault": "timeout_after_accept", "hold_seconds": 1.5, "probability": 0.12},
    {"provider": "smtp", "fault": "drop_before_accept", "hold_seconds": 0.5, "probability": 0.04},
    {"provider": "services", "fault": "429", "retry_after": 1, "probability": 0.2},
    {"provider": "services", "fault": "timeout_after_accept", "hold_seconds": 1.5, "probability": 0.3},
    {"provider": "services", "fault": "503", "probability": 0.1},
]


@pytest.mark.slow
async def test_journeys_outlive_killed_workers_and_failing_providers(
    database: Database, dsn: str, temporal_address: str, tmp_path: Path
) -> None:
    namespace = await new_namespace(temporal_address)
    servers = {"database_url": dsn, "temporal_address": temporal_address, "temporal_namespace": namespace}
    async with open_stack(tmp_path, **servers) as stack:
        await tell_providers_to_fail(stack.sandbox_url)
        enough = asyncio.Event()
        killers = [asyncio.create_task(kill_again_and_again(stack, name, enough)) for name in stack.worker_names]
        try:
            await asyncio.gather(sell(stack, database), asyncio.sleep(KILLING))
        finally:
            enough.set()
            kills = await asyncio.gather(*killers)
        await until(lambda: everything_ended(database), EVENTUALLY)
        evidence = await gather(database, await temporal_of(stack), stack.sandbox_url)
    assert min(kills) >= 1
    check(evidence)


def check(evidence: Evidence) -> None:
    every_run_is_one_workflow_that_completed(evidence)
    every_entry_is_one_run(evidence)
    every_message_is_final(evidence)
    providers_have_nothing_that_the_ledger_does_not_know(evidence)
    marketing_at_most_once_and_the_ledger_tells_the_truth(evidence)
    transactional_at_least_once_and_within_the_stated_bound(evidence)
    carts_got_every_message_until_they_ordered(evidence)
    letters = [row for row in evidence.ledger if row.journey == "order_confirmation"]
    assert len(letters) == LETTERS
    services_hear_of_everything_under_one_id(evidence, "tells_billing")
    the_cap_was_never_exceeded(evidence)


def carts_got_every_message_until_they_ordered(evidence: Evidence) -> None:
    runs = [run for run in evidence.runs if run["journey"] == "three_channels"]
    assert len(runs) == CUSTOMERS
    for run in runs:
        rows = evidence.of(run)
        wanted = ("push", "whatsapp", "email")
        if run["outcome"] == "goal reached":
            assert channels_in_order(rows) == wanted[: len(rows)]
        else:
            assert run["outcome"] == "finished"
            assert channels_in_order(rows) == wanted
            assert {row.state for row in rows} <= {"sent", "unconfirmed"}
    assert sum(run["outcome"] == "goal reached" for run in runs) <= ORDERS


def the_cap_was_never_exceeded(evidence: Evidence) -> None:
    rows = [row for row in evidence.ledger if row.journey.startswith("saved_by_")]
    assert len(rows) == 2 * SAVED
    assert sum(evidence.accepted[row.key] for row in rows) <= 5
    counted = [row for row in rows if row.state in {"sent", "unconfirmed"}]
    assert len(counted) == 5
    assert {row.reason for row in rows if row not in counted} == {"no allowed instant before its deadline"}


async def tell_providers_to_fail(sandbox_url: str) -> None:
    async with httpx.AsyncClient(base_url=sandbox_url) as http:
        for seed, fault in enumerate(FAULTS):
            answer = await http.post("/_sandbox/faults", json=fault | {"seed": seed})
            assert answer.status_code == 201, answer.text


async def kill_again_and_again(stack: EmbeddedStack, name: str, enough: asyncio.Event) -> int:
    """SIGKILL a worker at random instants, and start it again each time; returns how often."""
    dice = random.Random(name)
    kills = 0
    while not enough.is_set():
        await asyncio.sleep(dice.uniform(0.3, 5))
        await stack.kill_part(name)
        kills += 1
        await asyncio.sleep(dice.uniform(0, 1.5))
        await stack.start_part(name)
    return kills


async def sell(stack: EmbeddedStack, database: Database) -> None:
    """A shop's minute: carts, some orders, letters asked for by the shop, and one customer who saves everything."""
    dice = random.Random("shop")
    users = [f"c{n:03}" for n in range(CUSTOMERS)]
    async with sender(stack) as http:
        for first in range(0, CUSTOMERS, 50):
            await send(http, carts_of(users[first : first + 50]))
            await asyncio.sleep(dice.uniform(0, 2))
        await send(http, [signs_up("saver"), *(track("saver", "Product Saved", product_id=f"p{n}") for n in range(SAVED))])
        await ask_for_letters(stack, users[:LETTERS])
        await until(lambda: everybody_is_in(database), EVENTUALLY)  # who orders before the watch looks never was
        for user in dice.sample(users, ORDERS):
            await asyncio.sleep(dice.uniform(0, 0.3))
            await send(http, [track(user, "Order Completed", order_id=f"o-{user}")])


async def everybody_is_in(database: Database) -> bool:
    return bool(await database.pool.fetchval("select count(*) = $1 from run where journey = 'three_channels'", CUSTOMERS))


async def ask_for_letters(stack: EmbeddedStack, users: list[str]) -> None:
    async with httpx.AsyncClient(base_url=stack.api_url, auth=(stack.keys.operate, ""), timeout=30) as http:
        for journey, user in product(("order_confirmation", "tells_billing"), users):
            answer = await http.post(f"/v1/journeys/{journey}/runs", json={"customer": {"user_id": user}})
            assert answer.status_code == 201, answer.text
