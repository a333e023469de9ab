"""Whom acting helps: how much a message changes what comes, by customer, from those who were left alone by chance.

Promise: pure. An X-learner (Künzel, Sekhon, Bickel, Yu, *Metalearners for estimating heterogeneous treatment effects*, PNAS
2019) on our own curves; each person is ranked by a model that has not seen them (two halves, each by the other), and the Qini
curve is of these ranks and of randomised arms alone, so that a model that has found nothing shows nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import RidgeCV

from segments.errors import DefinitionError
from segments.models.propensity import Curve, Propensity, Table, curves_by, hats_of, knots
from segments.predictions.enough import FEWEST

Floats = NDArray[np.float64]
Chosen = NDArray[np.bool_]

#: People of either outcome that are needed in each arm: half of them fit, and the other half is ranked.
NEEDED = 2 * FEWEST
_PENALTIES = (30.0, 300.0, 3_000.0)
_POINTS, _FIFTHS = 20, 5


@dataclass(frozen=True, slots=True)
class Uplift:
    """What a ranking by expected help is worth.

    Attributes:
        people, withheld: How many, and of them who were left alone.
        fewer: Whether acting makes it come true less often; help is to that side, which is that of all together.
        effect: By how much the share of whom it comes true changes, of all.
        curve: Share of people who are written to, best first, and by how much that changes of how many of all it comes true.
        area: Between the curve and the straight line, on which who is written to is drawn by lot; above 0 the ranking helps.
        error: Its standard error.
        fifths: Best first: people, and the share of whom it came true of those written to and of those left alone.
        slope: How much of a difference between what is expected of two people is there, 0 to 1: what the ranking is sure of.
        who: By feature its mean among the best fifth and among all, as far as it is known; what differs most first.
    """

    people: int
    withheld: int
    fewer: bool
    effect: float
    curve: tuple[tuple[float, float], ...]
    area: float
    error: float
    fifths: tuple[tuple[int, float, float], ...]
    slope: float
    who: Mapping[str, tuple[float, float]]

    def to_json(self, half: float) -> dict[str, Any]:
        """Numbers by name; `half` of an interval around the area."""
        fifths = [{"people": n, "written_came": came, "withheld_came": left} for n, came, left in self.fifths]
        who = [{"feature": name, "best": best, "all": of_all} for name, (best, of_all) in self.who.items()]
        told = {"people": self.people, "withheld": self.withheld, "fewer": self.fewer, "effect": self.effect, "area": self.area}
        return told | {"half": half, "curve": [list(each) for each in self.curve], "fifths": fifths, "who": who}


def uplift(table: Table, came: Floats, written: Chosen, *, seed: int = 0) -> Uplift:
    """By features as they were known before anybody was written to, what came (1.0 or 0.0), and who was written to.

    Raises:
        DefinitionError: too few of either outcome in an arm; it says how many there are and how many are needed.
    """
    check_enough(came, written)
    halves = np.random.default_rng(seed).random(len(came)) < 0.5  # noqa: PLR2004 - halves
    expected, base = np.empty(len(came)), np.empty(len(came))
    for theirs in (halves, ~halves):
        fitted, others = _fit(_rows(table, ~theirs), came[~theirs], written[~theirs]), _rows(table, theirs)
        expected[theirs], base[theirs] = fitted.changes.at(others), fitted.base(others)
    return _worth(table, came, written, expected, base)


@dataclass(frozen=True, slots=True)
class Helps:
    """A fitted model: by how much acting is expected to help, a sum of a middle and a curve for each feature."""

    middle: float
    curves: Mapping[str, Curve]

    def at(self, table: Table) -> Floats:
        """The help for each row, as a difference of probabilities."""
        found: Floats = np.full(len(next(iter(table.values()))), self.middle)
        for name, curve in self.curves.items():
            found += curve.at(table[name])
        return found

    def stretched(self, by: float, onto: float, table: Table) -> Self:
        """The same with differences so many times as large, and this mean of the table's rows."""
        curves = {
            name: Curve(each.places, tuple(by * value for value in each.effects), by * each.unknown)
            for name, each in self.curves.items()
        }
        middle = onto + by * (self.middle - float(self.at(table).mean()))
        return type(self)(middle, curves)

    def to_json(self) -> dict[str, Any]:
        """Numbers by name."""
        return {"middle": self.middle, "curves": {name: curve.to_json() for name, curve in self.curves.items()}}

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Self:
        """What `to_json` made; `segments.models.stored` looks whether it is."""
        return cls(plain["middle"], {name: Curve.from_json(curve) for name, curve in plain["curves"].items()})


