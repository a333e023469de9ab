"""Providers that are slow but honest cost time and nothing else, also when workers are killed meanwhile (A2, A13).

The long profile has the delays at which messages used to be lost: 1, 5 and 20 s a letter, 75 s for an access token, 12 and
40 s for WhatsApp. The short one is the same in small.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from crash.evidence import (
    Evidence,
    every_message_is_final,
    every_run_is_one_workflow_that_completed,
    gather,
    no_promise_is_broken,
    providers_have_nothing_that_the_ledger_does_not_know,
    services_hear_of_everything_under_one_id,
    tell,
)
from crash.processes import begin, everything_ended, open_stack, send, sender, signs_up, temporal_of, until

from store import Database
from tests.extent import LONG, scaled
from workers.embedded.stack import EmbeddedStack
from workers.testing.shop import new_namespace

#: Customers in a round, and the journeys that write to each of them. In the short profile no worker dies over what waits two
#: minutes for news of a doubt.
PEOPLE = scaled(6, 100)
FIRST = {"offer": 7, "receipt": 5, "reminder": 2, "tells_billing": 0}
SECOND = FIRST if LONG else {journey: messages for journey, messages in FIRST.items() if journey != "reminder"}
MESSAGES = PEOPLE * (sum(FIRST.values()) + sum(SECOND.values()))
PER_LETTER = scaled((0.1, 0.5, 2.0), (1.0, 5.0, 20.0))
TOKEN, WHATSAPP = scaled((3.0, (0.5, 2.0)), (75.0, (12.0, 40.0)))
OTHERS = scaled(0.5, 10.0)
#: Longer than a call within the run's own task is waited for (3 s), and than one by itself is (20 s).
SERVICE = scaled(4.0, 25.0)
#: How long a worker lives before it is killed, and how often it is, in seconds: in the long profile longer than any
#: provider answers, or nothing would ever end.
LIVES, KILLS = scaled(((0.2, 0.8), 1), ((45.0, 60.0), 2))
WITHIN = scaled(120.0, 900.0)

FAULTS: list[dict[str, Any]] = [
    *({"provider": "smtp", "match": f"letter{n}-*", "hold_seconds": hold} for n, hold in enumerate(PER_LETTER)),
    {"provider": "fcm", "fault": "slow_token", "hold_seconds": TOKEN},
    {"provider": "whatsapp", "hold_seconds": WHATSAPP[0], "probability": 0.5, "seed": 1},
    {"provider": "whatsapp", "hold_seconds": WHATSAPP[1]},
    {"provider": "services", "hold_seconds": SERVICE, "probability": 0.3, "seed": 1},
    *(
        {"provider": provider, "hold_seconds": OTHERS}
        for provider in ("fcm", "apns", "web-push", "ses", "resend", "twilio", "aws-sms", "wallet")
    ),
]


@pytest.mark.slow
async def test_slow_but_honest_providers_lose_and_double_nothing_and_no_marketing_when_workers_are_killed(
    database: Database, dsn: str, temporal_address: str, tmp_path: Path
) -> None:
    namespace = await new_namespace(temporal_address)
    servers = {"database_url": dsn, "temporal_address": temporal_address, "temporal_namespace": namespace}
    async with open_stack(tmp_path, **servers) as stack:
        await tell_providers_to_be_slow(stack)
        await write_to_everybody(stack, "first", FIRST)
        honest = await evidence(database, stack)
        killing = [asyncio.create_task(kill(database, stack, name)) for name in stack.worker_names]
        await write_to_everybody(stack, "second", SECOND)
        await asyncio.gather(*killing)
        killed = await evidence(database, stack)
    check(honest, FIRST)
    assert {row.state for row in honest.ledger} == {"sent"}
    assert set(honest.accepted.values()) == {1}
    check(killed, FIRST, SECOND)


async def tell_providers_to_be_slow(stack: EmbeddedStack) -> None:
    async with httpx.AsyncClient(base_url=stack.sandbox_url) as http:
        for fault in FAULTS:
            answer = await http.post("/_sandbox/faults", json={"fault": "slow"} | fault)
            assert answer.status_code == 201, answer.text


async def evidence(database: Database, stack: EmbeddedStack) -> Evidence:
    await until(lambda: everything_ended(database), WITHIN)
    return await gather(database, await temporal_of(stack), stack.sandbox_url)


async def kill(database: Database, stack: EmbeddedStack, name: str) -> None:
    """Kill a worker again and again while messages are on their way."""
    dice = random.Random(name)
    for _ in range(KILLS):
        await until(lambda: under_way(database), WITHIN)
        await asyncio.sleep(dice.uniform(*LIVES))
        await stack.kill_part(name)
        await stack.start_part(name)


async def under_way(database: Database) -> bool:
    """Whether a provider may be at a message, or all is over."""
    states = "select count(*) filter (where state = 'claimed'), count(*) filter (where state = 'sent') from delivery"
    claimed, sent = await database.pool.fetchrow(states)
    return bool(claimed or sent == MESSAGES)


async def write_to_everybody(stack: EmbeddedStack, name: str, journeys: Iterable[str]) -> None:
    """All messages of a round at once."""
    users = [f"letter{n % 3}-{name}-{n:03}" for n in range(PEOPLE)]
    async with sender(stack) as http:
        for first in range(0, PEOPLE, 50):
            await send(http, [signs_up(user, stack.sandbox_url) for user in users[first : first + 50]])
    await asyncio.gather(*(begin(stack, journey, users) for journey in journeys))


def check(found: Evidence, *rounds: Mapping[str, int]) -> None:
    expected = sum((Counter({journey: PEOPLE * count for journey, count in each.items()}) for each in rounds), Counter())
    assert Counter(row.journey for row in found.ledger) == +expected
    tell(found)
    every_run_is_one_workflow_that_completed(found)
    every_message_is_final(found)
    providers_have_nothing_that_the_ledger_does_not_know(found)
    no_promise_is_broken(found)
    services_hear_of_everything_under_one_id(found, "tells_billing")
    assert [row for row in found.ledger if not row.marketing and row.state != "sent"] == [], "killed less often than the bound"
