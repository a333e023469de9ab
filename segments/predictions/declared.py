"""What every kind of prediction declares alike: of whom it is, how often it is trained and scored, and how long it is trusted.

Promise: pure. A kind is one class beside this one: which numbers of a customer it reads, what a segment may ask of it, and why
a score is what it is. How it is fitted and scored stands in `activities.predicting`, a module for each.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from json import dumps
from typing import Any, ClassVar, Self

from segments.errors import DefinitionError
from segments.language.moves import leaves
from segments.language.predicate import Predicate
from segments.language.reading import an_object, only, window
from segments.language.segment import check_segment_name
from segments.language.wire import predicate_from_json
from segments.language.words import span_in_words
from segments.leaves.crossed import Crossed, Foretold, Sorted
from segments.predictions.features import Feature, forbidden, names_read
from segments.predictions.reasons import Reason

DAY, WEEK = timedelta(days=1), timedelta(weeks=1)
_SHARED = ("kind", "name", "of", "retrain", "score", "max_age", "owner", "description")


def weekly() -> timedelta:
    """Every seven days."""
    return WEEK


def daily() -> timedelta:
    """Every day."""
    return DAY


@dataclass(frozen=True)
class Declared:
    """What is foretold of customers, whatever it is.

    Attributes:
        name: 1 to 100 lower-case letters, digits and hyphens.
        of: Of whom; nobody else has a score.
        retrain: How often a new model is fitted.
        score: How often customers are scored.
        max_age: An older model lets nobody enter.
        owner: Who answers for it.
        description: What it is for.
    """

    #: How JSON, the API and the tables call it.
    kind: ClassVar[str]
    #: What its scores are, in an alarm.
    what: ClassVar[str] = "its scores"
    #: Whether it sorts customers into kinds that have names.
    sorts: ClassVar[bool] = False
    #: Attributes that are spans, and those beside them that decide what a model is of.
    spans: ClassVar[tuple[str, ...]] = ("retrain", "score", "max_age")
    meant: ClassVar[tuple[str, ...]] = ("of",)
    #: Keys of its JSON beside those that all kinds have, and those without which it is none.
    keys: ClassVar[tuple[str, ...]] = ()
    needed: ClassVar[tuple[str, ...]] = ("name", "of")

    name: str
    of: Predicate
    retrain: timedelta = field(default=WEEK, kw_only=True)
    score: timedelta = field(default=DAY, kw_only=True)
    max_age: timedelta = field(default=4 * WEEK, kw_only=True)
    owner: str = field(default="", kw_only=True)
    description: str = field(default="", kw_only=True)

    def __post_init__(self) -> None:
        try:
            check_segment_name(self.name)
        except DefinitionError as error:
            raise DefinitionError(self.place, error.problem) from None
        check_past(f"{self.place}, of", self.of)
        for word in self.spans:
            if not isinstance(span := getattr(self, word), timedelta) or span < timedelta(hours=1):
                raise DefinitionError(f"{self.place}, {word}", f"is a span of an hour or more (days(90)), not {span!r}")
        if self.max_age < self.retrain:
            told = f"is {span_in_words(self.max_age)}, but a new model comes only every {span_in_words(self.retrain)}"
            raise DefinitionError(f"{self.place}, max_age", f"{told}: nobody would enter in between")

    @property
    def place(self) -> str:
        """How an error names it."""
        return f"prediction {self.name!r}"

    @property
    def columns(self) -> tuple[Feature, ...]:
        """What is read of each customer, a number each."""
        raise NotImplementedError

    @property
    def told(self) -> dict[str, Any]:
        """Of whom it is, and by what it goes, in words: as it stands in the card of a model."""
        return {"of": str(self.of), "features": words_of(self.columns)}

    @property
    def labels(self) -> tuple[str, ...] | None:
        """What it may sort a customer into, as far as that is known before it is trained; None where it sorts nobody."""
        return () if self.sorts else None

    @property
    def learned_by(self) -> str | None:
        """The prediction by whose holdout it is learned; None where it is learned by what has come."""
        return None

    @property
    def ahead(self) -> timedelta | None:
        """How long after a score it is known what came of it; None where nothing comes of it."""
        return None

    def tolerated(self, foretold: float) -> float | None:  # noqa: ARG002 - who has a tolerance looks
        """How far what came may be on average from what was foretold, before nobody enters any more; None: however far."""
        return None

    @property
    def version(self) -> str:
        """A stable hash of what it means: with another one, models that were fitted before are of something else."""
        meant = {word: each for word, each in self.to_json().items() if word in self.meant}
        return sha256(dumps(meant, sort_keys=True).encode()).hexdigest()[:16]

    def crosses(self, over: float, *, back_at: float | None = None) -> Crossed:
        """Whose score is so high, until it is below the other one."""
        self.check(leaf := Crossed(self.name, over, over if back_at is None else back_at))
        return leaf

    def is_(self, label: str) -> Sorted:
        """Who is sorted into this kind."""
        self.check(leaf := Sorted(self.name, label))
        return leaf

    def check(self, leaf: Foretold) -> None:
        """Refuse what cannot be asked of it.

        Raises:
            DefinitionError: with what can.
        """
        raise NotImplementedError

    def check_others(self, others: Mapping[str, "Declared"]) -> None:
        """Refuse what the other predictions, as they are declared, do not give it.

        Raises:
            DefinitionError: with what they have to.
        """

    def reasons(self, parameters: str, digest: str, values: Mapping[str, float]) -> list[Reason]:
        """Why a score is what it is, strongest first.

        Args:
            parameters: The model's that scored, as JSON.
            digest: Their sha256.
            values: The customer's, by column, as of the score; NaN where one is not known.

        Raises:
            DefinitionError: the model was changed since it was kept, or is of other columns.
        """
        raise NotImplementedError

    def to_json(self) -> dict[str, Any]:
        """The declaration as plain JSON; spans are seconds."""
        plain: dict[str, Any] = {"kind": self.kind, "name": self.name, "of": self.of.to_json()}
        plain |= {word: getattr(self, word).total_seconds() for word in self.spans}
        return plain | {word: text for word in ("owner", "description") if (text := getattr(self, word))}

    @classmethod
    def from_json(cls, plain: object) -> Self:
        """The one that `to_json` wrote; what is not said has its default.

        Raises:
            DefinitionError: it is none; the error names the place.
        """
        known = (*_SHARED, *cls.spans, *cls.keys)
        found = an_object("prediction", plain, *known)
        only(found, *known)
        place = f"prediction {found.get('name')!r}"
        if found.get("kind", cls.kind) != cls.kind:
            raise DefinitionError(place, f"is of the kind {found['kind']!r}, and read as {cls.kind!r}")
        if missing := [word for word in cls.needed if word not in found]:
            raise DefinitionError(place, f"has no {missing[0]}")
        given: dict[str, Any] = {word: window(found[word]) for word in cls.spans if word in found}
        given |= {word: found[word] for word in ("name", "owner", "description") if word in found}
        if "of" in found:
            given["of"] = predicate_at(f"{place}, of", found["of"])
        return cls(**given, **cls.read(place, found))

    @classmethod
    def read(cls, place: str, found: Mapping[str, Any]) -> dict[str, Any]:
        """Of its JSON what this kind alone has."""
        raise NotImplementedError


def check_predictions(predictions: Iterable[Declared], asked: Iterable[Foretold]) -> None:
    """Refuse two of one name, and segments that ask for one that there is not, or what it does not say.

    Raises:
        DefinitionError: with what to do.
    """
    known: dict[str, Declared] = {}
    for each in predictions:
        if each.name in known:
            raise DefinitionError(f"prediction {each.name!r}", "is declared twice; give one another name")
        known[each.name] = each
    for leaf in asked:
        if leaf.prediction not in known:
            there = ", ".join(sorted(known)) or "none"
            raise DefinitionError(f"prediction {leaf.prediction!r}", f"is not declared; there are: {there}")
        known[leaf.prediction].check(leaf)


def predictions_in(predicate: Predicate) -> Iterator[Foretold]:
    """What it asks of predictions, from left to right."""
    if isinstance(predicate, Foretold):  # whose parts are the events that it comes to
        yield predicate
    for part in predicate.parts:
        yield from predictions_in(part)


def leaves_in(predicates: Iterable[Predicate], prediction: str | None = None) -> list[Foretold]:
    """All that these ask of predictions, or of one: what scoring tells of by an event, one of each type of event."""
    leaves = (leaf for predicate in predicates for leaf in predictions_in(predicate))
    return list({leaf.kind: leaf for leaf in leaves if prediction in (None, leaf.prediction)}.values())


def check_past(place: str, predicate: object) -> None:
    """Refuse what is only known as it is now: a model is fitted to what was."""
    if not isinstance(predicate, Predicate):
        raise DefinitionError(place, f"needs a predicate, not {predicate!r}")
    if now := sorted(predicate.traits):
        remedy = "say it by events; what identify calls said of it can be a feature"
        told = f'TraitValue({now[0]!r}) in code, {{"trait": "{now[0]}"}} in JSON'
        raise DefinitionError(place, f"looks at the trait {now[0]!r}, which is known as it is now only: {remedy}, {told}")
    for leaf in leaves(predicate):
        if not leaf.has_past or leaf.marks or leaf.personal:
            raise DefinitionError(place, f"takes what events tell of any instant of the past, which this does not: {leaf}")


def check_never(place: str, predicate: Predicate, never: frozenset[str]) -> None:
    """Refuse to look at what is never to be looked at."""
    if read := forbidden(names_read(predicate.to_json()), never):
        raise DefinitionError(place, f"reads {read!r}, which stands under never")


def names_at(place: str, given: Any) -> frozenset[str]:
    """A set of names; one text alone is none, since it would be taken for its letters.

    Raises:
        DefinitionError: it is no set of names.
    """
    if isinstance(given, str) or not isinstance(given, Collection) or not all(isinstance(each, str) for each in given):
        raise DefinitionError(place, f'is a set of names, {{"age"}}, not {given!r}')
    return frozenset(given)


def predicate_at(place: str, plain: Any) -> Predicate:
    """A predicate from JSON; an error names the place."""
    try:
        return predicate_from_json(plain)
    except DefinitionError as error:
        raise error.within(place) from None


def features_at(place: str, found: Mapping[str, Any]) -> dict[str, Any]:
    """Features and names under never, from JSON."""
    names, features = {word: found[word] for word in ("never", "always") if word in found}, found["features"]
    if not isinstance(features, list) or not all(
        isinstance(each, list) and all(isinstance(name, str) for name in each) for each in names.values()
    ):
        raise DefinitionError(place, "has lists as features, and as never and always (of names)")
    return {
        "features": tuple(_feature(f"{place}, features[{n}]", each) for n, each in enumerate(features)),
        **{word: frozenset(each) for word, each in names.items()},
    }


def _feature(place: str, plain: Any) -> Feature:
    try:
        return Feature.from_json(plain)
    except DefinitionError as error:
        raise (DefinitionError(place, error.problem) if error.place == "feature" else error.within(place)) from None


def no_labels(place: str, leaf: Foretold) -> Crossed:
    """What is asked, where a kind has scores and sorts nobody."""
    if not isinstance(leaf, Crossed):
        raise DefinitionError(place, "has a score and sorts nobody; ask how high it is: crosses(…), in JSON over")
    return leaf


def no_scores(place: str, leaf: Foretold) -> Sorted:
    """What is asked, where a kind sorts customers and has no scores."""
    if not isinstance(leaf, Sorted):
        raise DefinitionError(place, 'sorts customers and has no score; ask who is of a kind: is_("…"), in JSON is')
    return leaf


def words_of(columns: Sequence[Feature]) -> dict[str, str]:
    """What each is worked out from, in words."""
    return {each.name: str(each.of) for each in columns}
