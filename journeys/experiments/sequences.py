"""How far a difference must be from zero, so that looking at it every day is no more error than looking once.

Promise: pure. In all but alpha of the experiments an interval holds at all looks together, and with a declared end (`Hybrid`)
both of its parts do. Large samples are meant (the sequences are asymptotic): who uses them waits for the first 25 customers of
each arm who have anything to show (`journeys.experiments.asked.FIRST`).
"""

from dataclasses import dataclass
from math import erfc, exp, log, log1p, sqrt
from typing import Self

from segments.language.sizing import critical


def tuned(alpha: float) -> float:
    """N*ρ², for which the interval is narrowest at N* people: -W₋₁(-alpha²/e) - 1, the u of u - ln(1 + u) = 2 ln(1/alpha).

    `best_rho2_exact` of the authors' code (github.com/WannabeSmith/drconfseq). Newton's steps from the paper's approximation
    are exact to the last digit after four; Lambert's function is nothing else that a library would be needed for.
    """
    wanted = -2 * log(alpha)
    u = wanted + log1p(wanted)
    for _ in range(6):
        u -= (u - log1p(u) - wanted) * (1 + u) / u
    return u


@dataclass(frozen=True, slots=True)
class ConfidenceSequence:
    """An interval around an estimate that may be looked at as often as one likes, and the p that belongs to it.

    Waudby-Smith, Arbour, Sinha, Kennedy, Ramdas, *Time-uniform central limit theory and asymptotic confidence sequences*
    (arXiv 2103.06476), and as normal mixture Howard, Ramdas, McAuliffe, Sekhon (2021). `rho2` is per customer.
    """

    alpha: float
    rho2: float

    @classmethod
    def at(cls, alpha: float, people: float) -> Self:
        """The sequence that is narrowest when so many people are in both arms together."""
        return cls(alpha, tuned(alpha) / people)

    def width(self, people: int) -> float:
        """Half of the interval, in standard errors."""
        x = people * self.rho2
        return sqrt(2 * (x + 1) / x * log(sqrt(x + 1) / self.alpha))

    def p(self, z: float, people: int) -> float:
        """Of a difference of z standard errors, valid at all looks: at most alpha exactly when the interval misses 0.

        The mixture SPRT of Johari, Koomen, Pekelis, Walsh, *Always valid inference* (2022), is the same, tuned by a prior.
        """
        x = people * self.rho2
        return min(1.0, sqrt(x + 1) * exp(-z * z * x / (2 * (x + 1))))


def once(z: float) -> float:
    """The two-sided p of z standard errors looked at a single time."""
    return erfc(abs(z) / sqrt(2))


#: Of alpha, what the looks before a declared end may use up; the rest is for the one look at it.
_BEFORE = 0.2
#: The looks before the end are narrowest after this fraction of the plan: it is large effects that they are for.
_SOON = 0.25


@dataclass(frozen=True, slots=True)
class Hybrid:
    """With a declared end: a sequence at a fifth of alpha at every look, and once, at the end, an ordinary test at the rest.

    Both together err in at most alpha (their errors add up). It finds what it was planned for in 77 instead of 80 of 100 cases,
    and large effects in a third of the time. Looking on after the end is allowed, at a fifth of alpha only.
    """

    alpha: float
    always: ConfidenceSequence

    @classmethod
    def at(cls, alpha: float, people: float) -> Self:
        """With an end at so many people in both arms together."""
        return cls(alpha, ConfidenceSequence.at(_BEFORE * alpha, _SOON * people))

    @property
    def width_at_end(self) -> float:
        """Half of the interval of the one look at the end, in standard errors: 2.05 at 5 %."""
        return critical((1 - _BEFORE) * self.alpha)

    def p(self, z: float, people: int) -> float:
        """Of any look: at most alpha exactly when the sequence's own is at most a fifth of alpha."""
        return min(1.0, self.always.p(z, people) / _BEFORE)

    def p_at_end(self, z: float) -> float:
        """Of the one look at the end: at most alpha exactly when the ordinary p is at most 4/5 of alpha."""
        return min(1.0, once(z) / (1 - _BEFORE))


def pairs(total: float, squares: float, people: int, plan: int, alpha: float = 0.05) -> tuple[float, float]:
    """The mean of what was seen of each person, and half of the interval around it that holds at every look.

    Args:
        total: The sum over people.
        squares: The sum of the squares.
        people: One or more.
        plan: It is narrowest at so many.
        alpha: In which fraction of cases it may ever miss the truth.
    """
    mean = total / people
    spread = max(squares / people - mean * mean, 0.0)
    return mean, ConfidenceSequence.at(alpha, plan).width(people) * sqrt(spread / people)
