"""How probable something is for a customer: logistic regression over a curve for each feature, calibrated on later outcomes.

Promise: pure. A fitted model is a few hundred numbers that anybody can read: for each feature some places (quantiles of it),
the effect on the log-odds at each, straight in between and level outside. So each score is a sum that can be told in words
(`Propensity.parts`), and applying it needs numpy alone: scikit-learn fits, and nothing of its own is kept.

A feature that is not known has an effect of its own, so that "never ordered" is not "ordered long ago".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any, Self
from warnings import catch_warnings, simplefilter

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.exceptions import ConvergenceWarning
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from segments.errors import DefinitionError
from segments.predictions.enough import FEWEST

Floats = NDArray[np.float64]
Table = Mapping[str, Floats]  # of a feature its values, NaN where it is not known

_PLACES = 17  # quantiles of a feature at which its effect is fitted; fewer where values repeat
_MOST_ROWS = 200_000  # that are fitted: a curve of 17 places is known to a thousandth by then
_SOFTNESS = (1.0, 0.1, 0.01)  # inverse weights of the penalty that are tried
_ALIKE = 20  # people whose share is looked at together
_MOST_STEPS = 1_000
_ITERATIONS = 100  # of Newton's method, which needs some five
_BOUND = 1e-4  # no score is nearer to 0 or 1: nobody is certain


@dataclass(frozen=True, slots=True)
class Curve:
    """What a feature does to the log-odds.

    Attributes:
        places: Values of the feature, ascending.
        effects: What each adds; the value that is in the middle of the people adds about nothing.
        unknown: What is added where the feature is not known.
    """

    places: tuple[float, ...]
    effects: tuple[float, ...]
    unknown: float

    def __post_init__(self) -> None:
        _check(self.places, self.effects, "places of a curve")

    def at(self, values: Floats) -> Floats:
        """Effect of each value."""
        known = np.interp(values, self.places, self.effects)
        return np.where(np.isnan(values), self.unknown, known)

    def to_json(self) -> dict[str, Any]:
        """Numbers by name."""
        return {"places": list(self.places), "effects": list(self.effects), "unknown": self.unknown}

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Self:
        """What `to_json` made."""
        return cls(tuple(plain["places"]), tuple(plain["effects"]), plain["unknown"])


@dataclass(frozen=True, slots=True)
class Steps:
    """A rising curve through what was foretold and what came (isotonic regression)."""

    foretold: tuple[float, ...]
    came: tuple[float, ...]

    def __post_init__(self) -> None:
        _check(self.foretold, self.came, "steps of a calibration", strictly=False)
        if not all(0 <= low <= high <= 1 for low, high in pairwise((0.0, *self.came, 1.0))):
            raise DefinitionError("model", "calibrates to what is no probability, or falls where it has to rise")

    @classmethod
    def fit(cls, foretold: Floats, came: Floats) -> Self:
        """By what was foretold for people and came for them (1.0) or not (0.0).

        Of people of alike scores some tens are looked at together, each group with one more person of whom it came as of all:
        a few for whom it came true by chance make nobody certain.
        """
        alike = np.array_split(np.argsort(foretold, kind="stable"), min(max(len(came) // _ALIKE, 1), _MOST_STEPS))
        people = np.array([len(rows) for rows in alike])
        at = np.array([foretold[rows].mean() for rows in alike])
        true = np.array([came[rows].sum() for rows in alike])
        shares = (true + came.mean()) / (people + 1)
        fitted = IsotonicRegression(y_min=_BOUND, y_max=1 - _BOUND, out_of_bounds="clip").fit(at, shares, people)
        return cls(_plain(fitted.X_thresholds_), _plain(fitted.y_thresholds_))

    def at(self, foretold: Floats) -> Floats:
        """What comes of those for whom so much was foretold."""
        return np.interp(foretold, self.foretold, self.came)


@dataclass(frozen=True, slots=True)
class Propensity:
    """A fitted model.

    Attributes:
        middle: The log-odds of somebody in the middle.
        curves: By feature.
        calibration: None until it was measured on outcomes that the fit did not see.
        converged: Whether the fit came to its end; of a model that was kept, its card says so.
    """

    middle: float
    curves: Mapping[str, Curve]
    calibration: Steps | None = None
    converged: bool = field(default=True, compare=False)

    @classmethod
    def fit(cls, table: Table, came: Floats, *, softness: Sequence[float] = _SOFTNESS, seed: int = 0) -> Self:
        """By a table of features and what came of each row (1.0 or 0.0).

        How soft the curves are is chosen by a fifth of the rows that the others foretell.

        Raises:
            DefinitionError: fewer than 50 rows of either outcome.
        """
        happened = int(came.sum())
        if min(happened, len(came) - happened) < FEWEST:
            told = f"came true for {happened} of {len(came)} people"
            raise DefinitionError("prediction", f"{told}; it needs {FEWEST} for whom it did and {FEWEST} for whom not")
        dice = np.random.default_rng(seed)
        rows = dice.permutation(len(came))[:_MOST_ROWS]
        places = {name: knots(table[name][rows]) for name in sorted(table)}  # one order: sums of floats depend on it
        hats, outcomes = hats_of({name: table[name][rows] for name in places}, places), came[rows]
        fifth = len(rows) // 5
        soft = min(softness, key=lambda each: _off(hats, outcomes, each, fifth)) if len(softness) > 1 else softness[0]
        return cls._of(_regression(hats, outcomes, soft), places)

    @classmethod
    def _of(cls, fitted: LogisticRegression, places: Mapping[str, Floats]) -> Self:
        curves = curves_by(fitted.coef_[0], places)
        return cls(float(fitted.intercept_[0]), curves, converged=bool(fitted.n_iter_[0] < _ITERATIONS))

    def calibrated(self, table: Table, came: Floats) -> Self:
        """The same with its probabilities set right by people whom the fit did not see."""
        return replace(self, calibration=Steps.fit(self._raw(table), came))

    def at(self, table: Table) -> Floats:
        """The probability for each row."""
        raw = self._raw(table)
        return raw if self.calibration is None else self.calibration.at(raw)

    def parts(self, table: Table) -> dict[str, Floats]:
        """What each feature adds to the log-odds of each row: the reasons of a score."""
        return {name: curve.at(table[name]) for name, curve in self.curves.items()}

    def _raw(self, table: Table) -> Floats:

        lean = np.full(len(next(iter(table.values()))), self.middle)
        for part in self.parts(table).values():
            lean += part
        result: Floats = 1 / (1 + np.exp(-lean))
        return result

    def to_json(self) -> dict[str, Any]:
        """Numbers by name."""
        curves = {name: curve.to_json() for name, curve in self.curves.items()}
        steps = self.calibration and {"foretold": list(self.calibration.foretold), "came": list(self.calibration.came)}
        return {"middle": self.middle, "curves": curves, "calibration": steps}

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Self:
        """What `to_json` made; `segments.models.stored` looks whether it is."""
        curves = {name: Curve.from_json(curve) for name, curve in plain["curves"].items()}
        steps = plain["calibration"] and Steps(tuple(plain["calibration"]["foretold"]), tuple(plain["calibration"]["came"]))
        return cls(plain["middle"], curves, steps)


def knots(values: Floats) -> Floats:
    """Quantiles of what is known of a feature, each value once; one place at zero where nothing is known."""
    known = values[~np.isnan(values)]
    if not len(known):
        return np.zeros(1)
    return np.unique(np.quantile(known, np.linspace(0, 1, _PLACES), method="nearest"))


def curves_by(weights: Floats, places: Mapping[str, Floats]) -> dict[str, Curve]:
    """The curves of weights that were fitted to `hats_of` a table with these places."""
    curves, at = {}, 0
    for name, here in places.items():
        *effects, unknown = _plain(weights[at : at + len(here) + 1])
        curves[name] = Curve(_plain(here), tuple(effects), unknown)
        at += len(here) + 1
    return curves


def hats_of(table: Table, places: Mapping[str, Floats]) -> csr_matrix:
    """For each row and feature how near its value is to the places around it (together one), or that it is unknown."""
    count = len(next(iter(table.values())))
    columns, weights, first = [], [], 0
    for name, values in table.items():
        here = places[name]
        unknown = np.isnan(values)
        inside = np.clip(np.where(unknown, here[0], values), here[0], here[-1])
        left = np.clip(np.searchsorted(here, inside, side="right") - 1, 0, max(len(here) - 2, 0))
        right = np.minimum(left + 1, len(here) - 1)
        span = here[right] - here[left]
        share = np.divide(inside - here[left], span, out=np.zeros(count), where=span > 0)
        columns += [np.where(unknown, first + len(here), first + left), first + right]
        weights += [np.where(unknown, 1.0, 1 - share), np.where(unknown, 0.0, share)]
        first += len(here) + 1
    indices, data = np.stack(columns, axis=1).ravel(), np.stack(weights, axis=1).ravel()
    return csr_matrix((data, indices, np.arange(0, len(data) + 1, len(columns))), shape=(count, first))


def _regression(hats: csr_matrix, came: Floats, soft: float) -> LogisticRegression:
    """By Newton's method: windows of one feature that hold the same events are nearly one column, over which L-BFGS creeps."""
    with catch_warnings():
        simplefilter("ignore", ConvergenceWarning)  # the model says so
        return LogisticRegression(C=soft, solver="newton-cg", max_iter=_ITERATIONS, tol=1e-5).fit(hats, came)


def _off(hats: csr_matrix, came: Floats, soft: float, count: int) -> float:
    """The mean surprise (log loss) at the first rows when the others are fitted."""
    fitted = _regression(hats[count:], came[count:], soft)
    lean = hats[:count] @ fitted.coef_[0] + fitted.intercept_[0]
    return float(np.mean(np.logaddexp(0, lean) - came[:count] * lean))


def _check(at: Sequence[float], values: Sequence[float], what: str, *, strictly: bool = True) -> None:
    rises = all(low < high if strictly else low <= high for low, high in pairwise(at))
    if not at or len(at) != len(values) or not rises:
        raise DefinitionError("model", f"has {what} that do not rise, or not a value for each")


def _plain(values: Floats) -> tuple[float, ...]:
    return tuple(float(value) for value in values)
