"""Counts by arm against the declared shares: are the groups as they were drawn, and in which arm are those who converted.

Promise: pure, and exact for any number of customers, also for the first one: no approximation by the normal distribution.
"""

from collections.abc import Callable, Sequence
from math import exp, inf, lgamma, log

#: How sure of the declared shares the alternative is, in customers: found within days are a percent or two of a shift.
CUSTOMERS = 1_000
#: The same of converters, who are few: a third more or less in one arm is what is looked for.
CONVERTERS = 100
#: A sample ratio below this rings: rarer than the 5 % of a result, since an alarm ends all of an experiment.
ALARM = 0.01


def log_e(counts: Sequence[int], shares: Sequence[float], concentration: float = CUSTOMERS) -> float:
    """The logarithm of the evidence that customers do not fall into the arms by these shares; below 0 it is for them.

    ln B(κθ + c) / B(κθ) - Σ c ln θ, with counts c, shares θ and κ, the concentration of a Dirichlet prior around them: its
    exponential is an e-value, a martingale while the shares are true, so 1/e is a p that may be looked at after each customer
    (Lindon, Malek, *Anytime-valid inference for multinomial count data*, NeurIPS 2022).
    """
    total = lgamma(concentration) - lgamma(concentration + sum(counts))
    for count, share in zip(counts, shares, strict=True):
        before = concentration * share
        total += lgamma(before + count) - lgamma(before) - count * log(share)
    return total


def p_of(logarithm: float) -> float:
    """The always-valid p of the logarithm of an e-value."""
    return exp(-logarithm) if logarithm > 0 else 1.0


def likely_shares(treated: int, control: int, alpha: float, concentration: float = CONVERTERS) -> tuple[float, float]:
    """Which shares of the treated among the converters are not refuted, at all looks together: those with ln e < ln 1/alpha."""

    def refuted(share: float) -> bool:
        return log_e((treated, control), (share, 1 - share), concentration) >= log(1 / alpha)

    seen = min(max(treated / (treated + control), _LEAST), 1 - _LEAST) if treated + control else 0.5
    return _edge(refuted, seen, _LEAST), _edge(refuted, seen, 1 - _LEAST)


def lift_of(share: float, assigned: float) -> float:
    """The relative lift of the treated's conversion rate that puts this share of the converters among them.

    θ/(1-θ) · (1-s)/s - 1, with s the fraction of the two arms' customers who were assigned to be treated; exact, since who
    converted was assigned like everybody. At 1 it is infinite.
    """
    return share / (1 - share) * (1 - assigned) / assigned - 1 if share < 1 - _LEAST else inf


_LEAST = 1e-9


def _edge(refuted: Callable[[float], bool], inside: float, outside: float) -> float:
    """Between a share that is not refuted and one that may be, where it turns; by halving, to nine digits."""
    if not refuted(outside):
        return round(outside)
    while abs(outside - inside) > _LEAST:
        middle = (inside + outside) / 2
        inside, outside = (inside, middle) if refuted(middle) else (middle, outside)
    return inside
