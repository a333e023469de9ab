"""What customers bring within a time ahead, with its interval, of invented ones whose true parameters are known (ML-03)."""

import re
from datetime import timedelta

import numpy as np
import pytest
from models.cdnow import Floats

from segments.errors import DefinitionError
from segments.models.lifetime import Orders, Value
from segments.models.stored import Kept, Lifetime
from segments.models.worth import Purchases, compared, expected, fit, interval, tried

TRUE = Lifetime(Orders(0.9, 6.0, 0.8, 2.5), Value(4.0, 4.0, 45.0))
HALF_A_YEAR = timedelta(days=180)


def invented(count: int, seed: int) -> tuple[dict[str, Floats], Floats, Floats]:
    """Customers who do as the model says: what is known of them, and the orders and the money of the half year after."""
    dice, later = np.random.default_rng(seed), HALF_A_YEAR / timedelta(weeks=1)
    assert TRUE.value is not None
    rows = []
    for until in dice.uniform(10, 60, count):
        rate, leaves = dice.gamma(TRUE.orders.r, 1 / TRUE.orders.alpha), dice.beta(TRUE.orders.a, TRUE.orders.b)
        times = [0.0]
        while dice.random() >= leaves and (at := times[-1] + dice.exponential(1 / rate)) < until + later:
            times.append(at)
        money = dice.gamma(TRUE.value.p, 1 / dice.gamma(TRUE.value.q, 1 / TRUE.value.v), len(times))
        before = np.array(times) <= until
        last = until - np.array(times)[before][-1]
        rows.append((before.sum(), until * 7, last * 7, money[before].sum(), (~before).sum(), money[~before].sum()))
    table = np.array(rows).T
    return dict(zip(("purchases", "first", "last", "spent"), table, strict=False)), table[4], table[5]


def test_ml_03_of_five_customers_four_bring_what_lies_in_their_interval() -> None:
    """By the fitted parameters and by the true ones; the ends are where they are said to be, also each for itself."""
    columns, orders, money = invented(6000, seed=4)
    of = Purchases.of(columns)
    for model in (fit(of), TRUE):
        worth = expected(model, of, HALF_A_YEAR)
        assert worth.orders.sum() == pytest.approx(orders.sum(), rel=0.06)
        assert worth.value.sum() == pytest.approx(money.sum(), rel=0.08)
        low, high = interval(model, of, HALF_A_YEAR)
        assert ((low <= money) & (money <= high)).mean() >= 0.8
        some = high > 0  # of the others nothing is likelier than nothing
        assert (money <= high)[some].mean() == pytest.approx(0.9, abs=0.02)
        sure = low > 0
        assert (money >= low)[sure].mean() == pytest.approx(0.9, abs=0.06)


def test_ml_03_a_trial_tells_groups_and_how_much_better_than_one_amount_for_all_it_is() -> None:
    columns, orders, money = invented(3000, seed=5)
    of = Purchases.of(columns)
    trial = tried(TRUE, of, orders, money, HALF_A_YEAR)
    assert trial.naive == pytest.approx(money.std())
    assert trial.off < 0.75 * trial.naive
    assert 0 < trial.above < trial.people / 10, "of most nothing is among the likeliest"
    assert trial.inside_above == pytest.approx(0.8, abs=0.1)
    assert trial.inside_zero == pytest.approx(0.9, abs=0.02)
    assert re.fullmatch(
        r"of \d+ whose interval begins above 0, \d\d% brought what lies in it \(80% should\);"
        r" of 2,\d+ whose interval begins at 0, 9\d% \(90% should: nobody brings less than 0\)",
        trial.intervals,
    ), trial.intervals
    assert sum(group.people for group in trial.groups) == trial.people == 3000
    for group in trial.groups:
        assert group.orders == pytest.approx(group.came_orders, rel=0.15)
    worse = Lifetime(TRUE.orders, Value(4.0, 4.0, 135.0))
    matches = [compared(*both, of, money, HALF_A_YEAR) for both in ((worse, TRUE), (TRUE, worse))]
    assert [match and match.worse for match in matches] == [True, False]
    beyond = Lifetime(TRUE.orders, Value(4.0, 4.0, 1e308))
    assert compared(TRUE, beyond, of, money, HALF_A_YEAR) is None
    kept = Kept.of(TRUE)
    assert kept.model() == TRUE


@pytest.mark.parametrize("varies", [True, False])
def test_where_customers_do_not_differ_one_mean_is_for_all(varies: bool) -> None:
    """A shop of one price, or of prices that have nothing to do with who buys."""
    columns, _, _ = invented(2000, seed=6)
    dice, count = np.random.default_rng(1), columns["purchases"]
    columns["spent"] = dice.gamma(4 * count, 10 / 4) if varies else 10 * count
    model = fit(Purchases.of(columns))
    assert model.value is not None
    some = Purchases.of(columns)
    assert model.value.expected(some.count, some.spent / some.count) == pytest.approx(10, rel=0.1)
    low, high = interval(model, some, HALF_A_YEAR)
    assert (low <= high).all()


def test_who_has_no_order_that_stands_brings_nothing_and_few_customers_are_told() -> None:
    columns = {"purchases": np.array([0.0, 1.0]), "first": np.array([np.nan, 9.0]), "last": np.array([np.nan, 9.0])}
    of = Purchases.of(columns | {"spent": np.array([0.0, 30.0])})
    assert of.known.tolist() == [False, True]
    with pytest.raises(DefinitionError, match="at least 50"):
        fit(of)
    with pytest.raises(DefinitionError, match="needs 50 to be judged"):
        tried(TRUE, of, np.zeros(1), np.zeros(1), HALF_A_YEAR)
