"""The formulas against what others published or computed: gbstats 0.8.0, ssrm-test 0.1.5, drconfseq, Fleiss, Adobe's page."""

from math import exp, inf, log, sqrt

import pytest

from journeys.arms import Plan
from journeys.experiments import Comparison, Kind, Metric, Sums, days_to_go, least_shown, people_from
from journeys.experiments.asked import estimated
from journeys.experiments.counts import lift_of, likely_shares, log_e, p_of
from journeys.experiments.estimates import adjusted, difference, lift, mean, ratio, slope
from journeys.experiments.sequences import ConfidenceSequence, Hybrid, once, tuned
from segments import Effect
from segments.language.sizing import critical, least_lift, people_for, people_needed, too_small

#: gbstats tunes by ln(1 - 2 ln alpha) where the paper has 1 + ln(-2 ln alpha), which changes the fourth digit of its widths.
GBSTATS = log(1 - 2 * log(0.05)) - 2 * log(0.05)


def gbstats(people: int) -> ConfidenceSequence:
    return ConfidenceSequence(0.05, GBSTATS / people)


@pytest.mark.parametrize(
    ("alpha", "u", "width"),
    [
        (0.1, 6.638352, 2.763757),
        (0.05, 8.211968, 3.035122),
        (0.025, 9.752938, 3.279167),
        (0.01, 11.756371, 3.571606),
        (0.001, 16.688421, 4.205760),
    ],
)
def test_a_sequence_is_tuned_exactly(alpha: float, u: float, width: float) -> None:
    assert tuned(alpha) == pytest.approx(u, abs=5e-7)
    assert ConfidenceSequence.at(alpha, 12_345).width(12_345) == pytest.approx(width, abs=5e-7)
    assert sqrt(1 + tuned(alpha)) == pytest.approx(width, abs=5e-7)


@pytest.mark.parametrize("alpha", [0.9, 0.5, 0.05, 1e-4, 1e-12])
def test_newtons_steps_reach_lamberts_function(alpha: float) -> None:
    u = tuned(alpha)
    assert (-1 - u) * exp(-1 - u) == pytest.approx(-(alpha**2) / exp(1), rel=1e-12)
    assert u > 0, "the lower of its two branches"


def test_the_papers_approximation_is_near() -> None:
    approximate = -2 * log(0.05) + log(-2 * log(0.05)) + 1
    assert approximate == pytest.approx(8.781800, abs=5e-7)
    assert ConfidenceSequence(0.05, approximate).width(1) == pytest.approx(3.035446, abs=1e-3)


@pytest.mark.parametrize(
    ("part", "width"),
    [
        (0.05, 4.665334),
        (0.1, 3.823218),
        (0.25, 3.2511),
        (0.5, 3.078663),
        (1, 3.035122),
        (2, 3.064003),
        (4, 3.130968),
        (10, 3.246311),
    ],
)
def test_what_looking_earlier_or_later_than_planned_costs(part: float, width: float) -> None:
    assert ConfidenceSequence.at(0.05, 100_000).width(int(part * 100_000)) == pytest.approx(width, abs=5e-7)


@pytest.mark.parametrize(("z", "p"), [(2, 0.510360), (2.5, 0.187212), (3, 0.054954), (3.5, 0.012909), (4, 0.002426)])
def test_the_always_valid_p(z: float, p: float) -> None:
    assert ConfidenceSequence.at(0.05, 777).p(z, 777) == pytest.approx(p, abs=6e-7)
    assert ConfidenceSequence.at(0.05, 777).p(-z, 777) == pytest.approx(p, abs=6e-7)


@pytest.mark.parametrize(("people", "width"), [(100, 6.6985), (1_000, 3.3646), (10_000, 3.0614), (100_000, 3.3367)])
def test_adobes_constant(people: int, width: float) -> None:
    assert ConfidenceSequence(0.05, 10**-2.8).width(people) == pytest.approx(width, abs=6e-5)


def test_two_rates_as_gbstats_has_them() -> None:
    control, treated = (Sums.of_rate(53_208, converted) for converted in (1_596, 1_756))
    value, error = difference([mean(treated), mean(control)])
    error *= sqrt(53_207 / 53_208)  # of rates gbstats divides by n, as if the mean were known
    width = gbstats(106_416).width(106_416)
    assert value == pytest.approx(0.0030070666, abs=5e-11)
    assert (value - width * error, value + width * error) == pytest.approx((-0.0002430400, 0.0062571732), abs=1e-9)
    assert gbstats(106_416).p(value / error, 106_416) == pytest.approx(0.0901034, abs=5e-7)


