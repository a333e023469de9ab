"""Thousands of experiments by lot, looked at every day: what is claimed where nothing is, found where something is, missed."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate
from math import sqrt
from random import Random
from statistics import median

import pytest

from journeys import Plan
from journeys.experiments import (
    Comparison,
    Decision,
    Following,
    Kind,
    Metric,
    Result,
    Sums,
    asked,
    decision,
    estimates,
    follow,
)
from journeys.experiments.asked import Asked
from journeys.experiments.counts import ALARM, log_e, p_of
from journeys.experiments.declared import Question
from journeys.experiments.sequences import ConfidenceSequence, once
from segments import Effect
from tests.experiments.chance import LOOKS, Arm, buying, conversions, converting, in_parts, of_days
from tests.extent import scaled

EXPERIMENTS = 2_000
RATE = Metric("conversion rate")
RARE = Metric("conversion rate", Kind.RARE)
MONEY = Metric("revenue per customer", Kind.MEAN, "EUR")
#: A rate, and people a day in each arm.
RATES = [(0.03, 1000, 1000), (0.005, 100, 100), (0.03, 1800, 200), (0.3, 20, 20), (0.03, 1900, 100)]
SPLITS = [(1000, 1000), (1800, 200), (1900, 100)]


class Endless(Comparison):
    """Read as if without an end, by the sequence that is narrowest where the plan ends."""

    def rule(self, question: Question) -> ConfidenceSequence:
        assert self.plan is not None
        return ConfidenceSequence.at(self.alpha_each, self.plan.people * self.share(question))


def between(metric: Metric, treated: int, control: int, *, read: type[Comparison] = Endless) -> Comparison:
    """Two arms with so many customers a day, planned for so many days as are looked at."""
    a_day = treated + control
    shares = {"treated": treated / a_day, "control": control / a_day}
    return read("e", metric, shares, "control", Plan(a_day * LOOKS))


def shown_at(experiment: Comparison, looks: Iterable[tuple[Sums, Sums]]) -> int | None:
    """At which look something is claimed, if at any, of all sums so far of the treated and the control."""
    [question] = experiment.questions
    under_way, plan = Asked(experiment, question), experiment.plan
    assert plan is not None
    for number, (one, other) in enumerate(looks, 1):
        under_way.look({"treated": one, "control": other}, number, over=plan.over(one.people + other.people, number))
        if under_way.stood.shown is not None:
            return number
    return None


def claimed(treated: Arm, control: Arm, *read: Comparison, times: int = EXPERIMENTS) -> float:
    """In which fraction of so many experiments anything is, read in that of these ways that claims most."""
    counts = [0] * len(read)
    for _ in range(times):
        looks = list(zip(treated(LOOKS), control(LOOKS), strict=True))
        counts = [count + (shown_at(each, looks) is not None) for count, each in zip(counts, read, strict=True)]
    return max(counts) / times


@pytest.mark.parametrize(("rate", "treated", "control"), RATES)
def test_kpi_04_a_rate_is_claimed_to_differ_in_five_of_a_hundred_at_most(rate: float, treated: int, control: int) -> None:
    rng = Random(f"{rate} {treated}")
    arms = converting(rng, treated, rate), converting(rng, control, rate)
    ways = between(RATE, treated, control), between(RATE, treated, control, read=Comparison)
    assert claimed(*arms, *ways) <= 0.05
    assert claimed(*arms, between(RARE, treated, control), times=scaled(500, EXPERIMENTS)) <= 0.05


@pytest.mark.parametrize(("treated", "control"), SPLITS)
def test_kpi_04_money_is_claimed_to_differ_in_five_of_a_hundred_at_most(treated: int, control: int) -> None:
    """Also in a holdout of 5 %, where a few large orders carry the sum, and a plain interval breaks its promise."""
    rng = Random(treated)
    small = list(buying(rng, control, 2_000))
    arms = of_days(rng, in_parts(rng, small, treated // control)), of_days(rng, small)
    ways = between(MONEY, treated, control), between(MONEY, treated, control, read=Comparison)
    assert claimed(*arms, *ways) <= 0.05


def test_each_arms_own_error_breaks_the_promise_with_money_in_a_small_holdout(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fault that the larger error and the first look are for, planted: these draws are hard enough to show it."""
    rng = Random(5)
    small = list(buying(rng, 100, 2_000))
    arms = of_days(rng, in_parts(rng, small, 19)), of_days(rng, small)
    monkeypatch.setattr(estimates, "standard_error", lambda given: sqrt(sum(variance / n for n, variance in given)))
    monkeypatch.setattr(asked, "FIRST", 2)
    assert claimed(*arms, between(MONEY, 1900, 100), times=400) > 0.1


