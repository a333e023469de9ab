"""The words in which a segment is written: `trait`, `did`, `prop` and `Segment`.

Promise: pure. This module is imported inside Temporal's workflow sandbox, so nothing here touches SQL, a clock or I/O.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from segments.errors import DefinitionError
from segments.evaluate import holds_on_nothing
from segments.happened import Did
from segments.predicate import Compare, Predicate, Scope, leaves
from segments.values import Scalar, check_name, check_path
from segments.wire import predicate_from_json
from segments.words import to_plain

#: Part of every version: raise it when the meaning of a definition changes though its text does not.
_SEMANTICS = 1
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,98}[a-z0-9])?")


@dataclass(frozen=True, eq=False)
class Term:
    """A value that can be compared; dots in its name lead into objects (`address.city`)."""

    scope: Scope
    path: tuple[str, ...]

    def __eq__(self, value: object) -> Compare:  # type: ignore[override]  # a comparison is the point
        return self._is("==", value)

    def __ne__(self, value: object) -> Compare:  # type: ignore[override]  # a comparison is the point
        return self._is("!=", value)

    def __lt__(self, value: Scalar) -> Compare:
        return self._is("<", value)

    def __le__(self, value: Scalar) -> Compare:
        return self._is("<=", value)

    def __gt__(self, value: Scalar) -> Compare:
        return self._is(">", value)

    def __ge__(self, value: Scalar) -> Compare:
        return self._is(">=", value)

    def in_(self, *values: Scalar | Iterable[Scalar]) -> Compare:
        """Equal to one of the values, given one by one or as a list, a tuple or a set."""
        return self._is("in", _choices(values))

    def contains(self, value: Scalar) -> Compare:
        """A list with this element, or a text with this text in it (upper and lower case differ)."""
        return self._is("contains", value)

    def exists(self) -> Compare:
        """There is a value, and it is not null."""
        return self._is("exists", None)

    def _is(self, op: str, value: Any) -> Compare:
        return Compare(self.scope, self.path, op, value)

    def __hash__(self) -> int:
        return hash((self.scope, self.path))

    def __bool__(self) -> NoReturn:
        raise DefinitionError(str(self), "has no truth by itself; compare it, or ask whether it exists()")

    def __str__(self) -> str:
        return f"{self.scope}({'.'.join(self.path)!r})"


def trait(name: str) -> Term:
    """A trait of the profile; dots lead into objects."""
    return _term("trait", name)


def prop(name: str) -> Term:
    """A property of the event, inside `.where(…)`; dots lead into objects."""
    return _term("property", name)


def did(event: str) -> Did:
    """The customer did this at least once, ever; narrow it with `.within`, `.at_least`, `.where`, `.since_last`."""
    return Did(event)


#: Completed orders, in the words of the Segment spec's e-commerce events.
purchases = did("Order Completed")


@dataclass(frozen=True)
class Segment:
    """A name for the customers of whom a predicate is true."""

    name: str
    predicate: Predicate
    description: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not _NAME.fullmatch(self.name):
            raise DefinitionError(
                f"Segment({self.name!r})", "a name has 1 to 100 lower-case letters, digits and hyphens inside"
            )
        if not isinstance(self.predicate, Predicate):
            raise DefinitionError(f"segment {self.name!r}", f"needs a predicate, not {self.predicate!r}")
        if misplaced := [leaf for leaf in leaves(self.predicate) if _is_property(leaf)]:
            raise DefinitionError(f"segment {self.name!r}", f"prop(…) belongs inside did(…).where(…): {misplaced[0]}")

    @property
    def version(self) -> str:
        """A stable hash of what it means; the name and the description do not count."""
        return hashlib.sha256(f"{_SEMANTICS}:{self.predicate.key}".encode()).hexdigest()[:16]

    def to_json(self) -> dict[str, Any]:
        """The definition as plain JSON."""
        return {"name": self.name, "description": self.description, "predicate": self.predicate.to_json()}

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> "Segment":
        """The segment that `to_json` wrote.

        Raises:
            DefinitionError: it is not one; the error names the place.
        """
        try:
            return cls(plain["name"], predicate_from_json(plain["predicate"]), str(plain.get("description", "")))
        except KeyError as missing:
            raise DefinitionError("segment", f"has no {missing}") from None
        except DefinitionError as error:
            raise error.within(f"segment {plain['name']!r}, predicate") from None

    def __str__(self) -> str:
        return f"{self.name}: {self.predicate}"


def check_goal(goal: Predicate) -> None:
    """Refuse a goal that nothing the customer does can reach.

    Raises:
        DefinitionError: it looks at traits, or it is true before anything has happened.
    """
    for leaf in leaves(goal):
        if not isinstance(leaf, Did):
            raise DefinitionError(f"goal {goal}", f"a goal is made of did(…); this is not: {leaf}")
    if holds_on_nothing(goal):
        raise DefinitionError(f"goal {goal}", "is true before anything has happened, so the run would end at once")


def _is_property(leaf: Predicate) -> bool:
    return isinstance(leaf, Compare) and leaf.scope == "property"


def _term(scope: Scope, name: object) -> Term:
    check_name(f"{scope}({name!r})", "name", name)
    path = tuple(str(name).split("."))
    check_path(scope, path)
    return Term(scope, path)


def _choices(values: tuple[Any, ...]) -> tuple[Scalar, ...]:
    """In one order and without repetition, so that a set gives the same version every time."""
    flat = [v for value in values for v in (value if isinstance(value, list | tuple | set | frozenset) else [value])]
    by_text = {json.dumps(to_plain(value), default=repr): value for value in flat}
    return tuple(by_text[text] for text in sorted(by_text))
