"""A prediction as it is declared: of whom, what comes true within a span, by which features, and how long it is trusted.

Promise: pure. What is to come is a predicate of the segment language, asked at the end of the horizon; so nothing has to be
labelled, and no word is new.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from json import dumps
from typing import Any, Self

from segments.errors import DefinitionError
from segments.language.moves import leaves
from segments.language.predicate import Predicate
from segments.language.reading import an_object, only, window
from segments.language.segment import check_segment_name
from segments.language.wire import predicate_from_json
from segments.language.words import span_in_words
from segments.leaves.crossed import Crossed
from segments.predictions.features import Feature, check_features

DAY, WEEK = timedelta(days=1), timedelta(weeks=1)
_MOST_HOLDOUT = 0.5
_KEYS = (
    "name",
    "of",
    "label",
    "horizon",
    "features",
    "never",
    "retrain",
    "score",
    "max_age",
    "tolerance",
    "holdout",
    "owner",
    "description",
)


def weekly() -> timedelta:
    """Every seven days."""
    return WEEK


def daily() -> timedelta:
    """Every day."""
    return DAY


@dataclass(frozen=True)
class Prediction:
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

    name: str
    of: Predicate
    label: Predicate
    horizon: timedelta
    features: tuple[Feature, ...] = field(repr=False)
    never: frozenset[str] = frozenset()
    retrain: timedelta = WEEK
    score: timedelta = DAY
    max_age: timedelta = 4 * WEEK
    tolerance: float = 0.05
    holdout: float = 0.0
    owner: str = ""
    description: str = ""

    def __post_init__(self) -> None:
        check_segment_name(self.name)
        object.__setattr__(self, "features", tuple(self.features))
        object.__setattr__(self, "never", frozenset(self.never))
        for word, predicate in (("of", self.of), ("label", self.label)):
            _check_past(f"{self._place}, {word}", predicate)
        self._check_spans()
        if not 0 <= self.holdout <= _MOST_HOLDOUT:
            raise DefinitionError(f"{self._place}, holdout", f"is a share from 0 to {_MOST_HOLDOUT}, not {self.holdout!r}")
        if isinstance(self.tolerance, bool) or not 0 < self.tolerance < 1:
            raise DefinitionError(f"{self._place}, tolerance", f"is a difference of shares, 0 to 1, not {self.tolerance!r}")
        check_features(self._place, self.features, self.never)
        if read := sorted(_reads(self.of) & self.never):
            raise DefinitionError(f"{self._place}, of", f"reads {read[0]!r}, which stands under never")

    @property
    def _place(self) -> str:
        return f"prediction {self.name!r}"

    def _check_spans(self) -> None:
        for word in ("horizon", "retrain", "score", "max_age"):
            if not isinstance(span := getattr(self, word), timedelta) or span < timedelta(hours=1):
                raise DefinitionError(f"{self._place}, {word}", f"is a span of an hour or more (days(90)), not {span!r}")
        if self.max_age < self.retrain:
            told = f"is {span_in_words(self.max_age)}, but a new model comes only every {span_in_words(self.retrain)}"
            raise DefinitionError(f"{self._place}, max_age", f"{told}: nobody would enter in between")
        looks_back = self.label.memory
        if looks_back is None or looks_back > self.horizon:
            back = "at all that ever happened" if looks_back is None else f"back {span_in_words(looks_back)}"
            says = f"looks {back}, so part of it is known beforehand; narrow it with .within({span_in_words(self.horizon)!r})"
            raise DefinitionError(f"{self._place}, label", f"{says}, the horizon, or less")

    @property
    def version(self) -> str:
        """A stable hash of what it means: with another one, models that were fitted before are of something else."""
        meant = {word: each for word, each in self.to_json().items() if word in ("of", "label", "horizon", "features")}
        return sha256(dumps(meant, sort_keys=True).encode()).hexdigest()[:16]

    def crosses(self, over: float, *, back_at: float | None = None) -> Crossed:
        """Whose probability is so high, until it is below the other one."""
        for each in (over, over if back_at is None else back_at):
            if isinstance(each, bool) or not isinstance(each, int | float) or not 0 < each < 1:
                raise DefinitionError(f"{self._place}, crosses", f"a probability lies between 0 and 1; {each!r} does not")
        return Crossed(self.name, over, over if back_at is None else back_at)

    def to_json(self) -> dict[str, Any]:
        """The declaration as plain JSON; spans are seconds."""
        plain: dict[str, Any] = {"name": self.name, "of": self.of.to_json(), "label": self.label.to_json()}
        plain |= {word: getattr(self, word).total_seconds() for word in ("horizon", "retrain", "score", "max_age")}
        plain |= {"features": [each.to_json() for each in self.features], "never": sorted(self.never)}
        plain |= {"tolerance": self.tolerance, "holdout": self.holdout}
        return plain | {word: text for word in ("owner", "description") if (text := getattr(self, word))}

    @classmethod
    def from_json(cls, plain: object) -> Self:
        """The prediction that `to_json` wrote; what is not said has its default.

        Raises:
            DefinitionError: it is none; the error names the place.
        """
        found = an_object("prediction", plain, *_KEYS)
        only(found, *_KEYS)
        place = f"prediction {found.get('name')!r}"
        if missing := [word for word in ("name", "of", "label", "horizon", "features") if word not in found]:
            raise DefinitionError(place, f"has no {missing[0]}")
        spans = {word: window(found[word]) for word in ("horizon", "retrain", "score", "max_age") if word in found}
        told = {word: found[word] for word in ("tolerance", "holdout", "owner", "description") if word in found}
        names, features = found.get("never", []), found["features"]
        if not isinstance(features, list) or not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise DefinitionError(place, "has lists as features and as never (of names)")
        of, label = (_predicate(f"{place}, {word}", found[word]) for word in ("of", "label"))
        return cls(
            name=found["name"],
            of=of,
            label=label,
            features=tuple(map(Feature.from_json, features)),
            never=frozenset(names),
            **spans,  # type: ignore[arg-type]  # __post_init__ refuses what is no span
            **told,
        )

    def __str__(self) -> str:
        return f"{self.name}: who {self.of}, and {span_in_words(self.horizon)} on {self.label}"


def check_predictions(predictions: Iterable[Prediction], asked: Iterable[Crossed]) -> None:
    """Refuse two of one name, and segments that ask for one that there is not.

    Raises:
        DefinitionError: with what to do.
    """
    known: set[str] = set()
    for each in predictions:
        if each.name in known:
            raise DefinitionError(f"prediction {each.name!r}", "is declared twice; give one another name")
        known.add(each.name)
    for crossed in asked:
        if crossed.prediction not in known:
            there = ", ".join(sorted(known)) or "none"
            raise DefinitionError(f"prediction {crossed.prediction!r}", f"is not declared; there are: {there}")


def predictions_in(predicate: Predicate) -> Iterator[Crossed]:
    """What it asks of predictions, from left to right."""
    if isinstance(predicate, Crossed):  # whose parts are the events that it comes to
        yield predicate
    for part in predicate.parts:
        yield from predictions_in(part)


def _check_past(place: str, predicate: object) -> None:
    """Refuse what is only known as it is now: a model is fitted to what was."""
    if not isinstance(predicate, Predicate):
        raise DefinitionError(place, f"needs a predicate, not {predicate!r}")
    if now := sorted(predicate.traits):
        raise DefinitionError(
            place, f"looks at the trait {now[0]!r}, which is known as it is now only; use a feature TraitValue"
        )
    for leaf in leaves(predicate):
        if not leaf.has_past or leaf.marks or leaf.personal:
            raise DefinitionError(place, f"takes what events tell of any instant of the past, which this does not: {leaf}")


def _reads(predicate: Predicate) -> frozenset[str]:
    return frozenset(name for expected in predicate.expects() for name in expected.path)


def _predicate(place: str, plain: Any) -> Predicate:
    try:
        return predicate_from_json(plain)
    except DefinitionError as error:
        raise error.within(place) from None
