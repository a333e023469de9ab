"""Providers that are slow but honest cost time and nothing else, also when workers are killed meanwhile (A2, A13).

The long profile has the delays at which messages used to be lost: 1, 5 and 20 s a letter, 75 s for an access token, 12 and
40 s for WhatsApp. The short one is the same in small.
"""

import asyncio
import logging
import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
from crash.evidence import (
    Evidence,
    every_message_is_final,
    every_run_is_one_workflow_that_completed,
    gather,
    marketing_at_most_once_and_the_ledger_tells_the_truth,
    providers_have_nothing_that_the_ledger_does_not_know,
    transactional_at_least_once_and_within_the_stated_bound,
)
from crash.processes import everything_ended, open_stack, send, sender, signs_up, temporal_of, until

from activities.deliver.doubt import COPIES
from store import Database
from tests.profile import scaled
from workers.embedded.stack import EmbeddedStack
from workers.testing.shop import new_namespace

log = logging.getLogger(__name__)

#: Messages of each kind in a round.
WANTED = scaled(
    {"newsletter": 12, "order_confirmation": 8, "push_offer": 6, "whatsapp_offer": 6},
    {"newsletter": 200, "order_confirmation": 120, "push_offer": 60, "whatsapp_offer": 60},
)
PER_LETTER = scaled((0.1, 0.5, 2.0), (1.0, 5.0, 20.0))
TOKEN, WHATSAPP = scaled((3.0, (0.5, 2.0)), (75.0, (12.0, 40.0)))
#: How long a worker lives before it is killed, and how often it is, in seconds: in the long profile longer than any
#: provider answers, or nothing would ever end.
LIVES, KILLS = scaled(((0.2, 0.8), 1), ((45.0, 60.0), 2))
WITHIN = scaled(120.0, 600.0)

FAULTS: list[dict[str, Any]] = [
    *({"provider": "smtp", "match": f"letter{n}-*", "hold_seconds": hold} for n, hold in enumerate(PER_LETTER)),
    {"provider": "fcm", "fault": "slow_token", "hold_seconds": TOKEN},
    {"provider": "whatsapp", "hold_seconds": WHATSAPP[0], "probability": 0.5, "seed": 1},
    {"provider": "whatsapp", "hold_seconds": WHATSAPP[1]},
]


@pytest.mark.slow
async def test_slow_but_honest_providers_lose_and_double_nothing_and_no_marketing_when_workers_are_killed(
    database: Database, dsn: str, temporal_address: str, tmp_path: Path
) -> None:
    namespace = await new_namespace(temporal_address)
    servers = {"database_url": dsn, "temporal_address": temporal_address, "temporal_namespace": namespace}
    async with open_stack(tmp_path, **servers) as stack:
        await tell_providers_to_be_slow(stack)
        await write_to_everybody(stack, "first")
        honest = await evidence(database, stack)
        killing = [asyncio.create_task(kill(database, stack, name)) for name in stack.worker_names]
        await write_to_everybody(stack, "second")
        await asyncio.gather(*killing)
        killed = await evidence(database, stack)
    check(honest, rounds=1)
    assert {row.state for row in honest.ledger} == {"sent"}
    assert set(honest.accepted.values()) == {1}
    check(killed, rounds=2)


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
    return bool(claimed or sent == 2 * sum(WANTED.values()))


async def write_to_everybody(stack: EmbeddedStack, name: str) -> None:
    """All messages of a round at once."""
    letters = [f"letter{n % 3}-{name}-{n:03}" for n in range(max(WANTED["newsletter"], WANTED["order_confirmation"]))]
    others = [f"phone-{name}-{n:03}" for n in range(max(WANTED["push_offer"], WANTED["whatsapp_offer"]))]
    async with sender(stack) as http:
        for first in range(0, len(letters + others), 50):
            await send(http, [signs_up(user) for user in (letters + others)[first : first + 50]])
    people = {"newsletter": letters, "order_confirmation": letters, "push_offer": others, "whatsapp_offer": others}
    await asyncio.gather(*(begin(stack, journey, people[journey][:count]) for journey, count in WANTED.items()))


async def begin(stack: EmbeddedStack, journey: str, users: Sequence[str]) -> None:
    async with httpx.AsyncClient(base_url=stack.api_url, auth=(stack.keys.operate, ""), timeout=60) as http:
        for user in users:
            answer = await http.post(f"/v1/journeys/{journey}/runs", json={"customer": {"user_id": user}})
            assert answer.status_code == 201, answer.text


def check(found: Evidence, *, rounds: int) -> None:
    assert Counter(row.journey for row in found.ledger) == {journey: rounds * count for journey, count in WANTED.items()}
    every_run_is_one_workflow_that_completed(found)
    every_message_is_final(found)
    providers_have_nothing_that_the_ledger_does_not_know(found)
    marketing_at_most_once_and_the_ledger_tells_the_truth(found)
    transactional_at_least_once_and_within_the_stated_bound(found)
    assert [row for row in found.ledger if not row.marketing and row.state != "sent"] == [], "killed less often than the bound"
    tell(found)


def tell(found: Evidence) -> None:
    """The figures, for whoever runs it with `--log-cli-level=INFO`."""
    states = Counter((row.journey, row.state, found.accepted[row.key]) for row in found.ledger)
    table = "\n".join(map(str, sorted(states.items())))
    log.info("journey, state, copies that arrived (at most %d): messages\n%s", COPIES, table)
