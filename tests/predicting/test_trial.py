"""ML-11: another family on trial by a share of the customers, judged by pairs, and decided once by a rule that was declared."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from predicting.conftest import Planted, trained
from predicting.test_attributes import CHURN, audit

from activities.predicting.trying import comes_to
from segments.errors import DefinitionError
from segments.predictions.prediction import Prediction, Trial
from store import Database, predictions
from store.measuring.trials import TrialRow

AT = datetime(2026, 3, 2, tzinfo=UTC)
TRIED = "predicting.tried_catalogue"
RULE = TrialRow("trees", 0.2, 4_000, AT, 1, None, None, 0, 0.0, 0.0, None)


async def test_ml_11_customers_are_divided_by_lot_judged_in_pairs_and_decided_once(
    database: Database, dsn: str, temporal_address: str, tmp_path: Path
) -> None:
    async with trained(database, dsn, temporal_address, tmp_path, TRIED) as planted:
        await on_trial(planted)


def by_version(kept: Mapping[int, Any], family: str) -> int:
    return next(version for version, each in kept.items() if each.family == family)


async def on_trial(planted: Planted) -> None:
    await planted.people(900)
    await planted.pass_until(0)
    assert "it is champion" in await planted.train()
    kept = {each.version: each for each in await predictions.models(planted.database, "churn")}
    assert {each.state: each.family for each in kept.values()} == {"champion": "propensity", "trial": "trees"}
    rows = await planted.database.pool.fetch("select profile_id, version from prediction_score")
    by = {row["profile_id"]: kept[row["version"]].family for row in rows}
    tried = [who for who, family in by.items() if family == "trees"]
    assert 0.3 < len(tried) / len(by) < 0.5
    (why,) = (await planted.shop.operate("GET", f"/v1/profiles/{tried[0]}/scores")).json()["scores"]
    assert (why["version"], why["unexplained"], bool(why["reasons"])) == (by_version(kept, "trees"), None, True)
    crossed = (
        "select distinct profile_id, (properties ->> 'version')::integer as version from event where type like '$crossed:%'"
    )
    for row in await planted.database.pool.fetch(crossed):
        assert kept[row["version"]].family == by[row["profile_id"]], "an entry tells which model let them in"
    view = (await planted.shop.operate("GET", "/v1/models/churn")).json()["trial"]
    assert (view["decision"], view["judged"], view["scored"]["trees"]) == (None, 0, len(tried))
    assert view["sentence"].startswith("Nobody has been judged by both yet")
    for day in range(1, 20):
        await planted.pass_until(day)
        await planted.score()
        view = (await planted.shop.operate("GET", "/v1/models/churn")).json()["trial"]
        if view["decision"] is not None:
            break
        assert (
            await planted.database.pool.fetchval(
                "select count(*) from prediction_score s join prediction_model m using (prediction, version)"
                " where m.family = 'trees' and s.profile_id = any($1::uuid[])",
                [who for who, family in by.items() if family == "propensity"],
            )
            == 0
        ), "nobody goes over to the other one while it goes on"
    assert view["judged"] >= 100
    assert view["decision"] == "not shown" or abs(view["difference"]) > view["half"]
    assert view["judged"] >= 150 or view["decision"] != "not shown"
    (decided,) = await audit(planted, "trial")
    assert decided["verb"] == "decide"
    assert decided["became"]["decision"] == view["decision"]
    assert decided["became"]["people"] == view["judged"]
    won = "trees" if view["decision"] == "challenger" else "propensity"
    await planted.train()
    (champion,) = [each for each in await predictions.models(planted.database, "churn") if each.state == "champion"]
    assert champion.family == won
    assert not [each for each in await predictions.models(planted.database, "churn") if each.state == "trial"]
    again = (await planted.shop.operate("GET", "/v1/models/churn")).json()["trial"]
    assert (again["decision"], again["decided_at"]) == (view["decision"], view["decided_at"])


def test_ml_11_where_neither_is_better_five_of_a_hundred_trials_at_most_say_so_and_the_stop_rule_ends_them() -> None:
    dice, wrong, ends = np.random.default_rng(1), 0, set()
    for _ in range(300):
        row = RULE
        while (decision := comes_to(row)) is None:
            apart = dice.normal(0, 0.3, 100)
            row = replace(
                row,
                judged=row.judged + 100,
                difference=row.difference + float(apart.sum()),
                squares=row.squares + float((apart**2).sum()),
            )
        wrong += decision != "not shown"
        ends.add(row.judged if decision == "not shown" else 0)
    assert wrong <= 15
    assert ends <= {0, 4_000}


def test_ml_11_a_better_family_wins_and_a_worse_one_loses_before_the_end() -> None:
    dice = np.random.default_rng(2)
    for mean, wins in ((-0.05, "challenger"), (0.05, "champion")):
        apart = dice.normal(mean, 0.3, 2_000)
        row = replace(RULE, judged=2_000, difference=float(apart.sum()), squares=float((apart**2).sum()))
        assert comes_to(row) == wins
    assert comes_to(replace(RULE, judged=50, difference=-50.0, squares=50.0)) is None, "of too few nothing is said"


@pytest.mark.parametrize(
    ("trial", "family", "why"),
    [
        (Trial("forest"), "propensity", "not 'forest' beside"),
        (Trial("propensity"), "propensity", "beside the other one"),
        (Trial("trees"), "both", "beside 'both'"),
        (Trial("trees", share=0.9), "propensity", "up to 0.5"),
        (Trial("trees", people=10), "propensity", "100 people or more"),
    ],
)
def test_ml_11_a_trial_that_cannot_be_is_refused(trial: Trial, family: str, why: str) -> None:
    with pytest.raises(DefinitionError, match=why):
        replace(CHURN, challenger=trial, family=family)


def test_ml_11_a_trial_reads_back_from_json() -> None:
    told = replace(CHURN, challenger=Trial("trees", share=0.1, people=1_000))
    assert Prediction.from_json(told.to_json()).challenger == told.challenger
