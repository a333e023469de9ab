"""A pause of a day (SEMANTICS 3, 11): timers run on, conversions count, a backlog leaves smoothly, each message asked anew."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

from store.runs.lists import Wanted, list_runs
from store.runs.views import Run
from tests.extent import scaled
from tests.journeys.test_history import history
from workers.testing.shop import Shop

PEOPLE, BUYERS = scaled((12, 3), (1000, 250))
A_SECOND = PEOPLE // 3
HOUR, MINUTE, SECOND = timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)
AT_ONCE = asyncio.Semaphore(16)


async def test_people_who_were_paused_for_a_day_are_written_to_smoothly(trial: Shop) -> None:
    """Their push was due, and is useless, within the pause; their WhatsApp waits for its end, the oldest one first."""
    trial.watch.dispatcher.pace.per_second = A_SECOND
    runs = await entered(trial)
    await switch(trial, "paused")
    await all_go_on(trial, runs, 26 * HOUR)
    assert trial.sandbox.messages == []
    for n in range(0, PEOPLE, PEOPLE // BUYERS):
        await trial.does(f"u{n}", "Order Completed")
    await trial.look()
    waiting = await deferred(trial)
    assert len(waiting) == PEOPLE - BUYERS, "an order ends a run while its journey is paused"

    await switch(trial, "live")
    left: list[int] = []
    while remaining := await deferred(trial):
        await trial.look(trial.clock.now() + SECOND)
        left.append(len(remaining) - len(await deferred(trial)))
        gone = waiting[: sum(left)]
        assert {run.id for run in gone}.isdisjoint(run.id for run in await deferred(trial)), "soonest useless, first out"
    assert left == [A_SECOND, A_SECOND, len(waiting) - 2 * A_SECOND]

    told = Counter([(m.channel, m.state, m.reason) for run in waiting for m in await trial.settled(run, 2)])
    expired = ("push", "failed", "useless after its deadline")
    assert told == {expired: len(waiting), ("whatsapp", "sent", None): len(waiting)}
    assert len(trial.sandbox.messages) == len(waiting)
    events = (await history(trial, waiting[0])).events
    assert events.count("ACTIVITY_TASK_SCHEDULED") == 4, "each message is asked for twice: a day of pause is no day of asking"


async def entered(trial: Shop) -> list[Run]:
    first = trial.clock.now() - PEOPLE * SECOND
    for n in range(PEOPLE):
        await trial.signs_up(f"u{n}")
        await trial.does(f"u{n}", "Product Added", at=first + n * SECOND)
    await trial.look()
    return await trial.runs("three_messages")


async def all_go_on(trial: Shop, runs: Sequence[Run], span: timedelta) -> None:
    async def one(run: Run) -> None:
        async with AT_ONCE:
            await trial.forward(run, span)

    await asyncio.gather(*map(one, runs))
    trial.clock.set(trial.clock.now() + span)
    async with asyncio.timeout(600):
        while len(await deferred(trial)) < len(runs):  # noqa: ASYNC110 - the workers get them there
            await asyncio.sleep(0.05)


async def deferred(trial: Shop) -> list[Run]:
    """The runs whose message waits for the pause to end and has not been let go, those who entered first before the others."""
    found = await list_runs(trial.database, Wanted("three_messages", status="deferred"), limit=5_000)
    waiting = await trial.database.pool.fetch(
        "select run_id from delivery where state = 'deferred' and reason = 'journey paused' and retry_at > $1",
        trial.clock.now(),
    )
    return sorted((run for run in found if run.id in {row["run_id"] for row in waiting}), key=lambda run: run.entered_at)


async def switch(trial: Shop, state: str) -> None:
    assert (await trial.operate("PUT", "/v1/journeys/three_messages/state", json={"state": state})).status_code == 200
