"""Customers who are alike, found by k-means over the ranks of what they do; kinds keep their numbers and names over fits.

Promise: pure, and the parameters are numbers by name. A feature counts by the share of customers who have less of it, so that
one big spender is no kind of their own, and money and days are worth the same. What is not known counts as least, or as longest
ago.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score, silhouette_score

from segments.errors import DefinitionError

Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]
Table = Mapping[str, Floats]

FEWEST = 50  # customers for each kind
_PLACES = 33  # quantiles of a feature
_MOST_ROWS = 50_000
_MOST_JUDGED = 5_000  # of whom it is looked how well they stand apart: each is compared with each
_STARTS = 4
_FAR = 0.35  # of a rank in each feature, on average: a kind so far from all former ones is a new one
_WORDS = 3
_WINDOW = re.compile(r"_\d+d$")
#: What the ready-made features are called on either side of the middle.
_SIDES = {
    "orders": ("often", "seldom"),
    "spent": ("high value", "low value"),
    "order_average": ("big orders", "small orders"),
    "days_since_order": ("long ago", "recent"),
    "days_since_first_order": ("long known", "new"),
}
_BETTER = 0.02  # of the silhouette: by less, it stays at the number of kinds that there are
_PLAIN = 0.1  # of a rank: a centre that is nearer to the middle is not unlike everybody


@dataclass(frozen=True, slots=True)
class Scale:
    """Quantiles of a feature: a value's place among them is between 0 and 1."""

    places: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.places or not all(low <= high for low, high in pairwise(self.places)):
            raise DefinitionError("model", "has a scale that does not rise")

    @classmethod
    def of(cls, values: Floats) -> Self:
        """Of all that is known."""
        known = values[~np.isnan(values)]
        found = np.quantile(known, np.linspace(0, 1, _PLACES)) if len(known) else np.zeros(1)
        return cls(tuple(float(each) for each in found))

    def at(self, values: Floats, unknown: float) -> Floats:
        """The share of people who have less; of those with the same, half count."""
        places = np.array(self.places)
        less, least = np.searchsorted(places, values, side="left"), np.searchsorted(places, values, side="right")
        most = len(places)
        inside = (less == least) & (less > 0) & (less < most)  # between two places
        low, high = places[np.clip(less - 1, 0, most - 1)], places[np.clip(less, 0, most - 1)]
        part = np.divide(values - low, high - low, out=np.zeros(len(values)), where=inside & (high > low))
        found = np.where(inside, (less - 0.5 + part) / most, (less + least) / 2 / most)
        return np.where(np.isnan(values), unknown, found)


