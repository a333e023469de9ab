"""Kaplan and Meier's curve, intervals and q against what is published, and against the same by hand."""

from math import inf
from random import Random

import pytest

from store.reports.compared import Pairs, difference, q_values, ratio, unlike
from store.reports.lasting import Seen, curve, left_at, median
from tests.extent import some

#: Weeks of remission under 6-mercaptopurine (Freireich and others 1963); negative: not seen any longer.
REMISSION = (6, 6, 6, -6, 7, -9, 10, -10, -11, 13, 16, -17, -19, -20, 22, 23, -25, -32, -32, -34, -35)


def test_the_curve_of_a_textbook() -> None:
    """As every textbook has it (Kalbfleisch and Prentice, Collett); the intervals as Stata's `sts list` prints them."""
    steps = curve(Seen(abs(week), week > 0) for week in REMISSION)
    assert [(step.time, step.at_risk, step.happened, round(step.left, 4)) for step in steps] == [
        (6, 21, 3, 0.8571), (7, 17, 1, 0.8067), (10, 15, 1, 0.7529), (13, 12, 1, 0.6902), (16, 11, 1, 0.6275),
        (22, 7, 1, 0.5378), (23, 6, 1, 0.4482),
    ]  # fmt: skip
    assert [(round(step.low, 4), round(step.high, 4)) for step in steps] == [
        (0.6197, 0.9516), (0.5631, 0.9228), (0.5032, 0.8894), (0.4316, 0.8491), (0.3675, 0.8049), (0.2678, 0.7468),
        (0.1881, 0.6801),
    ]  # fmt: skip
    assert median(steps) == 23
    assert [left_at(steps, week) for week in (0, 5.9)] == [1.0, 1.0]
    assert left_at(steps, 12) == steps[2].left


def test_without_anybody_lost_the_curve_is_the_share_that_is_left() -> None:
    random = Random(1)
    times = [random.randrange(20) for _ in range(200)]
    steps = curve(Seen(time, True) for time in times)
    assert [step.left for step in steps] == pytest.approx([sum(each > step.time for each in times) / 200 for step in steps])
    assert median(steps) == sorted(times)[99]
    assert (steps[-1].low, steps[-1].high) == (0.0, 0.0)


def test_counts_are_as_many_single_ones() -> None:
    one_by_one = [Seen(abs(week), week > 0) for week in REMISSION]
    assert curve([Seen(6, True, 3), *one_by_one[3:]]) == curve(one_by_one)


def test_nobody_and_nothing_that_happened() -> None:
    assert curve([]) == curve([Seen(5, False, 9)]) == []
    assert median([]) is None


@pytest.mark.parametrize(
    ("first", "other", "low", "high"),
    [
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((6, 7), (2, 7), 0.0582, 0.8062),
        ((5, 56), (0, 29), -0.0381, 0.1926),
        ((0, 10), (0, 10), -0.2775, 0.2775),
        ((10, 10), (0, 10), 0.6075, 1.0000),
    ],
)
def test_differences_are_those_of_newcombes_table(
    first: tuple[int, int], other: tuple[int, int], low: float, high: float
) -> None:
    """Table II of Newcombe 1998, method 10."""
    found = difference(first, other)
    assert (round(found.low, 4), round(found.high, 4)) == (low, high)
    assert found.value == pytest.approx(first[0] / first[1] - other[0] / other[1])


def test_p_of_two_shares_is_that_of_a_chi_square_of_four_cells() -> None:
    """χ² of 20/100 against 35/100 is 5.6426, of which the p is 0.01753."""
    assert unlike((20, 100), (35, 100)) == pytest.approx(0.017527, abs=1e-5)
    assert unlike((0, 10), (0, 30)) == 1.0


@pytest.mark.parametrize("seed", some(range(20)))
def test_q_is_the_least_rate_at_which_a_p_is_told(seed: int) -> None:
    """By the procedure itself: the largest k with p(k) ≤ k/m · rate tells k of them."""
    random = Random(seed)
    given = [random.choice([random.random(), random.random() / 100]) for _ in range(12)]

    def told(rate: float) -> set[int]:
        ranks = sorted(range(12), key=lambda n: given[n])
        largest = max((k for k, n in enumerate(ranks, 1) if given[n] <= k / 12 * rate), default=0)
        return set(ranks[:largest])

    found = q_values(given)
    for n, q in enumerate(found):
        assert n in told(q * (1 + 1e-9))
        assert n not in told(q * (1 - 1e-9))


def test_q_of_nothing_is_nothing() -> None:
    assert q_values([]) == []


def test_the_interval_of_a_ratio_holds_the_truth_as_often_as_it_says() -> None:
    """Customers with one to five orders, of whom those with many pay less for each: 1,000 times, 100 customers."""
    random, held = Random(3), 0
    truth = sum((30 - 4 * n) * n for n in range(1, 6)) / sum(range(1, 6))
    for _ in range(1_000):
        drawn = [(n, n * (30 - 4 * n + random.gauss(0, 5))) for n in random.choices(range(1, 6), k=100)]
        x, y = [float(n) for n, _ in drawn], [money for _, money in drawn]
        sums = Pairs(
            100,
            sum(y),
            sum(x),
            sum(each**2 for each in y),
            sum(each**2 for each in x),
            sum(a * b for a, b in zip(x, y, strict=True)),
        )
        found = ratio(sums) or (0, inf, inf)
        held += found[1] <= truth <= found[2]
    assert 925 <= held <= 970
    assert ratio(Pairs(0, 0, 0, 0, 0, 0)) is None