def test_a_relative_lift_has_gbstats_error() -> None:
    """gbstats draws its interval around the ratio itself; ours is around its logarithm, whose error is the same, relatively."""
    control, treated = (Sums.of_rate(53_208, converted) for converted in (1_596, 1_756))
    found = lift(mean(treated), mean(control))
    assert found is not None
    by = exp(found.value)
    half = gbstats(106_416).width(106_416) * by * found.error * sqrt(53_207 / 53_208)
    assert (by - 1 - half, by - 1 + half) == pytest.approx((-0.0134125, 0.2139138), abs=1e-4)
    own = by * sqrt(sum((1 - c / 53_208) / c for c in (1_596, 1_756)))
    assert gbstats(106_416).p((by - 1) / own, 106_416) == pytest.approx(0.1240277, abs=5e-7)


def test_a_ratio_as_gbstats_has_it() -> None:
    control, treated = (
        ratio(Sums(4_000, 1_200, 2_400, 20_000, 120_000, 7_000)),
        ratio(Sums(4_100, 1_400, 2_900, 20_500, 123_000, 8_200)),
    )
    assert (control.mean, treated.mean) == pytest.approx((0.06, 0.0682927), abs=5e-8)
    assert (control.variance, treated.variance) == pytest.approx((0.0199249812, 0.0229681243), abs=5e-11)
    value, error = difference([treated, control])
    own = sqrt(treated.variance / 4_100 + control.variance / 4_000)
    width = gbstats(8_100).width(8_100)
    assert (value - width * own, value + width * own) == pytest.approx((-0.0015814, 0.0181668), abs=5e-8)
    assert gbstats(8_100).p(value / own, 8_100) == pytest.approx(0.1669072, abs=5e-8)
    assert own <= error <= 1.01 * own


def test_an_adjusted_mean_as_gbstats_has_it() -> None:
    arms = [Sums(4_100, 8_900, 99_000, 7_700, 81_000, 62_000), Sums(4_000, 8_000, 90_000, 7_600, 80_000, 60_000)]
    theta, middle = slope(arms[0] + arms[1]), 15_300 / 8_100
    assert theta == pytest.approx(0.6818908234, abs=1e-10)
    treated, control = adjusted(arms)
    # gbstats leaves the adjusted mean at x = 0; ours stays in its unit.
    assert (control.mean - theta * middle, treated.mean - theta * middle) == pytest.approx((0.7044074, 0.8901075), abs=5e-8)
    assert (control.variance, treated.variance) == pytest.approx((10.8492997, 11.9200113), abs=5e-8)
    value = treated.mean - control.mean
    own = sqrt(treated.variance / 4_100 + control.variance / 4_000)
    width = gbstats(8_100).width(8_100)
    assert (value - width * own, value + width * own) == pytest.approx((-0.0418322, 0.4132323), abs=5e-8)
    assert gbstats(8_100).p(value / own, 8_100) == pytest.approx(0.1959667, abs=2e-7)


DAYS = [(510, 490), (505, 495), (530, 470), (540, 460), (525, 475)]
THREE = [(340, 330, 330), (350, 320, 330), (360, 310, 330), (370, 300, 330)]


@pytest.mark.parametrize(
    ("days", "concentration", "expected"),
    [
        (DAYS, 10_000, (1, 1, 0.8349553613, 0.4214733646, 0.2439583259)),
        (DAYS, 1_000, (1, 1, 0.7265093, 0.1241560, 0.0433338)),
        (THREE, 10_000, (1, 1, 0.8011012013, 0.3458388131)),
    ],
)
def test_the_sample_ratio_as_ssrm_has_it(
    days: list[tuple[int, ...]], concentration: float, expected: tuple[float, ...]
) -> None:
    counts, found = [0] * len(days[0]), []
    for day in days:
        counts = [so_far + more for so_far, more in zip(counts, day, strict=True)]
        found.append(p_of(log_e(counts, [1 / len(counts)] * len(counts), concentration)))
    assert found == pytest.approx(expected, abs=5e-8)


def test_the_arms_of_the_converters() -> None:
    e = log_e((1_756, 1_596), (0.5, 0.5), 100)
    assert (e, p_of(e)) == (pytest.approx(1.9372, abs=5e-5), pytest.approx(0.144106, abs=5e-7))
    shares = likely_shares(1_756, 1_596, 0.05, 100)
    # The reference is the outermost of a grid's points that are not refuted: ours lies beyond it, by less than a step.
    assert shares == pytest.approx((0.49689, 0.55075), abs=1e-4)
    assert shares[1] - shares[0] > 0.55075 - 0.49689
    assert [lift_of(share, 0.5) for share in shares] == pytest.approx([-0.01235, 0.22591], abs=5e-4)
    e = log_e((90, 5), (0.9, 0.1), 100)
    assert (e, p_of(e)) == (pytest.approx(0.4035, abs=5e-5), pytest.approx(0.667966, abs=1e-6))


