"""A kill in the middle of sending (SEMANTICS 11): once it is answered, nothing goes out but what was at a provider."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from crash.test_races import shop, watching  # noqa: F401 - a fixture

from journeys.contracts import Reason
from store import Connection, Database
from store.deliveries import ledger
from store.deliveries.ledger import MessageKey
from store.runs import calls, switches
from store.runs.switches import EVERYTHING
from tests.extent import scaled
from workers.testing.shop import Shop

PEOPLE, APART = scaled((12, timedelta(milliseconds=300)), (1000, timedelta(milliseconds=10)))
RUN = UUID(int=7)


async def test_after_the_answer_nothing_goes_out_but_what_was_at_a_provider(
    shop: Shop,  # noqa: F811 - the fixture
) -> None:
    """One after the other enters, and is due two seconds later; the kill is answered while their pushes go out."""
    for n in range(PEOPLE):
        await shop.signs_up(f"u{n}")
    for n in range(PEOPLE):
        entering = datetime.now(UTC) + n * APART
        await shop.send("track", userId=f"u{n}", event="Product Added", timestamp=entering.isoformat())
    async with watching(shop):
        async with asyncio.timeout(120):
            while not shop.sandbox.messages:  # noqa: ASYNC110 - the workers' work
                await asyncio.sleep(0.01)
        answer = await shop.operate("PUT", "/v1/state", json={"state": "killed"})
        answered = datetime.now(UTC)
        allowed = {f"{row[0]}/{row[1]}/{row[2]}" for row in await claimed(shop.database)}
        over = await all_over(shop)
    assert (answer.status_code, answer.json()["open_runs"] > 0) == (200, True), answer.text
    accepted = {message.key for message in shop.sandbox.messages}
    assert accepted <= allowed
    assert 0 < len(accepted) < PEOPLE
    assert {outcome for outcome, _ in over} == {Reason.KILLED.value}
    last = max(at for _, at in over) - answered
    print(f"{len(over)} runs killed: {len(accepted)} had their push, all over {last.total_seconds():.1f} s after the answer")  # noqa: T201


async def claimed(database: Database) -> list[Any]:
    return list(await database.pool.fetch("select run_id, step, occurrence from delivery where claimed_at is not null"))


async def all_over(shop: Shop) -> list[tuple[str, datetime]]:  # noqa: F811 - no fixture here
    async with asyncio.timeout(300):
        while True:
            await shop.watch.dispatcher.closer.sweep()
            rows = await shop.database.pool.fetch("select outcome, ended_at from run")
            if all(row["ended_at"] for row in rows):
                return [(row["outcome"], row["ended_at"]) for row in rows]
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("kind", ["message", "call"])
async def test_a_switch_waits_for_every_claim_under_way_and_the_next_claim_for_it(database: Database, kind: str) -> None:
    """The claim that looked before the switch is through before it is answered; the one that comes then sees it."""
    await a_run(database)
    async with database.transaction() as first:
        assert await asked(first, kind) == "live"
        thrown = asyncio.create_task(switches.throw(database, EVERYTHING, "killed", datetime.now(UTC), "test"))
        await queueing(database, 1)
        second = asyncio.create_task(look(database, kind))
        await queueing(database, 2)
        assert not thrown.done()
    await thrown
    assert await second == "killed"


async def a_run(database: Database) -> None:
    await database.pool.execute("insert into profile (id, created_at, updated_at) values ($1, now(), now())", RUN)
    await database.pool.execute(
        "insert into run (id, journey, profile_id, entered_by, entered_at, workflow_id, created_at)"
        " values ($1, 'welcome', $1, 'api', $2, 'w', $2)",
        *(RUN, datetime.now(UTC) + timedelta(hours=1)),  # after the kill: only the state forbids it
    )


async def asked(connection: Connection, kind: str) -> str | None:
    """How the switches stand for the run, as a claim asks, or a call to a service."""
    if kind == "call":
        found = await calls.facts(connection, RUN, 1)
        return found.control if found else None
    assert await ledger.facts(connection, RUN, "push", "marketing", (datetime.now(UTC), datetime.now(UTC))) is not None
    control, _ = await ledger.ledger_row(connection, MessageKey(RUN, "push:note", 1))
    return control


async def look(database: Database, kind: str) -> str | None:
    async with database.transaction() as connection:
        return await asked(connection, kind)


async def queueing(database: Database, count: int) -> None:
    """Return as soon as so many stand in line for a lock."""
    async with asyncio.timeout(20):
        while await database.pool.fetchval("select count(*) from pg_stat_activity where wait_event_type = 'Lock'") < count:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
