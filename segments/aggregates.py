"""Amounts over events: totals, extremes, means and how many different values, compared with a number.

Promise: pure and exact: numbers are compared as fractions, and values of another kind than a number are not counted.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NoReturn

from segments.comparing import as_kind, compared, found_in
from segments.errors import DefinitionError
from segments.leaf import Leaf
from segments.predicate import Clock, Edge
from segments.values import OPERATORS, check_name, check_operand, check_path, kind_of
from segments.words import operand_in_words, to_plain

if TYPE_CHECKING:
    from segments.evaluate import Facts
    from segments.happened import Did

Number = int | float | Decimal
_COMPARED = ("==", "!=", "<", "<=", ">", ">=", "between")
_SCALARS = ("boolean", "number", "text")


def _largest(numbers: list[Fraction]) -> Fraction | None:
    return max(numbers, default=None)


def _smallest(numbers: list[Fraction]) -> Fraction | None:
    return min(numbers, default=None)


def _average(numbers: list[Fraction]) -> Fraction | None:
    return sum(numbers, Fraction(0)) / len(numbers) if numbers else None


_MEASURES: Mapping[str, Callable[[list[Fraction]], Fraction | None]] = {
    "total": lambda numbers: sum(numbers, Fraction(0)),
    "largest": _largest,
    "smallest": _smallest,
    "average": _average,
}
#: The measures by the key that names them in JSON.
MEASURES = (*_MEASURES, "distinct")


@dataclass(frozen=True, eq=False)
class Amount:
    """A number worked out from events; compare it."""

    of: "Did"
    measure: str
    name: str

    def __eq__(self, value: object) -> "Aggregate":  # type: ignore[override]  # a comparison is the point
        return self._is("==", value)

    def __ne__(self, value: object) -> "Aggregate":  # type: ignore[override]  # a comparison is the point
        return self._is("!=", value)

    def __lt__(self, value: Number) -> "Aggregate":
        return self._is("<", value)

    def __le__(self, value: Number) -> "Aggregate":
        return self._is("<=", value)

    def __gt__(self, value: Number) -> "Aggregate":
        return self._is(">", value)

    def __ge__(self, value: Number) -> "Aggregate":
        return self._is(">=", value)

    def between(self, low: Number, high: Number) -> "Aggregate":
        """From the low number to the high one, both included."""
        return self._is("between", (low, high))

    def _is(self, op: str, value: Any) -> "Aggregate":
        place = f"did({self.of.type!r}).{self.measure}"
        check_name(place, "property", self.name)
        return Aggregate(self.of, self.measure, tuple(self.name.split(".")), op, value)

    def __hash__(self) -> int:
        return hash((self.of, self.measure, self.name))

    def __bool__(self) -> NoReturn:
        raise DefinitionError(f"did({self.of.type!r}).{self.measure}", "has no truth by itself; compare it with a number")


@dataclass(frozen=True, eq=False)
class Aggregate(Leaf):
    """An amount over the events of a `did` against a number."""

    of: "Did"
    measure: str
    path: tuple[str, ...]
    op: str
    value: Any

    def __post_init__(self) -> None:
        place = f"did({self.of.type!r}).{self.measure}({'.'.join(self.path)!r})"
        if self.measure not in MEASURES:
            raise DefinitionError(place, f"unknown measure; use one of {', '.join(MEASURES)}")
        if self.of.least is not None or self.of.most is not None:
            raise DefinitionError(place, "takes no count; write (did(…).at_least(…)) & (did(…).total(…) > …)")
        check_path("property", self.path)
        if self.op not in _COMPARED:
            raise DefinitionError(place, f"unknown operator {self.op!r}; use one of {', '.join(_COMPARED)}")
        check_operand(place, self.op, self.value)
        for each in self.value if self.op == "between" else (self.value,):
            if kind_of(place, each) != "number":
                raise DefinitionError(place, f"compares with a number, not with {each!r}")

    @property
    def edges(self) -> frozenset[Edge]:
        """Those of its events."""
        return self.of.edges

    @property
    def clocks(self) -> frozenset[Clock]:
        """Those of its events."""
        return self.of.clocks

    @property
    def traits(self) -> frozenset[str]:
        """Those of its events."""
        return self.of.traits

    @property
    def memory(self) -> timedelta | None:
        """That of its events."""
        return self.of.memory

    @property
    def grows(self) -> bool:
        """Whether one more event can only make it true."""
        low = ("<", "<=") if self.measure == "smallest" else (">", ">=")
        return self.op in low

    @property
    def true_of_nothing(self) -> bool:
        """Whether it is true where no event counts: a total or a number of values is 0 then."""
        return self.measure in ("total", "distinct") and self._compares(Fraction(0))

    def holds(self, facts: "Facts", at: datetime) -> bool:
        """Whether the amount over what counts at an instant compares."""
        amount = self.amount(facts, at)
        return amount is not None and self._compares(amount)

    def amount(self, facts: "Facts", at: datetime) -> Fraction | None:
        """The amount over what counts at an instant; None where there is none."""
        events = self.of.counting(facts, at)
        if events is None:
            return None
        values = [value for event in events for value in found_in(event.properties, self.path)]
        return _distinct(values) if self.measure == "distinct" else _MEASURES[self.measure](list(_numbers(values)))

    def _compares(self, amount: Fraction) -> bool:
        ends = [Fraction(as_kind("number", each)) for each in (self.value if self.op == "between" else (self.value,))]
        return ends[0] <= amount <= ends[1] if self.op == "between" else compared(self.op, amount, ends[0])

    def to_json(self) -> dict[str, Any]:
        """`{"total": property, "of": {"did": …}, "is": …, "value": …}`."""
        plain = {"of": self.of.to_json(), "is": self.op, "value": to_plain(self.value)}
        return {self.measure: ".".join(self.path)} | plain

    def __str__(self) -> str:
        words = " and ".join(map(operand_in_words, self.value)) if self.op == "between" else operand_in_words(self.value)
        measure = "number of different" if self.measure == "distinct" else self.measure
        return f"the {measure} {'.'.join(self.path)} of {self.of.what} {OPERATORS[self.op]} {words}"


def _numbers(values: list[Any]) -> Iterator[Fraction]:
    for value in values:
        number = as_kind("number", value)
        if number is not None:
            yield Fraction(number)


def _distinct(values: list[Any]) -> Fraction:
    kinds = ((kind, as_kind(kind, value)) for value in values for kind in _SCALARS)
    return Fraction(len({(kind, value) for kind, value in kinds if value is not None}))
