"""A prediction's holdout: who is let in and left alone, in both arms alike, and whether acting helps, by bands of the score."""

import json
from uuid import UUID

import numpy as np
import pytest
from predicting.conftest import DAY, HELD, Planted, console_page
from predicting.test_journey import known

from activities.predicting import acting
from activities.predicting.acting import look_at_whom_it_helps
from journeys.catalogue import load
from journeys.entry import is_held_out, left_alone
from segments.models import propensity, uplift
from segments.predictions.prediction import Prediction
from store.customers.erasure import begin, purge
from tests.command_line import in_thread

PREDICTIONS, OWN = "$prediction/churn", "$holdout/retention"


async def test_a_share_of_whom_a_prediction_lets_in_is_left_alone_by_all_journeys_and_counts_from_the_gate(
    held: Planted,
) -> None:
    """Nobody of the prediction's holdout is in an arm of the journey's, nor the other way round."""
    shop = held.shop
    await held.people(400)
    who = [await known(held, f"user-{n}") for n in range(24)]
    for n, each in enumerate(who):
        await shop.does(f"user-{n}", "Application Opened")
        held.orders += [(held.opened - day * DAY, each, 40.0) for day in range(120, 55, -5)]
    held.orders.sort()
    await held.pass_until(0)
    await held.train()
    scores = await held.scores()
    who = [each for each in who if scores[each] >= 0.7]
    assert len(who) >= 15
    await shop.look()
    for name in ("retention", "another"):
        for run in await shop.runs(name):
            if run.profile_id in who:
                await shop.over(run)
    spec = load(HELD).journeys["retention"].spec
    left = {each for each in who if left_alone({"churn": 0.4}, each)["churn"].held}
    own = {each for each in who if is_held_out(spec, each)}
    assert 1 <= len(left) < len(who)
    states = await held.database.pool.fetch("select profile_id, journey, state, reason, detail from delivery")
    got = {(row["profile_id"], row["journey"]): row for row in states}
    for each in who:
        assert got[each, "retention"]["state"] == ("withheld" if each in left | own else "sent")
        assert got[each, "another"]["state"] == ("withheld" if each in left else "sent"), "the same lot in every journey"
    alone = next(iter(left - own))
    assert got[alone, "retention"]["detail"] == {"prediction": "churn", "fraction": 0.4}

    rows = await held.database.pool.fetch("select * from exposure where profile_id = any($1::uuid[])", who)
    arms = {(row["experiment"], row["profile_id"]): row for row in rows}
    for each in who:
        mine, its = arms.get((PREDICTIONS, each)), arms.get((OWN, each))
        assert (its is None) == (each in left), "by the journey, which has a holdout of its own"
        assert mine is not None, "by the other journey, of whom the first one leaves alone"
        assert (mine["arm"], mine["share"]) == (("withheld", 0.4) if each in left else ("written to", 0.6))
        assert (mine["score"], mine["model"], mine["came"]) == (scores[each], 1, None)
    assert {arms[PREDICTIONS, each]["run_id"] for each in left - own} == {
        run.id for run in await shop.runs("retention") if run.profile_id in left - own
    }, "once, by the run that came first"
    assert PREDICTIONS in {each.name for each in shop.parts.library.own.compared}, "in the report of experiments, by its shares"
    why = (await shop.operate("GET", f"/v1/journeys/retention/why-not?customer_id={alone}")).json()
    assert "is left alone by the prediction churn (40%)" in json.dumps(why)


