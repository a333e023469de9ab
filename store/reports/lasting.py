"""How long until something happens, where some have not been looked at for long enough: Kaplan's and Meier's curve.

Promise: pure, of counts. Who has not been seen to the end counts for as long as they were seen, neither as lost nor as having
stayed, and of equal times what happened comes before what was not seen any more.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import exp, log, sqrt
from statistics import NormalDist
from typing import NamedTuple


class Seen(NamedTuple):
    """So many of whom something was known up to a time: that it happened then, or that it had not happened until then."""

    time: float
    happened: bool
    many: int = 1


@dataclass(frozen=True, slots=True)
class Step:
    """From this time on `left` is the share to whom it has not happened; of `at_risk` just before, it did to `happened`.

    `low` and `high`: between which the share is, in 95 of a hundred such groups, each time for itself.
    """

    time: float
    at_risk: int
    happened: int
    left: float
    low: float
    high: float


def curve(seen: Iterable[Seen], sure: float = 0.95) -> list[Step]:
    """The share to whom it has not happened, at each time at which it happened to somebody; empty where it did to nobody.

    The interval is Greenwood's variance on the scale of ln(-ln(share)), which stays between 0 and 1.
    """
    happened: dict[float, int] = defaultdict(int)
    gone: dict[float, int] = defaultdict(int)
    for each in seen:
        happened[each.time] += each.many if each.happened else 0
        gone[each.time] += each.many
    at_risk, left, variance = sum(gone.values()), 1.0, 0.0
    z = NormalDist().inv_cdf((1 + sure) / 2)
    steps: list[Step] = []
    for time in sorted(gone):
        if many := happened[time]:
            left *= 1 - many / at_risk
            variance += many / (at_risk * (at_risk - many)) if at_risk > many else 0.0
            steps.append(Step(time, at_risk, many, left, *_between(left, variance, z)))
        at_risk -= gone[time]
    return steps


def left_at(steps: Sequence[Step], time: float) -> float:
    """The share to whom it has not happened by a time."""
    return next((step.left for step in reversed(steps) if step.time <= time), 1.0)


def between_at(steps: Sequence[Step], time: float) -> tuple[float, float]:
    """Between which that share is; all is left before anything happened."""
    return next(((step.low, step.high) for step in reversed(steps) if step.time <= time), (1.0, 1.0))


def median(steps: Sequence[Step]) -> float | None:
    """The first time by which it has happened to half of them; None where they were not seen for so long."""
    return next((step.time for step in steps if step.left <= 0.5 + _ROUNDING), None)


_ROUNDING = 1e-12


def _between(left: float, variance: float, z: float) -> tuple[float, float]:
    if not 0 < left < 1:
        return left, left
    wide = z * sqrt(variance) / abs(log(left))
    return left ** exp(wide), left ** exp(-wide)
