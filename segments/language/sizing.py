"""How many people it takes to see an effect, and the least effect that so many can show, in plain arithmetic.

Promise: pure, and in the standard library; everything is of two groups, the others and the treated, and two-sided.
"""

from collections.abc import Sequence
from math import ceil, sqrt
from statistics import NormalDist

from segments.language.segment import Effect

POWER = 0.8
SIGNIFICANCE = 0.05
EVEN = (0.5, 0.5)


def critical(significance: float = SIGNIFICANCE) -> float:
    """By how many standard errors a difference must miss zero, looked at once: 1.96 at 5 %, two-sided."""
    return NormalDist().inv_cdf(1 - significance / 2)


def people_needed(effect: Effect, *, shares: Sequence[float] = EVEN, power: float = POWER, beyond: float | None = None) -> int:
    """People in both groups together who show the effect with this power.

    N = (z(1 - a/2) + z(power))^2 * (p0 q0 / s0 + p1 q1 / s1) / (p1 - p0)^2, rounded up (Fleiss, Statistical Methods for Rates
    and Proportions, without the continuity correction): 3 % and ten per cent more of it need 106,416 people.

    Args:
        effect: The rate of the others, and the lift upon it.
        shares: The fraction of all people in each group: the others', the treated'.
        power: In which fraction of the experiments the effect is to be found.
        beyond: How many standard errors the difference must reach; without it `critical()`, that of one look at 5 %.
    """
    first, second = _rates(effect)
    return people_for(second - first, (first * (1 - first), second * (1 - second)), shares=shares, power=power, beyond=beyond)


def people_for(
    difference: float,
    variances: Sequence[float],
    *,
    shares: Sequence[float] = EVEN,
    power: float = POWER,
    beyond: float | None = None,
) -> int:
    """The same of any measure, by its variance per customer in each group, in the square of the unit of the difference."""
    return ceil(_reach(power, beyond) ** 2 * sum(v / s for v, s in zip(variances, shares, strict=True)) / difference**2)


def least_lift(
    base_rate: float, people: int, *, shares: Sequence[float] = EVEN, power: float = POWER, beyond: float | None = None
) -> float | None:
    """The smallest relative lift that so many people show with this power; None where not even everybody's converting would.

    It is the d > 0 of `people_needed` solved for d = p1 - p0, a quadratic equation.
    """
    others, treated = shares
    reach = _reach(power, beyond) ** 2
    square, line = people + reach / treated, reach * (1 - 2 * base_rate) / treated
    rest = reach * base_rate * (1 - base_rate) * (1 / others + 1 / treated)
    more = (line + sqrt(line**2 + 4 * square * rest)) / (2 * square)
    return more / base_rate if base_rate + more < 1 else None


def too_small(effect: Effect, people: int, *, shares: Sequence[float] = EVEN) -> str | None:
    """What so many people are too few for, how many it takes, and what they can show (GOV-03); None where they are enough."""
    needed = people_needed(effect, shares=shares)
    if people >= needed:
        return None
    least = least_lift(effect.base_rate, people, shares=shares)
    split = "/".join(f"{100 * share:g}" for share in shares)
    shows = f"the least that it can show is a lift of {100 * least:+.3g} %" if least else "no lift at all would show in so few"
    return (
        f"has {people:,} members, but to see a lift of {100 * effect.lift:+.3g} % on a rate of {100 * effect.base_rate:.3g} %"
        f" needs {needed:,} at {split}"
        f" (80 % power, 5 % two-sided); {shows}: widen it or expect a larger effect"
    )


def _rates(effect: Effect) -> tuple[float, float]:
    return effect.base_rate, effect.base_rate * (1 + effect.lift)


def _reach(power: float, beyond: float | None) -> float:
    return (critical() if beyond is None else beyond) + NormalDist().inv_cdf(power)
