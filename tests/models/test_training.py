"""A model fitted to the past and judged by what came later; and its card by another calculation."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from models.planted import planted
from sklearn.calibration import calibration_curve

from segments.errors import DefinitionError
from segments.models import propensity
from segments.models.card import Measures, importance
from segments.models.propensity import Propensity
from segments.models.stored import Kept
from segments.models.training import Cut, cuts, train

NOW, MONTH = datetime(2026, 11, 30, tzinfo=UTC), timedelta(days=30)


def cut(seed: int, count: int = 4_000, *, season: float = 0.0) -> Cut:
    shop = planted(count, seed, season=season)
    return Cut(NOW - MONTH * (4 - seed), shop.table, shop.came)


def test_cuts_are_old_enough_to_know_what_came_and_no_older_than_what_is_known() -> None:
    assert cuts(NOW, MONTH, NOW - 99 * MONTH) == [NOW - MONTH * part for part in (2.5, 2, 1.5, 1)]
    assert cuts(NOW, MONTH, NOW - MONTH * 1.6) == [NOW - MONTH * 1.5, NOW - MONTH]
    with pytest.raises(DefinitionError, match="looks 30 days ahead, but nothing is that old"):
        cuts(NOW, MONTH, NOW - MONTH)


def test_who_judges_was_not_seen() -> None:
    """Outcomes of the newest cut that are turned round change what calibrates and judges, and not the fit."""
    older, newest = [cut(1), cut(2)], cut(3)
    turned = Cut(newest.as_of, newest.table, 1 - newest.came)
    one, other = train([*older, newest]), train([*older, turned])
    assert one.model.curves == other.model.curves
    told = [each.measures.auc or 0 for each in (one, other)]
    assert told[0] > 0.75, "as it was planted"
    assert told[1] < 0.55, "calibration only rises, so what ranks the wrong way round ranks nothing"
    assert (one.fitted, one.calibrated + one.measures.people) == (8_000, 4_000)
    assert one.window == (older[0].as_of, older[1].as_of)
    assert one.judged_as_of == newest.as_of


def test_a_season_is_caught_up_with_by_the_newest_cut() -> None:
    found = train([cut(1), cut(2), cut(3, 20_000, season=0.7)])
    assert found.measures.calibration_error < 0.02


def test_one_cut_is_enough_and_the_same_cuts_make_the_same_model() -> None:
    one = train([cut(1)])
    assert Kept.of(one.model) == Kept.of(train([cut(1)]).model)
    assert one.fitted + one.calibrated + one.measures.people == 4_000


def test_a_fit_that_did_not_come_to_its_end_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    shop = planted(6_000, seed=3)
    cut = Cut(NOW, shop.table, shop.came)
    assert train([cut]).to_json()["converged"]
    monkeypatch.setattr(propensity, "_ITERATIONS", 1)
    assert not train([cut]).to_json()["converged"]


def test_windows_that_hold_the_same_events_do_not_keep_a_fit_from_its_end() -> None:
    """As in a shop that is younger than a year: so many orders of a year, of ever."""
    shop = planted(20_000, seed=4)
    orders = shop.table["orders"]
    table = shop.table | {f"orders_{n}": np.where(orders > 9, orders + n, orders) for n in range(4)}
    model = Propensity.fit(table, shop.came)
    assert model.converged
    alone = Propensity.fit(shop.table, shop.came)
    assert np.abs(model.at(table) - alone.at(shop.table)).mean() < 0.003


def test_too_few_people_are_told() -> None:
    with pytest.raises(DefinitionError, match="is of 90 people"):
        train([cut(1, 90)])


@pytest.mark.parametrize("seed", range(6))
def test_where_nothing_foretells_nobody_is_certain_and_it_is_told(seed: int) -> None:
    """Coin flips: a few people of one outcome in a row at an end of the scores are no knowledge."""
    dice = np.random.default_rng(seed)

    def flips(count: int, n: int) -> Cut:
        return Cut(NOW - MONTH * (4 - n), {name: dice.normal(size=count) for name in "abcdef"}, dice.random(count) < 0.4)

    found = train([flips(600, n) for n in range(4)])
    scores = found.model.at(flips(5_000, 0).table)
    assert 0.15 < scores.min() <= scores.max() < 0.75
    assert not found.measures.informs
    assert train([cut(1), cut(2)]).measures.informs, "where it was planted, that is told, too"


def test_measures_are_those_of_another_calculation() -> None:
    shop = planted(20_000, 5)
    found = Measures.of(shop.truth, shop.came)
    came, foretold = calibration_curve(shop.came, shop.truth, n_bins=10, strategy="quantile")
    assert [group.foretold for group in found.calibration] == pytest.approx(list(foretold), abs=1e-9)
    assert [group.came for group in found.calibration] == pytest.approx(list(came), abs=1e-9)
    assert found.brier == pytest.approx(float(np.mean((shop.truth - shop.came) ** 2)))
    positive, negative = shop.truth[shop.came == 1][:500], shop.truth[shop.came == 0][:3_000]
    assert found.auc == pytest.approx(float(np.mean(positive[:, None] > negative[None, :])), abs=0.03)
    assert Measures.of(np.array([0.2, 0.3]), np.zeros(2)).auc is None


def test_what_mattered_when_it_was_planted_is_important() -> None:
    shop = planted(30_000, 6)
    found = train([Cut(NOW, shop.table, shop.came)])
    weights = importance(found.model, shop.table, shop.came)
    assert [*weights][:1] == ["days"]
    assert list(weights.values()) == sorted(weights.values(), reverse=True)
    assert all(weights[f"nothing_{n}"] < weights["days"] / 20 for n in range(3))
