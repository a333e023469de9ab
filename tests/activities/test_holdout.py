"""The holdout walks the way of those with whom it is compared (FAULTS E3): only the call to the provider is withheld."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from activities.asking.questions import Questions
from activities.versions import OnlyOwn
from journeys.contracts import Outcome, Purpose, Receipt
from journeys.entry import is_held_out, is_held_out_of_all, lot
from journeys.policies import GlobalHoldout
from journeys.questions import Arm
from store.runs.views import Run
from tests.activities.test_deliver import finish, request, start, states
from tests.trial_catalogue import capped
from workers.testing.shop import Shop

NEARLY_ALL = GlobalHoldout(0.999999)


async def test_what_is_withheld_does_not_fall_back_to_another_channel(trial: Shop) -> None:
    await trial.signs_up("ana")
    assert states(await finish(trial, "held_out_of_both")) == [("push", "withheld", "holdout")]
    assert trial.sandbox.messages == []


async def test_the_holdout_waits_for_the_morning_as_the_others_do(trial: Shop) -> None:
    await trial.signs_up("ana", timezone="Asia/Tokyo")
    night = trial.opened_at.replace(hour=15, minute=0, second=0, microsecond=0) + timedelta(days=1)  # midnight in Tokyo
    run = await start(trial, "held_out_at_night")
    asked = request(run, occurrence=9, due_at=night, useless_after=night + timedelta(hours=12))
    receipt = await trial.parts.delivery.deliver(asked)
    assert (receipt.outcome.value, receipt.reason, receipt.retry_at) == ("deferred", "quiet hours", night + timedelta(hours=8))
    morning = asked.model_copy(update={"due_at": night + timedelta(hours=8)})
    assert (await trial.parts.delivery.deliver(morning)).outcome.value == "withheld"
    exposed = await trial.database.pool.fetch("select arm, exposed_at from exposure")
    assert [row["arm"] for row in exposed] == ["withheld"]
    assert exposed[0]["exposed_at"] < night + timedelta(hours=8), "from the first asking on, whatever happens until the morning"


async def test_marketing_in_doubt_does_not_fall_back_to_another_channel(trial: Shop) -> None:
    await trial.signs_up("ana")
    trial.sandbox.faults.tell("fcm", "timeout_after_accept", times=1)
    await trial.does("ana", "Product Viewed")
    await trial.look()
    run = await trial.run("falls_back")
    await trial.over(run)
    assert states(await trial.messages(run)) == [("push", "unconfirmed", "provider may have accepted it")]
    assert len(trial.sandbox.messages) == 1


def test_a_receipt_is_true_when_no_other_channel_is_needed() -> None:
    needs_none = {outcome for outcome in Outcome if Receipt(outcome=outcome)}
    assert needs_none == {Outcome.SENT, Outcome.WITHHELD, Outcome.UNCONFIRMED}
    assert not Receipt(outcome=Outcome.UNCONFIRMED, purpose=Purpose.TRANSACTIONAL), "it errs to at least once"
    assert [outcome for outcome in Outcome if Receipt(outcome=outcome).sent] == [Outcome.SENT]


async def test_the_companys_holdout_gets_no_marketing_from_any_journey_and_counts_as_exposed(trial: Shop) -> None:
    await trial.signs_up("ana")
    served = replace(trial.parts.library.own, holdout=NEARLY_ALL)
    delivery = replace(trial.parts.delivery, versions=OnlyOwn(served))
    run = await start(trial, "held_out")
    asked = request(run, occurrence=9)
    withheld = await delivery.deliver(asked)
    assert (withheld.outcome, withheld.reason) == ("withheld", "global holdout")
    wanted = asked.model_copy(update={"occurrence": 10, "purpose": Purpose.TRANSACTIONAL})
    assert (await delivery.deliver(wanted)).reason != "global holdout", "what a customer needs goes out all the same"
    rows = await trial.database.pool.fetch("select experiment, arm, share from exposure order by experiment")
    assert ("$holdout", "withheld", 0.999999) in [tuple(row) for row in rows]
    anew = replace(delivery, versions=OnlyOwn(replace(served, holdout=GlobalHoldout(0.999999, salt="2027"))))
    await anew.deliver(asked.model_copy(update={"occurrence": 11}))
    experiments = await trial.database.pool.fetch("select experiment from exposure where experiment !~ '/' order by 1")
    assert [row[0] for row in experiments] == ["$holdout", "$holdout 2027"], "another salt draws others, and begins anew"


async def test_both_arms_of_a_journeys_holdout_are_written_down_when_it_is_first_asked(trial: Shop) -> None:
    await trial.signs_up("ana")
    await finish(trial, "held_out_of_both")
    first = await trial.database.pool.fetch("select experiment, arm, exposed_at from exposure order by experiment")
    assert [(row["experiment"], row["arm"]) for row in first] == [("$holdout/held_out_of_both", "withheld")]
    run = await start(trial, "held_out")
    for occurrence in (8, 9):
        await trial.parts.delivery.deliver(request(run, occurrence=occurrence))
    rows = await trial.database.pool.fetch("select experiment, arm from exposure order by experiment")
    assert [tuple(row) for row in rows] == [("$holdout/held_out", "withheld"), ("$holdout/held_out_of_both", "withheld")]


async def test_whom_a_holdout_withholds_goes_the_way_of_an_arm_and_counts_in_none(trial: Shop) -> None:
    """They see neither arm's messages, whatever is drawn: counted, they would make any effect smaller than it is."""
    await trial.signs_up("ana")
    own, questions = trial.parts.library.own, trial.parts.questions
    companys = replace(questions, versions=OnlyOwn(replace(own, holdout=NEARLY_ALL)))
    urgent = {name: replace(spec, purpose=Purpose.TRANSACTIONAL) for name, spec in own.specs.items()}
    needed = replace(questions, versions=OnlyOwn(replace(own, specs=urgent, holdout=NEARLY_ALL)))
    of_journey, of_company = await start(trial, "held_out"), await start(trial, "experiments")
    await trial.closed(of_company)
    await trial.database.pool.execute("delete from exposure")

    async def asks(whom: Questions, run: Run) -> tuple[str, list[str]]:
        asked = Arm(run_id=run.id, at=run.entered_at, experiment="words", shares={"few": 0.5, "many": 0.5})
        arms = {await whom.arm(asked) for _ in range(2)}
        return arms.pop(), [row["arm"] for row in await trial.database.pool.fetch("select arm from exposure")]

    drawn, exposed = await asks(questions, of_journey)
    assert not exposed, "the journey's holdout"
    assert await asks(companys, of_company) == (drawn, []), "the company's, by the same lot"
    assert await asks(needed, of_company) == (drawn, [drawn]), "what is no marketing knows nothing of it"
    assert await asks(questions, of_journey) == (drawn, [drawn]), "who was in an arm before keeps it"


