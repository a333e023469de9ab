"""Campaigns while every process dies at random: nobody is written to twice, nobody is lost, caps hold (Show: a campaign)."""

import asyncio
import random
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import pytest
from crash.evidence import (
    Evidence,
    every_message_is_final,
    gather,
    no_promise_is_broken,
    providers_have_nothing_that_the_ledger_does_not_know,
    tell,
)
from crash.processes import EVENTUALLY, open_stack, send, sender, signs_up, temporal_of, until
from crash.test_killed_workers import failing
from extent import scaled

from store import Database
from workers.embedded.stack import EmbeddedStack
from workers.testing.shop import new_namespace

CUSTOMERS = scaled(60, 1_500)
KILLS = scaled(2, 8)  # of each process
UNDER_WAY = 20  # seconds of a campaign that is paused or cancelled in its middle: the API may be dead for some of them
CAP = {"messages": 2, "within": "P1D"}
FIRST, CANCELLED, LAST = "campaign:first", "campaign:cancelled", "campaign:last"


async def test_campaigns_outlive_killed_processes_a_pause_and_a_cancel(
    database: Database, dsn: str, temporal_address: str, tmp_path: Path
) -> None:
    namespace = await new_namespace(temporal_address)
    servers = {"database_url": dsn, "temporal_address": temporal_address, "temporal_namespace": namespace}
    async with open_stack(tmp_path, **servers) as stack:
        async with httpx.AsyncClient(base_url=stack.sandbox_url) as http:
            for seed, fault in enumerate(failing("fcm", "html", "502")):
                assert (await http.post("/_sandbox/faults", json=fault | {"seed": seed})).status_code == 201
        await everybody_signs_up(stack)
        killing = (kill_again_and_again(stack, name) for name in (*stack.worker_names, "api"))
        told, *_ = await asyncio.gather(run_campaigns(stack), *killing)
        evidence = await gather(database, await temporal_of(stack), stack.sandbox_url)
        rows = await database.pool.fetch(
            "select c.name, r.state, r.outcome from campaign_row r join campaign c on c.id = r.campaign"
        )
    tell(evidence)
    assert Counter((row["name"], row["state"]) for row in rows) == {(name, "done"): CUSTOMERS for name in told}, (
        "nobody is lost"
    )
    assert told["cancelled"]["state"] == "cancelled"
    check(evidence)


def check(evidence: Evidence) -> None:
    every_message_is_final(evidence)
    providers_have_nothing_that_the_ledger_does_not_know(evidence)
    no_promise_is_broken(evidence)
    people = {run["id"]: run["profile_id"] for run in evidence.runs}
    for journey in (FIRST, CANCELLED, LAST):
        runs = [run for run in evidence.runs if run["journey"] == journey]
        assert len({run["profile_id"] for run in runs}) == len(runs), "one run each"
        assert all(evidence.accepted[row.key] <= 1 for row in evidence.ledger if row.journey == journey), (
            "nobody is written to twice"
        )
    first = [row for row in evidence.ledger if row.journey == FIRST]
    assert len(first) == CUSTOMERS
    assert {row.state for row in first} <= {"sent", "unconfirmed"}, Counter((row.state, row.reason) for row in first)
    heard = Counter(people[row.run_id] for row in evidence.ledger if row.state in ("sent", "unconfirmed"))
    assert max(heard.values()) <= 2, "the cap holds over all campaigns"


async def everybody_signs_up(stack: EmbeddedStack) -> None:
    users = [f"c{n:04}" for n in range(CUSTOMERS)]
    async with sender(stack) as http:
        for first in range(0, CUSTOMERS, 100):
            await send(http, [signs_up(user, stack.sandbox_url) for user in users[first : first + 100]])
    for first in range(0, CUSTOMERS, 5_000):
        members = [{"value": user} for user in users[first : first + 5_000]]
        await asked(stack, "POST", "/v1/lists/everybody/members", customers=members)


async def run_campaigns(stack: EmbeddedStack) -> dict[str, dict[str, Any]]:
    """One with a pause in its middle, one that is cancelled, and one that finds the cap."""
    first = await begun(stack, "first", per_second=CUSTOMERS / UNDER_WAY)
    await until(lambda: reached(stack, first, CUSTOMERS // 4), EVENTUALLY)
    await asked(stack, "PUT", f"/v1/campaigns/{first}/state", state="paused")
    await asyncio.sleep(1)
    await asked(stack, "PUT", f"/v1/campaigns/{first}/state", state="running")
    await until(lambda: reached(stack, first, CUSTOMERS), EVENTUALLY)
    second = await begun(stack, "cancelled", per_second=CUSTOMERS / UNDER_WAY)
    await until(lambda: reached(stack, second, CUSTOMERS // 8), EVENTUALLY)
    await asked(stack, "PUT", f"/v1/campaigns/{second}/state", state="cancelled")
    await until(lambda: reached(stack, second, CUSTOMERS), EVENTUALLY)
    last = await begun(stack, "last", useless_after="PT1H")
    await until(lambda: reached(stack, last, CUSTOMERS), EVENTUALLY)
    ids = {"first": first, "cancelled": second, "last": last}
    return {name: await asked(stack, "GET", f"/v1/campaigns/{id_}") for name, id_ in ids.items()}


async def begun(stack: EmbeddedStack, name: str, **more: Any) -> str:
    kept = {"useless_after": more.pop("useless_after")} if "useless_after" in more else {}
    message = {"channel": "push", "template": "note", "quiet_hours": None, "caps": [CAP], **kept}
    made = await asked(stack, "POST", "/v1/campaigns", name=name, to={"list": "everybody"}, message=message, **more)
    return str(made["id"])


async def reached(stack: EmbeddedStack, id_: str, number: int) -> bool:
    told = await asked(stack, "GET", f"/v1/campaigns/{id_}")
    return bool(told["done"] >= number)


async def asked(stack: EmbeddedStack, method: str, path: str, **body: Any) -> dict[str, Any]:
    """A call, again and again while the API is down; under one key it makes one thing."""
    headers = {"Idempotency-Key": f"{body.get('name', 'once')}"}
    while True:
        try:
            async with httpx.AsyncClient(base_url=stack.api_url, auth=(stack.keys.operate, ""), timeout=60) as http:
                answer = await http.request(method, path, json=body or None, headers=headers)
        except httpx.TransportError:
            await asyncio.sleep(0.2)
            continue
        if answer.status_code == 503:
            await asyncio.sleep(0.5)
            continue
        assert answer.is_success, answer.text
        told: dict[str, Any] = answer.json()
        return told


async def kill_again_and_again(stack: EmbeddedStack, name: str) -> None:
    """SIGKILL a process at random instants, and start it again each time."""
    dice = random.Random(name)
    for _ in range(KILLS):
        await asyncio.sleep(dice.uniform(0.3, 5))
        await stack.kill_part(name)
        await asyncio.sleep(dice.uniform(0, 1.5))
        await stack.start_part(name)


pytestmark = pytest.mark.slow
