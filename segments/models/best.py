"""Which of some options each customer answers most: Beta-Binomial shares, drawn towards those of all customers.

Promise: pure, and the parameters are numbers by name. Of options in a circle (hours) neighbours are smoothed together, and
what a customer answers at all lifts or lowers the whole curve of theirs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize, minimize_scalar
from scipy.special import betainc, betaln, expit, logit

from segments.errors import DefinitionError

Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]

FEWEST = 200  # messages in all
FEWEST_EACH = 50  # messages of an option that is one
_KERNEL = (0.25, 0.5, 1.0, 0.5, 0.25)  # an hour off, a message counts half
_NEAR = len(_KERNEL) // 2
_WEAKEST, _STRONGEST = 0.5, 2_000.0
_LITTLE = 1e-4
_BINS = 96


@dataclass(frozen=True, slots=True)
class Prior:
    """What is believed of a customer of whom nothing is known: a mean share, worth so many messages."""

    mean: float
    strength: float

    def __post_init__(self) -> None:
        if not 0 < self.mean < 1 or not self.strength > 0:
            raise DefinitionError("model", "has a share that is none")


@dataclass(frozen=True, slots=True)
class Believed:
    """What is believed of customers, a row each: `a` and `b` of a Beta distribution for each option."""

    a: Floats
    b: Floats

    @property
    def rates(self) -> Floats:
        """The shares that are expected."""
        found: Floats = self.a / (self.a + self.b)
        return found


@dataclass(frozen=True, slots=True)
class Shares:
    """A fitted model.

    Attributes:
        options: By name; those that are known well enough.
        level: Of options in a circle, the share of all of a customer's messages together; None of others.
    """

    options: Mapping[str, Prior]
    level: Prior | None

    @classmethod
    def fit(cls, names: Sequence[str], sent: Floats, answered: Floats, *, circular: bool) -> Self:
        """By counts of customers, a row each, a column for each option.

        Raises:
            DefinitionError: too few messages are known, or nobody (or everybody) answered.
        """
        total, of_all = float(sent.sum()), float(answered.sum())
        if total < FEWEST:
            raise DefinitionError("prediction", f"knows of {total:,.0f} messages; it needs {FEWEST}")
        if not 0 < of_all < total:
            raise DefinitionError("prediction", f"of {total:,.0f} messages {of_all:,.0f} were answered: nothing to learn")
        known = [int(n) for n in np.flatnonzero(sent.sum(axis=0) >= FEWEST_EACH)]
        if len(known) < 2:  # noqa: PLR2004 - between one there is nothing to choose
            raise DefinitionError("prediction", f"has fewer than two options of {FEWEST_EACH} messages; send on others, too")
        if not circular:
            return cls({names[n]: _prior(sent[:, n], answered[:, n]) for n in sorted(known, key=lambda n: names[n])}, None)
        level = _prior(sent.sum(axis=1), answered.sum(axis=1))
        mean = of_all / total
        around = _smooth(answered.sum(axis=0)), _smooth(sent.sum(axis=0))
        curve = (around[0] + mean * FEWEST_EACH) / (around[1] + FEWEST_EACH)
        strength = _strength(sent[:, known], answered[:, known], _lifted(curve[known], level, sent, answered))
        return cls({names[n]: Prior(float(curve[n]), strength) for n in known}, level)

    def believed(self, names: Sequence[str], sent: Floats, answered: Floats) -> Believed:
        """What is believed of customers, a column for each option of the model."""
        columns = [list(names).index(each) for each in self.options]
        means = np.array([each.mean for each in self.options.values()])
        strengths = np.array([each.strength for each in self.options.values()])
        mean = np.broadcast_to(means, (len(sent), len(means)))
        n, k = sent, answered
        if self.level is not None:
            mean = _lifted(means, self.level, sent, answered)
            n, k = _smooth(sent), _smooth(answered)
        n, k = n[:, columns], k[:, columns]
        return Believed(mean * strengths + k, (1 - mean) * strengths + np.maximum(n - k, 0))

    def best(self, of: Believed) -> tuple[Numbers, Floats]:
        """Of each row the option with the highest share, and how probable it is that it beats the next best.

        Of hours, those beside the best one are no others.
        """
        rates, rows = of.rates, np.arange(len(of.a))
        best: Numbers = np.argmax(rates, axis=1)
        others = rates.copy()
        others[rows, best] = -1
        if self.level is not None:
            hours = np.array([int(each) for each in self.options])
            far = np.abs(hours[None, :] - hours[best][:, None])
            beside = np.minimum(far, 24 - far) <= _NEAR
            others = np.where(beside & ~beside.all(axis=1, keepdims=True), -1, others)
        second = np.argmax(others, axis=1)
        four = np.stack([of.a[rows, best], of.b[rows, best], of.a[rows, second], of.b[rows, second]], axis=1)
        alike, which = np.unique(np.round(four, 3), axis=0, return_inverse=True)
        sure: Floats = _beats(*np.maximum(alike, _LITTLE).T)[which.reshape(-1)]
        return best, sure

    def to_json(self) -> dict[str, Any]:
        """Numbers by name."""
        options = {name: asdict(each) for name, each in self.options.items()}
        return {"options": options, "level": self.level and asdict(self.level)}

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Self:
        """What `to_json` made; `segments.models.stored` looks whether it is."""
        options = {name: Prior(**each) for name, each in sorted(plain["options"].items())}
        if len(options) < 2:  # noqa: PLR2004 - as above
            raise DefinitionError("model", "has fewer than two options")
        return cls(options, plain["level"] and Prior(**plain["level"]))


def surprise(rates: Floats, sent: Floats, answered: Floats) -> float:
    """The mean log loss of messages whose answers were foretold with these shares."""
    inside = np.clip(rates, _LITTLE, 1 - _LITTLE)
    return float(-(answered * np.log(inside) + (sent - answered) * np.log1p(-inside)).sum() / sent.sum())


def _smooth(counts: Floats) -> Floats:
    """Counts in a circle, each spread over its neighbours."""
    found: Floats = sum(weight * np.roll(counts, n - _NEAR, axis=-1) for n, weight in enumerate(_KERNEL))  # type: ignore[assignment]
    return found


def _lifted(curve: Floats, level: Prior, sent: Floats, answered: Floats) -> Floats:
    """The curve of all customers, times how much more or less one of them answers at all."""
    own = (answered.sum(axis=1) + level.mean * level.strength) / (sent.sum(axis=1) + level.strength)
    found: Floats = np.clip(curve[None, :] * (own / level.mean)[:, None], _LITTLE, 1 - _LITTLE)
    return found


def _prior(sent: Floats, answered: Floats) -> Prior:
    """How shares differ among customers: the Beta distribution under which these counts are likeliest."""
    pairs, people = np.unique(np.stack([sent, answered], axis=1)[sent > 0], axis=0, return_counts=True)
    n, k = pairs.T
    start = logit((k @ people + 0.5) / (n @ people + 1)), np.log(10.0)
    bounds = [(-9.0, 9.0), (np.log(_WEAKEST), np.log(_STRONGEST))]
    found = minimize(lambda x: -(people @ _likely(n, k, expit(x[0]), np.exp(x[1]))), start, method="L-BFGS-B", bounds=bounds)
    return Prior(float(expit(found.x[0])), float(np.exp(found.x[1])))


def _strength(sent: Floats, answered: Floats, means: Floats) -> float:
    """How much a customer's own curve may differ from the one that is expected of them."""
    some = sent > 0
    n, k, mean = sent[some], answered[some], means[some]
    bounds = np.log(_WEAKEST), np.log(_STRONGEST)
    found = minimize_scalar(lambda x: -_likely(n, k, mean, np.exp(x)).sum(), bounds=bounds, method="bounded")
    return float(np.exp(found.x))


def _likely(n: Floats, k: Floats, mean: Any, strength: float) -> Floats:
    a, b = mean * strength, (1 - mean) * strength
    found: Floats = betaln(k + a, n - k + b) - betaln(a, b)
    return found


def _beats(a: Floats, b: Floats, c: Floats, d: Floats) -> Floats:
    """How probable it is that a share of Beta(a, b) is above one of Beta(c, d)."""
    above = np.zeros(len(a))
    edges = np.linspace(0, 1, _BINS + 1) ** 3  # shares are small
    mass, below = betainc(a, b, edges[0]), betainc(c, d, edges[0])
    for edge in edges[1:]:
        next_mass, next_below = betainc(a, b, edge), betainc(c, d, edge)
        above += (next_mass - mass) * (below + next_below) / 2
        mass, below = next_mass, next_below
    return above
