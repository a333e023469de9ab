"""The predicates themselves: immutable trees that say who is in, without saying how to find out.

Promise: pure (only the standard library), hashable by content, printable as English and writable as JSON.
A predicate knows its own truth: what is known of a customer is given to it.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property, reduce
from operator import and_, or_
from typing import Any, ClassVar, NoReturn, Protocol, Self, TypeVar

from segments.errors import DefinitionError
from segments.facts import Facts
from segments.language.edges import Clock, Edge, Leaning
from segments.language.query import Query, Sql
from segments.language.reading import only
from segments.language.values import Expected

_Kind = TypeVar("_Kind")


class Trigger(Protocol):
    """Some events, as far as it matters whether a new one is among them."""

    @property
    def type(self) -> str:
        """Of which type they are."""

    @property
    def condition(self) -> "Predicate | None":
        """What each is like."""

    @property
    def traits(self) -> frozenset[str]:
        """The traits that it takes to tell."""

    def fits(self, ts: datetime, traits: Mapping[str, Any], at: datetime) -> bool:
        """Whether what happened then counts at an instant as far as time is asked for."""


#: Reads the predicate that stands under a key: the key (for errors) and the plain JSON.
Read = Callable[[str, object], "Predicate"]


class Predicate:
    """Something that is true or false of a customer at an instant. Combine with `&`, `|` and `~`."""

    #: By which keys JSON tells this kind; where several must stand beside each other, with spaces between.
    told_by: ClassVar[tuple[str, ...]] = ()
    #: Where its JSON holds the n-th of the parts that it combines.
    part_at: ClassVar[str | None] = None
    #: Whether events and traits tell what it was at any instant of the past.
    has_past: ClassVar[bool] = False

    def __init_subclass__(cls, *, keys: tuple[str, ...] = (), part_at: str | None = None, past: bool = False) -> None:
        """A kind of predicate that JSON tells by any of these keys."""
        cls.told_by, cls.part_at, cls.has_past = keys, part_at, past

    @classmethod
    def from_json(cls, plain: Mapping[str, Any], read: Read) -> Self:
        """The predicate that `to_json` wrote; it fails with the place of what is wrong."""
        raise NotImplementedError

    def holds(self, facts: Facts, at: datetime) -> bool:
        """Whether it is true of a customer at an instant."""
        raise NotImplementedError(f"no evaluation for {type(self).__name__}")

    def sql(self, q: Query) -> Sql:
        """The same as SQL: whether it is true of a customer."""
        raise NotImplementedError(f"no SQL for {type(self).__name__}")

    def meets(self, document: Mapping[str, Any]) -> bool:
        """Whether an object (an event's properties, an item of a list) meets it, where it is a condition on one."""
        return any(part.meets(document) for part in self.parts)

    def saw(self, facts: Facts, at: datetime) -> Any:  # noqa: ARG002 - one signature for all
        """What it looked at; None for what has nothing to show besides its truth."""
        return None

    def moment(self, facts: Facts, at: datetime) -> datetime | None:
        """When it came true, by the event that decided it; `at` where only an absence did, None where it is false."""
        return at if self.holds(facts, at) else None

    @property
    def parts(self) -> "tuple[Predicate, ...]":
        """The predicates this one is combined from."""
        return ()

    @property
    def looks_at(self) -> tuple[Any, ...]:
        """By what it looks: its parts, and of a leaf the events that it counts."""
        return self.parts

    @property
    def edges(self) -> frozenset[Edge]:
        """The instants, relative to events, at which time alone can change it."""
        return frozenset().union(*(each.edges for each in self.looks_at))

    @property
    def leanings(self) -> frozenset[Leaning]:
        """Which way one more event of each type can move it, whatever its time and its properties; never wrong about "cannot".

        What says nothing else leans both ways.
        """
        return frozenset(Leaning(edge.type, up) for edge in self.edges for up in (True, False))

    def triggers(self, *, positive: bool = True) -> "Iterator[Trigger]":
        """The events of which one more speaks for it (or against, not `positive`): it is what brought the customer in.

        What only time completes has none.
        """
        for part in self.parts:
            yield from part.triggers(positive=positive)

    def turning(self, *, to: bool) -> frozenset[Edge]:  # noqa: ARG002 - who knows more looks at it
        """The edges at which it can become this; never too few: what says nothing else is at all of them."""
        return self.edges

    @property
    def clocks(self) -> frozenset[Clock]:
        """What else makes it change by time alone."""
        return frozenset().union(*(each.clocks for each in self.looks_at))

    @property
    def traits(self) -> frozenset[str]:
        """The top-level names of the traits it looks at."""
        return frozenset().union(*(each.traits for each in self.looks_at))

    @property
    def marks(self) -> frozenset[str]:
        """What else may change it, in the words of a `dirty` mark: consent, addresses, names (`segments.facts`)."""
        return frozenset().union(*(part.marks for part in self.parts))

    @property
    def personal(self) -> bool:
        """Whether it can be true of one customer and false of another though nothing is known of either."""
        return any(part.personal for part in self.parts)

    @property
    def memory(self) -> timedelta | None:
        """How old the events can be that it looks at; None when any."""
        spans = [each.memory for each in self.looks_at]
        return None if None in spans else max((span for span in spans if span is not None), default=timedelta(0))

    def expects(self, event: str | None = None, before: tuple[str, ...] = (), /) -> Iterator[Expected]:
        """What it compares as values of one kind; of an event's properties, or of an item's at a path, where that is said."""
        for each in self.looks_at:
            yield from each.expects(event, before)

    def to_json(self) -> dict[str, Any]:
        """The definition as plain JSON; `wire.predicate_from_json` reads it back."""
        raise NotImplementedError

    def denied(self) -> str:
        """The opposite, in words."""
        return f"not ({self})"

    @cached_property
    def key(self) -> str:
        """Canonical JSON: two predicates are the same when their keys are (so `1` and `true` stay apart)."""
        return json.dumps(self.to_json(), sort_keys=True, separators=(",", ":"), ensure_ascii=False)

    def __and__(self, other: "Predicate") -> "Predicate":
        return All((*_flat(All, self), *_flat(All, as_predicate(other, "&"))))

    def __or__(self, other: "Predicate") -> "Predicate":
        return Either((*_flat(Either, self), *_flat(Either, as_predicate(other, "|"))))

    def __rand__(self, other: object) -> NoReturn:
        raise _uncompared(other, "&")

    def __ror__(self, other: object) -> NoReturn:
        raise _uncompared(other, "|")

    def __invert__(self) -> "Predicate":
        return self.part if isinstance(self, Not) else Not(self)

    def __bool__(self) -> bool:
        raise DefinitionError(
            str(self), "a predicate has no truth without a customer; write & | ~ (not and, or, not, nor a < b < c)"
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Predicate) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)


