"""An amount over events against a number.

Promise: pure and exact.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Any, Final, Self

from segments.errors import DefinitionError
from segments.facts import Facts
from segments.language.comparing import as_kind, compared
from segments.language.leaf import Leaf
from segments.language.predicate import Leaning, Read
from segments.language.query import Query, Sql
from segments.language.reading import operand
from segments.language.values import check_operand, kind_of, unknown_operator
from segments.language.words import compared_in_words, to_plain
from segments.leaves.events import Events
from segments.leaves.measures import MEASURES, Measured

#: How amounts can be compared.
COMPARED: Final = ("==", "!=", "<", "<=", ">", ">=", "between")


@dataclass(frozen=True, eq=False)
class Aggregate(Leaf, keys=MEASURES):
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
        amount = self.amount(facts, at)
        return amount is not None and against(amount, self.op, self.value)

    def sql(self, q: Query) -> Sql:
        """The amount against the number."""
        return q.amounts([self.measured], lambda amount: amount.compares(self.op, self.value), of_nothing=self.true_of_nothing)

    def saw(self, facts: Facts, at: datetime) -> Any:
        """The amount."""
        return {self.measured.measure: self.amount(facts, at)}

    def amount(self, facts: Facts, at: datetime) -> Fraction | None:
        """The amount over what counts at an instant; None where there is none."""
        return self.measured.amount(facts, at)

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