def test_arms_are_drawn_apart_from_every_holdout_so_that_leaving_it_out_favours_none() -> None:
    """By one name, too: of the customers of each arm as many are held out."""
    people, shares = [UUID(int=n) for n in range(8_000)], {"few": 0.5, "many": 0.5}
    half = replace(capped.spec, holdout=0.5)
    for held_out in (lambda who: is_held_out(half, who), lambda who: is_held_out_of_all(GlobalHoldout(0.5, half.name), who)):
        of_arm = {arm: [held_out(who) for who in people if lot(half.name, who, shares) == arm] for arm in shares}
        few, many = (sum(held) / len(held) for held in of_arm.values())
        assert abs(few - many) < 0.05, "four standard errors are 0.045"


def test_the_companys_holdout_is_drawn_apart_from_every_journeys() -> None:
    people = [UUID(int=n) for n in range(6_000)]
    half = replace(capped.spec, holdout=0.5)
    company = {each for each in people if is_held_out_of_all(GlobalHoldout(0.2), each)}
    other = {each for each in people if is_held_out_of_all(GlobalHoldout(0.2, salt="2027"), each)}
    assert 0.18 < len(company) / len(people) < 0.22
    assert 0.45 < sum(is_held_out(half, each) for each in company) / len(company) < 0.55
    assert 0.15 < len(company & other) / len(company) < 0.25
    assert company < {each for each in people if is_held_out_of_all(GlobalHoldout(0.3), each)}, (
        "a larger one keeps who was in it"
    )
