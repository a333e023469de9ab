"""Kinds of customers that nobody has to draw up, as they are declared: of whom, by which features, into how many.

Promise: pure. A kind keeps its number and its name when the model is fitted anew; a customer may come to be of another one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from json import loads
from math import isnan
from typing import Any, ClassVar

from segments.errors import DefinitionError
from segments.language.values import check_name
from segments.leaves.crossed import Foretold
from segments.predictions.declared import Declared, check_never, features_at, names_at, no_scores
from segments.predictions.features import Feature, check_features
from segments.predictions.reasons import Reason, unchanged

MOST = 20
_UNTIL = 8


@dataclass(frozen=True)
class Clusters(Declared):
    """Sorts customers into kinds that are alike in what they do.

    Attributes:
        features: By which they are alike.
        into: How many kinds; none: as many, from 2 to 8, as stand apart best.
        names: Other names for kinds than those that they are given: `{"often, recent": "regulars"}`.
        margin: How much nearer another kind has to be before a customer comes to be of it: 0.1 is a tenth.
        never: Names of traits, properties and features that must not be looked at.
    """

    kind: ClassVar[str] = "clusters"
    sorts: ClassVar[bool] = True
    meant: ClassVar[tuple[str, ...]] = ("kind", "of", "features", "into")
    keys: ClassVar[tuple[str, ...]] = ("features", "into", "names", "margin", "never")
    needed: ClassVar[tuple[str, ...]] = ("name", "of", "features")

    features: tuple[Feature, ...] = field(repr=False)
    into: int | None = field(default=None, kw_only=True)
    names: Mapping[str, str] = field(default_factory=dict, kw_only=True)
    margin: float = field(default=0.1, kw_only=True)
    never: frozenset[str] = field(default=frozenset(), kw_only=True)

    def __post_init__(self) -> None:
        object.__setattr__(self, "features", tuple(self.features))
        object.__setattr__(self, "never", names_at(f"{self.place}, never", self.never))
        object.__setattr__(self, "names", dict(self.names))
        super().__post_init__()
        if self.into is not None and (type(self.into) is not int or not 2 <= self.into <= MOST):  # noqa: PLR2004 - of one kind
            raise DefinitionError(f"{self.place}, into", f"is a number of kinds, 2 to {MOST}, not {self.into!r}")
        if isinstance(self.margin, bool) or not 0 <= self.margin < 1:
            raise DefinitionError(f"{self.place}, margin", f"is a share, 0 to below 1, not {self.margin!r}")
        for name in (*self.names, *self.names.values()):
            check_name(f"{self.place}, names", "kind", name)
        if len(set(self.names.values())) < len(self.names):
            raise DefinitionError(f"{self.place}, names", "calls two kinds alike; give each a name of its own")
        check_features(self.place, self.features, self.never)
        check_never(f"{self.place}, of", self.of, self.never)

    @property
    def columns(self) -> tuple[Feature, ...]:
        """Its features."""
        return self.features

    @property
    def labels(self) -> tuple[str, ...]:
        """The names that were given."""
        return tuple(self.names.values())

    @property
    def choices(self) -> tuple[int, ...]:
        """Into how many it may sort."""
        return tuple(range(2, _UNTIL + 1)) if self.into is None else (self.into,)

    def called(self, name: str) -> str:
        """What a kind is called, by the name that it was given when it was found."""
        return self.names.get(name, name)

    def check(self, leaf: Foretold) -> None:
        """It is asked who is of a kind; which there are is known once it is trained."""
        no_scores(self.place, leaf)

    def reasons(self, parameters: str, digest: str, values: Mapping[str, float]) -> list[Reason]:
        """What of the customer is most unlike everybody's: it decides of which kind they are."""
        scales = loads(unchanged(parameters, digest)).get("scales", {})
        told = {each.name: str(each.of) for each in self.features}
        if scales.keys() != told.keys() or not values.keys() >= scales.keys():
            raise DefinitionError("model", "was trained by other features than are declared now; wait for the next training")
        shares = {name: _share(scale, values[name]) for name, scale in scales.items()}
        found = [(abs(share - 0.5), name, share) for name, share in shares.items() if share is not None]
        strongest = sorted(found, reverse=True)[:5]
        return [_reason(name, told[name], values[name], share) for _, name, share in strongest]

    def to_json(self) -> dict[str, Any]:
        """The declaration as plain JSON; spans are seconds."""
        plain = super().to_json() | {"features": [each.to_json() for each in self.features], "never": sorted(self.never)}
        return plain | {"into": self.into, "names": dict(self.names), "margin": self.margin}

    @classmethod
    def read(cls, place: str, found: Mapping[str, Any]) -> dict[str, Any]:
        """The features, and into how many."""
        if not isinstance(found.get("names", {}), Mapping):
            raise DefinitionError(place, "has an object as names: what it calls a kind, and what you call it")
        return features_at(place, found) | {word: found[word] for word in ("into", "names", "margin") if word in found}

    def __str__(self) -> str:
        how_many = "kinds" if self.into is None else f"{self.into} kinds"
        return f"{self.name}: who {self.of}, sorted into {how_many} by what they do"


def _share(places: list[float], value: float) -> float | None:
    """The share of customers who have less; None where it is not known or all have the same."""
    if isnan(value) or places[0] == places[-1]:
        return None
    below, same = sum(each < value for each in places), sum(each == value for each in places)
    return (below + same / 2) / len(places)


def _reason(name: str, what: str, value: float, share: float) -> Reason:
    than = f"more than {share:.0%}" if share >= 0.5 else f"less than {1 - share:.0%}"  # noqa: PLR2004 - halves
    return Reason(name, value, None, f"{what} is {value:,.6g}: {than} of them have")
