"""Acting: traits of the customer, other journeys; each once, and seen by all that sees such things."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from journeys import Journey, journey
from journeys.actions import EndJourney, Hold, SetTraits, StartJourney
from journeys.contracts import Reason, RunStart
from journeys.handle import RunEnded
from store.report import refusals
from tests.journeys.test_waiting import begin
from workers.testing.shop import Shop


async def test_a_journey_sets_traits_ends_one_journey_and_starts_another(trial: Shop) -> None:
    await trial.signs_up("ana")
    other = await begin(trial, "weekly")
    await trial.asleep(other)
    run = await begin(trial, "acts")
    await trial.workflow(run).result()
    await trial.look()
    assert (await trial.over(other)).outcome.value == "ended by another journey"
    (started,) = await trial.runs("by_choice")
    assert started.entered_by == "journey"
    await trial.over(started)
    assert [message.channel for message in await trial.messages(started)] == ["email"]
    row = await trial.database.pool.fetchrow("select traits from profile where id = $1", run.profile_id)
    assert (row["traits"]["tier"], row["traits"]["seen"]) == ("gold", 1)
    (vip,) = await trial.runs("while_vip")
    assert vip.entered_by == "segment", "the segment saw the trait"


async def test_an_action_that_is_repeated_is_done_once(trial: Shop) -> None:
    await trial.signs_up("ana")
    run = await begin(trial, "weekly")
    await trial.asleep(run)
    asked = {"run_id": run.id, "at": run.entered_at + timedelta(minutes=1), "number": 1}
    acting = trial.parts.acting
    start = StartJourney(journey="by_choice", params={}, **asked)
    assert [await acting.start_journey(start), await acting.start_journey(start)] == [True, True]
    assert len(await trial.runs("by_choice")) == 1
    again = StartJourney(journey="by_choice", params={}, **asked | {"number": 2})
    assert await acting.start_journey(again) is False, "one run at a time"
    traits = SetTraits(traits={"tier": "silver"}, **asked)
    assert [await acting.set_traits(traits), await acting.set_traits(traits)] == [True, True]
    stored = "select count(*) from event where profile_id = $1 and source = 'journeys'"
    assert await trial.database.pool.fetchval(stored, run.profile_id) == 1
    end = EndJourney(journey="weekly", **asked)
    assert [await acting.end_journey(end), await acting.end_journey(end)] == [True, False]


async def test_whoever_is_started_by_a_journey_comes_in_where_it_is_paused_and_not_where_it_is_killed(
    trial: Shop,
) -> None:
    await trial.signs_up("ana")
    run = await begin(trial, "weekly")
    await trial.operate("PUT", "/v1/journeys/by_choice/state", json={"state": "paused"})
    await trial.operate("PUT", "/v1/journeys/urgent/state", json={"state": "killed"})
    start = StartJourney(run_id=run.id, at=run.entered_at, number=1, journey="by_choice", params={})
    assert await trial.parts.acting.start_journey(start) is True, "nobody would start them again"
    assert await trial.parts.acting.start_journey(start.model_copy(update={"journey": "urgent", "number": 2})) is False


async def test_parameters_unlike_those_declared_are_refused(trial: Shop) -> None:
    await trial.signs_up("ana")
    run = await begin(trial, "weekly")
    start = StartJourney(run_id=run.id, at=run.entered_at, number=1, journey="by_choice", params={"route": "fax"})
    assert await trial.parts.acting.start_journey(start) is False
    assert await refusals(trial.database, "by_choice") == {"parameters not as declared": 1}
    gone = start.model_copy(update={"journey": "long_gone", "number": 2})
    assert await trial.parts.acting.start_journey(gone) is False, "it is not tried for ever"
    assert await trial.runs("by_choice") == []


async def test_while_one_journey_speaks_alone_the_marketing_of_others_waits(trial: Shop) -> None:
    await trial.signs_up("ana")
    alone = await begin(trial, "speaks_alone")
    await trial.asleep(alone)
    other, service = await begin(trial, "by_choice"), await begin(trial, "urgent")
    await trial.settled_as(other, "deferred")
    (held,) = await trial.messages(other)
    assert (held.reason, held.detail["journeys"]) == ("held by another journey", ["speaks_alone"])
    story = (await trial.operate("GET", f"/v1/runs/{other.id}/story")).json()
    assert story["held_by"] == ["speaks_alone"]
    (run,) = (await trial.operate("GET", "/v1/runs?journey=by_choice")).json()["runs"]
    assert run["next"].endswith("again: held by another journey: speaks_alone")
    assert held.retry_at is not None
    assert timedelta(0) <= held.retry_at - held.due_at - timedelta(hours=1) < timedelta(minutes=1)
    await trial.settled_as(service, "sent")
    await trial.over(alone)
    await trial.closed(alone)
    assert [message.state for message in await trial.messages(alone)] == ["sent"]
    assert (await trial.over(other)).sent == 1


@pytest.mark.parametrize(("raised", "released"), [(ValueError(), True), (RunEnded(Reason.GOAL), False)])
async def test_a_block_that_raises_keeps_nobody_back(raised: BaseException, released: bool) -> None:
    """The end of a run releases them by itself, whatever it was in."""
    at = datetime(2026, 3, 2, 8, tzinfo=UTC)
    asked: list[Hold] = []

    class Asks:
        def now(self) -> datetime:
            return at

        async def ask(self, question: Hold) -> bool:
            asked.append(question)
            return True

    @journey()
    async def alone(j: Journey) -> None:
        async with j.hold_others():
            raise raised

    start = RunStart(run_id=uuid4(), customer_id=uuid4(), entered_at=at, started_at=at)
    with pytest.raises(type(raised)):
        await alone.steps(Journey(start, alone.spec, Asks()))  # type: ignore[arg-type]
    assert [each.lets_go for each in asked] == [None, 1][: 1 + released]


async def test_who_was_told_to_end_keeps_nobody_back(trial: Shop) -> None:
    await trial.signs_up("ana")
    alone = await begin(trial, "speaks_alone")
    await trial.asleep(alone)
    assert (await trial.operate("POST", f"/v1/runs/{alone.id}/end")).status_code == 202
    other = await begin(trial, "by_choice")
    await trial.settled_as(other, "sent")
