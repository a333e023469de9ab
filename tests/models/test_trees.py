"""LightGBM's trees as they are kept: the same scores again, and nothing that our fit has not written gets to the library."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256

import lightgbm
import numpy as np
import pytest
from models.planted import planted
from sklearn.metrics import roc_auc_score

from activities.predicting.guard import Drift
from segments import did
from segments.errors import DefinitionError
from segments.models.propensity import Propensity
from segments.models.stored import Kept
from segments.models.training import Cut, train
from segments.models.trees import Trees
from segments.predictions.features import DaysSince, Feature
from segments.predictions.reasons import reasons
from segments.predictions.trees import effects, read
from store.predictions import Outcome

AT = datetime(2026, 3, 2, tzinfo=UTC)


@cache
def fitted() -> Trees:
    shop = planted(20_000, seed=1)
    learn, later = shop.rows(0, 15_000), shop.rows(15_000, 20_000)
    return Trees.fit(learn.table, learn.came).calibrated(later.table, later.came)


def test_what_is_kept_says_the_same_again() -> None:
    kept = Kept.of(fitted())
    assert (kept.family, len(kept.text) < 4_000_000) == ("trees", True)
    again, judge = kept.model(), planted(5_000, seed=2)
    assert isinstance(again, Trees)
    assert np.array_equal(again.at(judge.table), fitted().at(judge.table))
    assert roc_auc_score(judge.came, again.at(judge.table)) > roc_auc_score(judge.came, judge.truth) - 0.02
    assert Kept.of(Trees.fit(planted(2_000, seed=3).table, planted(2_000, seed=3).came)) == Kept.of(
        Trees.fit(planted(2_000, seed=3).table, planted(2_000, seed=3).came)
    ), "the same people make the same text"
    with pytest.raises(DefinitionError, match="sha256 differs"):
        replace(kept, text=kept.text.replace("0.05", "0.06", 1)).model()


def test_what_each_feature_does_is_what_lightgbm_itself_tells() -> None:
    """Exact Shapley values, where values are known, unknown, zero and beyond all that was seen."""
    model, shop = fitted(), planted(60, seed=9)
    rows = np.stack([shop.table[name] for name in model.features], axis=1)
    rows[10:20] = 0.0
    rows[20:30, ::2] = np.nan
    rows[30] = np.nan
    rows[31:33] = [[1e9], [-1e9]]
    theirs = lightgbm.Booster(model_str=model.text).predict(rows, pred_contrib=True, num_threads=1)
    ours = np.array([effects(read(model.text, len(model.features)), row) for row in rows.tolist()])
    assert np.abs(theirs[:, :-1]).max() > 1
    assert np.abs(ours - theirs[:, :-1]).max() < 1e-6


def test_zeros_and_what_is_not_known_go_where_lightgbm_has_them_go() -> None:
    """Each way in which a split may be told to treat them, of the same trees."""
    rows = np.array([[each] * 9 for each in (np.nan, 0.0, 1e-36, -1e-36, 1e-30, -2.0, 50.0)])
    for decision in ("0", "2", "4", "6", "8", "10"):
        text = line("decision_type", " ".join([decision] * 30))
        theirs = lightgbm.Booster(model_str=text).predict(rows, pred_contrib=True, num_threads=1)
        ours = np.array([effects(read(text, 9), row) for row in rows.tolist()])
        assert np.abs(ours - theirs[:, :-1]).max() < 1e-6, decision


def test_the_reasons_of_a_score_by_trees_are_told_in_the_words_of_curves() -> None:
    kept = Kept.of(fitted())
    features = [Feature(name, DaysSince(did(name))) for name in fitted().features]
    values = {name: float(values[0]) for name, values in planted(1, seed=11).table.items()} | {"days": 120.0, "orders": 1.0}
    told = reasons(kept.text, kept.sha256, features, values)
    (first, *_), effects_ = told, [abs(each.effect or 0) for each in told]
    assert (first.feature, first.value, effects_) == ("days", 120.0, sorted(effects_, reverse=True))
    assert first.words.startswith(f"{features[fitted().features.index('days')].of} is 120: raises the odds ")
    unknown = reasons(kept.text, kept.sha256, features, values | {"days": np.nan})
    assert "is not known" in next(each.words for each in unknown if each.feature == "days")
    with pytest.raises(DefinitionError, match="other features"):
        reasons(kept.text, kept.sha256, features[:3], values)
    with pytest.raises(DefinitionError, match="sha256"):
        reasons(kept.text.replace("0.05", "0.06", 1), kept.sha256, features, values)


def changed(was: str, now: str, count: int = 1) -> str:
    text = fitted().text
    assert was in text
    return text.replace(was, now, count)


def line(name: str, values: str) -> str:
    """The first line of this name with other values, and the size of its tree set right, as who forges would."""
    head, first, rest = fitted().text.partition("Tree=0\n")
    block, following = rest[: rest.index("Tree=1\n")], rest[rest.index("Tree=1\n") :]
    old = next(each for each in block.split("\n") if each.startswith(f"{name}="))
    size = len(first) + len(block)
    block = block.replace(old, f"{name}={values}", 1)
    return head.replace(f"tree_sizes={size} ", f"tree_sizes={len(first) + len(block)} ") + first + block + following


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (lambda: "", "does not end"),
        (lambda: fitted().text + "parameters:\n[forcedsplits_filename: /etc/passwd]\nend of parameters\n", "does not end"),
        (lambda: changed("version=v4", "version=v3"), "version=v3"),
        (lambda: changed("objective=binary sigmoid:1", "objective=custom"), "objective=custom"),
        (lambda: changed("num_class=1", "num_class=1000000"), "num_class"),
        (lambda: changed("max_feature_idx=8", "max_feature_idx=800"), "other features"),
        (lambda: changed("label_index=0\n", "label_index=0\nlinear_tree=1\n"), "another header"),
        (lambda: changed("tree_sizes=", "tree_sizes=9"), "other sizes"),
        (lambda: changed("num_leaves=31", "num_leaves=30"), "values of"),
        (lambda: line("num_cat", "1"), "categories"),
        (lambda: line("is_linear", "1"), "lines in its leaves"),
        (lambda: line("split_feature", " ".join(["99"] * 30)), "no feature"),
        (lambda: line("decision_type", " ".join(["1"] * 30)), "no known way"),
        (lambda: line("left_child", " ".join(["0"] * 30)), "leads out of it, back"),
        (lambda: line("left_child", " ".join(["999999"] * 30)), "leads out of it, back"),
        (lambda: line("right_child", " ".join(["-99"] * 30)), "leads out of it, back"),
        (lambda: line("leaf_value", " ".join(["nan"] * 31)), "where numbers of leaf_value"),
        (lambda: line("leaf_value", " ".join(["1e+999"] * 31)), "no numbers"),
        (lambda: line("threshold", "0 " * 5_000 + "0"), "values of threshold"),
        (lambda: line("shrinkage", "0.05\nevil=1"), "begin or end"),
        (lambda: line("leaf_count", " ".join(["0"] * 31)), "do not add up"),
        (lambda: line("internal_count", " ".join(["15000"] * 30)), "do not add up"),
        (lambda: changed("Tree=1\n", "Tree=7\n"), "begin or end"),
        (lambda: changed("tree\n", "tr\N{LATIN SMALL LETTER E WITH ACUTE}e\n"), "does not end"),
    ],
)
def test_show_5_a_text_that_our_fit_has_not_written_is_refused_before_the_library_sees_it(
    text: object, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The row's sha256 is right: whoever could write the row could write that, too."""
    poisoned = text()  # type: ignore[operator]
    plain = fitted().to_json() | {"trees": poisoned}
    kept = json.dumps(plain, sort_keys=True, separators=(",", ":"))
    monkeypatch.setattr("lightgbm.Booster", lambda **_: pytest.fail("the library was given it"))
    with pytest.raises(DefinitionError):
        Kept("trees", kept, sha256(kept.encode()).hexdigest()).model()
    with pytest.raises(DefinitionError, match=says):
        read(poisoned, 9)


