"""Values that can be compared: `trait` of the profile and `prop` of an event, with their operators.

Promise: pure, like all of the language.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from functools import reduce
from operator import and_
from typing import Any, Unpack

from segments.errors import DefinitionError
from segments.language.comparable import Comparable
from segments.language.documents import AnyItem, Compare, Scope
from segments.language.predicate import Predicate, as_predicate
from segments.language.spans import Units, span_of
from segments.language.values import Scalar, check_name, check_path
from segments.language.words import to_plain
from segments.leaves.dates import AgeTerm, Anniversary, Near, near
from segments.leaves.origin import Declared, OriginTerm, Said
from segments.time.calendar import Period


@dataclass(frozen=True, eq=False)
class Term(Comparable[Compare]):
    """A value that can be compared; dots in its name lead into objects (`address.city`)."""

    _meant = "compare it, or ask whether it exists()"
    scope: Scope
    path: tuple[str, ...]

    def in_(self, *values: Scalar | Iterable[Scalar]) -> Compare:
        """Equal to one of the values, given one by one or as a list, a tuple or a set."""
        return self._is("in", _choices(values))

    def contains(self, value: Scalar) -> Compare:
        """A list with this element, or a text with this text in it (upper and lower case differ)."""
        return self._is("contains", value)

    def starts_with(self, text: str) -> Compare:
        """A text that begins with this one (upper and lower case differ)."""
        return self._is("starts_with", text)

    def matches(self, text: str) -> Compare:
        """This text, whatever its upper and lower case."""
        return self._is("matches", text)

    def any_item(self, *conditions: Predicate) -> AnyItem:
        """A list of objects of which one meets every condition; `prop(…)` is a field of the object."""
        place = f"{self}.any_item"
        if not conditions:
            raise DefinitionError(place, "needs at least one condition")
        return AnyItem(self.scope, self.path, reduce(and_, [as_predicate(each, place) for each in conditions]))

    def within_next(self, span: timedelta | None = None, **units: Unpack[Units]) -> Near:
        """A date that lies at most so far ahead: true from `date - span` until the date itself."""
        return near(self._dated("within_next"), before=span_of(f"{self}.within_next", span, units))

    def within_last(self, span: timedelta | None = None, **units: Unpack[Units]) -> Near:
        """A date that is less than so long ago: true from the date itself until `date + span`."""
        return near(self._dated("within_last"), after=span_of(f"{self}.within_last", span, units))

    def anniversary(self, within_days: int = 0, *, zone: str | None = None, otherwise: str = "UTC") -> Anniversary:
        """The yearly return of a date is today or at most so many days ahead, in the zone, else in the customer's."""
        return Anniversary(
            self._dated("anniversary"), within_days, Period("day", zone, None if zone is not None else otherwise)
        )

    def declared(self) -> Declared:
        """The trait is there and was not inferred."""
        return Declared(self._whole("declared"))

    def confidence(self) -> OriginTerm:
        """How sure the source of an inferred trait is, 0 to 1; compare it (false where the trait is declared)."""
        return OriginTerm(self._whole("confidence"), "confidence")

    def source(self) -> OriginTerm:
        """Who said the trait last; compare it."""
        return OriginTerm(self._whole("source"), "source")

    def said_within(self, span: timedelta | None = None, **units: Unpack[Units]) -> Said:
        """The trait is there and was last said less than so long ago, whether or not that changed it."""
        return Said(self._whole("said_within"), span_of(f"{self}.said_within", span, units))

    def _whole(self, word: str) -> str:
        if self.scope != "trait":
            raise DefinitionError(f"{self}.{word}", "asks where a trait comes from: for traits only")
        return ".".join(self.path)

    def _dated(self, word: str) -> tuple[str, ...]:
        if self.scope != "trait":
            raise DefinitionError(f"{self}.{word}", "looks at the time that passes: for traits only")
        return self.path

    def exists(self) -> Compare:
        """There is a value, and it is not null."""
        return self._is("exists", None)

    def filled(self) -> Compare:
        """There is a value that says something: no null, no blank text, no empty list or object."""
        return self._is("filled", None)

    def _is(self, op: str, value: Any) -> Compare:
        return Compare(self.scope, self.path, op, value)

    def __str__(self) -> str:
        return f"{self.scope}({'.'.join(self.path)!r})"


def trait(name: str) -> Term:
    """A trait of the profile; dots lead into objects."""
    return _term("trait", name)


def prop(name: str) -> Term:
    """A property of the event, inside `.where(…)`; dots lead into objects."""
    return _term("property", name)


def age(name: str, *, zone: str | None = None, otherwise: str = "UTC") -> AgeTerm:
    """Whole years since the date in a trait, by the calendar of the zone, else of the customer: `age("birthday") >= 18`."""
    return AgeTerm(trait(name).path, Period("day", zone, None if zone is not None else otherwise))


def any_item(name: str, *conditions: Predicate) -> AnyItem:
    """An event with an item that meets every condition: `any_item("products", prop("price") > 50, prop("size") == 38)`."""
    return prop(name).any_item(*conditions)


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
