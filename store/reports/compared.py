"""Shares of two groups, many at once, and amounts by orders: differences and ratios with what may be said of them.

Promise: pure, of counts and sums. Each interval says how sure it is for itself; q says it of all that were looked at together.
"""

from collections.abc import Sequence
from math import erfc, sqrt
from statistics import NormalDist
from typing import NamedTuple


class Between(NamedTuple):
    """A value and the interval around it."""

    value: float
    low: float
    high: float


def difference(first: tuple[int, int], other: tuple[int, int], sure: float = 0.95) -> Between:
    """The share of the first less that of the other, each as (of them, people), with Newcombe's interval of two Wilson scores.

    It holds also for shares near 0, where the plain normal one does not (Newcombe, *Interval estimation for the difference
    between independent proportions*, Statistics in Medicine 1998, method 10).
    """
    z = NormalDist().inv_cdf((1 + sure) / 2)
    (p1, low1, high1), (p2, low2, high2) = _wilson(*first, z), _wilson(*other, z)
    value = p1 - p2
    return Between(
        value, value - sqrt((p1 - low1) ** 2 + (high2 - p2) ** 2), value + sqrt((high1 - p1) ** 2 + (p2 - low2) ** 2)
    )


def unlike(first: tuple[int, int], other: tuple[int, int]) -> float:
    """The two-sided p of two equal shares, each as (of them, people), by the normal distribution; ten or more in each cell."""
    (x1, n1), (x2, n2) = first, other
    pooled = (x1 + x2) / (n1 + n2)
    error = sqrt(pooled * (1 - pooled) * (1 / n1 + 1 / n2))
    return erfc(abs(x1 / n1 - x2 / n2) / error / sqrt(2)) if error else 1.0


def q_values(p_values: Sequence[float]) -> list[float]:
    """Of each p the least share of false ones among all that are told up to it, in their order (Benjamini, Hochberg 1995)."""
    order = sorted(range(len(p_values)), key=lambda n: p_values[n], reverse=True)
    found, least = [1.0] * len(p_values), 1.0
    for rank, n in zip(range(len(p_values), 0, -1), order, strict=True):
        least = min(least, p_values[n] * len(p_values) / rank)
        found[n] = least
    return found


class Pairs(NamedTuple):
    """The sums of y, x, y², x² and xy over customers: money and orders."""

    people: int
    y: float
    x: float
    yy: float
    xx: float
    xy: float


def ratio(sums: Pairs, sure: float = 0.95) -> Between | None:
    """All y by all x, with the error of drawing customers and not orders, by the delta method; None without any x.

    v = (v_y + R² v_x - 2 R c_xy) / x̄², and a customer's share of it (Deng, Knoblich, Lu, KDD 2018).
    """
    n = sums.people
    if not n or not sums.x:
        return None
    by, my, mx = sums.y / sums.x, sums.y / n, sums.x / n
    v = (sums.yy / n - my * my) + by * by * (sums.xx / n - mx * mx) - 2 * by * (sums.xy / n - my * mx)
    wide = NormalDist().inv_cdf((1 + sure) / 2) * sqrt(max(v, 0.0) / n) / abs(mx)
    return Between(by, by - wide, by + wide)


def _wilson(of_them: int, people: int, z: float) -> Between:
    p = of_them / people
    middle = (p + z * z / (2 * people)) / (1 + z * z / people)
    wide = z / (1 + z * z / people) * sqrt(p * (1 - p) / people + z * z / (4 * people * people))
    return Between(p, middle - wide, middle + wide)
