"""Probabilities against those that were planted, against LightGBM's, and what can be read off a model."""

import json
from functools import cache

import lightgbm
import numpy as np
import pytest
from models.planted import Floats, Planted, planted
from sklearn.metrics import roc_auc_score

from segments.errors import DefinitionError
from segments.models.lifetime import Orders, Value
from segments.models.propensity import Curve, Propensity, Steps
from segments.models.stored import MOST_CHARACTERS, Kept, Lifetime, _hash


@cache
def shop() -> tuple[Planted, Planted, Planted]:
    """To fit, to calibrate, to be judged by."""
    whole = planted(250_000, seed=1)
    return whole.rows(0, 100_000), whole.rows(100_000, 150_000), whole.rows(150_000, 250_000)


@cache
def fitted() -> Propensity:
    learn, later, _ = shop()
    return Propensity.fit(learn.table, learn.came).calibrated(later.table, later.came)


def test_it_ranks_as_well_as_lightgbm() -> None:
    learn, _, judge = shop()
    columns = np.stack(list(learn.table.values()), axis=1)
    trees = lightgbm.LGBMClassifier(n_estimators=200, num_leaves=31, learning_rate=0.05, n_jobs=1, verbose=-1)
    trees.fit(columns, learn.came)
    theirs = trees.predict_proba(np.stack(list(judge.table.values()), axis=1))[:, 1]
    ours = roc_auc_score(judge.came, fitted().at(judge.table))
    assert ours > roc_auc_score(judge.came, theirs) - 0.005
    assert ours > roc_auc_score(judge.came, judge.truth) - 0.005, "and nearly as well as who knows the truth"


def test_its_probabilities_are_true_ones() -> None:
    *_, judge = shop()
    assert off(fitted().at(judge.table), judge.truth) <= 0.005


def test_calibration_mends_another_season_and_ranks_the_same() -> None:
    """A model that was fitted when twice as many left is wrong by much, until it sees what came of people in between."""
    learn, *_ = shop()
    winter = planted(60_000, seed=2, season=0.7)
    later, judge = winter.rows(0, 20_000), winter.rows(20_000, 60_000)
    model = Propensity.fit(learn.table, learn.came)
    before, after = model.at(judge.table), model.calibrated(later.table, later.came).at(judge.table)
    assert off(before, judge.truth) > 0.05
    assert off(after, judge.truth) < 0.012
    assert roc_auc_score(judge.came, after) == pytest.approx(roc_auc_score(judge.came, before), abs=0.002)


def test_each_score_is_the_sum_of_its_reasons() -> None:
    *_, judge = shop()
    model = Propensity(fitted().middle, fitted().curves)
    few = judge.rows(0, 50).table
    parts = model.parts(few)
    lean = model.middle + sum(parts.values())
    assert model.at(few) == pytest.approx(1 / (1 + np.exp(-lean)))
    spread = {name: float(np.std(model.parts(judge.table)[name])) for name in judge.table}
    assert max(spread, key=spread.__getitem__) == "days", "what mattered most when it was planted"
    assert all(spread[f"nothing_{n}"] < spread["days"] / 15 for n in range(3))


def test_what_is_not_known_has_an_effect_of_its_own() -> None:
    curve = fitted().curves["since_ticket"]
    assert curve.at(np.array([0.0])) > curve.at(np.array([np.nan])) + 0.5, "a ticket of today, or none"
    assert curve.at(np.array([-5.0])) == curve.effects[0], "level outside"
    empty = Propensity.fit({"never": np.full(200, np.nan)}, np.tile([0.0, 1.0], 100))
    assert empty.at({"never": np.array([np.nan, 3.0])}) == pytest.approx([0.5, 0.5], abs=0.01)


def test_a_feature_that_is_left_out_moves_nothing() -> None:
    """ML-09: whatever its value."""
    learn, _, judge = shop()
    without = {name: values for name, values in learn.rows(0, 20_000).table.items() if name != "age"}
    model = Propensity.fit(without, learn.came[:20_000])
    shuffled = judge.table | {"age": np.random.default_rng(0).permutation(judge.table["age"])}
    assert (model.at(judge.table) == model.at(shuffled)).all()
    assert (fitted().at(judge.table) != fitted().at(shuffled)).any(), "the test could fail"


