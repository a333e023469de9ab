"""Workers killed at random instants while providers fail: nothing lost, no marketing twice (SEMANTICS 1, 3 and 5; Show 4)."""

import asyncio
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
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
    no_promise_is_broken,
    providers_have_nothing_that_the_ledger_does_not_know,
    services_hear_of_everything_under_one_id,
    tell,
    wallets_show_what_was_said_last,
)
from crash.processes import (
    EVENTUALLY,
    begin,
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
from crash.sides import SIDES
from extent import LONG, scaled

from store import Database
from workers.embedded.stack import EmbeddedStack
from workers.testing.shop import new_namespace

CUSTOMERS = scaled(25, 300)
ORDERS = CUSTOMERS // 5  # of the customers order while they wait for a message
EVERYWHERE = scaled(8, 60)  # of them are written to on every channel
SAVED = 25  # products that one customer saves; two journeys want to write about each
KILLS = scaled(2, 10)  # of each worker
#: Journeys on several channels at once. In the short profile no worker dies over what waits two minutes for news of a doubt.
ON_CHANNELS = {
    "offer": ("push", "web_push", "whatsapp", "email", "sms", "in_app", "wallet"),
    "receipt": ("push", "web_push", "email", "in_app", "wallet"),
} | scaled({}, {"reminder": ("whatsapp", "sms")})


def failing(provider: str, *faults: str) -> Iterator[dict[str, Any]]:
    """A provider that is throttled, ill, silent after it took a message, and away."""
    yield {"provider": provider, "fault": "429", "retry_after": 1, "probability": 0.06}
    for fault in ("500", "503", *faults):
        yield {"provider": provider, "fault": fault, "probability": 0.04}
    for fault in ("timeout_after_accept", "reset", "truncated"):
        yield {"provider": provider, "fault": fault, "hold_seconds": 1.0, "probability": 0.05}
    yield {"provider": provider, "fault": "drop_before_accept", "hold_seconds": 0.5, "probability": 0.03}


FAULTS: list[dict[str, Any]] = [
    *(each for provider in ("fcm", "web-push", "whatsapp", "ses", "resend") for each in failing(provider, "html", "502")),
    *(each for provider in ("twilio", "aws-sms", "wallet") for each in failing(provider)),
    {"provider": "apns", "fault": "429", "retry_after": 1, "probability": 0.06},
    {"provider": "apns", "fault": "503", "probability": 0.06},
    {"provider": "apns", "fault": "shutdown", "probability": 0.04},
    {"provider": "apns", "fault": "timeout_after_accept", "hold_seconds": 1.0, "probability": 0.08},
    {"provider": "apns", "fault": "drop_before_accept", "hold_seconds": 0.5, "probability": 0.03},
    {"provider": "smtp", "fault": "451", "probability": 0.06},
    {"provider": "smtp", "fault": "421", "probability": 0.04},
    {"provider": "smtp", "fault": "timeout_after_accept", "hold_seconds": 1.5, "probability": 0.12},
    {"provider": "smtp", "fault": "drop_before_accept", "hold_seconds": 0.5, "probability": 0.04},
    {"provider": "services", "fault": "429", "retry_after": 1, "probability": 0.1},
    {"provider": "services", "fault": "timeout_after_accept", "hold_seconds": 1.5, "probability": 0.2},
    *({"provider": "services", "fault": fault, "probability": 0.05} for fault in ("503", "truncated", "reset")),
]


@pytest.mark.slow
async def test_journeys_outlive_killed_workers_and_failing_providers(
    database: Database, dsn: str, temporal_address: str, tmp_path: Path
) -> None:
    namespace = await new_namespace(temporal_address)
    servers = {"database_url": dsn, "temporal_address": temporal_address, "temporal_namespace": namespace}
    async with open_stack(tmp_path, **servers) as stack:
        await hand_out_passes(stack, database)
        await tell_providers_to_fail(stack.sandbox_url)
        killing = (kill_again_and_again(stack, name) for name in stack.worker_names)
        await asyncio.gather(sell(stack, database), *killing)
        await until(lambda: everything_ended(database), EVENTUALLY)
        evidence = await gather(database, await temporal_of(stack), stack.sandbox_url)
    check(evidence)


def check(evidence: Evidence) -> None:
    tell(evidence)
    every_run_is_one_workflow_that_completed(evidence)
    every_entry_is_one_run(evidence)
    every_message_is_final(evidence)
    providers_have_nothing_that_the_ledger_does_not_know(evidence)
    no_promise_is_broken(evidence)
    carts_got_every_message_until_they_ordered(evidence)
    everybody_was_written_to_on_every_channel(evidence)
    wallets_show_what_was_said_last(evidence, EVERYWHERE)
    services_hear_of_everything_under_one_id(evidence, "tells_billing")
    the_cap_was_never_exceeded(evidence)


def everybody_was_written_to_on_every_channel(evidence: Evidence) -> None:
    """Every provider had some of it, whoever stood in for whom."""
    found = Counter((row.journey, row.channel) for row in evidence.ledger if row.journey in ON_CHANNELS)
    assert found == {(journey, channel): EVERYWHERE for journey, channels in ON_CHANNELS.items() for channel in channels}
    carried = {row.provider for row in evidence.ledger if row.state == "sent"}
    if LONG:  # of few messages it is chance
        assert carried == SIDES.keys() - {"fcm+apns"}


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


#: Every second pass is on an iPhone and has a token, the others are at Google.
PHONES = """
    insert into wallet_device (serial, platform, device, push_token, added_at, told_at)
    select serial, platform, device, token, now(), modified_at
    from (select *, row_number() over (order by serial) % 2 = 0 as apple from wallet_pass) p,
         lateral (select case when apple then 'ios' else 'android' end, case when apple then serial::text else '' end,
                         case when apple then encode(sha256(serial::text::bytea), 'hex') else '' end)
             as phone (platform, device, token)
"""


async def tell_providers_to_fail(sandbox_url: str) -> None:
    async with httpx.AsyncClient(base_url=sandbox_url) as http:
        for seed, fault in enumerate(FAULTS):
            answer = await http.post("/_sandbox/faults", json=fault | {"seed": seed})
            assert answer.status_code == 201, answer.text


async def kill_again_and_again(stack: EmbeddedStack, name: str) -> None:
    """SIGKILL a worker at random instants, and start it again each time."""
    dice = random.Random(name)
    for _ in range(KILLS):
        await asyncio.sleep(dice.uniform(0.3, 5))
        await stack.kill_part(name)
        await asyncio.sleep(dice.uniform(0, 1.5))
        await stack.start_part(name)


async def sell(stack: EmbeddedStack, database: Database) -> None:
    """A shop's minute: carts, some orders, letters asked for by the shop, and one customer who saves everything."""
    dice = random.Random("shop")
    users = customers()
    async with sender(stack) as http:
        for first in range(0, CUSTOMERS, 50):
            await send(http, carts_of(users[first : first + 50], stack.sandbox_url))
            await asyncio.sleep(dice.uniform(0, 2))
        await send(http, [signs_up("saver"), *(track("saver", "Product Saved", product_id=f"p{n}") for n in range(SAVED))])
        for journey in (*ON_CHANNELS, "tells_billing"):
            await begin(stack, journey, users[:EVERYWHERE])
        await until(lambda: everybody_is_in(database), EVENTUALLY)  # who orders before the watch looks never was
        for user in dice.sample(users, ORDERS):
            await asyncio.sleep(dice.uniform(0, 0.3))
            await send(http, [track(user, "Order Completed", order_id=f"o-{user}")])


async def everybody_is_in(database: Database) -> bool:
    return bool(await database.pool.fetchval("select count(*) = $1 from run where journey = 'three_channels'", CUSTOMERS))


def customers() -> list[str]:
    return [f"c{n:03}" for n in range(CUSTOMERS)]


async def hand_out_passes(stack: EmbeddedStack, database: Database) -> None:
    """Whom all channels write to later has the pass on their phone by then, so that changes have somebody to be told to."""
    users = customers()[:EVERYWHERE]
    async with sender(stack) as http:
        await send(http, [signs_up(user, stack.sandbox_url) for user in users])
    await begin(stack, "joins", users)
    await until(lambda: everybody_has_a_pass(database, len(users)), EVENTUALLY)
    await database.pool.execute(PHONES)


async def everybody_has_a_pass(database: Database, count: int) -> bool:
    return bool(await database.pool.fetchval("select count(*) = $1 from wallet_pass", count))
