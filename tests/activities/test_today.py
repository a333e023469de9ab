"""Who converted today: as many as the funnel says, with a holdout or without; nothing is said of what nobody counts."""

from typing import Any

from activities.measuring.folding import Folding
from store.reports.funnel import funnel
from store.reports.report import Asked
from workers.testing.shop import Shop

JOURNEY = "three_messages"


async def get(trial: Shop, path: str, **params: Any) -> Any:
    answer = await trial.operate("GET", path, params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def converted(trial: Shop, journey: str) -> int | None:
    [view] = await get(trial, "/v1/journeys", journey=journey)
    found: int | None = view["converted_today"]
    return found


async def funnelled(trial: Shop) -> int:
    """What the funnel says of today."""
    day = trial.clock.now().date()
    asked = Asked.of(trial.clock.now(), journey=JOURNEY, since=f"{day}")
    found = await funnel(trial.database, asked, silent=())
    return sum(row["converted"] for row in found.table("steps").dicts())


async def test_who_reached_the_goal_of_a_journey_without_a_holdout_converted_today(trial: Shop) -> None:
    """A newcomer's: seven runs had ended with the goal, the funnel said seven, and the tiles 0."""
    for user in ("ana", "bea", "eva"):
        await trial.signs_up(user)
        await trial.does(user, "Product Added")
    await trial.look()
    assert len(await trial.runs(JOURNEY, is_open=True)) == 3
    assert await converted(trial, JOURNEY) == 0
    for user in ("ana", "bea"):
        await trial.does(user, "Order Completed", order_id=user)
    await trial.look()
    for run in await trial.runs(JOURNEY):
        await trial.closed(run) if run.outcome or run.exit_reason else None
    assert [run.outcome for run in await trial.runs(JOURNEY)].count("goal reached") == 2
    assert await converted(trial, JOURNEY) == await funnelled(trial) == 2
    assert not await Folding(trial.database, None, trial.clock).recompute(trial.clock.now().date())
    assert await converted(trial, JOURNEY) == await funnelled(trial) == 2
    await trial.database.pool.execute("update run set ended_at = ended_at - interval '1 day' where outcome = 'goal reached'")
    assert await converted(trial, JOURNEY) == await funnelled(trial) == 0, "that was yesterday"


async def test_of_a_journey_that_nothing_measures_nobody_says_how_many_converted(trial: Shop) -> None:
    assert await converted(trial, "short_lived") is None
    assert await converted(trial, "asks") == 0
