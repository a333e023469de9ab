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

Floats = NDArray[np.float64]

_GROUPS = 10


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
    """

    people: int
    share: float
    auc: float | None
    brier: float
    log_loss: float
    calibration_error: float
    calibration: tuple[Group, ...]

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
        )

    def to_json(self) -> dict[str, Any]:
        """Numbers by name."""
        return asdict(self)


def importance(model: Propensity, table: Table, came: Floats, *, seed: int = 0) -> Mapping[str, float]:
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
