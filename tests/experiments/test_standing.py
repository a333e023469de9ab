"""An experiment that is followed on from how it stood is found as one that was followed from its first day on."""

from random import Random
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from journeys import Plan
from journeys.experiments import Comparison, Following, Kind, Metric, Standing, Sums
from segments import Effect
from tests.extent import examples

FACTORS = {"subject": ("plain", "emoji"), "time": ("noon", "night")}
CELLS = dict.fromkeys(("plain_noon", "plain_night", "emoji_noon", "emoji_night"), 0.25)
PLANS = (None, Plan(days=9), Plan(people=900), Plan(people=2_000, days=20, effect=Effect(0.2, 0.3)))
METRICS = (
    Metric("rate"),
    Metric("rate", Kind.RARE),
    Metric("money", Kind.MEAN, "EUR", before=True),
    Metric("order value", Kind.RATIO, "EUR"),
)


def day(rng: Random, arms: list[str]) -> dict[str, Sums]:
    """A day of some arms: customers who come, what they do, and now and then what takes some of that back."""
    if rng.random() < 0.2:
        return {}
    found = {arm: Sums.of([bought(rng, 0.5 if arm == arms[0] else 0.3) for _ in range(rng.randrange(60))]) for arm in arms}
    if rng.random() < 0.2:
        found[rng.choice(arms)] += Sums(0, -7.25, -60.0625, nonzero=-1)
    return found


def bought(rng: Random, rate: float) -> tuple[float, float]:
    return (rng.uniform(1, 90) if rng.random() < rate else 0.0), float(rng.randrange(3))


def as_a_database_gives_it(plain: dict[str, Any]) -> dict[str, Any]:
    """A number without a fraction comes back as an integer."""

    def given_back(value: Any) -> Any:
        if isinstance(value, float) and value.is_integer():
            return int(value)
        if isinstance(value, dict):
            return {name: given_back(each) for name, each in value.items()}
        return [given_back(each) for each in value] if isinstance(value, list) else value

    back: dict[str, Any] = given_back(orjson.loads(orjson.dumps(plain)))
    return back


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.kind.value)
@pytest.mark.parametrize("factors", [False, True])
@examples(25)
@given(seed=st.integers(0, 10_000), plan=st.sampled_from(PLANS))
def test_kpi_04_followed_on_is_followed_from_the_first_day(metric: Metric, factors: bool, seed: int, plan: Plan | None) -> None:
    rng = Random(seed)
    shares = CELLS if factors else {"control": 0.4, "a": 0.3, "b": 0.3}
    experiment = Comparison("e", metric, shares, next(iter(shares)), plan, factors=FACTORS if factors else {})
    whole, parts = Following(experiment), Following(experiment)
    for _ in range(24):
        sums = day(rng, [*shares])
        whole.look(sums)
        parts.look(sums)
        assert parts.result == whole.result
        if rng.random() < 0.4:
            parts = Following(experiment, Standing.from_json(as_a_database_gives_it(parts.standing.to_json())))
            assert parts.result == whole.result


def test_nothing_was_looked_at_where_there_were_too_few() -> None:
    shares = {"a": 0.5, "control": 0.5}
    following = Following(Comparison("e", Metric("rate"), shares, "control"))
    following.look({arm: Sums.of_rate(100, 24) for arm in shares})
    assert following.result.findings[0].p is None
    following.look({arm: Sums.of_rate(10, 1) for arm in shares})
    assert following.result.findings[0].p == 1.0