def helps(table: Table, came: Floats, written: Chosen, found: Uplift) -> Helps:
    """A model of all, for others: help is to the side of all together, and no more certain than `found` has it.

    Differences between people are drawn towards the mean by as much as those who were ranked without having been seen were less
    unlike than was expected (the best linear predictor of Chernozhukov, Demirer, Duflo, Fernández-Val, 2018).
    """
    side = -1.0 if found.fewer else 1.0
    return _fit(table, came, written).changes.stretched(side * found.slope, side * found.effect, table)


def check_enough(came: Floats, written: Chosen) -> None:
    """Refuse too few.

    Raises:
        DefinitionError: it says how many there are and how many are needed.
    """
    for arm, chosen in (("written to", written), ("left alone", ~written)):
        true, people = int(came[chosen].sum()), int(chosen.sum())
        if min(true, people - true) < NEEDED:
            told = f"of those {arm} it came true for {true:,} of {people:,}"
            raise DefinitionError(
                "uplift", f"{told}; who is persuadable takes {NEEDED} for whom it did and {NEEDED} for whom not"
            )


@dataclass(frozen=True, slots=True)
class _Fitted:
    """What acting is expected to change, and what is expected in either arm."""

    changes: Helps
    share: float
    if_written: Propensity
    if_not: Propensity

    def base(self, others: Table) -> Floats:
        """What is expected of others on average."""
        return self.share * self.if_written.at(others) + (1 - self.share) * self.if_not.at(others)


def _fit(table: Table, came: Floats, written: Chosen) -> _Fitted:
    share = float(written.mean())
    to, alone = _rows(table, written), _rows(table, ~written)
    if_written, if_not = Propensity.fit(to, came[written]), Propensity.fit(alone, came[~written])
    here = {name: knots(values) for name, values in sorted(table.items())}
    by_written = _weights(to, came[written] - if_not.at(to), here)
    by_left = _weights(alone, if_written.at(alone) - came[~written], here)
    middle, *weights = share * by_left + (1 - share) * by_written
    return _Fitted(Helps(float(middle), curves_by(np.array(weights), here)), share, if_written, if_not)


def _weights(table: Table, changed: Floats, here: Mapping[str, Floats]) -> Floats:
    """The middle, and weights of curves, through what seems to have changed for each of some."""
    fitted = RidgeCV(_PENALTIES).fit(hats_of({name: table[name] for name in here}, here).toarray(), changed)
    return np.array([fitted.intercept_, *fitted.coef_])


def _worth(table: Table, came: Floats, written: Chosen, expected: Floats, base: Floats) -> Uplift:
    """The arms differ by lot alone, so that each person's own change is known on average: (w - e) (y - m) / (e (1 - e))."""
    share = float(written.mean())
    changed = (written - share) * (came - base) / (share * (1 - share))
    effect = float(changed.mean())
    side = -1.0 if effect < 0 else 1.0
    spread = float(expected.var())
    slope = float(np.mean((expected - expected.mean()) * (changed - effect))) / spread if spread else 0.0
    best = np.argsort(-side * expected, kind="stable")
    helped, rank = side * changed[best], (np.arange(len(best)) + 0.5) / len(best)
    parts = helped * (0.5 - rank)
    gained = np.concatenate([[0.0], np.cumsum(helped)]) / len(best)
    at = np.linspace(0, len(best), _POINTS + 1).round().astype(int)
    return Uplift(
        people=len(came),
        withheld=int((~written).sum()),
        fewer=effect < 0,
        effect=effect,
        curve=tuple((float(n / len(best)), float(gained[n])) for n in at),
        area=float(parts.mean()),
        error=float(parts.std(ddof=1) / np.sqrt(len(parts))),
        fifths=tuple(_fifth(came[rows], written[rows]) for rows in np.array_split(best, _FIFTHS)),
        slope=min(max(slope, 0.0), 1.0),
        who=_who(table, best[: len(best) // _FIFTHS]),
    )


def _fifth(came: Floats, written: Chosen) -> tuple[int, float, float]:
    shares = [float(came[chosen].mean()) if chosen.any() else 0.0 for chosen in (written, ~written)]
    return len(came), shares[0], shares[1]


def _who(table: Table, best: NDArray[np.int64]) -> dict[str, tuple[float, float]]:
    found = {}
    for name, values in table.items():
        known = values[~np.isnan(values)]
        theirs = values[best][~np.isnan(values[best])]
        if len(theirs) and (spread := float(known.std())) > 0:
            found[name] = float(theirs.mean()), float(known.mean()), abs(float(theirs.mean() - known.mean())) / spread
    return {name: found[name][:2] for name in sorted(found, key=lambda each: -found[each][2])}


def _rows(table: Table, chosen: Chosen) -> dict[str, Floats]:
    return {name: values[chosen] for name, values in table.items()}
