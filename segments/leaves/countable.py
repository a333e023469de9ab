"""Amounts as they are written: `did(…).total("price")`, twice of it, a share of it; compared with numbers or each other.

Promise: pure, like all of the language; what makes no sense is refused with a sentence that says what to write.
"""

from dataclasses import dataclass
from typing import Any, NoReturn

from segments.errors import DefinitionError
from segments.language.comparable import Comparable
from segments.language.comparing import MIRRORED
from segments.language.predicate import Predicate
from segments.language.values import check_name
from segments.leaves.amounts import Aggregate, Measured, Number
from segments.leaves.events import Events
from segments.leaves.versus import Versus


@dataclass(frozen=True, eq=False)
class Amount(Comparable[Predicate]):
    """A number worked out from events; compare it with a number, another amount or a multiple of one, or divide it."""

    _meant = "compare it with a number or another amount"
    of: Events
    measure: str
    name: str = ""
    whole: bool = False

    def __mul__(self, times: Number) -> "Multiple":
        return Multiple(self, times)

    __rmul__ = __mul__

    def __truediv__(self, other: "Amount") -> "Ratio":
        return Ratio(self, other)

    def __rtruediv__(self, other: object) -> NoReturn:
        raise DefinitionError(str(self), f"cannot divide {other!r}; an amount is divided by an amount: (a / b) >= 0.3")

    @property
    def measured(self) -> Measured:
        """What is worked out."""
        if self.measure != "count":
            check_name(f"did({self.of.type!r}).{self.measure}", "property", self.name)
        return Measured(self.of, self.measure, tuple(self.name.split(".")) if self.name else (), self.whole)

    def _is(self, op: str, value: Any) -> Predicate:
        match value:
            case Amount():
                return Versus(self.measured, op, value.measured)
            case Multiple():
                return Versus(self.measured, op, value.amount.measured, value.times)
            case Ratio():
                raise DefinitionError(str(self), "compares with a number, an amount or a multiple of one, not with a ratio")
            case (low, high) if isinstance(low, Comparable) or isinstance(high, Comparable):
                raise DefinitionError(f"{self}.between", "takes two numbers; write (a >= b) & (a <= 2 * b)")
            case Predicate():
                raise DefinitionError(str(self), f"compares with an amount, not with whether {value}; write did(…).count()")
        return Aggregate(self.measured, op, value)

    def __str__(self) -> str:
        return f"did({self.of.type!r}).{self.measure}({repr(self.name) if self.name else ''})"


@dataclass(frozen=True, eq=False)
class Multiple(Comparable[Predicate]):
    """So many times an amount: the other side of a comparison with an amount."""

    amount: Amount
    times: Number

    def __post_init__(self) -> None:
        if isinstance(self.times, Comparable):
            raise DefinitionError(str(self), "an amount is multiplied with a number only: a > 2 * b")

    def _is(self, op: str, value: Any) -> Predicate:
        if not isinstance(value, Amount):
            raise DefinitionError(str(self), "compares with an amount; write the number on one side only: a > 2 * b")
        return value._is(MIRRORED[op], self)  # noqa: SLF001 - the same comparison from its other side

    def __str__(self) -> str:
        return f"{self.times} * {self.amount}"


@dataclass(frozen=True, eq=False)
class Ratio(Comparable[Predicate]):
    """One amount divided by another; no comparison is true where the other is 0 or missing."""

    left: Amount
    right: Amount

    def __post_init__(self) -> None:
        if not isinstance(self.right, Amount):
            raise DefinitionError(str(self), "an amount is divided by an amount; write the number on the other side: a > 2 * b")

    def _is(self, op: str, value: Any) -> Predicate:
        if isinstance(value, Comparable):
            raise DefinitionError(str(self), f"a ratio compares with a number, not with {value}")
        return Versus(self.left.measured, op, self.right.measured, value, divided=True)

    def __str__(self) -> str:
        return f"{self.left} / {self.right}"


@dataclass(frozen=True, eq=False)
class Countable(Events):
    """What amounts can be worked out of: the words after `did(…)`.

    Of `did(…).where(any_item("products", …))` the lines that meet the condition are measured, with `whole` all of them.
    """

    def count(self) -> Amount:
        """How many events count, to be compared with another amount (with a number, `at_least` says the same)."""
        return self._amount("count")

    def total(self, name: str, *, whole: bool = False) -> Amount:
        """The sum of a property over the events, 0 where there is none; only numbers count."""
        return self._amount("total", name, whole=whole)

    def largest(self, name: str, *, whole: bool = False) -> Amount:
        """The largest number of a property; no comparison is true where there is none."""
        return self._amount("largest", name, whole=whole)

    def smallest(self, name: str, *, whole: bool = False) -> Amount:
        """The smallest number of a property; no comparison is true where there is none."""
        return self._amount("smallest", name, whole=whole)

    def average(self, name: str, *, whole: bool = False) -> Amount:
        """The mean of the numbers of a property; no comparison is true where there is none."""
        return self._amount("average", name, whole=whole)

    def distinct(self, name: str, *, whole: bool = False) -> Amount:
        """How many different texts, numbers and booleans a property had."""
        return self._amount("distinct", name, whole=whole)

    def _amount(self, measure: str, name: str = "", *, whole: bool = False) -> Amount:
        return Amount(self, measure, name, whole)