def test_its_names_are_texts_and_nothing_else_is_in_it() -> None:
    for more in (
        {"features": [1] * 9},
        {"features": ["a"] * 9},
        {"more": "text"},
        {"calibration": {"foretold": ["0"], "came": [1]}},
    ):
        kept = json.dumps(fitted().to_json() | more, sort_keys=True, separators=(",", ":"))
        with pytest.raises(DefinitionError):
            Kept("trees", kept, sha256(kept.encode()).hexdigest()).model()


def test_of_both_families_the_curves_win_unless_trees_are_better_by_more_than_chance() -> None:
    shop = planted(9_000, seed=4)
    alike = train([Cut(AT, shop.table, shop.came)], ("propensity", "trees"))
    assert isinstance(alike.model, Propensity)
    assert alike.rival is not None
    assert (alike.rival["family"], alike.rival["people"]) == ("trees", alike.measures.people)
    dice = np.random.default_rng(5)
    one, other = dice.normal(size=9_000), dice.normal(size=9_000)
    crossed = (dice.random(9_000) < np.where(one * other > 0, 0.8, 0.2)).astype(np.float64)
    trees = train([Cut(AT, {"one": one, "other": other}, crossed)], ("propensity", "trees"))
    assert isinstance(trees.model, Trees), "what no curve can say"
    assert trees.rival is not None
    assert (trees.rival["family"], trees.rival["by_more_than_chance"]) == ("propensity", True)
    assert trees.to_json()["rival"]["log_loss"] > trees.measures.log_loss


def test_show_2_a_planted_season_is_caught_by_the_guard_and_not_by_psi() -> None:
    """More leave than before, of everybody alike: no feature looks any different, and only what came tells."""
    learn, winter = planted(30_000, seed=6), planted(20_000, seed=7, season=0.7)
    model = Propensity.fit(learn.table, learn.came)
    foretold, usual = model.at(winter.table), model.at(planted(4_000, seed=8).table)
    edges = np.quantile(usual, np.linspace(0, 1, 11))[1:-1]
    was, now = (np.bincount(np.searchsorted(edges, each), minlength=10) / len(each) for each in (usual, foretold))
    assert float(((now - was) * np.log(now / was)).sum()) < 0.02, "PSI says that nothing has changed"
    off = winter.came - foretold
    seen = Outcome(AT, len(off), float(foretold.sum()), float(winter.came.sum()), float((off * off).sum()), 0.0)
    drift = Drift.of([seen])
    assert drift is not None
    assert drift.beyond(0.05)
    same = planted(4_000, seed=8)
    fine = same.came - usual
    none = Drift.of([Outcome(AT, 4_000, float(usual.sum()), float(same.came.sum()), float((fine * fine).sum()), 0.0)])
    assert none is not None
    assert not none.beyond(0.05)