def test_an_ordinary_test_at_every_look_breaks_the_promise(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fault that sequences are for, planted: 26 of 100."""
    monkeypatch.setattr(ConfidenceSequence, "p", lambda _, z, __: once(z))
    arm = converting(Random(6), 1000, 0.03)
    assert 0.2 < claimed(arm, arm, between(RATE, 1000, 1000), times=500) < 0.35


def test_visits_are_compared_by_the_customers_who_made_them() -> None:
    rng = Random(8)

    def customer() -> tuple[float, float]:
        keen, visits = rng.random() ** 2, 1 + int(rng.expovariate(0.5))
        return sum(rng.random() < keen for _ in range(visits)), visits

    arm = of_days(rng, [Sums.of(customer() for _ in range(50)) for _ in range(800)])
    assert claimed(arm, arm, between(Metric("orders per visit", Kind.RATIO), 50, 50), times=500) <= 0.05


def test_what_was_before_makes_bounds_narrower_and_claims_no_more() -> None:
    rng = Random(9)

    def customer() -> tuple[float, float]:
        keen = rng.lognormvariate(2, 1)
        return (keen * rng.lognormvariate(0, 0.5) if rng.random() < 0.3 else 0.0), keen * rng.lognormvariate(0, 0.5)

    days = [Sums.of(customer() for _ in range(50)) for _ in range(800)]
    adjusted = between(Metric("revenue", Kind.MEAN, "EUR", before=True), 50, 50)
    assert claimed(of_days(rng, days), of_days(rng, days), adjusted, times=500) <= 0.05
    looked = {"treated": sum(days[:400], Sums()), "control": sum(days[400:], Sums())}
    narrow, wide = (follow(between(metric, 50, 50), [looked]).findings[0].interval for metric in (adjusted.metric, MONEY))
    assert narrow is not None
    assert wide is not None
    assert narrow.high - narrow.low < 0.95 * (wide.high - wide.low)


ARMS = ("plain_morning", "plain_evening", "emoji_morning", "emoji_evening")
FACTORS = {"subject": ("plain", "emoji"), "time": ("morning", "evening")}


def of_four(rates: Mapping[str, float], factors: Mapping[str, tuple[str, ...]], rng: Random, a_day: int = 100) -> Result:
    """An experiment with these rates in four arms, of so many customers a day each."""
    drawn = {arm: conversions(rng, a_day, rate)(LOOKS) for arm, rate in rates.items()}
    days = ({arm: Sums.of_rate(a_day, converted[day]) for arm, converted in drawn.items()} for day in range(LOOKS))
    return follow(Comparison("e", RATE, dict.fromkeys(ARMS, 0.25), ARMS[0], effect=Effect(0.3, 0.3), factors=factors), days)


@pytest.mark.parametrize("factors", [{}, FACTORS])
def test_of_three_questions_any_is_claimed_in_five_of_a_hundred_at_most(factors: dict[str, tuple[str, ...]]) -> None:
    rng = Random(10)
    results = [of_four(dict.fromkeys(ARMS, 0.3), factors, rng) for _ in range(200)]
    assert {len(result.findings) for result in results} == {3}
    assert sum(any(finding.shown for finding in result.findings) for result in results) <= 10


def test_ml_16_factors_are_told_from_each_other() -> None:
    """Emoji add a tenth of all customers, evenings nothing; or each only together with the other."""
    rng = Random(11)
    alone = of_four({arm: 0.4 if "emoji" in arm else 0.3 for arm in ARMS}, FACTORS, rng, 300)
    assert [decision(alone, finding) for finding in alone.findings] == [Decision.HIGHER, Decision.OPEN, Decision.OPEN]
    together = of_four({arm: 0.4 if arm == "emoji_evening" else 0.3 for arm in ARMS}, FACTORS, rng, 300)
    assert [decision(together, finding) for finding in together.findings] == [Decision.HIGHER] * 3
    apart = of_four({arm: 0.4 if arm in ARMS[1:3] else 0.3 for arm in ARMS}, FACTORS, rng, 300)
    assert [decision(apart, finding) for finding in apart.findings] == [Decision.OPEN, Decision.OPEN, Decision.LOWER]


def late(rng: Random, a_day: int, rate: float, window: int) -> Arm:
    """An arm whose converters convert on any of so many days from that on which they were exposed."""
    drawn = conversions(rng, a_day, rate)

    def looks(count: int) -> Iterator[Sums]:
        by_day = [0] * (count + window)
        for day, converters in enumerate(drawn(count)):
            for after in rng.choices(range(window), k=converters):
                by_day[day + after] += 1
        return (Sums.of_rate(a_day * day, so_far) for day, so_far in zip(range(1, count + 1), accumulate(by_day), strict=False))

    return looks


@pytest.mark.parametrize(("treated", "control"), [(1000, 1000), (1800, 200)])
def test_who_may_still_convert_may_be_looked_at(treated: int, control: int) -> None:
    rng = Random(treated)
    arms = late(rng, treated, 0.03, 7), late(rng, control, 0.03, 7)
    assert claimed(*arms, between(RATE, treated, control), times=500) <= 0.05


PLANNED = 106_400  # 28 looks of 3,800: what one look needs for a tenth more than 3 %, to a few


@pytest.mark.parametrize(
    ("read", "by_plan", "later", "stops"),
    [(Endless, 0.50, 0.855, 1.10), (Comparison, 0.77, 0.81, 0.91)],
)
def test_what_is_there_is_found_as_often_as_planned(read: type[Comparison], by_plan: float, later: float, stops: float) -> None:
    rng, looks = Random(12), 54  # 1.92 plans
    treated, control = converting(rng, 1900, 0.033), converting(rng, 1900, 0.03)
    experiment = read("e", RATE, {"treated": 0.5, "control": 0.5}, "control", Plan(PLANNED))
    found = [shown_at(experiment, zip(treated(looks), control(looks), strict=True)) for _ in range(1_000)]
    assert sum(at is not None and at <= LOOKS for at in found) / len(found) == pytest.approx(by_plan, abs=0.03)
    assert sum(at is not None for at in found) / len(found) == pytest.approx(later, abs=0.03)
    last = looks if read is Endless else LOOKS
    assert sum(min(at or last, last) for at in found) / len(found) / LOOKS == pytest.approx(stops, abs=0.05)


def test_a_large_effect_is_found_in_a_third_of_the_plan() -> None:
    rng = Random(13)
    treated, control = converting(rng, 1900, 0.036), converting(rng, 1900, 0.03)
    experiment = Endless("e", RATE, {"treated": 0.5, "control": 0.5}, "control", Plan(PLANNED))
    stopped = [shown_at(experiment, zip(treated(54), control(54), strict=True)) or 54 for _ in range(400)]
    assert sum(stopped) / len(stopped) / LOOKS == pytest.approx(0.37, abs=0.03)


def missed(experiment: Comparison, arms: tuple[Arm, Arm], difference: float, lift: float) -> tuple[bool, bool]:
    """Whether at any look the truth is not within the bounds: of the difference, and of the lift."""
    following, so_far, out = Following(experiment), (Sums(), Sums()), (False, False)
    for now in zip(arms[0](LOOKS), arms[1](LOOKS), strict=True):
        following.look({arm: less(sums, before) for arm, sums, before in zip(("treated", "control"), now, so_far, strict=True)})
        so_far = now
        [finding] = following.result.findings
        if (bounds := finding.interval) and (lifts := finding.lift_interval):
            out = (out[0] or not bounds.low <= difference <= bounds.high, out[1] or not lifts.low <= lift <= lifts.high)
    return out


def less(sums: Sums, before: Sums) -> Sums:
    return Sums(sums.people - before.people, sums.y - before.y, sums.yy - before.yy, nonzero=sums.nonzero - before.nonzero)


@pytest.mark.parametrize("read", [Endless, Comparison])
@pytest.mark.parametrize("control", [1000, 100])
def test_bounds_hold_the_truth_at_all_looks(read: type[Comparison], control: int) -> None:
    """A fifth more, planted: missed at any look in 5 of 100 experiments at most."""
    rng = Random(14)
    arms = converting(rng, 1000, 0.036), converting(rng, control, 0.03)
    found = [missed(between(RATE, 1000, control, read=read), arms, 0.006, 0.2) for _ in range(100)]
    assert max(sum(each) for each in zip(*found, strict=True)) <= 0.05 * len(found)


def test_bounds_of_money_hold_the_truth_at_all_looks() -> None:
    rng = Random(15)
    days = [list(buying(rng, 200, 2_000, more=more)) for more in (1.2, 1)]
    dear, usual = (sum(each, Sums()) for each in days)
    truth = dear.y / dear.people, usual.y / usual.people
    arms = of_days(rng, days[0]), of_days(rng, days[1])
    found = [missed(between(MONEY, 200, 200), arms, truth[0] - truth[1], truth[0] / truth[1] - 1) for _ in range(150)]
    assert max(sum(each) for each in zip(*found, strict=True)) <= 0.05 * len(found)


def alarms_at(treated: Iterable[int], concentration: float) -> int:
    """The day on which arms of 2,000 a day ring, declared as halves; 61 for never."""
    for day, one in enumerate(accumulate(treated), 1):
        if p_of(log_e((one, 2_000 * day - one), (0.5, 0.5), concentration)) <= ALARM:
            return day
    return 61


@pytest.mark.parametrize(("concentration", "day"), [(100, 18), (1_000, 15), (10_000, 17)])
def test_broken_shares_ring_and_right_ones_do_not(concentration: float, day: int) -> None:
    """51 to 49, planted."""
    broken, right = (conversions(Random(16), 2_000, share) for share in (0.51, 0.5))
    assert median(alarms_at(broken(60), concentration) for _ in range(200)) == pytest.approx(day, abs=1)
    assert sum(alarms_at(right(60), concentration) <= 60 for _ in range(200)) <= 0.01 * 200


def test_an_experiment_with_broken_shares_claims_nothing_any_more() -> None:
    following = Following(between(RATE, 1000, 1000))
    told = []
    for people in conversions(Random(17), 2_000, 0.51)(40):
        treated, control = Sums.of_rate(people, people // 16), Sums.of_rate(2_000 - people, (2_000 - people) // 32)
        following.look({"treated": treated, "control": control})
        result = following.result
        told.append((result.split.alarm_at, decision(result, result.findings[0])))
    rings = next(day for day, _ in told if day)
    assert {come_to for _, come_to in told[rings - 1 :]} == {Decision.BROKEN}
    assert told[rings - 2] == (None, Decision.HIGHER)


def waiting(rng: Random, *, asked_first: bool) -> Iterator[tuple[str, bool]]:
    """Customers of whom half are held out, without any effect: the arm of each who counts, and whether they buy after that.

    The message is due an hour after entry; from 22:00 to 06:00 it waits. Where the holdout is `asked_first`, who is held out
    counts from then on, but who is treated only when the message goes, and not at all if she buys while it waits.
    """
    for _ in range(60_000):
        held_out, due = rng.random() < 0.5, rng.uniform(0, 24) + 1
        bought = due - 1 + rng.expovariate(1 / 6) if rng.random() < 0.12 else float("inf")
        night = (due % 24 >= 22) or (due % 24 < 6)
        sent = due + (6 - due) % 24 if night else due
        counts = due if held_out and asked_first else sent
        if bought > counts:
            yield "withheld" if held_out else "written to", bought < counts + 7 * 24


@pytest.mark.parametrize(("asked_first", "told"), [(True, Decision.LOWER), (False, Decision.OPEN)])
def test_who_counts_is_asked_at_the_same_instant_in_both_arms(asked_first: bool, told: Decision) -> None:
    """The bias of a ledger that withholds before quiet hours and sends after them, planted; and gone."""
    counted: dict[str, list[float]] = {"withheld": [], "written to": []}
    for arm, bought in waiting(Random(18), asked_first=asked_first):
        counted[arm].append(bought)
    experiment = Comparison("$holdout/j", RATE, {"withheld": 0.5, "written to": 0.5}, "withheld", effect=Effect(0.09, 0.1))
    result = follow(experiment, [{arm: Sums.of_rate(len(each), int(sum(each))) for arm, each in counted.items()}])
    [finding] = result.findings
    assert decision(result, finding) is told
    assert finding.lift is not None
    assert (finding.lift < -0.08) if asked_first else (abs(finding.lift) < 0.05)
