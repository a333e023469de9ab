"""How much acting on a prediction is expected to help a customer, as it is declared: of whom, learned by whose holdout.

Promise: pure. Help is a difference of two probabilities, learned from those alone who were written to or left alone by lot, and
told of those alone whom the same prediction lets in: of others it is not known, however surely a model would say a number.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import reduce
from json import loads
from operator import or_
from typing import Any, ClassVar, Self

from segments.errors import DefinitionError
from segments.language.predicate import Predicate
from segments.language.segment import check_segment_name
from segments.leaves.crossed import Crossed, Foretold
from segments.predictions.declared import Declared, check_never, features_at, names_at, no_labels, words_of
from segments.predictions.features import Feature, check_features
from segments.predictions.prediction import Prediction
from segments.predictions.reasons import Reason, effect, unchanged

_LITTLE = 0.001


@dataclass(frozen=True, kw_only=True)
class Uplift(Declared):
    """By how much a message is expected to change the probability of a prediction, to the side to which it changes that of all.

    Attributes:
        by: The prediction with a holdout, `by=churn`, by which it is learned; by its name, `of` and `features` are needed.
        of: Of whom, as far as the prediction lets them in; unless told, of whom the prediction is.
        features: What is known of a customer; unless told, what the prediction goes by.
        never: Names of traits, properties and features that must not be looked at.
    """

    kind: ClassVar[str] = "uplift"
    meant: ClassVar[tuple[str, ...]] = ("kind", "of", "by", "features")
    keys: ClassVar[tuple[str, ...]] = ("by", "features", "never")
    needed: ClassVar[tuple[str, ...]] = ("name", "of", "by", "features")

    by: Prediction | str
    of: Predicate = None  # type: ignore[assignment]  # __post_init__ says who
    features: tuple[Feature, ...] = field(default=(), repr=False)
    never: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if isinstance(by := self.by, Prediction):
            self._check_by(by)
            given = {
                "of": self.of or by.of,
                "features": self.features or by.features,
                "never": self.never or by.never,
                "by": by.name,
            }
            for word, value in given.items():
                object.__setattr__(self, word, value)
        object.__setattr__(self, "features", tuple(self.features))
        object.__setattr__(self, "never", names_at(f"{self.place}, never", self.never))
        super().__post_init__()
        try:
            check_segment_name(self.prediction)
        except DefinitionError:
            raise DefinitionError(
                f"{self.place}, by", f"is a prediction with a holdout, or its name, not {self.by!r}"
            ) from None
        if not self.features:
            raise DefinitionError(f"{self.place}, features", "are needed beside the name of a prediction")
        check_features(self.place, self.features, self.never)
        check_never(self.place, self.of, self.never)

    @property
    def prediction(self) -> str:
        """The name of the prediction by whose holdout it is learned."""
        return self.by if isinstance(self.by, str) else ""

    @property
    def learned_by(self) -> str:
        """The same: to be learned by one is to ask for it."""
        return self.prediction

    @property
    def columns(self) -> tuple[Feature, ...]:
        """Its features."""
        return self.features

    @property
    def told(self) -> dict[str, Any]:
        """Of whom it is, as far as they are let in."""
        return super().told | {"of": self._whom}

    @property
    def _whom(self) -> str:
        return f'{self.of}, while the prediction "{self.prediction}" lets them in'

    def among(self, thresholds: Iterable[Crossed]) -> Self:
        """The same of those alone who are over one of these thresholds of the prediction; where there is none, of nobody."""
        let_in = list(thresholds)
        whom = reduce(or_, let_in) if let_in else ~self.of
        return replace(self, of=self.of & whom)

    def check(self, leaf: Foretold) -> None:
        """Refuse what is no help."""
        asked = no_labels(self.place, leaf)
        for word, each in asked.thresholds:
            if not 0 < each < 1:
                told = f"crosses a difference of probabilities between 0 and 1 (0.05: five points), not {each!r} ({word})"
                raise DefinitionError(self.place, told)

    def check_others(self, others: Mapping[str, Declared]) -> None:
        """Refuse what has no probability, or leaves nobody alone."""
        if self.prediction in others:
            self._check_by(others[self.prediction])

    def _check_by(self, by: Declared) -> None:
        if not isinstance(by, Prediction):
            told = f"is learned by the holdout of a probability; {by.name!r} is of the kind {by.kind!r}, which has none"
            raise DefinitionError(f"{self.place}, by", told)
        if not by.holdout:
            told = f"{by.name!r} leaves nobody alone, so nothing can be learned; give it holdout=0.1"
            raise DefinitionError(f"{self.place}, by", f'{told}, in JSON "holdout": 0.1')

    def reasons(self, parameters: str, digest: str, values: Mapping[str, float]) -> list[Reason]:
        """What each feature adds to the help that is expected."""
        curves, told = loads(unchanged(parameters, digest)).get("curves", {}), words_of(self.features)
        if not told.keys() >= curves.keys() or not values.keys() >= curves.keys():
            raise DefinitionError(
                "model", "was trained by other features than are declared now; wait until it is trained again"
            )
        by = sorted(((name, effect(curve, values[name])) for name, curve in curves.items()), key=lambda each: -abs(each[1]))
        return [_reason(name, told[name], values[name], points) for name, points in by[:5] if abs(points) >= _LITTLE]

    def to_json(self) -> dict[str, Any]:
        """The declaration as plain JSON; spans are seconds."""
        plain = super().to_json() | {"by": self.by, "features": [each.to_json() for each in self.features]}
        return plain | {"never": sorted(self.never)}

    @classmethod
    def read(cls, place: str, found: Mapping[str, Any]) -> dict[str, Any]:
        """The prediction's name, and features."""
        return features_at(place, found) | {"by": found["by"]}

    def __str__(self) -> str:
        return f"{self.name}: who {self._whom}, and how much acting on the prediction {self.by} is expected to help them"


def _reason(name: str, what: str, value: float, by: float) -> Reason:
    known = None if value != value else value  # noqa: PLR0124 - NaN
    said = "is not known" if known is None else f"is {known:,.6g}"
    return Reason(name, known, by, f"{what} {said}: {abs(by) * 100:.1f} points {'more' if by > 0 else 'less'} help")
