"""Whom acting helps: how much a message changes what comes, by customer, from those who were left alone by chance.

Promise: pure. An X-learner (Künzel, Sekhon, Bickel, Yu, *Metalearners for estimating heterogeneous treatment effects*, PNAS
2019) on our own curves; each person is ranked by a model that has not seen them (two halves, each by the other), and the Qini
curve is of these ranks and of randomised arms alone, so that a model that has found nothing shows nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import RidgeCV

from segments.errors import DefinitionError
from segments.models.propensity import Propensity, Table, hats_of, knots
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
        expected[theirs], base[theirs] = _expected(_rows(table, ~theirs), came[~theirs], written[~theirs], _rows(table, theirs))
    return _worth(table, came, written, expected, base)


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


def _expected(table: Table, came: Floats, written: Chosen, others: Table) -> tuple[Floats, Floats]:
    """What acting is expected to change for others, and what is expected of them on average, by people who are none of them."""
    share = float(written.mean())
    to, alone = _rows(table, written), _rows(table, ~written)
    if_written, if_not = Propensity.fit(to, came[written]), Propensity.fit(alone, came[~written])
    here = {name: knots(values) for name, values in sorted(table.items())}
    by_written = _curves(to, came[written] - if_not.at(to), here, others)
    by_left = _curves(alone, if_written.at(alone) - came[~written], here, others)
    return share * by_left + (1 - share) * by_written, share * if_written.at(others) + (1 - share) * if_not.at(others)


def _curves(table: Table, changed: Floats, here: Mapping[str, Floats], others: Table) -> Floats:
    """Curves through what seems to have changed for each of some, at others."""
    fitted = RidgeCV(_PENALTIES).fit(hats_of({name: table[name] for name in here}, here).toarray(), changed)
    found: Floats = fitted.predict(hats_of({name: others[name] for name in here}, here).toarray())
    return found


def _worth(table: Table, came: Floats, written: Chosen, expected: Floats, base: Floats) -> Uplift:
    """The arms differ by lot alone, so that each person's own change is known on average: (w - e) (y - m) / (e (1 - e))."""
    share = float(written.mean())
    changed = (written - share) * (came - base) / (share * (1 - share))
    effect = float(changed.mean())
    side = -1.0 if effect < 0 else 1.0
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
