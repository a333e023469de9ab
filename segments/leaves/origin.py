"""Where a trait comes from, as a predicate: declared or inferred, how surely, by which source, and how long ago it was said.

Promise: pure. Each is false of a trait that is not there; a declared value has no confidence, so comparing that is false.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Self

from segments.errors import DefinitionError
from segments.facts import Facts
from segments.language.comparable import Comparable
from segments.language.comparing import compares
from segments.language.documents import Operand
from segments.language.edges import Clock
from segments.language.leaf import Leaf
from segments.language.predicate import Read
from segments.language.query import Query, Sql
from segments.language.reading import an_object, only, operand, path_of, window
from segments.language.values import check_name, check_operand, check_window, kind_of, unknown_operator
from segments.language.words import compared_in_words, span_in_words, to_plain
from segments.leaves.clocks import SaidClock

#: What is asked of a trait's origin: the operators, and the kind of the values.
ASKED = {
    "source": (("==", "!=", "in", "starts_with"), "text"),
    "confidence": (("==", "!=", "<", "<=", ">", ">=", "between"), "number"),
}


@dataclass(frozen=True, eq=False)
class OfTrait(Leaf):
    """A leaf about one trait as a whole."""

    trait: str

    @property
    def _place(self) -> str:
        return f"trait({self.trait!r})"

    @property
    def traits(self) -> frozenset[str]:
        """Its trait."""
        return frozenset({self.trait})

    def saw(self, facts: Facts, at: datetime) -> Any:  # noqa: ARG002 - one signature for all leaves
        """Who said it, and how surely."""
        told = facts.origins.told.get(self.trait, {})
        return {name: told[name] for name in ("source", "confidence") if name in told} or None

    def _is_there(self, facts: Facts) -> bool:
        return facts.traits.get(self.trait) is not None

    def _exists(self, q: Query) -> Sql:
        return q.compares((self.trait,), "exists")


@dataclass(frozen=True, eq=False)
class Declared(OfTrait, keys=("trait declared",)):
    """The trait is there and was not inferred: the customer said it, or a system that knows."""

    def __post_init__(self) -> None:
        check_trait(self._place, self.trait)

    def holds(self, facts: Facts, at: datetime) -> bool:  # noqa: ARG002 - one signature for all leaves
        """Whether it is there without a confidence."""
        return self._is_there(facts) and not facts.origins.inferred(self.trait)

    def sql(self, q: Query) -> Sql:
        """There, and no confidence beside it."""
        return self._exists(q) & ~q.document("traits_from", self.trait).compares(("confidence",), "exists")

    @classmethod
    def from_json(cls, plain: Mapping[str, Any], read: Read) -> Self:  # noqa: ARG003 - one signature for all leaves
        """The trait."""
        trait = _trait(plain, "declared")
        if plain["declared"] is not True:
            problem = f'is true or not there, not {plain["declared"]!r}; put the whole into a "not"'
            raise DefinitionError("declared", problem)
        return cls(trait)

    def to_json(self) -> dict[str, Any]:
        """`{"trait": …, "declared": true}`."""
        return {"trait": self.trait, "declared": True}

    def __str__(self) -> str:
        return f"{self.trait} is declared"

    def denied(self) -> str:
        """The opposite, in words."""
        return f"{self.trait} is not declared"


@dataclass(frozen=True, eq=False)
class OriginIs(OfTrait, keys=("trait source", "trait confidence")):
    """The source or the confidence of a trait, compared."""

    asked: str
    op: str
    value: Operand

    def __post_init__(self) -> None:
        check_trait(self._place, self.trait)
        place = f"{self._place}.{self.asked}()"
        operators, kind = ASKED[self.asked]
        if self.op not in operators:
            raise unknown_operator(place, self.op, operators)
        check_operand(place, self.op, self.value)
        for each in self.value if isinstance(self.value, tuple) else (self.value,):
            if kind_of(place, each) != kind:
                raise DefinitionError(place, f"compares with a {kind}, not with {each!r}")
            if isinstance(each, (int, float, Decimal)) and not 0 <= each <= 1:
                raise DefinitionError(place, f"is from 0 to 1, not {each}")

    def holds(self, facts: Facts, at: datetime) -> bool:  # noqa: ARG002 - one signature for all leaves
        """Whether it is known and compares."""
        told = facts.origins.told.get(self.trait, {})
        return self._is_there(facts) and self.asked in told and compares(told[self.asked], self.op, self.value)

    def sql(self, q: Query) -> Sql:
        """There, and what is said of it compares."""
        return self._exists(q) & q.document("traits_from", self.trait).compares((self.asked,), self.op, self.value)

    @classmethod
    def from_json(cls, plain: Mapping[str, Any], read: Read) -> Self:  # noqa: ARG003 - one signature for all leaves
        """The trait, what is asked of it, and what that is compared with."""
        word = next(name for name in ASKED if name in plain)
        trait = _trait(plain, word)
        given = an_object(word, plain[word], "is", "value")
        only(given, "is", "value")
        return cls(trait, word, str(given.get("is")), operand(given.get("value")))

    def to_json(self) -> dict[str, Any]:
        """`{"trait": …, "confidence": {"is": …, "value": …}}`, or `source`."""
        return {"trait": self.trait, self.asked: {"is": self.op, "value": to_plain(self.value)}}

    def __str__(self) -> str:
        name = {"source": f"the source of {self.trait}", "confidence": f"the confidence in {self.trait}"}[self.asked]
        return f"{name} {compared_in_words(self.op, self.value)}"


@dataclass(frozen=True, eq=False)
class Said(OfTrait, keys=("trait said_within",)):
    """The trait is there and was last said less than so long ago, by event time: `now - window < said_at <= now`."""

    window: timedelta

    def __post_init__(self) -> None:
        check_trait(self._place, self.trait)
        check_window(f"{self._place}.said_within", self.window or timedelta(0))

    @property
    def clocks(self) -> frozenset[Clock]:
        """When it was said, and when that is too long ago."""
        return frozenset({SaidClock((self.trait,), self.window)})

    def holds(self, facts: Facts, at: datetime) -> bool:
        """Whether it was said lately enough."""
        said_at = facts.origins.said_at.get(self.trait)
        return self._is_there(facts) and said_at is not None and said_at <= at and at - said_at < self.window

    def sql(self, q: Query) -> Sql:
        """There, and said between the two instants."""
        first, last = q.ago(self.window), q.ago(timedelta(0))
        return self._exists(q) & q.document("traits_at").instants((self.trait,), lambda at: (at > first) & (at <= last))

    def saw(self, facts: Facts, at: datetime) -> Any:  # noqa: ARG002 - one signature for all leaves
        """When it was said."""
        return {"said_at": facts.origins.said_at.get(self.trait)}

    @classmethod
    def from_json(cls, plain: Mapping[str, Any], read: Read) -> Self:  # noqa: ARG003 - one signature for all leaves
        """The trait, and how lately in seconds."""
        trait = _trait(plain, "said_within")
        return cls(trait, window(plain["said_within"]) or timedelta(0))

    def to_json(self) -> dict[str, Any]:
        """`{"trait": …, "said_within": seconds}`."""
        return {"trait": self.trait, "said_within": to_plain(self.window)}

    def __str__(self) -> str:
        return f"{self.trait} was said within {span_in_words(self.window)}"

    def denied(self) -> str:
        """The opposite, in words."""
        return f"{self.trait} was not said within {span_in_words(self.window)}"


@dataclass(frozen=True, eq=False)
class OriginTerm(Comparable[OriginIs]):
    """The source or the confidence of a trait; compare it."""

    _meant = "compare it"

    trait: str
    asked: str

    def in_(self, *values: str | Iterable[str]) -> OriginIs:
        """One of these sources, given one by one or as a list, a tuple or a set."""
        flat = {each for value in values for each in ([value] if isinstance(value, str) else value)}
        return self._is("in", tuple(sorted(flat)))

    def starts_with(self, text: str) -> OriginIs:
        """A source whose name begins like this: all versions of a model."""
        return self._is("starts_with", text)

    def _is(self, op: str, value: Any) -> OriginIs:
        return OriginIs(self.trait, self.asked, op, value)

    def __str__(self) -> str:
        return f"trait({self.trait!r}).{self.asked}()"


def check_trait(place: str, trait: object) -> None:
    """Refuse a part of a trait: where it comes from is known of the whole."""
    check_name(place, "trait's name", trait)
    if "." in str(trait):
        raise DefinitionError(place, f"is said as a whole; ask where trait({str(trait).split('.')[0]!r}) comes from")


def _trait(plain: Mapping[str, Any], word: str) -> str:
    path = path_of("trait", plain["trait"])
    only(plain, "trait", word)
    return ".".join(path)
