"""Amounts over the events of a `did`: how many there are, totals, extremes, means, different values; and one against a number.

Promise: pure and exact: numbers are added and compared as fractions, and values of another kind than a number are not counted.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final, Self

from segments.errors import DefinitionError
from segments.facts import Facts
from segments.language.comparing import as_kind, compared, found_in, items_in
from segments.language.documents import AnyItem
from segments.language.edges import Leaning
from segments.language.leaf import Leaf
from segments.language.predicate import Not, Predicate, Read
from segments.language.query import Query, Sql
from segments.language.reading import only, operand
from segments.language.values import Expected, check_operand, check_path, kind_of, unknown_operator
from segments.language.words import compared_in_words, to_plain
from segments.leaves.events import Events, events_from_json

Number = int | float | Decimal
_SCALARS = ("boolean", "number", "text")


def _largest(numbers: list[Fraction]) -> Fraction | None:
    return max(numbers, default=None)


def _smallest(numbers: list[Fraction]) -> Fraction | None:
    return min(numbers, default=None)


def _average(numbers: list[Fraction]) -> Fraction | None:
    return sum(numbers, Fraction(0)) / len(numbers) if numbers else None


_OF_NUMBERS: Mapping[str, Callable[[list[Fraction]], Fraction | None]] = {
    "total": lambda numbers: sum(numbers, Fraction(0)),
    "largest": _largest,
    "smallest": _smallest,
    "average": _average,
}
#: The measures by the key that names them in JSON.
MEASURES: Final = (*_OF_NUMBERS, "distinct", "count")
#: Those that are 0, and not missing, where no event counts.
_ZERO = ("total", "distinct", "count")
#: How amounts can be compared.
COMPARED: Final = ("==", "!=", "<", "<=", ">", ">=", "between")
#: Those that one more event can only make true.
_UPWARD, _DOWNWARD = (">", ">="), ("<", "<=")


@dataclass(frozen=True, eq=False)
class Measured:
    """A measure over the events that count for a `did`; all but the count look at a property."""

    of: Events
    measure: str
    path: tuple[str, ...] = ()
    whole: bool = False

    def __post_init__(self) -> None:
        if self.measure not in MEASURES:
            raise DefinitionError(self.place, f"unknown measure; use one of {', '.join(MEASURES)}")
        if self.of.counted:
            raise DefinitionError(self.place, "takes no count; write (did(…).at_least(…)) & (did(…).total(…) > …)")
        if self.measure != "count":
            check_path("property", self.path)
        elif self.path:
            raise DefinitionError(self.place, "counts events, not a property; use total, average or distinct for that")
        if self.whole and self.measure == "count":
            raise DefinitionError(self.place, "counts events, which have no lines; leave out whole")

    @property
    def place(self) -> str:
        """How an error names it."""
        return f"did({self.of.type!r}).{self.measure}({repr('.'.join(self.path)) if self.path else ''})"

    @property
    def has_zero(self) -> bool:
        """Whether it is 0 where no event counts; the others are missing then, and compare with nothing."""
        return self.measure in _ZERO

    @property
    def same(self) -> tuple[str, timedelta | None] | None:
        """Of a count, the events among which others may count theirs in the same pass (`Events.same`)."""
        return self.of.same if self.measure == "count" else None

    def grows_with(self, op: str) -> bool:
        """Whether one more event can only help it to be, for example, `>` something."""
        return op in (_DOWNWARD if self.measure == "smallest" else _UPWARD)

    def amount(self, facts: Facts, at: datetime) -> Fraction | None:
        """The amount over what counts at an instant; None where there is none."""
        events = self.of.counting(facts, at)
        if events is None or self.measure == "count":
            return None if events is None else Fraction(len(events))
        values = [value for event in events for value in self._values(event.properties)]
        return _distinct(values) if self.measure == "distinct" else _OF_NUMBERS[self.measure](list(_numbers(values)))

    def expects(self, *_: Any) -> Iterator[Expected]:
        """Numbers, and what its events' condition does."""
        if self.path and self.measure != "distinct":
            yield Expected(self.of.type, self.path, "number")
        yield from self.of.expects()

    @property
    def lines(self) -> tuple[AnyItem, ...]:
        """The conditions on the list that the property lies in: a line that meets one of them is measured; none: all are."""
        if self.whole or self.of.condition is None:
            return ()
        around = [leaf for leaf in _asked_for(self.of.condition) if self.path[: len(leaf.path)] == leaf.path != self.path]
        deepest = max((leaf.path for leaf in around), key=len, default=())
        return tuple(leaf for leaf in around if leaf.path == deepest)

    def _values(self, properties: Mapping[str, Any]) -> Iterator[Any]:
        if not self.lines:
            return found_in(properties, self.path)
        depth = len(self.lines[0].path)
        return (
            value
            for line in items_in(properties, self.path[:depth])
            if any(asked.condition.meets(line) for asked in self.lines)
            for value in found_in(line, self.path[depth:])
        )

    @classmethod
    def from_json(cls, plain: Mapping[str, Any], read: Read, *beside: str) -> Self:
        """The measure, the property and the events, with other keys beside them."""
        measure = next(name for name in MEASURES if name in plain)
        only(plain, measure, "of", "whole", *beside)
        whole = plain.get("whole", False)
        if not isinstance(whole, bool):
            raise DefinitionError("whole", f"needs true (all lines) or false (those that meet the condition), not {whole!r}")
        name = plain[measure]
        if name is not True if measure == "count" else not isinstance(name, str):
            raise DefinitionError(measure, f"needs {'true' if measure == 'count' else 'the name of a property'}, not {name!r}")
        return cls(
            events_from_json("of", plain.get("of"), read), measure, () if name is True else tuple(name.split(".")), whole
        )

    def to_json(self) -> dict[str, Any]:
        """`{"total": property, "of": {"did": …}}`, or `{"count": true, "of": …}`; with `"whole": true` of all lines."""
        plain = {self.measure: ".".join(self.path) if self.path else True, "of": self.of.to_json()}
        return plain | ({"whole": True} if self.whole else {})

    def __str__(self) -> str:
        if self.measure == "count":
            return f"the number of {self.of.what}"
        measure = "number of different" if self.measure == "distinct" else self.measure
        whole = "all lines of " if self.whole else ""
        name = "" if self.path == (self.measure,) else f" {'.'.join(self.path)}"  # the total of orders, whose property is total
        return f"the {measure}{name} of {whole}{self.of.what}"