@dataclass(frozen=True, eq=False)
class _Combined(Predicate):
    """Several predicates under one word of JSON; what moves it is what moves one of them."""

    members: tuple[Predicate, ...]

    @property
    def parts(self) -> tuple[Predicate, ...]:
        """What it combines."""
        return self.members

    @classmethod
    def from_json(cls, plain: Mapping[str, Any], read: Read) -> Self:
        """Each of the list."""
        (key,) = cls.told_by
        return cls(_members(key, plain, read))

    @property
    def leanings(self) -> frozenset[Leaning]:
        """Those of its parts."""
        return _union(part.leanings for part in self.members)

    def turning(self, *, to: bool) -> frozenset[Edge]:
        """Where one of its parts does."""
        return _union(part.turning(to=to) for part in self.members)

    def to_json(self) -> dict[str, Any]:
        """`{"all": […]}`, or `{"any": […]}`."""
        (key,) = self.told_by
        return {key: [part.to_json() for part in self.members]}


class All(_Combined, keys=("all",), part_at="all[{}]", past=True):
    """True when every part is."""

    def holds(self, facts: Facts, at: datetime) -> bool:
        """Whether every part is true."""
        for part in self.members:  # noqa: SIM110 - asked at every event: a generator takes half as long again
            if not part.holds(facts, at):
                return False
        return True

    def sql(self, q: Query) -> Sql:
        """Every part, each beside the others."""
        return reduce(and_, [part.sql(q.beside(part, self.members)) for part in self.members])

    def meets(self, document: Mapping[str, Any]) -> bool:
        """Whether an object meets every part."""
        return all(part.meets(document) for part in self.members)

    def moment(self, facts: Facts, at: datetime) -> datetime | None:
        """That of the last part."""
        return max(_moments(self, facts, at)) if self.holds(facts, at) else None

    def __str__(self) -> str:
        return " and ".join(_bracketed(part, Either) for part in self.members)


