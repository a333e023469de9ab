"""Conditions on one JSON document: a customer's traits, an event's properties, an item of a list.

Promise: pure; kinds never mix, and lists on the way fan out.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Self

from segments.errors import DefinitionError
from segments.facts import Facts
from segments.language.comparing import compares, found_in, items_in, seen_in
from segments.language.moves import leaves
from segments.language.predicate import Predicate, Read, as_predicate
from segments.language.query import Document, Sql
from segments.language.reading import only, operand, path_of
from segments.language.values import BARE, Expected, Scalar, as_text, check_operand, check_path, kind_of
from segments.language.words import compared_in_words, to_plain

Scope = Literal["trait", "property"]
Operand = Scalar | tuple[Scalar, ...] | None


#: Operators by which a text is what it is compared with only where every letter is.
_AS_WRITTEN = frozenset({"==", "!=", "in", "contains"})


@dataclass(frozen=True, eq=False)
class Compare(Predicate, keys=("trait", "property"), past=True):
    """A trait of the profile, or a property of an event, against a value.

    False whenever the value is missing or of another kind than the operand, also for `!=`. A list on the way to the
    value stands for each of its elements: one that compares is enough.
    """

    scope: Scope
    path: tuple[str, ...]
    op: str
    value: Operand = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "value", as_text(self.value))  # ids are texts in JSON, in whatever type Python has them
        check_path(self.scope, self.path)
        check_operand(self.place, self.op, self.value)

    def holds(self, facts: Facts, at: datetime) -> bool:  # noqa: ARG002 - one signature for all leaves
        """Whether the customer's trait compares."""
        return self.meets(facts.traits)

    def sql(self, q: Document) -> Sql:
        """The comparison."""
        return q.compares(self.path, self.op, self.value)

    def saw(self, facts: Facts, at: datetime) -> Any:  # noqa: ARG002 - one signature for all leaves
        """What stands in the trait."""
        return seen_in(facts.traits, self.path)

    def meets(self, document: Mapping[str, Any]) -> bool:
        """Whether a value at the path compares."""
        return any(compares(value, self.op, self.value) for value in found_in(document, self.path))

    def expects(self, event: str | None = None, before: tuple[str, ...] = (), /) -> Iterator[Expected]:
        """Values of its operand's kind."""
        operands = self.value if isinstance(self.value, tuple) else (self.value,)
        kinds = {kind_of("", operand) for operand in operands} if self.op not in (*BARE, "contains") else set()
        texts = tuple(each for each in operands if isinstance(each, str)) if self.op in _AS_WRITTEN else ()
        yield Expected(event, (*before, *self.path), kinds.pop() if len(kinds) == 1 else None, texts)

    @property
    def place(self) -> str:
        """How an error names this comparison."""
        return f"{self.scope}({'.'.join(self.path)!r})"

    @property
    def traits(self) -> frozenset[str]:
        """Its own trait, if it is one."""
        return frozenset({self.path[0]}) if self.scope == "trait" else frozenset()

    @classmethod
    def from_json(cls, plain: Mapping[str, Any], read: Read) -> Self:  # noqa: ARG003 - one signature for all leaves
        """A trait or a property, an operator and an operand."""
        scope = _scope(plain)
        path = path_of(scope, plain[scope])
        only(plain, scope, "is", "value")
        return cls(scope, path, str(plain.get("is")), operand(plain.get("value")))

    def to_json(self) -> dict[str, Any]:
        """`{"trait": …, "is": …, "value": …}`."""
        plain = {self.scope: ".".join(self.path), "is": self.op}
        return plain if self.op in BARE else plain | {"value": to_plain(self.value)}

    def __str__(self) -> str:
        return f"{'.'.join(self.path)} {compared_in_words(self.op, self.value)}"


@dataclass(frozen=True, eq=False)
class AnyItem(Predicate, keys=("trait any_item", "property any_item"), past=True):
    """At least one object in a list meets the condition by itself; `property` in the condition is a field of the object."""

    scope: Scope
    path: tuple[str, ...]
    condition: Predicate

    def __post_init__(self) -> None:
        check_path(self.scope, self.path)
        check_fields(f"{self.scope}({'.'.join(self.path)!r}).any_item", self.condition)

    def holds(self, facts: Facts, at: datetime) -> bool:  # noqa: ARG002 - one signature for all leaves
        """Whether an item of the customer's trait meets the condition."""
        return self.meets(facts.traits)

    def sql(self, q: Document) -> Sql:
        """An item that meets the condition."""
        return q.any_item(self.path, self.condition)

    def saw(self, facts: Facts, at: datetime) -> Any:  # noqa: ARG002 - one signature for all leaves
        """How many items there are, and how many meet the condition."""
        items = list(items_in(facts.traits, self.path))
        return {"items": len(items), "meeting": sum(self.condition.meets(item) for item in items)}

    def meets(self, document: Mapping[str, Any]) -> bool:
        """Whether an item of the list at the path meets the condition."""
        return any(self.condition.meets(item) for item in items_in(document, self.path))

    def expects(self, event: str | None = None, before: tuple[str, ...] = (), /) -> Iterator[Expected]:
        """What the condition does, of an item."""
        return self.condition.expects(event, (*before, *self.path))

    @property
    def traits(self) -> frozenset[str]:
        """Its own trait, if it is one."""
        return frozenset({self.path[0]}) if self.scope == "trait" else frozenset()

    @classmethod
    def from_json(cls, plain: Mapping[str, Any], read: Read) -> Self:
        """A trait or a property, and the condition."""
        scope = _scope(plain)
        path = path_of(scope, plain[scope])
        only(plain, scope, "any_item")
        return cls(scope, path, read("any_item", plain["any_item"]))

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


def _scope(plain: Mapping[str, Any]) -> Scope:
    return "trait" if "trait" in plain else "property"
