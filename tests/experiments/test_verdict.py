"""What is said before an experiment and of it: what may be concluded and what not, and what is wrong with a declaration."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from journeys import CatalogueError, Plan
from journeys.experiments import (
    Comparison,
    Decision,
    Kind,
    Metric,
    Sums,
    decision,
    follow,
    foretold,
    method,
    needed,
    too_short,
    verdict,
)
from segments import Effect

RATE = Metric("conversion rate")
HALVES = {"video": 0.5, "article": 0.5}


def experiment(metric: Metric = RATE, shares: Mapping[str, float] = HALVES, **options: Any) -> Comparison:
    return Comparison("news", metric, shares, "article", **options)


def told(made: Comparison, *days: tuple[int, int], people: int = 1_900) -> tuple[Decision, str]:
    result = follow(made, days_of(made, days, people))
    return decision(result, result.findings[0]), verdict(result)


def days_of(made: Comparison, days: Iterable[tuple[int, int]], people: int) -> list[dict[str, Sums]]:
    return [{arm: Sums.of_rate(people, converted) for arm, converted in zip(made.shares, day, strict=True)} for day in days]


def test_something_shown() -> None:
    come_to, sentence = told(experiment(effect=Effect(0.03, 0.1)), *[(80, 57)] * 15)
    assert come_to is Decision.HIGHER
    assert sentence == (
        "It may be concluded that video raises the conversion rate against article (4.21 % and 3 %), by +0.71 to +1.7 points"
        " (a lift of +22 % to +62 %), but not by how much within these bounds, and what is stopped as soon as it shows looks"
        " larger than it is."
    )
    assert told(experiment(effect=Effect(0.03, 0.1)), *[(57, 80)] * 15)[1].startswith("It may be concluded that video lowers")


def test_nothing_shown_yet_and_what_is_to_come() -> None:
    come_to, sentence = told(experiment(effect=Effect(0.03, 0.1)), *[(60, 57)] * 28)
    assert come_to is Decision.OPEN
    assert sentence.startswith("It may not be concluded yet whether video changes the conversion rate against article")
    assert "so neither is a difference shown, nor that there is none" in sentence
    assert "; 97,366 people more are needed to show a lift of +10 % in 80 of 100 cases, 26 days of looks" in sentence


def test_that_its_plan_ends_before_so_many_have_come_is_said() -> None:
    effect = Effect(0.03, 0.1)
    for plan, ends in ((Plan(100_000, effect=effect), "100,000"), (Plan(days=20, effect=effect), "76,000")):
        come_to, sentence = told(experiment(effect=effect, plan=plan), *[(60, 57)] * 5)
        assert come_to is Decision.OPEN
        assert sentence.endswith(f" days of looks at the pace so far, but its plan ends at {ends} people.")
    assert "its plan ends" not in told(experiment(effect=effect, plan=Plan(10**6, effect=effect)), *[(60, 57)] * 5)[1]


def test_nothing_shown_at_the_declared_end() -> None:
    planned = experiment(plan=Plan(106_400))
    come_to, sentence = told(planned, *[(58, 57)] * 28)
    assert (come_to, told(planned, *[(58, 57)] * 27)[0]) == (Decision.NOT_SHOWN, Decision.OPEN)
    assert sentence == (
        "At the declared end, on day 28 with 106,400 people, it may not be concluded that video changes the conversion rate"
        " against article (3.05 % and 3 %): a difference beyond -0.16 to +0.27 points (a lift of -5.2 % to +9.3 %) may be"
        " excluded, but not one within these bounds; later looks count only at 1 %."
    )
    later = told(planned, *[(58, 57)] * 28, *[(70, 57)] * 2)[1]
    assert later == sentence, "whoever sees other figures of later days in a table reads of which day these are"


def test_what_only_the_declared_end_shows_stays_shown() -> None:
    planned = experiment(plan=Plan(10**9, days=28))
    assert told(planned, *[(62, 57)] * 27)[0] is Decision.OPEN
    for looks in (28, 29):
        come_to, sentence = told(planned, *[(62, 57)] * looks)
        assert come_to is Decision.HIGHER
        assert "by +0.04" in sentence
        assert sentence.endswith("bounds, and these are the figures of the declared end, on day 28 with 106,400 people.")


def test_what_was_shown_and_has_faded_is_said() -> None:
    come_to, sentence = told(experiment(effect=Effect(0.03, 0.1)), *[(85, 57)] * 10, *[(45, 57)] * 15)
    assert come_to is Decision.HIGHER
    assert re.search(r"these are the figures of day \d+ with [\d,]+ people: by those of today", sentence)
    assert "by those of today alone it may have faded" in sentence


def test_too_few_to_say_anything() -> None:
    come_to, sentence = told(experiment(), (30, 24))
    assert come_to is Decision.EARLY
    assert sentence == (
        "It may not be concluded yet whether video changes the conversion rate against article: in the smallest group only 24"
        " customers have converted (or, of nearly all, have not), and below 25 a comparison could not keep its promise."
    )
    assert told(experiment(), (1_000, 980), people=1_000)[0] is Decision.EARLY, "20 have not converted"
    assert told(experiment(), (30, 25))[0] is Decision.OPEN
    assert "only 3 customers have any revenue" in told(experiment(Metric("revenue", Kind.MEAN)), (3, 4))[1]
    same = follow(experiment(Metric("m", Kind.MEAN)), [{arm: Sums.of([2.0] * 30) for arm in HALVES}])
    assert "there is no variation to compare it with" in verdict(same)


def test_a_broken_split_says_nothing_else() -> None:
    result = follow(experiment(), [{"video": Sums.of_rate(2_100, 200), "article": Sums.of_rate(1_900, 50)}] * 2)
    assert result.people == 8_000
    assert {decision(result, finding) for finding in result.findings} == {Decision.BROKEN}
    assert verdict(result).startswith(
        "Nothing may be concluded: there are 4,200 in video, 3,800 in article, which by lot (50 % : 50 %) comes about in"
    )


def test_few_converters_are_told_by_the_arms_that_they_are_in() -> None:
    shares = {"video": 0.9, "article": 0.1}
    rare = experiment(Metric("sign-ups", Kind.RARE), shares, effect=Effect(0.003, 0.3))

    def after(video: int, article: int) -> tuple[Decision, str]:
        result = follow(rare, [{"video": Sums.of_rate(9_000, video), "article": Sums.of_rate(1_000, article)}])
        return decision(result, result.findings[0]), verdict(result)

    assert after(0, 0)[1].endswith("nobody has converted.")
    assert after(40, 2)[0] is Decision.OPEN
    assert "agree with a lift of" in after(40, 2)[1]
    assert "to any height" in after(9, 0)[1]
    come_to, sentence = after(20, 30)
    assert come_to is Decision.LOWER
    assert "by a lift of -" in sentence


def test_each_of_several_questions_has_its_sentence_and_its_part_of_the_error() -> None:
    three = experiment(shares={"video": 0.25, "audio": 0.25, "article": 0.5}, effect=Effect(0.03, 0.1))
    assert three.alpha_each == 0.025
    result = follow(
        three, [{"video": Sums.of_rate(950, 60), "audio": Sums.of_rate(950, 30), "article": Sums.of_rate(1_900, 60)}] * 9
    )
    assert [decision(result, finding) for finding in result.findings] == [Decision.HIGHER, Decision.OPEN]
    assert verdict(result).count("conversion rate against article") == 2
    assert "Each of its 2 questions is held to 2.5 %" in method(three)


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (experiment(), "at each look by an interval that holds at all of them"),
        (experiment(), "a difference is claimed in at most 5 of 100 experiments"),
        (experiment(plan=Plan(100)), "once at its declared end nearly as if there had been no other"),
        (experiment(Metric("m", Kind.RARE), plan=Plan(100)), "by the arms in which the converters are, exactly"),
        (experiment(Metric("m", Kind.MEAN, "EUR", cap=500)), "What is above 500.00 EUR counts as that much."),
        (experiment(Metric("m", Kind.MEAN, before=True)), "adjusted by what the same customers did before"),
        (experiment(Metric("m", Kind.RATIO)), "Its error is that of customers"),
    ],
)
def test_how_it_is_read_is_said(made: Comparison, said: str) -> None:
    assert said in method(made)


def test_what_it_needs_is_said_before_it_starts() -> None:
    effect = Effect(0.03, 0.1)
    needs = "To find a lift of +10 % on a conversion rate of 3 % in 80 of 100 such experiments, "
    assert foretold(experiment(effect=effect), 3_800) == needs + "203,766 people are needed: 54 days at 3,800 a day."
    assert foretold(experiment(effect=effect), 0).endswith(
        "people are needed: how long that takes cannot be said yet, since nobody has come lately."
    )
    days_alone = experiment(effect=effect, plan=Plan(days=28))
    assert (too_short(days_alone, 0.0), too_short(days_alone, 10.0)[:28]) == ("", "Its plan ends at 280 people,")
    short = foretold(experiment(effect=effect, plan=Plan(20_000)), 1_000)
    assert short.startswith(needs + "113,659 people are needed: 114 days")
    assert " Its plan ends at 20,000 people, which shows at least a lift of +24" in short
    assert "shows no lift at all" in foretold(experiment(effect=Effect(0.5, 0.1), plan=Plan(10)), 1)
    assert foretold(experiment(effect=effect, plan=Plan(113_659)), 3_800).endswith("a day.")
    assert "cannot be said before an effect is declared" in foretold(experiment(), 1)


def test_what_money_needs_is_said_by_how_much_it_varied_so_far_and_else_what_is_missing() -> None:
    money = Metric("revenue per customer", Kind.MEAN, "EUR")
    of_money = experiment(money, effect=Effect(0.03, 0.1), plan=Plan(20_000))
    assert foretold(of_money, 100) == (
        "How many people are needed cannot be said yet: it is judged by revenue per customer, and how much that varies from"
        " customer to customer is not known before some have been measured."
    )
    assert too_short(of_money) == too_short(of_money, 100, Sums(1, 5.0, 25.0)) == "", "nobody can tell"
    before = Sums.of([0.0] * 97 + [10.0, 20.0, 30.0])
    told, people = foretold(of_money, 100, before), needed(of_money, before)
    assert people is not None
    assert told.startswith(
        "To find a lift of +10 % on revenue per customer of 0.60 EUR (standard deviation 3.71, by customers so far) in 80 of"
        f" 100 such experiments, {people:,} people are needed: {-(-people // 100):,} days at 100 a day."
    )
    least = float(told.partition("which shows at least a lift of +")[2].partition(" %")[0]) / 100
    assert needed(replace(of_money, effect=Effect(0.03, least)), before) == pytest.approx(20_000, rel=0.01)
    orders = experiment(Metric("order value", Kind.RATIO, "EUR"), effect=Effect(0.03, 0.1))
    assert needed(orders, before) is None, "nobody has ordered"
    assert needed(orders, Sums.of([(0.0, 0.0)] * 97 + [(10.0, 1.0), (20.0, 1.0), (30.0, 1.0)])) is not None


FACTORS = {"subject": ("plain", "emoji"), "time": ("noon", "night")}


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (lambda: experiment(shares={"video": 0.5, "article": 0.4}), "add up to 0.9"),
        (lambda: Comparison("news", RATE, HALVES, "artcle"), "did you mean article"),
        (lambda: experiment(alpha=0), "alpha=0"),
        (lambda: experiment(power=1), "power=1"),
        (lambda: Plan(0), "has no end"),
        (lambda: Plan(10, days=0), "has no end"),
        (lambda: Metric("m", Kind.RATIO, before=True), "leave out before="),
        (lambda: Metric("m", cap=5), "give a mean or ratio"),
        (lambda: Metric("m", Kind.MEAN, cap=0), "an amount above 0"),
        (lambda: experiment(factors=FACTORS), "give shares to plain_noon, plain_night, emoji_noon, emoji_night"),
        (lambda: experiment(factors={"medium": ("video",)}), "two levels or more"),
        (
            lambda: Comparison(
                "e",
                RATE,
                {"plain_noon": 0.4, "plain_night": 0.1, "emoji_noon": 0.25, "emoji_night": 0.25},
                "plain_noon",
                factors=FACTORS,
            ),
            "the product of its levels' shares",
        ),
        (lambda: follow(experiment(), [{"vido": Sums()}]), "did you mean video"),
    ],
)
def test_what_is_no_experiment_is_refused(wrong: Any, told: str) -> None:
    with pytest.raises(CatalogueError, match=told):
        wrong()


def test_ml_16_factors_ask_each_level_and_whether_they_change_each_other() -> None:
    shares = {"plain_noon": 0.3, "plain_night": 0.3, "emoji_noon": 0.2, "emoji_night": 0.2}
    made = Comparison("e", RATE, shares, "plain_noon", factors=FACTORS, effect=Effect(0.1, 0.1))
    assert [(each.name, each.against) for each in made.questions] == [
        ("subject emoji", "subject plain"),
        ("time night", "time noon"),
        ("interaction of subject emoji and time night", "the sum of both"),
    ]
    assert made.pairs == [pytest.approx((0.6, 0.4)), pytest.approx((0.5, 0.5))]
    day = {
        arm: Sums.of_rate(int(2_000 * share), int(2_000 * share * (0.3 if arm == "emoji_night" else 0.2)))
        for arm, share in shares.items()
    }
    assert "subject emoji and time night together do more for the conversion rate than the sum of both, by" in verdict(
        follow(made, [day] * 9)
    )
    rare = Comparison("e", Metric("m", Kind.RARE), shares, "plain_noon", factors=FACTORS)
    assert len(rare.questions) == 2, "the arms of converters tell one group from another only"


def test_no_lift_is_told_where_a_mean_may_be_nothing() -> None:
    """One order of a million millions says nothing of what is usual: the lift may be anything."""
    revenue = Comparison("news", Metric("revenue per customer", Kind.MEAN, "EUR"), {"video": 0.5, "article": 0.5}, "article")
    usual = Sums.of([10.0] * 60 + [0.0] * 140)
    [plain] = follow(revenue, [{"video": usual, "article": usual}]).findings
    assert plain.lift_interval is not None
    [found] = follow(revenue, [{"video": Sums.of([1e12] + [10.0] * 59 + [0.0] * 140), "article": usual}]).findings
    assert found.interval is not None
    assert found.interval.low < 0 < found.interval.high, "nothing is shown"
    assert (found.lift, found.lift_interval) == (None, None)
