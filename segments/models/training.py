"""A model out of what was known at several instants and what came of it: fitted on the past, judged on what came later.

Promise: pure; the same tables make the same model. Who judges was seen neither by the fit nor by the calibration.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segments.errors import DefinitionError
from segments.models.card import Match, Measures, importance
from segments.models.propensity import Propensity
from segments.models.trees import Trees
from segments.predictions.enough import FEWEST, FITTED

Floats = NDArray[np.float64]
_CUTS = 4
#: How probabilities may be fitted.
FAMILIES: Mapping[str, type[Propensity | Trees]] = {"propensity": Propensity, "trees": Trees}


@dataclass(frozen=True, slots=True)
class Cut:
    """What was known of people at an instant, and what had come of them at the end of the horizon."""

    as_of: datetime
    table: dict[str, Floats]
    came: Floats

    def rows(self, rows: NDArray[np.bool_]) -> "Cut":
        """Some of the people."""
        return Cut(self.as_of, {name: values[rows] for name, values in self.table.items()}, self.came[rows])

    def __len__(self) -> int:
        return len(self.came)


@dataclass(frozen=True, slots=True)
class Trained:
    """A model and what it is worth.

    Attributes:
        model: Calibrated.
        measures: By the people who judged it.
        importance: By feature, greatest first.
        fitted, calibrated: People.
        window: The first and the last instant that it was fitted to.
        judged_as_of: The instant of who calibrated and judged.
        judge: The people who judged it, by whom another model may be judged, too.
        rival: A model of another family that was fitted to the same and judged by the same people, and is none the better.
        dropped: Features that the selection left out, by what they mattered to the people who calibrated; it knows nothing of
            those who judge.
    """

    model: Propensity | Trees
    measures: Measures
    importance: dict[str, float]
    fitted: int
    calibrated: int
    window: tuple[datetime, datetime]
    judged_as_of: datetime
    judge: Cut = field(repr=False, compare=False)
    rival: dict[str, Any] | None = None
    dropped: dict[str, float] = field(default_factory=dict)

    @property
    def converged(self) -> bool:
        """Whether the fit came to its end; trees do."""
        return not isinstance(self.model, Propensity) or self.model.converged

    def to_json(self) -> dict[str, Any]:
        """The card."""
        return {
            "measures": self.measures.to_json(),
            "importance": self.importance,
            "people": {"fitted": self.fitted, "calibrated": self.calibrated, "judged": self.measures.people},
            "window": [each.isoformat() for each in self.window],
            "judged_as_of": self.judged_as_of.isoformat(),
            "rival": self.rival,
            "converged": self.converged,
            "dropped": self.dropped,
        }


def cuts(now: datetime, horizon: timedelta, since: datetime) -> list[datetime]:
    """Instants whose outcomes are known by now, oldest first: half a horizon apart, none before anything was known.

    Raises:
        DefinitionError: nothing is old enough.
    """
    found = [now - horizon * (1 + n / 2) for n in range(_CUTS)]
    if not (known := [each for each in found if each > since]):
        days = horizon / timedelta(days=1)
        raise DefinitionError(
            "prediction", f"looks {days:g} days ahead, but nothing is that old: what comes true is not known yet"
        )
    return known[::-1]


@dataclass(frozen=True, slots=True)
class Choice:
    """By how many features a model goes at most (None: by all), and which are in whatever they matter."""

    most: int | None = None
    always: frozenset[str] = frozenset()

    def of(self, weights: Mapping[str, float]) -> list[str]:
        """Those that are chosen, by what each matters."""
        if self.most is None or self.most >= len(weights):
            return list(weights)
        others = [name for name in sorted(weights, key=lambda each: -weights[each]) if name not in self.always]
        return [*sorted(self.always), *others[: self.most - len(self.always)]]


_ALL = Choice()


def train(known: Sequence[Cut], families: Sequence[str] = ("propensity",), choice: Choice = _ALL, *, seed: int = 0) -> Trained:
    """Fit to all cuts but the newest; of the newest, half of the people calibrate and half judge.

    Where there is one cut only, three fifths of its people are fitted to. Cuts are oldest first. Of several families that one
    is the model whose log loss, of the same people, is lower by more than chance; else the one that is named first.

    Raises:
        DefinitionError: too few people, or it came true for too few or nearly all.
    """
    *older, newest = known
    dice = np.random.default_rng(seed)
    lot = dice.random(len(newest))
    if older:
        fit, later, judge = older, newest.rows(lot < 0.5), newest.rows(lot >= 0.5)  # noqa: PLR2004 - halves
    else:
        fit = [newest.rows(lot < FITTED)]
        later, judge = newest.rows((lot >= FITTED) & (lot < 0.8)), newest.rows(lot >= 0.8)  # noqa: PLR2004
    if min(len(later), len(judge)) < FEWEST:
        raise DefinitionError(
            "prediction",
            f"is of {len(newest)} people as of {newest.as_of:%Y-%m-%d}; it needs some hundreds to be fitted, set right and"
            " judged. Only what had been received by then counts: a past that was imported later is known from its import on",
        )
    table = {name: np.concatenate([cut.table[name] for cut in fit]) for name in newest.table}
    came = np.concatenate([cut.came for cut in fit])
    dropped: dict[str, float] = {}
    if choice.most is not None:
        first = FAMILIES[families[0]].fit(table, came, seed=seed)
        matters = importance(first, later.table, later.came)
        chosen = choice.of(matters)
        dropped = {name: by for name, by in matters.items() if name not in chosen}
        table = {name: table[name] for name in chosen}
    fitted = [FAMILIES[name].fit(table, came, seed=seed).calibrated(later.table, later.came) for name in families]
    model, rival = _better(fitted, families, judge)
    measures = Measures.of(model.at(judge.table), judge.came)
    weights = dict(importance(model, {name: judge.table[name] for name in table}, judge.came))
    return Trained(
        model, measures, weights, len(came), len(later), (fit[0].as_of, fit[-1].as_of), newest.as_of, judge, rival, dropped
    )


def _better(
    fitted: Sequence[Propensity | Trees], families: Sequence[str], judge: Cut
) -> tuple[Propensity | Trees, dict[str, Any] | None]:
    """The model that wins, and how the other one did beside it."""
    first, *others = fitted
    for other in others:
        match = Match.of(first.at(judge.table), other.at(judge.table), judge.came)
        won, lost = (families[1], families[0]) if match.worse else (families[0], families[1])
        losses = (match.old, match.new) if match.worse else (match.new, match.old)
        told = {"family": lost, "won": won, "log_loss": losses[1], "winners_log_loss": losses[0], "error": match.error}
        return (other if match.worse else first), told | {"people": match.people, "by_more_than_chance": match.worse}
    return first, None