@dataclass(frozen=True, slots=True)
class One:
    """A kind: its number, which it keeps, and its centre, a place between 0 and 1 for each feature."""

    id: int
    centre: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Kinds:
    """A fitted model.

    Attributes:
        scales: By feature, in the order of the centres.
        unknown: By feature, what counts where it is not known.
        kinds: By name.
        next: The number of the next kind that is new.
    """

    scales: Mapping[str, Scale]
    unknown: Mapping[str, float]
    kinds: Mapping[str, One]
    next: int

    @classmethod
    def fit(
        cls,
        table: Table,
        choices: Sequence[int],
        longest_ago: Sequence[str] = (),
        *,
        before: "Kinds | None" = None,
        seed: int = 0,
    ) -> Self:
        """By a table of features.

        Args:
            table: Of a feature its values, NaN where it is not known.
            choices: Into how many kinds; of several the number by which they stand apart best.
            longest_ago: Features that count as most where they are not known: days since something.
            before: The model whose numbers and names are kept.
            seed: Of chance.

        Raises:
            DefinitionError: there are fewer than 50 customers for each kind, or all are alike.
        """
        names = sorted(table)
        people = len(table[names[0]])
        if people < FEWEST * min(choices):
            raise DefinitionError("prediction", f"is of {people} people; it needs {FEWEST} for each of {min(choices)} kinds")
        dice = np.random.default_rng(seed)
        rows = dice.permutation(people)[:_MOST_ROWS]
        scales = {name: Scale.of(table[name][rows]) for name in names}
        unknown = {name: float(name in longest_ago) for name in names}
        found = cls(scales, unknown, {}, 1 if before is None else before.next)
        ranks = found.ranks({name: table[name][rows] for name in names})
        if not (ranks.std(axis=0) > 0).any():
            raise DefinitionError("prediction", "is of people who are all alike; there are no kinds of them")
        possible = [each for each in choices if people >= FEWEST * each]
        fits = {each: KMeans(each, n_init=_STARTS, random_state=seed).fit(ranks) for each in possible}
        stand = {each: apart(ranks, fit.labels_, seed) for each, fit in fits.items()} if len(fits) > 1 else {possible[0]: 0.0}
        best, now = max(stand, key=lambda each: stand[each]), 0 if before is None else len(before.kinds)
        chosen = now if now in stand and stand[best] - stand[now] < _BETTER else best
        mine = fits[chosen].labels_
        lacks = [never({name: values[rows][mine == n] for name, values in table.items()}, longest_ago) for n in range(chosen)]
        return found._named(fits[chosen].cluster_centers_, before, lacks)

    def _named(self, centres: Floats, before: "Kinds | None", lacks: Sequence[Collection[str]]) -> Self:
        """The same with kinds at these centres, each with the number and the name of the former one that it goes on."""
        kept = {} if before is None or before.scales.keys() != self.scales.keys() else before.kinds
        ids, names, following = self._followed(centres, kept, before)
        tells = telling(self.scales, centres)
        for n, centre in enumerate(centres):
            if n not in ids:
                ids[n], following = following, following + 1
                unlike = {name: at for name, at in zip(self.scales, centre, strict=True) if name in tells}
                names[n] = _unlike(in_words(unlike, lacks[n]), set(names.values()) | set(kept))
        rows = sorted(ids, key=lambda n: ids[n])
        kinds = {names[n]: One(ids[n], tuple(float(each) for each in centres[n])) for n in rows}
        return type(self)(self.scales, self.unknown, kinds, following)

    def _followed(
        self, centres: Floats, kept: Mapping[str, One], before: "Kinds | None"
    ) -> tuple[dict[int, int], dict[int, str], int]:
        """Which centre goes on which former kind: together they move as little as can be, and none too far."""
        ids: dict[int, int] = {}
        names: dict[int, str] = {}
        if kept and before is not None:
            former = self.ranks({name: before.values(name) for name in self.scales})
            far = np.sqrt(((centres[:, None, :] - former[None, :, :]) ** 2).mean(axis=2))
            for n, was in zip(*linear_sum_assignment(far), strict=True):
                if far[n, was] <= _FAR:
                    name = list(kept)[was]
                    ids[int(n)], names[int(n)] = kept[name].id, name
        return ids, names, self.next

    def values(self, name: str) -> Floats:
        """What the centres come to in a feature's own unit, so that scales of another day can place them."""
        column = list(self.scales).index(name)
        places = np.array(self.scales[name].places)
        at = np.array([each.centre[column] for each in self.kinds.values()])
        found: Floats = np.interp(at, (np.arange(len(places)) + 0.5) / len(places), places)
        return found

    def ranks(self, table: Table) -> Floats:
        """Each row's places, a column for each feature."""
        return np.stack([scale.at(table[name], self.unknown[name]) for name, scale in self.scales.items()], axis=1)

    def far(self, table: Table) -> Floats:
        """How far each row is from each centre."""
        ranks = self.ranks(table)
        found: Floats = np.stack([((ranks - each.centre) ** 2).mean(axis=1) for each in self.kinds.values()], axis=1)
        np.sqrt(found, out=found)
        return found

    def of(self, table: Table) -> Numbers:
        """The nearest kind of each row, as its place among `kinds`."""
        found: Numbers = np.argmin(self.far(table), axis=1)
        return found

    def to_json(self) -> dict[str, Any]:
        """Numbers by name."""
        kinds = {name: {"id": each.id, "centre": list(each.centre)} for name, each in self.kinds.items()}
        scales = {name: list(each.places) for name, each in self.scales.items()}
        return {"scales": scales, "unknown": dict(self.unknown), "kinds": kinds, "next": self.next}

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Self:
        """What `to_json` made; `segments.models.stored` looks whether it is."""
        kinds = {name: One(each["id"], tuple(each["centre"])) for name, each in plain["kinds"].items()}
        if not kinds or any(len(each.centre) != len(plain["scales"]) for each in kinds.values()):
            raise DefinitionError("model", "has kinds without a place in each feature")
        if len({each.id for each in kinds.values()}) < len(kinds) or plain["scales"].keys() != plain["unknown"].keys():
            raise DefinitionError("model", "has two kinds of one number, or features that are not the same")
        scales = {name: Scale(tuple(places)) for name, places in plain["scales"].items()}
        return cls(scales, plain["unknown"], kinds, plain["next"])


