"""The predicates themselves: immutable trees that say who is in, without saying how to find out.

Promise: pure (only the standard library), hashable by content, printable as English and writable as JSON.
A new kind of leaf is one class here, one function in `evaluate`, one in `compiler` and one in `wire`.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, NoReturn

from segments.errors import DefinitionError
from segments.language.values import BARE, OPERATORS, Scalar, check_operand, check_path
from segments.language.words import operand_in_words, to_plain

if TYPE_CHECKING:
    from segments.evaluate import Facts

Scope = Literal["trait", "property"]
Operand = Scalar | tuple[Scalar, ...] | None


class Edge(NamedTuple):
    """Where time alone can change a predicate: when an event of this type becomes as old as the window.

    A window of zero is the instant of the event itself, for events that arrive with a time in the future.
    """

    type: str
    window: timedelta


class Clock:
    """When time alone can change a predicate, where no fixed span after an event tells it."""

    def steps(self, facts: "Facts", until: datetime) -> "Iterator[datetime]":
        """The instants, in any order, up to (or a little after) `until` at which it can change for a customer."""
        raise NotImplementedError

    @property
    def cause(self) -> "Mapping[str, Any]":
        """What the log of transitions says when it did."""
        raise NotImplementedError


class Predicate:
    """Something that is true or false of a customer at an instant. Combine with `&`, `|` and `~`."""

    @property
    def parts(self) -> "tuple[Predicate, ...]":
        """The predicates this one is combined from."""
        return ()

    @property
    def edges(self) -> frozenset[Edge]:
        """The instants, relative to events, at which time alone can change it."""
        return frozenset().union(*(part.edges for part in self.parts))

    @property
    def clocks(self) -> frozenset[Clock]:
        """What else makes it change by time alone."""
        return frozenset().union(*(part.clocks for part in self.parts))

    @property
    def traits(self) -> frozenset[str]:
        """The top-level names of the traits it looks at."""
        return frozenset().union(*(part.traits for part in self.parts))

    @property
    def marks(self) -> frozenset[str]:
        """What else may change it, in the words of a `dirty` mark: consent, addresses, names (`segments.language.person`)."""
        return frozenset().union(*(part.marks for part in self.parts))

    @property
    def personal(self) -> bool:
        """Whether it can be true of one customer and false of another though nothing is known of either."""
        return any(part.personal for part in self.parts)

    @property
    def memory(self) -> timedelta | None:
        """How old the events can be that it looks at; None when any."""
        spans = [part.memory for part in self.parts]
        return None if None in spans else max((span for span in spans if span is not None), default=timedelta(0))

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
class All(Predicate):
    """True when every part is."""

    members: tuple[Predicate, ...]

    @property
    def parts(self) -> tuple[Predicate, ...]:
        """What it combines."""
        return self.members

    def to_json(self) -> dict[str, Any]:
        """`{"all": […]}`."""
        return {"all": [part.to_json() for part in self.members]}

    def __str__(self) -> str:
        return " and ".join(_bracketed(part, Either) for part in self.members)


@dataclass(frozen=True, eq=False)
class Either(Predicate):
    """True when at least one part is."""

    members: tuple[Predicate, ...]

    @property
    def parts(self) -> tuple[Predicate, ...]:
        """What it combines."""
        return self.members

    def to_json(self) -> dict[str, Any]:
        """`{"any": […]}`."""
        return {"any": [part.to_json() for part in self.members]}

    def __str__(self) -> str:
        return " or ".join(_bracketed(part, All) for part in self.members)


@dataclass(frozen=True, eq=False)
class Not(Predicate):
    """True when the part is not: there is no third value, so a missing trait makes `~(trait(…) > 1)` true."""

    part: Predicate

    @property
    def parts(self) -> tuple[Predicate, ...]:
        """What it combines."""
        return (self.part,)

    def to_json(self) -> dict[str, Any]:
        """`{"not": …}`."""
        return {"not": self.part.to_json()}

    def __str__(self) -> str:
        return self.part.denied()


@dataclass(frozen=True, eq=False)
class Compare(Predicate):
    """A trait of the profile, or a property of an event, against a value.

    False whenever the value is missing or of another kind than the operand, also for `!=`. A list on the way to the
    value stands for each of its elements: one that compares is enough.
    """

    scope: Scope
    path: tuple[str, ...]
    op: str
    value: Operand = None

    def __post_init__(self) -> None:
        check_path(self.scope, self.path)
        check_operand(self.place, self.op, self.value)

    @property
    def place(self) -> str:
        """How an error names this comparison."""
        return f"{self.scope}({'.'.join(self.path)!r})"

    @property
    def traits(self) -> frozenset[str]:
        """Its own trait, if it is one."""
        return frozenset({self.path[0]}) if self.scope == "trait" else frozenset()

    def to_json(self) -> dict[str, Any]:
        """`{"trait": …, "is": …, "value": …}`."""
        plain = {self.scope: ".".join(self.path), "is": self.op}
        return plain if self.op in BARE else plain | {"value": to_plain(self.value)}

    def __str__(self) -> str:
        subject = f"{'.'.join(self.path)} {OPERATORS[self.op]}"
        if self.op == "between" and isinstance(self.value, tuple):
            return f"{subject} {' and '.join(map(operand_in_words, self.value))}"
        return subject if self.op in BARE else f"{subject} {operand_in_words(self.value)}"


@dataclass(frozen=True, eq=False)
class AnyItem(Predicate):
    """At least one object in a list meets the condition by itself; `property` in the condition is a field of the object."""

    scope: Scope
    path: tuple[str, ...]
    condition: Predicate

    def __post_init__(self) -> None:
        check_path(self.scope, self.path)
        check_fields(f"{self.scope}({'.'.join(self.path)!r}).any_item", self.condition)

    @property
    def traits(self) -> frozenset[str]:
        """Its own trait, if it is one."""
        return frozenset({self.path[0]}) if self.scope == "trait" else frozenset()

    def to_json(self) -> dict[str, Any]:
        """`{"trait": …, "any_item": …}`."""
        return {self.scope: ".".join(self.path), "any_item": self.condition.to_json()}

    def __str__(self) -> str:
        return f"any of {'.'.join(self.path)} has ({self.condition})"


def is_of_property(leaf: Predicate) -> bool:
    """Whether a leaf looks at an event's property or a field of an item."""
    return isinstance(leaf, Compare | AnyItem) and leaf.scope == "property"


def check_fields(place: str, predicate: Predicate) -> None:
    """Refuse what cannot be asked of one event or one item."""
    for leaf in leaves(as_predicate(predicate, place)):
        if not is_of_property(leaf):
            raise DefinitionError(place, f"takes conditions on the event's own properties (prop(…)), not: {leaf}")


def leaves(predicate: Predicate) -> Iterator[Predicate]:
    """Every leaf of the tree, from left to right."""
    if not predicate.parts:
        yield predicate
    for part in predicate.parts:
        yield from leaves(part)


def event_types(predicate: Predicate) -> frozenset[str]:
    """The event types whose arrival can change the predicate."""
    return frozenset(edge.type for edge in predicate.edges)


def windows(predicate: Predicate) -> frozenset[Edge]:
    """The event types and windows at whose far edge the predicate can change by time alone."""
    return frozenset(edge for edge in predicate.edges if edge.window)


def trait_names(predicate: Predicate) -> frozenset[str]:
    """The top-level traits whose change can change the predicate."""
    return predicate.traits


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