def _asked_for(condition: Predicate) -> Iterator[AnyItem]:
    """The lists of which a line is wanted: what stands under a "not" is not."""
    if isinstance(condition, AnyItem):
        yield condition
    elif not isinstance(condition, Not):
        for part in condition.parts:
            yield from _asked_for(part)


def _numbers(values: list[Any]) -> Iterator[Fraction]:
    for value in values:
        number = as_kind("number", value)
        if number is not None:
            yield Fraction(number)


def _distinct(values: list[Any]) -> Fraction:
    kinds = ((kind, as_kind(kind, value)) for value in values for kind in _SCALARS)
    return Fraction(len({(kind, value) for kind, value in kinds if value is not None}))


@dataclass(frozen=True, eq=False)
class Aggregate(Leaf, keys=MEASURES, past=True):
    """An amount over the events of a `did` against a number."""

    measured: Measured
    op: str
    value: Any

    def __post_init__(self) -> None:
        check_number(self.measured.place, self.op, self.value)

    @property
    def of(self) -> Events:
        """The events whose amount it is."""
        return self.measured.of

    @property
    def looks_at(self) -> tuple[Events]:
        """Its events."""
        return (self.of,)

    def expects(self, *_: Any) -> Iterator[Expected]:
        """What its amount does."""
        return self.measured.expects()

    @property
    def leanings(self) -> frozenset[Leaning]:
        """Up by more events, where they can only help: a total can fall, for there are negative amounts."""
        climbs = self.grows and self.measured.measure in ("largest", "smallest", "distinct", "count")
        return self.of.more if climbs else super().leanings

    def triggers(self, *, positive: bool = True) -> Iterator[Events]:
        """What completes its events, where more of them can only help."""
        if positive and self.grows:
            yield from self.of.completed_by

    @property
    def grows(self) -> bool:
        """Whether one more event can only make it true."""
        return self.measured.grows_with(self.op)

    @property
    def true_of_nothing(self) -> bool:
        """Whether it is true where no event counts: a count, a total or a number of values is 0 then."""
        return self.measured.has_zero and against(Fraction(0), self.op, self.value)

    def holds(self, facts: Facts, at: datetime) -> bool:
        """Whether the amount over what counts at an instant compares."""
        amount = self.measured.amount(facts, at)
        return amount is not None and against(amount, self.op, self.value)

    def sql(self, q: Query) -> Sql:
        """The amount against the number."""
        return q.amounts([self.measured], lambda amount: amount.compares(self.op, self.value), of_nothing=self.true_of_nothing)

    def saw(self, facts: Facts, at: datetime) -> Any:
        """The amount."""
        return {self.measured.measure: self.measured.amount(facts, at)}

    @classmethod
    def from_json(cls, plain: Mapping[str, Any], read: Read) -> Self:
        """The amount, and what it is compared with."""
        found = Measured.from_json(plain, read, "is", "value")
        return cls(found, str(plain.get("is")), operand(plain.get("value")))

    def to_json(self) -> dict[str, Any]:
        """`{"total": property, "of": {"did": …}, "is": …, "value": …}`."""
        return self.measured.to_json() | {"is": self.op, "value": to_plain(self.value)}

    def __str__(self) -> str:
        return f"{self.measured} {compared_in_words(self.op, self.value)}"


def check_number(place: str, op: str, value: Any) -> None:
    """Refuse an operator that amounts do not have, and an operand that is no number (or two, for `between`)."""
    if op not in COMPARED:
        raise unknown_operator(place, op, COMPARED)
    check_operand(place, op, value)
    for each in value if op == "between" else (value,):
        if kind_of(place, each) != "number":
            raise DefinitionError(place, f"compares with a number, not with {each!r}")


def against(amount: Fraction, op: str, value: Any) -> bool:
    """Whether an amount compares with a number, or lies between two."""
    ends = [Fraction(as_kind("number", each)) for each in (value if op == "between" else (value,))]
    return ends[0] <= amount <= ends[1] if op == "between" else compared(op, amount, ends[0])
