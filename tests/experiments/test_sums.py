"""Sums, and what is made of them, whatever the customers are: they add, they are symmetric, and no unit matters."""

from dataclasses import replace
from functools import reduce
from operator import add
from random import Random
from statistics import fmean, variance

import pytest
from hypothesis import given
from hypothesis import strategies as st

from journeys.arms import Plan
from journeys.experiments import Comparison, Kind, Metric, Sums, follow
from journeys.experiments.asked import estimated
from journeys.experiments.estimates import adjusted, difference, lift, mean, ratio, standard_error
from tests.extent import examples

AMOUNTS = st.integers(-1_000, 1_000)
PAIRS = st.lists(st.tuples(AMOUNTS, AMOUNTS), min_size=2, max_size=40)


@examples(50)
@given(pairs=PAIRS, seed=st.integers(0, 99), parts=st.integers(1, 5))
def test_sums_add_in_any_order_and_in_any_parts(pairs: list[tuple[float, float]], seed: int, parts: int) -> None:
    mixed = Random(seed).sample(pairs, len(pairs))
    assert reduce(add, (Sums.of(mixed[at::parts]) for at in range(parts)), Sums()) == Sums.of(pairs)


@examples(50)
@given(values=st.lists(AMOUNTS, min_size=2, max_size=40))
def test_the_mean_and_its_variance_are_those_of_the_customers(values: list[float]) -> None:
    found = mean(Sums.of(values))
    assert (found.people, found.mean) == (len(values), pytest.approx(fmean(values)))
    assert found.variance == pytest.approx(variance(values), abs=1e-6)


def test_a_second_order_and_a_refund_are_changes_of_a_day() -> None:
    orders = Sums(1, 20, 400, nonzero=1) + Sums(0, 30, 50**2 - 20**2)
    assert orders == Sums.of([50])
    assert orders + Sums(0, -50, -(50**2), nonzero=-1) == Sums.of([0])


def test_a_cap_counts_what_is_above_it_as_the_cap() -> None:
    assert Sums.of([10.0, (5_000.0, 7_000.0)], cap=100) == Sums.of([10.0, (100.0, 100.0)])


def arms(draw: Random, size: int = 60) -> tuple[Sums, Sums]:
    return tuple(Sums.of([(draw.expovariate(0.1), draw.uniform(1, 5)) for _ in range(size + 10 * n)]) for n in (0, 1))  # type: ignore[return-value]


@pytest.mark.parametrize("metric", [Metric("m", Kind.MEAN), Metric("m", Kind.RATIO), Metric("m", Kind.MEAN, before=True)])
@examples(25)
@given(seed=st.integers(0, 10_000), unit=st.sampled_from([0.01, 1.0, 100.0]))
def test_it_does_not_matter_which_arm_is_called_what_nor_the_unit(metric: Metric, seed: int, unit: float) -> None:
    one, other = arms(Random(seed))
    there, back = estimated(metric, (one, other)), estimated(metric, (other, one))
    assert there is not None
    assert back is not None
    assert difference(there).value == pytest.approx(-difference(back).value)
    assert difference(there).error == pytest.approx(difference(back).error)
    dear = [replace(arm, y=arm.y * unit, yy=arm.yy * unit**2, xy=arm.xy * unit) for arm in (one, other)]
    scaled = estimated(metric, dear)
    assert scaled is not None
    assert difference(scaled).value / difference(scaled).error == pytest.approx(
        difference(there).value / difference(there).error
    )
    assert lift(*scaled) == pytest.approx(lift(*there))


@examples(25)
@given(seed=st.integers(0, 10_000))
def test_bounds_leave_nothing_out_exactly_when_p_is_small(seed: int) -> None:
    rng = Random(seed)
    days = [{arm: Sums.of_rate(300, sum(rng.random() < rate for _ in range(300))) for arm, rate in (("a", 0.4), ("b", 0.3))}]
    for plan in (None, Plan(600), Plan(1_000)):
        [finding] = follow(Comparison("e", Metric("m"), {"a": 0.5, "b": 0.5}, "b", plan), days).findings
        told = finding.at_end or finding
        assert told.interval is not None
        assert (told.p <= 0.05) == (not told.interval.low <= 0 <= told.interval.high) == (finding.shown is not None)


def test_the_error_is_the_larger_of_the_arms_own_and_the_pooled_one() -> None:
    calm, wild = (900, 1.0), (100, 9.0)
    assert standard_error([calm, wild]) == pytest.approx((1 / 900 + 9 / 100) ** 0.5), "the small arm is the wild one"
    pooled = (900 * 9 + 100 * 1) / 1_000
    assert standard_error([(900, 9.0), (100, 1.0)]) == pytest.approx((pooled * (1 / 900 + 1 / 100)) ** 0.5)


def test_an_adjustment_takes_away_what_was_so_before() -> None:
    """Arms that differ only in whom they have: all of the difference goes."""
    one, other = Sums.of([(x, x) for x in range(1, 80)]), Sums.of([(x, x) for x in range(40, 120)])
    found = adjusted([one, other])
    assert [arm.mean for arm in found] == pytest.approx([(one.y + other.y) / (one.people + other.people)] * 2)
    assert [arm.variance for arm in found] == pytest.approx([0, 0], abs=1e-9)


def test_a_ratio_is_not_the_mean_of_the_ratios() -> None:
    assert ratio(Sums.of([(1, 1), (1, 3)])).mean == 0.5