@pytest.mark.parametrize(("treated", "control"), [(0, 0), (0, 30), (30, 0), (1, 0), (3, 4), (900, 100)])
def test_the_likely_shares_are_those_that_are_not_refuted(treated: int, control: int) -> None:
    low, high = likely_shares(treated, control, 0.05)
    assert 0 <= low < high <= 1
    for edge, inside in ((low, 1e-6), (high, -1e-6)):
        if 0 < edge < 1:
            at = [log_e((treated, control), (s, 1 - s), 100) for s in (edge + inside, edge - inside)]
            assert at[0] < log(20) <= at[1] + 1e-9


def test_nobody_refutes_nothing() -> None:
    assert likely_shares(0, 0, 0.05) == (0, 1)
    assert lift_of(1, 0.5) == inf
    assert lift_of(0, 0.5) == -1


def test_people_needed() -> None:
    effect = Effect(0.03, 0.1)
    assert people_needed(effect) == 106_416
    assert people_needed(effect, shares=(0.9, 0.1)) == 306_493, "a tenth is treated"
    assert people_needed(effect, shares=(0.1, 0.9)) == 284_703, "a tenth is held out"
    assert people_needed(effect, beyond=sqrt(1 + tuned(0.05))) == 203_766
    assert people_needed(effect, beyond=critical(0.01)) > people_needed(effect)
    assert people_for(0.003, (0.03 * 0.97, 0.033 * 0.967)) == 106_416


def test_gov_03_the_least_lift_is_the_effect_that_so_many_people_show() -> None:
    assert least_lift(0.03, 106_416) == pytest.approx(0.1, abs=1e-5)
    assert least_lift(0.03, 306_493, shares=(0.9, 0.1)) == pytest.approx(0.1, abs=1e-5)
    assert least_lift(0.5, 10) is None, "not even if all of ten convert"
    assert too_small(Effect(0.03, 0.1), 106_416) is None
    told = too_small(Effect(0.03, 0.1), 5_000, shares=(0.05, 0.95))
    assert told is not None
    assert f"needs {people_needed(Effect(0.03, 0.1), shares=(0.05, 0.95)):,} at 5/95" in told
    least = least_lift(0.03, 5_000, shares=(0.05, 0.95))
    assert least is not None
    assert f"the least that it can show is a lift of {100 * least:+.3g} %" in told
    assert "no lift at all would show in so few" in str(too_small(Effect(0.5, 0.1), 10))


def test_the_ordinary_p_of_a_hybrids_end() -> None:
    assert once(1.959963985) == pytest.approx(0.05, abs=1e-9)
    hybrid = Hybrid.at(0.05, 106_416)
    assert hybrid.width_at_end == pytest.approx(2.053749, abs=5e-7)
    assert hybrid.p_at_end(hybrid.width_at_end) == pytest.approx(0.05)
    assert hybrid.always.width(26_604) == pytest.approx(3.571606, abs=5e-7)
    assert hybrid.p(hybrid.always.width(50_000), 50_000) == pytest.approx(0.05)


RATE = Comparison("news", Metric("conversion rate"), {"video": 0.5, "control": 0.5}, "control", effect=Effect(0.03, 0.1))


def test_what_an_experiment_needs_is_by_the_rule_that_it_is_read_by() -> None:
    assert RATE.people_needed == 203_766
    planned = Comparison(**{**vars(RATE), "plan": Plan(106_416)})
    assert planned.people_needed == people_needed(Effect(0.03, 0.1), beyond=critical(0.04)) == 113_659
    assert least_shown(planned, 0.03, 113_659) == pytest.approx(0.1, abs=1e-4)
    assert least_shown(planned, 0.5, 10) is None
    three = Comparison(**{**vars(planned), "shares": {"a": 0.3, "b": 0.2, "control": 0.5}})
    assert three.people_needed == people_needed(Effect(0.03, 0.1), shares=(0.5, 0.2), beyond=critical(0.02))
    assert [days_to_go(100, *given) for given in ((100, 5), (40, 25), (39, 25), (0, 0))] == [0, 3, 3, None]


def test_money_needs_more_people_than_a_rate() -> None:
    spent = Comparison("s", Metric("revenue", Kind.MEAN, "EUR"), {"a": 0.5, "b": 0.5}, "b", plan=Plan(1_000))
    before = Sums.of([0.0] * 97 + [10.0, 20.0, 30.0])
    variance = mean(before).variance
    assert people_from(spent, before, 0.1) == pytest.approx((critical(0.04) + 0.841621) ** 2 * 4 * variance / 0.06**2, abs=1)
    assert estimated(spent.metric, (before, before)) is None, "three have bought"
