"""Waiting for somebody: events, traits, segments, answers to messages; time-outs, what is so already, and what it costs."""

import asyncio
from collections import Counter
from datetime import timedelta

import pytest

from store.runs.views import Run
from workers.testing.shop import Shop


async def begin(shop: Shop, journey: str, user: str = "ana") -> Run:
    answer = await shop.operate("POST", f"/v1/journeys/{journey}/runs", json={"customer": {"user_id": user}})
    assert answer.status_code == 201, answer.text
    await shop.look()
    return (await shop.runs(journey))[-1]


async def channels(shop: Shop, run: Run) -> list[str]:
    await shop.over(run)
    return [message.channel for message in await shop.messages(run)]


async def expecting(shop: Shop, run: Run) -> None:
    """Return as soon as the run has written down what it waits for, and sleeps."""
    async with asyncio.timeout(30):
        while not await shop.database.pool.fetchval("select count(*) from expectation where run_id = $1", run.id):  # noqa: ASYNC110
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ("order", ["whatsapp", "push"]),
        ("trait", ["whatsapp", "push"]),
        ("segment", ["whatsapp", "push", "email"]),
        ("nothing", ["whatsapp", "email"]),
    ],
)
async def test_the_first_of_several_leads_on(trial: Shop, event: str, expected: list[str]) -> None:
    await trial.signs_up("ana", tier="silver")
    run = await begin(trial, "waits_for_one_of_several")
    await expecting(trial, run)
    match event:
        case "order":
            await trial.does("ana", "Order Completed")
        case "trait":
            await trial.signs_up("ana", tier="platinum")
        case "segment":
            await trial.signs_up("ana", tier="gold")
    await trial.look()
    assert await channels(trial, run) == expected


async def test_what_is_so_already_is_the_answer_at_once(trial: Shop) -> None:
    await trial.signs_up("ana", tier="platinum")
    run = await begin(trial, "waits_for_one_of_several")
    assert (await trial.workflow(run).result()).sent == 2
    assert [message.channel for message in await trial.messages(run)] == ["whatsapp", "push"]


async def test_events_before_entry_are_no_answer(trial: Shop) -> None:
    await trial.signs_up("ana")
    await trial.does("ana", "Order Completed", trial.opened_at - timedelta(hours=1))
    run = await begin(trial, "waits_for_one_of_several")
    assert await channels(trial, run) == ["whatsapp", "email"]


async def test_a_journey_branches_on_the_entering_event(trial: Shop) -> None:
    await trial.signs_up("ana")
    await trial.signs_up("bea")
    await trial.does("ana", "Rated", score=9, because="I like it, says Ana")
    await trial.does("bea", "Rated", score="3")
    await trial.look()
    first, second = await trial.runs("by_entry")
    assert (await channels(trial, first), await channels(trial, second)) == (["push"], ["email"])
    history = str((await trial.workflow(first).fetch_history()).events)
    assert "score" in history
    assert "says Ana" not in history, "free text stays in Postgres"


async def test_an_event_unlike_what_is_declared_enters_nobody_and_says_so(trial: Shop) -> None:
    await trial.signs_up("ana")
    await trial.does("ana", "Rated", score="as ana@example.com said: great")
    await trial.look()
    assert await trial.runs("by_entry") == []
    assert await trial.database.pool.fetchval("select reason from entry_refused") == "event not as declared"


async def test_a_journey_branches_on_a_segment(trial: Shop) -> None:
    await trial.signs_up("ana", tier="gold")
    await trial.signs_up("bea")
    assert await channels(trial, await begin(trial, "asks_for_a_segment", "ana")) == ["push"]
    assert await channels(trial, await begin(trial, "asks_for_a_segment", "bea")) == []


async def test_an_arm_is_by_lot_and_for_good(trial: Shop) -> None:
    arms: dict[str, set[str]] = {}
    users = [f"user-{n}" for n in range(12)]
    for user in users:
        await trial.signs_up(user)
    for user in users + users:
        run = await begin(trial, "experiments", user)
        arms.setdefault(user, set()).update(await channels(trial, run))
        await trial.closed(run)
    assert all(len(found) == 1 for found in arms.values())
    exposed = await trial.database.pool.fetch("select arm, share from exposure where experiment = 'channel'")
    assert Counter(row["arm"] for row in exposed) == Counter(arm for found in arms.values() for arm in found)
    assert {row["share"] for row in exposed} == {0.5}
    assert len({row["arm"] for row in exposed}) == 2


async def test_every_week_for_three_weeks(trial: Shop) -> None:
    await trial.signs_up("ana")
    run = await begin(trial, "weekly")
    assert await channels(trial, run) == ["push"] * 3
    first, second, third = [message.due_at for message in await trial.messages(run)]
    week, slack = timedelta(days=7), timedelta(seconds=30)
    assert abs(second - first - week) < slack
    assert abs(third - second - week) < slack


async def test_a_message_that_is_not_told_delivered_goes_by_the_next_channel(trial: Shop) -> None:
    await trial.signs_up("ana")
    run = await begin(trial, "until_it_arrives")
    assert await channels(trial, run) == ["push", "whatsapp"]


async def test_a_wait_costs_six_events_of_history_or_seven_when_its_timer_is_cancelled(trial: Shop) -> None:
    """The timer's end is the seventh; a wait that is answered at once costs one."""
    await trial.signs_up("ana")
    run = await begin(trial, "waits_for_one_of_several")
    await expecting(trial, run)
    await trial.does("ana", "Order Completed")
    await trial.look()
    await trial.over(run)
    kinds = [event.WhichOneof("attributes") for event in (await trial.workflow(run).fetch_history()).events]
    begun, heard = kinds.index("marker_recorded_event_attributes"), kinds.index("workflow_execution_signaled_event_attributes")
    told = [kind for kind in kinds[begun : heard + 5] if kind]
    assert len(told) <= 7, told
