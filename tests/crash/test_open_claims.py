"""Show 2 and 6 in real processes, long profile: workers killed while claims are open, and journeys that are due at once."""

from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import pytest
from crash.processes import EVENTUALLY, everything_ended, open_stack, send, sender, signs_up, track, until
from extent import LONG

from store import Database
from workers.embedded.stack import EmbeddedStack
from workers.testing.shop import new_namespace

pytestmark = pytest.mark.slow
__test__ = LONG  # test_killed_workers and test_sending show it in the short one
SAVERS = ("sam", "sue", "sid")
PRODUCTS = 25  # two journeys want to write about each
PEOPLE = 40
ROWS = """select run_id || '/' || step || '/' || occurrence as key, journey, state, i.value as who
          from delivery d join identity i on i.profile_id = d.profile_id and i.kind = 'user_id'"""


async def test_caps_and_budgets_hold_where_workers_die_with_claims_open(
    database: Database, dsn: str, temporal_address: str, tmp_path: Path
) -> None:
    """Every hand-over takes a second and a half, and nobody hears how it ended."""
    namespace = await new_namespace(temporal_address)
    servers = {"database_url": dsn, "temporal_address": temporal_address, "temporal_namespace": namespace}
    async with open_stack(tmp_path, **servers) as stack:
        await every_provider(stack, "timeout_after_accept")
        for saver in SAVERS:
            async with sender(stack) as http:
                saved = [track(saver, "Product Saved", product_id=f"p{n}") for n in range(PRODUCTS)]
                await send(http, [signs_up(saver), *saved, *(signs_up(f"{saver}-{n}") for n in range(PEOPLE))])
            await ask_for_vouchers(stack, saver)
            await until(lambda: claims_are_open(database), EVENTUALLY)
            for name in stack.worker_names:
                await stack.kill_part(name)
            for name in stack.worker_names:
                await stack.start_part(name)
        await until(lambda: everything_ended(database), EVENTUALLY)
        accepted = Counter(message["key"] for message in await messages(stack))
    assert max(accepted.values()) == 1
    rows = [dict(row) | {"copies": accepted[row["key"]]} for row in await database.pool.fetch(ROWS)]
    for saver in SAVERS:
        at_most(5, [row for row in rows if row["who"] == saver], of=2 * PRODUCTS)
    at_most(7, [row for row in rows if row["journey"] == "voucher"], of=len(SAVERS) * PEOPLE)


def at_most(most: int, rows: list[dict[str, Any]], *, of: int) -> None:
    """No more than that may have arrived, by the ledger and by what providers have; the room was used."""
    assert len(rows) == of
    assert sum(row["state"] in ("sent", "unconfirmed") for row in rows) == most
    assert sum(row["copies"] for row in rows) <= most


async def claims_are_open(database: Database) -> bool:
    return bool(await database.pool.fetchval("select count(*) from delivery where state = 'claimed'"))


async def test_of_two_journeys_due_at_once_the_higher_writes_whichever_worker_has_it(
    database: Database, dsn: str, temporal_address: str, tmp_path: Path
) -> None:
    namespace = await new_namespace(temporal_address)
    servers = {"database_url": dsn, "temporal_address": temporal_address, "temporal_namespace": namespace}
    async with open_stack(tmp_path, **servers) as stack:
        async with sender(stack) as http:
            for n in range(PEOPLE):
                await send(http, [signs_up(f"s{n}"), track(f"s{n}", "Product Shared")])
        await until(lambda: everybody_shared(database), EVENTUALLY)
        await until(lambda: everything_ended(database), EVENTUALLY)
    rows = await database.pool.fetch("select journey, state, reason from delivery")
    told = Counter((row["journey"], row["state"], row["reason"]) for row in rows)
    assert told == {
        ("louder", "sent", None): PEOPLE,
        ("quieter", "skipped", "no allowed instant before its deadline"): PEOPLE,
    }


async def everybody_shared(database: Database) -> bool:
    return bool(await database.pool.fetchval("select count(*) = $1 from run where journey = 'quieter'", PEOPLE))


async def every_provider(stack: EmbeddedStack, fault: str) -> None:
    async with httpx.AsyncClient(base_url=stack.sandbox_url) as http:
        for provider in ("fcm", "smtp"):
            told = {"provider": provider, "fault": fault, "hold_seconds": 1.5, "probability": 1.0, "seed": 1}
            answer = await http.post("/_sandbox/faults", json=told)
            assert answer.status_code == 201, answer.text


async def ask_for_vouchers(stack: EmbeddedStack, saver: str) -> None:
    async with httpx.AsyncClient(base_url=stack.api_url, auth=(stack.keys.operate, ""), timeout=30) as http:
        for n in range(PEOPLE):
            answer = await http.post("/v1/journeys/voucher/runs", json={"customer": {"user_id": f"{saver}-{n}"}})
            assert answer.status_code == 201, answer.text


async def messages(stack: EmbeddedStack) -> list[dict[str, str]]:
    async with httpx.AsyncClient(base_url=stack.sandbox_url, timeout=30) as http:
        found: list[dict[str, str]] = (await http.get("/_sandbox/messages", params={"limit": 10_000})).json()
    return found