def apart(ranks: Floats, labels: Numbers, seed: int = 0) -> float:
    """How well kinds stand apart: the silhouette of some, -1 to 1."""
    if len(np.unique(labels)) < 2:  # noqa: PLR2004 - one kind stands apart from nothing
        return -1.0
    most = min(_MOST_JUDGED, len(ranks))
    return float(silhouette_score(ranks, labels, sample_size=most, random_state=seed))


def agreement(one: Numbers, other: Numbers) -> float:
    """How far two models sort the same people alike, whatever the kinds are called: 1 is all, 0 is chance."""
    return float(adjusted_rand_score(one, other))


def telling(scales: Sequence[str] | Mapping[str, Scale], centres: Floats) -> list[str]:
    """The features that set kinds apart; what all of them have alike, or nobody ever did, sets none apart."""
    return [name for name, spread in zip(scales, np.ptp(centres, axis=0), strict=True) if spread >= _PLAIN]


def never(table: Table, longest_ago: Sequence[str]) -> list[str]:
    """Of these features, days since something, those that most of some people have no value of: they never did it."""
    return [name for name in longest_ago if len(table[name]) and np.isnan(table[name]).mean() > 0.5]  # noqa: PLR2004 - most


def in_words(centre: Mapping[str, float], lacks: Collection[str] = ()) -> list[str]:
    """What sets a centre apart, strongest first: `often`, `recent`, `high value`; a feature of several windows once.

    Those of `lacks` have never been done by most: that is not long ago.
    """
    strongest = sorted(centre.items(), key=lambda each: (-abs(each[1] - 0.5), each[0]))
    unlike = [(_WINDOW.sub("", name), at > 0.5) for name, at in strongest if abs(at - 0.5) >= _PLAIN]  # noqa: PLR2004 - middle
    first = dict(reversed(unlike))
    told = [_word(stem, much=first[stem], done=stem not in lacks) for stem in dict.fromkeys(stem for stem, _ in unlike)]
    return told[:_WORDS] or ["like most"]


def _word(stem: str, *, much: bool, done: bool) -> str:
    """A feature and on which side of the middle: days since something are recent or long ago, all else is much or little."""
    plain = stem.replace("_", " ")
    since = plain.removeprefix("days since ")
    if much and not done:
        return f"never {since}"
    if stem in _SIDES:
        return _SIDES[stem][0 if much else 1]
    if since != plain:
        return f"{since} {'long ago' if much else 'lately'}"
    return f"{'much' if much else 'little'} {plain}"


def _unlike(words: Sequence[str], taken: set[str]) -> str:
    """A name that no other kind has; the same words make the same one."""
    name = ", ".join(sorted(words))[:80]
    return next(each for each in (name, *(f"{name} ({n})" for n in range(2, 100))) if each not in taken)
