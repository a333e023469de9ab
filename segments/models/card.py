"""What a model is worth: how well it ranks, whether its probabilities are true ones, what it goes by.

Promise: pure. It is measured on later outcomes, which the fit has not seen.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

from segments.models.propensity import Propensity, Table
from segments.models.trees import Trees
from segments.predictions.weeks import BINS

Floats = NDArray[np.float64]

_GROUPS = 10
_ONE_SIDED = 1.6449  # standard errors that 5 % of the differences exceed which are none
_LEAST = 1e-6


@dataclass(frozen=True, slots=True)
class Group:
    """People of alike scores: how many, what was foretold on average, and how many of a hundred it came true for."""

    people: int
    foretold: float
    came: float


@dataclass(frozen=True, slots=True)
class Measures:
    """How good probabilities were for people of whom it is known by now.

    Attributes:
        people: How many.
        share: Of them it came true for this share.
        auc: Of two people of whom it came true for one, how often that one's score is higher; None where all came the same.
        brier: The mean squared error.
        log_loss: The mean surprise, in nats.
        calibration_error: How far groups of alike scores are from what came, by people.
        calibration: These groups, lowest first.
        informs: Whether the mean surprise is lower than that of one number for all by more than chance (one-sided, 5 %).
    """

    people: int
    share: float
    auc: float | None
    brier: float
    log_loss: float
    calibration_error: float
    calibration: tuple[Group, ...]
    informs: bool

    @classmethod
    def of(cls, foretold: Floats, came: Floats, groups: int = _GROUPS) -> Self:
        """Of probabilities and what came (1.0 or 0.0); at least one person."""
        both = 0 < came.sum() < len(came)
        table = tuple(_groups(foretold, came, groups))
        error = sum(each.people * abs(each.foretold - each.came) for each in table) / len(came)
        return cls(
            people=len(came),
            share=float(came.mean()),
            auc=float(roc_auc_score(came, foretold)) if both else None,
            brier=float(brier_score_loss(came, foretold)),
            log_loss=float(log_loss(came, foretold, labels=[0, 1])),
            calibration_error=error,
            calibration=table,
            informs=Match.of(np.full(len(came), came.mean()), foretold, came).worse,
        )

    def to_json(self) -> dict[str, Any]:
        """Numbers by name."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Match:
    """Two models judged by the same people: what the new one surprises more than the old one, each person a pair.

    Attributes:
        people: How many.
        new, old: The mean surprise of each: log loss in nats of probabilities, squares of amounts.
        error: The standard error of the mean difference.
    """

    people: int
    new: float
    old: float
    error: float

    @classmethod
    def of(cls, new: Floats, old: Floats, came: Floats) -> Self:
        """Of probabilities and what came (1.0 or 0.0)."""
        return cls.of_losses(surprise(new, came), surprise(old, came))

    @classmethod
    def of_losses(cls, new: Floats, old: Floats) -> Self:
        """Of what each person's outcome costs either model."""
        difference = new - old
        error = float(difference.std(ddof=1) / np.sqrt(len(new))) if len(new) > 1 else 0.0
        return cls(len(new), float(new.mean()), float(old.mean()), error)

    @property
    def worse(self) -> bool:
        """Whether the new one is worse by more than chance: one-sided, at 5 %."""
        return self.new - self.old > _ONE_SIDED * self.error

    def to_json(self) -> dict[str, Any]:
        """Numbers by name, and what they come to."""
        return asdict(self) | {"worse": self.worse}


def surprise(foretold: Floats, came: Floats) -> Floats:
    """The log loss of each person, in nats."""
    inside = np.clip(foretold, _LEAST, 1 - _LEAST)
    result: Floats = -np.where(came > 0, np.log(inside), np.log1p(-inside))
    return result


def bins(foretold: Floats, came: Floats) -> list[tuple[int, float, float]]:
    """People by half percents of the score, lowest first: how many, the sum of the probabilities, of how many it came true."""
    which = np.minimum((foretold * BINS).astype(np.int64), BINS - 1)
    people, sums, true = (np.bincount(which, each, BINS) for each in (None, foretold, came))
    return [(int(n), float(of), float(so)) for n, of, so in zip(people, sums, true, strict=True)]


def importance(model: Propensity | Trees, table: Table, came: Floats, *, seed: int = 0) -> Mapping[str, float]:
    """By how much the surprise grows when a feature's values are dealt among the people anew, greatest first."""
    dice = np.random.default_rng(seed)
    before = log_loss(came, model.at(table), labels=[0, 1])
    grown = {
        name: log_loss(came, model.at({**table, name: dice.permutation(values)}), labels=[0, 1]) - before
        for name, values in table.items()
    }
    return dict(sorted(((name, float(by)) for name, by in grown.items()), key=lambda each: -each[1]))


def _groups(foretold: Floats, came: Floats, count: int) -> list[Group]:
    parts = np.array_split(np.argsort(foretold, kind="stable"), min(count, len(came)))
    return [Group(len(rows), float(foretold[rows].mean()), float(came[rows].mean())) for rows in parts]
