"""A probability as it is declared: of whom, what comes true within a span, by which features, and how long it is trusted.

Promise: pure. What is to come is a predicate of the segment language, asked at the end of the horizon; so nothing has to be
labelled, and no word is new.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import Any, ClassVar

from segments.errors import DefinitionError
from segments.language.predicate import Predicate
from segments.language.reading import an_object, only
from segments.language.words import span_in_words
from segments.leaves.crossed import Foretold
from segments.predictions.declared import (
    Declared,
    check_never,
    check_past,
    features_at,
    names_at,
    no_labels,
    predicate_at,
    predictions_in,
)
from segments.predictions.features import Feature, check_always, check_features
from segments.predictions.reasons import Reason, reasons

_MOST_HOLDOUT = 0.5
_FEWEST = 100  # people by whom two families can be told apart at all
#: By the word, what is fitted.
FAMILIES: Mapping[str, tuple[str, ...]] = {
    "propensity": ("propensity",),
    "trees": ("trees",),
    "both": ("propensity", "trees"),
}


def _within(span: timedelta) -> str:
    """How a window of this span is written, in code and in JSON."""
    units = (("days", timedelta(days=1)), ("hours", timedelta(hours=1)), ("seconds", timedelta(seconds=1)))
    unit, length = next((each for each in units if not span % each[1]), units[-1])
    return f'.within({unit}={span / length:.12g}) in code, "within": {span.total_seconds():.12g} in JSON'


@dataclass(frozen=True, slots=True)
class Trial:
    """Another family of models, on trial beside the declared one, by a share of the customers: `Trial("trees", share=0.2)`.

    Attributes:
        family: "propensity" or "trees".
        share: Of the customers, drawn by hash, whom its models score.
        people: The stop rule: when so many have been judged by both it is over. Before, as soon as one is shown to be better.
    """

    family: str
    share: float = 0.2
    people: int = 20_000

    @property
    def key(self) -> str:
        """What is declared, in short: with another one it begins anew."""
        return f"{self.family} {self.share:g} {self.people}"

    def check(self, place: str, family: str) -> None:
        """Refuse one that cannot be.

        Raises:
            DefinitionError: with what can.
        """
        if self.family not in ("propensity", "trees") or family not in ("propensity", "trees") or self.family == family:
            told = f'tries "propensity" or "trees" beside the other one as family, not {self.family!r} beside {family!r}'
            raise DefinitionError(place, told)
        if isinstance(self.share, bool) or not 0 < self.share <= _MOST_HOLDOUT:
            raise DefinitionError(place, f"takes a share above 0, up to {_MOST_HOLDOUT}, not {self.share!r}")
        if isinstance(self.people, bool) or not isinstance(self.people, int) or self.people < _FEWEST:
            raise DefinitionError(place, f"ends at {_FEWEST} people or more, not at {self.people!r}")


@dataclass(frozen=True)
class Prediction(Declared):
    """How probable it is that something comes true of a customer within the horizon.

    Attributes:
        name: 1 to 100 lower-case letters, digits and hyphens.
        of: Of whom; nobody else has a score.
        label: What comes true, as it is at the end of the horizon.
        horizon: From the instant of the score on.
        features: What is known of a customer then.
        never: Names of traits, properties and features that must not be looked at, nor foretold, nor asked for through
            another prediction.
        retrain: How often a new model is fitted.
        score: How often customers are scored.
        max_age: An older model lets nobody enter.
        always: Names of features that no selection drops.
        most: A model goes by so many features at most: those that matter most to people whom the fit has not seen.
        tolerance: Nor does one whose probabilities have come to be further than this from what came, on average.
        family: "propensity" is a curve for each feature; "trees" is LightGBM's (`journeys[trees]`);
            "both" fits both to the same, and keeps the trees where they are better by more than chance.
        challenger: Another family, on trial: a share of the customers is scored by it until it is decided which is better.
        holdout: The share of those whom a prediction lets in that is left alone, to see whether acting on it helps.
        owner: Who answers for it.
        description: What it is for.
    """

    kind: ClassVar[str] = "probability"
    what: ClassVar[str] = "its probabilities"
    spans: ClassVar[tuple[str, ...]] = ("horizon", *Declared.spans)
    meant: ClassVar[tuple[str, ...]] = ("of", "label", "horizon", "features")
    keys: ClassVar[tuple[str, ...]] = (
        "label",
        "features",
        "never",
        "always",
        "most",
        "tolerance",
        "holdout",
        "family",
        "challenger",
    )
    needed: ClassVar[tuple[str, ...]] = ("name", "of", "label", "horizon", "features")

    label: Predicate
    horizon: timedelta
    features: tuple[Feature, ...] = field(repr=False)
    never: frozenset[str] = field(default=frozenset(), kw_only=True)
    always: frozenset[str] = field(default=frozenset(), kw_only=True)
    most: int | None = field(default=None, kw_only=True)
    tolerance: float = field(default=0.05, kw_only=True)
    holdout: float = field(default=0.0, kw_only=True)
    family: str = field(default="propensity", kw_only=True)
    challenger: Trial | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        object.__setattr__(self, "features", tuple(self.features))
        object.__setattr__(self, "never", names_at(f"{self.place}, never", self.never))
        object.__setattr__(self, "always", names_at(f"{self.place}, always", self.always))
        super().__post_init__()
        check_past(f"{self.place}, label", self.label)
        looks_back = self.label.memory
        if looks_back is None or looks_back > self.horizon:
            back = "at all that ever happened" if looks_back is None else f"back {span_in_words(looks_back)}"
            says = f"looks {back}, so part of it is known beforehand; narrow it with {_within(self.horizon)}"
            raise DefinitionError(f"{self.place}, label", f"{says}, the horizon, or less")
        if not 0 <= self.holdout <= _MOST_HOLDOUT:
            raise DefinitionError(f"{self.place}, holdout", f"is a share from 0 to {_MOST_HOLDOUT}, not {self.holdout!r}")
        if isinstance(self.tolerance, bool) or not 0 < self.tolerance < 1:
            raise DefinitionError(f"{self.place}, tolerance", f"is a difference of shares, 0 to 1, not {self.tolerance!r}")
        if self.family not in FAMILIES:
            known = ", ".join(f'"{each}"' for each in FAMILIES)
            raise DefinitionError(f"{self.place}, family", f"is one of {known}, not {self.family!r}")
        if self.challenger is not None:
            self.challenger.check(f"{self.place}, challenger", self.family)
        self.check_looks()
        check_always(self.place, self.features, self.always, self.most)

    def check_looks(self) -> None:
        """Refuse to look at what is never to be looked at; asked again when a model is trained.

        Raises:
            DefinitionError: with what reads it.
        """
        check_features(self.place, self.features, self.never)
        check_never(f"{self.place}, of", self.of, self.never)
        check_never(f"{self.place}, label", self.label, self.never)

    @property
    def columns(self) -> tuple[Feature, ...]:
        """Its features."""
        return self.features

    @property
    def told(self) -> dict[str, Any]:
        """What comes true, too."""
        return super().told | {"label": str(self.label)}

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
        for word, each in asked.thresholds:
            if not 0 < each < 1:
                raise DefinitionError(self.place, f"crosses a probability between 0 and 1, not {each!r} ({word})")

    def reasons(self, parameters: str, digest: str, values: Mapping[str, float]) -> list[Reason]:
        """What each feature does to the odds."""
        return reasons(parameters, digest, self.features, values)

    def to_json(self) -> dict[str, Any]:
        """The declaration as plain JSON; spans are seconds."""
        plain = super().to_json() | {"label": self.label.to_json(), "features": [each.to_json() for each in self.features]}
        return plain | {
            "never": sorted(self.never),
            "always": sorted(self.always),
            "most": self.most,
            "tolerance": self.tolerance,
            "holdout": self.holdout,
            "family": self.family,
            "challenger": self.challenger and asdict(self.challenger),
        }

    @classmethod
    def read(cls, place: str, found: Mapping[str, Any]) -> dict[str, Any]:
        """The label, the features and numbers."""
        numbers = {word: found[word] for word in ("most", "tolerance", "holdout", "family") if word in found}
        trial = found.get("challenger")
        if trial is not None:
            told = an_object(f"{place}, challenger", trial, "family")
            only(told, "family", "share", "people")
            numbers["challenger"] = Trial(**told)
        return features_at(place, found) | numbers | {"label": predicate_at(f"{place}, label", found["label"])}

    def __str__(self) -> str:
        return f"{self.name}: who {self.of}, and {span_in_words(self.horizon)} on {self.label}"


def left_alone(predicate: Predicate, predictions: Mapping[str, Declared]) -> dict[str, float]:
    """The predictions that let customers in by this predicate and leave some of them alone, each with the share."""
    asked = sorted({leaf.prediction for leaf in predictions_in(predicate)} & predictions.keys())
    known = ((name, predictions[name]) for name in asked)
    return {name: each.holdout for name, each in known if isinstance(each, Prediction) and each.holdout}
