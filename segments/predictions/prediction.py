"""A probability as it is declared: of whom, what comes true within a span, by which features, and how long it is trusted.

Promise: pure. What is to come is a predicate of the segment language, asked at the end of the horizon; so nothing has to be
labelled, and no word is new.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, ClassVar

from segments.errors import DefinitionError
from segments.language.predicate import Predicate
from segments.language.words import span_in_words
from segments.leaves.crossed import Foretold
from segments.predictions.declared import Declared, check_never, check_past, features_at, no_labels, predicate_at
from segments.predictions.features import Feature, check_features
from segments.predictions.reasons import Reason, reasons

_MOST_HOLDOUT = 0.5


@dataclass(frozen=True)
class Prediction(Declared):
    """How probable it is that something comes true of a customer within the horizon.

    Attributes:
        name: 1 to 100 lower-case letters, digits and hyphens.
        of: Of whom; nobody else has a score.
        label: What comes true, as it is at the end of the horizon.
        horizon: From the instant of the score on.
        features: What is known of a customer then.
        never: Names of traits, properties and features that must not be looked at.
        retrain: How often a new model is fitted.
        score: How often customers are scored.
        max_age: An older model lets nobody enter.
        tolerance: Nor does one whose probabilities have come to be further than this from what came, on average.
        holdout: The share of those whom a prediction lets in that is left alone, to see whether acting on it helps.
        owner: Who answers for it.
        description: What it is for.
    """

    kind: ClassVar[str] = "probability"
    what: ClassVar[str] = "its probabilities"
    spans: ClassVar[tuple[str, ...]] = ("horizon", *Declared.spans)
    meant: ClassVar[tuple[str, ...]] = ("of", "label", "horizon", "features")
    keys: ClassVar[tuple[str, ...]] = ("label", "features", "never", "tolerance", "holdout")
    needed: ClassVar[tuple[str, ...]] = ("name", "of", "label", "horizon", "features")

    label: Predicate
    horizon: timedelta
    features: tuple[Feature, ...] = field(repr=False)
    never: frozenset[str] = field(default=frozenset(), kw_only=True)
    tolerance: float = field(default=0.05, kw_only=True)
    holdout: float = field(default=0.0, kw_only=True)

    def __post_init__(self) -> None:
        object.__setattr__(self, "features", tuple(self.features))
        object.__setattr__(self, "never", frozenset(self.never))
        super().__post_init__()
        check_past(f"{self.place}, label", self.label)
        looks_back = self.label.memory
        if looks_back is None or looks_back > self.horizon:
            back = "at all that ever happened" if looks_back is None else f"back {span_in_words(looks_back)}"
            says = f"looks {back}, so part of it is known beforehand; narrow it with .within({span_in_words(self.horizon)!r})"
            raise DefinitionError(f"{self.place}, label", f"{says}, the horizon, or less")
        if not 0 <= self.holdout <= _MOST_HOLDOUT:
            raise DefinitionError(f"{self.place}, holdout", f"is a share from 0 to {_MOST_HOLDOUT}, not {self.holdout!r}")
        if isinstance(self.tolerance, bool) or not 0 < self.tolerance < 1:
            raise DefinitionError(f"{self.place}, tolerance", f"is a difference of shares, 0 to 1, not {self.tolerance!r}")
        check_features(self.place, self.features, self.never)
        check_never(self.place, self.of, self.never)

    @property
    def columns(self) -> tuple[Feature, ...]:
        """Its features."""
        return self.features

    @property
    def ahead(self) -> timedelta:
        """The horizon."""
        return self.horizon

    def tolerated(self, foretold: float) -> float:  # noqa: ARG002 - the same for all
        """The declared tolerance."""
        return self.tolerance

    def check(self, leaf: Foretold) -> None:
        """Refuse thresholds that are no probabilities."""
        asked = no_labels(self.place, leaf)
        for each in (asked.up, asked.back):
            if not 0 < each < 1:
                raise DefinitionError(self.place, f"crosses a probability between 0 and 1, not {each!r}")

    def reasons(self, parameters: str, digest: str, values: Mapping[str, float]) -> list[Reason]:
        """What each feature does to the odds."""
        return reasons(parameters, digest, self.features, values)

    def to_json(self) -> dict[str, Any]:
        """The declaration as plain JSON; spans are seconds."""
        plain = super().to_json() | {"label": self.label.to_json(), "features": [each.to_json() for each in self.features]}
        return plain | {"never": sorted(self.never), "tolerance": self.tolerance, "holdout": self.holdout}

    @classmethod
    def read(cls, place: str, found: Mapping[str, Any]) -> dict[str, Any]:
        """The label, the features and numbers."""
        numbers = {word: found[word] for word in ("tolerance", "holdout") if word in found}
        return features_at(place, found) | numbers | {"label": predicate_at(f"{place}, label", found["label"])}

    def __str__(self) -> str:
        return f"{self.name}: who {self.of}, and {span_in_words(self.horizon)} on {self.label}"
