"""Kinds of customers: planted ones are found, keep their numbers and names over fits, and are told in words (ML-06)."""

import numpy as np
import pytest
from models.cdnow import Floats

from segments.errors import DefinitionError
from segments.models.kinds import Kinds, Scale, agreement, in_words
from segments.models.stored import Kept

SINCE = ["days_since_order"]


def planted(count: int, seed: int, later: float = 0.0) -> tuple[dict[str, Floats], Floats]:
    """Regulars, now-and-thens and sleepers, with strays among them; and which each is."""
    dice = np.random.default_rng(seed)
    which = dice.integers(0, 3, count)
    days = np.choose(which, [dice.exponential(8, count), 30 + dice.exponential(20, count), 200 + dice.exponential(60, count)])
    orders = np.choose(which, [8 + dice.poisson(9, count), 2 + dice.poisson(2, count), 1 + dice.poisson(0.4, count)]) * 1.0
    spent = orders * np.choose(which, [dice.gamma(4, 20, count), dice.gamma(4, 9, count), dice.gamma(4, 8, count)])
    spent[:3] = 1e7
    days[dice.random(count) < 0.01] = np.nan
    return {"days_since_order": days + later, "orders": orders, "spent_90d": spent}, which


def test_ml_06_planted_kinds_are_found_and_strays_are_no_kind() -> None:
    table, which = planted(6000, 1)
    model = Kinds.fit(table, (3,), SINCE)
    assert agreement(model.of(table), which) > 0.85
    assert min(np.bincount(model.of(table))) > 1500
    assert "high value, often, recent" in model.kinds
    assert Kept.of(model).model() == model
    best = Kinds.fit(table, range(2, 6), SINCE)
    assert 2 <= len(best.kinds) <= 5


def test_ml_06_a_fit_of_another_week_and_another_chance_keeps_numbers_and_names() -> None:
    table, _ = planted(6000, 1)
    first = Kinds.fit(table, (3,), SINCE)
    for seed in range(2, 7):
        later, _ = planted(6000, seed, later=3.0)
        again = Kinds.fit(later, (3,), SINCE, before=first, seed=seed)
        assert {name: each.id for name, each in again.kinds.items()} == {name: each.id for name, each in first.kinds.items()}
        same = np.array([*first.kinds])[first.of(later)] == np.array([*again.kinds])[again.of(later)]
        assert same.mean() > 0.9
    without = {tuple(Kinds.fit(planted(6000, seed)[0], (3,), SINCE, seed=seed).of(table)[:50]) for seed in range(2, 7)}
    assert len(without) > 1, "without the former model the order is chance"


def test_ml_06_a_kind_more_is_a_new_one_and_one_less_is_gone_for_ever() -> None:
    table, _ = planted(6000, 1)
    three = Kinds.fit(table, (3,), SINCE)
    four = Kinds.fit(table, (4,), SINCE, before=three)
    assert set(three.kinds) < set(four.kinds)
    assert (max(each.id for each in four.kinds.values()), four.next) == (4, 5)
    two = Kinds.fit(table, (2,), SINCE, before=four)
    assert set(two.kinds) < set(four.kinds)
    assert two.next == 5, "no number is given twice"


def test_a_scale_is_the_share_who_have_less() -> None:
    scale = Scale.of(np.array([0.0] * 50 + list(range(1, 51))))
    assert scale.at(np.array([-5.0, 0.0, 50.0, np.nan]), 1.0) == pytest.approx([0.0, 0.26, 1.0, 1.0], abs=0.03)
    places = scale.at(np.linspace(-1, 60, 500), 0.0)
    assert (np.diff(places) >= 0).all()


def test_words_name_each_feature_once() -> None:
    assert in_words({"orders_30d": 0.9, "orders_90d": 0.95, "days_since_order": 0.2, "spent": 0.55}) == ["often", "recent"]
    assert in_words({"days_since_product_viewed": 0.1, "points": 0.95}) == ["much points", "product viewed lately"]
    assert in_words({"orders": 0.5}) == ["like most"]


def test_who_cannot_be_sorted_is_told() -> None:
    with pytest.raises(DefinitionError, match="needs 50 for each of 3 kinds"):
        Kinds.fit({"orders": np.arange(100.0)}, (3,))
    with pytest.raises(DefinitionError, match="all alike"):
        Kinds.fit({"orders": np.ones(500)}, (3,))