class Either(_Combined, keys=("any",), part_at="any[{}]", past=True):
    """True when at least one part is."""

    def holds(self, facts: Facts, at: datetime) -> bool:
        """Whether a part is true."""
        for part in self.members:  # noqa: SIM110 - as above
            if part.holds(facts, at):
                return True
        return False

    def sql(self, q: Query) -> Sql:
        """One of the parts."""
        return reduce(or_, [part.sql(q) for part in self.members])

    def moment(self, facts: Facts, at: datetime) -> datetime | None:
        """That of the first part that is true."""
        return min(_moments(self, facts, at)) if self.holds(facts, at) else None

    def __str__(self) -> str:
        return " or ".join(_bracketed(part, All) for part in self.members)


@dataclass(frozen=True, eq=False)
class Not(Predicate, keys=("not",), part_at="not", past=True):
    """True when the part is not: there is no third value, so a missing trait makes `~(trait(…) > 1)` true."""

    part: Predicate

    def holds(self, facts: Facts, at: datetime) -> bool:
        """Whether the part is false."""
        return not self.part.holds(facts, at)

    def sql(self, q: Query) -> Sql:
        """Not the part."""
        return ~self.part.sql(q)

    def meets(self, document: Mapping[str, Any]) -> bool:
        """Whether an object does not meet the part."""
        return not self.part.meets(document)

    @property
    def parts(self) -> tuple[Predicate, ...]:
        """What it combines."""
        return (self.part,)

    @classmethod
    def from_json(cls, plain: Mapping[str, Any], read: Read) -> Self:
        """What is denied."""
        only(plain, "not")
        return cls(read("not", plain["not"]))

    @property
    def leanings(self) -> frozenset[Leaning]:
        """Those of the part, turned."""
        return frozenset(each.turned for each in self.part.leanings)

    def triggers(self, *, positive: bool = True) -> "Iterator[Trigger]":
        """Those that speak for the opposite."""
        return self.part.triggers(positive=not positive)

    def turning(self, *, to: bool) -> frozenset[Edge]:
        """Where the part becomes the opposite."""
        return self.part.turning(to=not to)

    def to_json(self) -> dict[str, Any]:
        """`{"not": …}`."""
        return {"not": self.part.to_json()}

    def __str__(self) -> str:
        return self.part.denied()


def _union(sets: Iterable[frozenset[_Kind]]) -> frozenset[_Kind]:
    return frozenset[_Kind]().union(*sets)


def _moments(predicate: Predicate, facts: Facts, at: datetime) -> list[datetime]:
    return [moment for part in predicate.parts if (moment := part.moment(facts, at)) is not None]


def _members(key: str, plain: Mapping[str, Any], read: Read) -> tuple[Predicate, ...]:
    only(plain, key)
    if not isinstance(plain[key], list) or not plain[key]:
        raise DefinitionError(key, "needs a list with at least one predicate")
    return tuple(read(f"{key}[{n}]", part) for n, part in enumerate(plain[key]))


def _flat(kind: type[All | Either], predicate: Predicate) -> tuple[Predicate, ...]:
    return predicate.parts if isinstance(predicate, kind) else (predicate,)


def _bracketed(part: Predicate, other: type[Predicate]) -> str:
    return f"({part})" if isinstance(part, other) else str(part)


def as_predicate(value: object, operator: str) -> Predicate:
    """The value itself, if it is a predicate."""
    if not isinstance(value, Predicate):
        raise _uncompared(value, operator)
    return value


def _uncompared(value: object, operator: str) -> DefinitionError:
    remedy = "compare it first, each comparison in brackets: (a > 1) & (b == 2)"
    return DefinitionError(operator, f"needs a predicate on both sides, not {value}; {remedy}")