async def test_acting_helps_where_it_was_planted_and_nowhere_else(
    held: Planted, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who has 90 % and more is brought back by a message, who has less is not; each counts once their horizon has passed."""
    await held.people(1_800, leaving=0.2)
    await held.pass_until(0)
    await held.train()
    scores = {who: score for who, score in (await held.scores()).items() if score >= 0.7}
    dice, at = np.random.default_rng(5), held.shop.clock.now()
    high = sum(each >= 0.9 for each in scores.values())
    assert min(high, 4 * (len(scores) - high)) > 200, "people enough of both: how many are where, no two runs share"
    for who, score in scores.items():
        arm = "withheld" if dice.random() < 0.4 else "written to"
        await held.database.pool.execute(
            "insert into exposure (experiment, profile_id, arm, share, exposed_at, score) values ($1, $2, $3, $4, $5, $6)",
            *(PREDICTIONS, who, arm, 0.4 if arm == "withheld" else 0.6, at, score),
        )
        if dice.random() < (0.6 if arm == "written to" and score >= 0.9 else 0.15):
            held.orders.append((at + float(dice.uniform(0.5, 29)) * DAY, who, 30.0))
    held.orders[held.told :] = sorted(held.orders[held.told :])
    await held.pass_until(29)
    await held.score()
    early = (await held.shop.operate("GET", "/v1/models/churn")).json()["acting"]
    assert (early["all"]["written"], early["exposed"].keys()) == (0, {"withheld", "written to"})
    assert early["sentences"][0].startswith(
        "It may not be concluded yet whether written to changes the share of whom it comes true"
    )
    await held.pass_until(31)
    await held.score()
    found = (await held.shop.operate("GET", "/v1/models/churn")).json()["acting"]
    assert (found["all"]["decision"], found["all"]["written"] + found["all"]["withheld"]) == ("lower", len(scores))
    decisions = {each["low"]: each["decision"] for each in found["bands"]}
    assert decisions.pop(0.9) == "lower"
    assert set(decisions.values()) <= {"open", "early"}
    assert (
        "It may be concluded that written to lowers the share of whom it comes true against withheld" in found["sentences"][0]
    )
    assert "That it is not shown of the others does not say that it is another there." in " ".join(found["sentences"])

    rows = await held.database.pool.fetch("select profile_id, came from exposure where came is not null")
    orders = {(who, at) for at, who, _ in held.orders}
    for row in rows:
        assert row["came"] is not any(who == row["profile_id"] and at < when <= at + 30 * DAY for who, when in orders)

    await whom_it_helps_is_told(held, monkeypatch)

    page = await console_page(held.shop, "/console/models/churn")
    assert "Does acting on it help?" in page
    assert found["sentences"][0] in page
    done = await in_thread("models", "show", "churn", database_url=dsn, catalogue=HELD, path=("tests",))
    assert done.returncode == 0, done.stderr
    for part in (
        "Does acting on it help? 40 %",
        "Writing to the best first (Qini",
        "90-100 %",
        "lowers the share of whom it comes true",
    ):
        assert part in done.stdout, done.stdout
    ana = UUID(str(rows[0]["profile_id"]))
    now = held.shop.clock.now()
    (export,) = (await held.shop.operate("GET", f"/v1/profiles/{ana}/export")).json()["experiments"]
    assert (export["score"], export["came_true"]) == (scores[ana], rows[0]["came"])
    erasure = await begin(held.database, ana, lambda _, address: address.encode(), by="test", at=now)
    assert erasure is not None
    await purge(held.database, erasure.id, now)
    left = await held.database.pool.fetchrow("select score, model, came from exposure where profile_id = $1", ana)
    assert left is not None
    assert tuple(left) == (None, None, None)


async def whom_it_helps_is_told(held: Planted, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of too few it is told how many are lacking; of enough (fewer do here) the curve, by what was known at the exposure."""
    churn = held.shop.parts.catalogue.predictions["churn"]
    assert isinstance(churn, Prediction)
    await look_at_whom_it_helps(held.database, churn)
    lacks = (await held.shop.operate("GET", "/v1/models/churn")).json()["acting"]["uplift"]
    assert lacks["sentence"].startswith("Who is persuadable cannot be said yet: uplift: of those ")
    assert "takes 100 for whom it did and 100 for whom not" in lacks["sentence"]
    monkeypatch.setattr(uplift, "NEEDED", 8)
    monkeypatch.setattr(propensity, "FEWEST", 2)
    monkeypatch.setattr(acting, "_WRITTEN", 160)
    monkeypatch.setattr(acting, "_WITHHELD", 120)
    await look_at_whom_it_helps(held.database, churn)
    ranked = (await held.shop.operate("GET", "/v1/models/churn")).json()["acting"]["uplift"]
    assert (ranked["people"], ranked["withheld"], ranked["fewer"]) == (280, 120, True)
    assert ranked["curve"][0] == [0.0, 0.0]
    assert ranked["curve"][-1] == [1.0, pytest.approx(abs(ranked["effect"]), abs=1e-9)]
    assert {each["feature"] for each in ranked["who"]} <= {each.name for each in churn.features}