def test_the_same_rows_are_the_same_model() -> None:
    learn, *_ = shop()
    few = learn.rows(0, 5_000)
    assert Kept.of(Propensity.fit(few.table, few.came)) == Kept.of(Propensity.fit(few.table, few.came))


def test_too_few_are_told() -> None:
    with pytest.raises(DefinitionError, match="true for 3 of 100 people"):
        Propensity.fit({"x": np.arange(100.0)}, (np.arange(100) < 3).astype(np.float64))


def test_a_model_that_was_kept_is_the_same_to_the_last_digit() -> None:
    *_, judge = shop()
    kept = Kept.of(fitted())
    again = Kept(kept.family, str(kept.text), kept.sha256).model()
    assert isinstance(again, Propensity)
    assert (again.at(judge.table) == fitted().at(judge.table)).all()
    assert len(kept.text) < 30_000


POISON = {
    "code in the place of a number": lambda plain: plain | {"middle": "__import__('os').system('id')"},
    "a pickle": lambda plain: plain | {"curves": "gASVGAAAAAAAAACMBXBvc2l4lIwGc3lzdGVtlJOU"},
    "one name more": lambda plain: plain | {"run": 1},
    "one name less": lambda plain: {"middle": plain["middle"]},
    "a truth": lambda plain: plain | {"middle": True},
    "places that fall": lambda plain: plain | {"curves": {"x": {"places": [2.0, 1.0], "effects": [0.0, 0.0], "unknown": 0.0}}},
    "an effect too few": lambda plain: plain | {"curves": {"x": {"places": [1.0, 2.0], "effects": [0.0], "unknown": 0.0}}},
    "no probability": lambda plain: plain | {"calibration": {"foretold": [0.0, 1.0], "came": [0.0, 1.5]}},
    "a list": lambda plain: [plain],
    "nothing": lambda plain: plain and None,
}


@pytest.mark.parametrize("poison", POISON.values(), ids=POISON)
def test_a_poisoned_row_is_refused(poison: object) -> None:
    plain = json.loads(Kept.of(Propensity(0.0, {"x": Curve((1.0, 2.0), (0.1, 0.2), 0.0)}, Steps((0.0, 1.0), (0.1, 0.9)))).text)
    assert Kept("propensity", json.dumps(plain), _hash(json.dumps(plain))).model(), "as it was it is taken"
    text = json.dumps(poison(plain))  # type: ignore[operator]
    with pytest.raises(DefinitionError, match="model"):
        Kept("propensity", text, _hash(text)).model()


@pytest.mark.parametrize(
    ("kept", "says"),
    [
        (lambda k: Kept(k.family, k.text.replace("0.1", "0.2", 1), k.sha256), "sha256 differs"),
        (lambda k: Kept("pickle", k.text, k.sha256), "family that is not known"),
        (lambda k: Kept("lifetime", k.text, k.sha256), "does not read"),
        (lambda k: Kept(k.family, "[" * 100_000, _hash("[" * 100_000)), "does not read"),
        (lambda k: Kept(k.family, '{"middle": NaN}', _hash('{"middle": NaN}')), "does not read"),
        (lambda k: Kept(k.family, " " * (MOST_CHARACTERS + 1), ""), "characters long"),
    ],
)
def test_what_is_not_ours_is_refused(kept: object, says: str) -> None:
    with pytest.raises(DefinitionError, match=says):
        kept(Kept.of(Propensity(0.1, {"x": Curve((1.0,), (0.0,), 0.0)}))).model()  # type: ignore[operator]


def test_parameters_of_a_lifetime_are_kept_too() -> None:
    model = Lifetime(Orders(0.5, 6.2, 0.9, 1.6), Value(6.25, 3.74, 15.44))
    assert Kept.of(model).model() == model
    text = Kept.of(model).text.replace("6.2,", "-6.2,")
    with pytest.raises(DefinitionError, match="model"):
        Kept("lifetime", text, _hash(text)).model()


def off(foretold: Floats, truth: Floats, groups: int = 20) -> float:
    """The calibration error: how far groups of alike scores are from the truth, by people."""
    parts = np.array_split(np.argsort(foretold), groups)
    return float(sum(len(rows) * abs(foretold[rows].mean() - truth[rows].mean()) for rows in parts) / len(foretold))
