"""An amount over events against another one: more of this than of that, twice as much, or a share of it.

Promise: pure and exact. Nothing is divided or rounded: a share is compared by multiplying with what it is a share of.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from itertools import chain
from typing import Any, Self

from segments.errors import DefinitionError
from segments.facts import Facts
from segments.language.comparing import MIRRORED, as_kind, compared
from segments.language.leaf import Leaf
from segments.language.predicate import Read
from segments.language.query import Number, Query, Sql
from segments.language.reading import an_object, only, operand
from segments.language.values import OPERATORS, Expected, kind_of, unknown_operator
from segments.language.words import compared_in_words, operand_in_words, to_plain
from segments.leaves.amounts import MEASURES, Measured, against, check_number
from segments.leaves.events import Events


@dataclass(frozen=True, eq=False)
class Versus(Leaf, keys=("versus", "ratio")):
    """`left` against so many times `right`; or, `divided`, the share `left / right` against a number.

    False where a side is missing (the largest of nothing, or nothing ever for `since_last`). Where nothing counts, a count,
    a total and a number of values are 0: so nothing is as much as nothing, but there is no share of it.
    """

    left: Measured
    op: str
    right: Measured
    value: Any = 1
    divided: bool = False

    def __post_init__(self) -> None:
        place = f"{self.left.place} {'/' if self.divided else self.op} {self.right.place}"
        if self.left.to_json() == self.right.to_json():
            raise DefinitionError(place, "compares an amount with itself; narrow one of the two")
        if self.divided:
            check_number(place, self.op, self.value)
        elif self.op not in MIRRORED:
            raise unknown_operator(place, self.op, MIRRORED)
        elif kind_of(place, self.value) != "number" or not self.value > 0:
            raise DefinitionError(place, f"a multiple needs a number above zero, not {self.value!r}")

    @property
    def same(self) -> tuple[str, timedelta | None] | None:
        """The events of which both sides count some, so that one pass counts them for both; None where they do not."""
        return self.left.same if self.left.same == self.right.same else None

    @property
    def looks_at(self) -> tuple[Events, Events]:
        """The events on either side."""
        return self.left.of, self.right.of

    def expects(self, *_: Any) -> Iterator[Expected]:
        """What both amounts do."""
        return chain(self.left.expects(), self.right.expects())

    def triggers(self, *, positive: bool = True) -> Iterator[Events]:
        """What completes the events of a side of which more can only help: of the left for "more", the right for "less"."""
        for side, op in ((self.left, self.op), (self.right, MIRRORED.get(self.op, ""))) if positive else ():
            if side.grows_with(op):
                yield from side.of.completed_by

    @property
    def true_of_nothing(self) -> bool:
        """Whether it is true of who never did anything: 0 is compared with 0."""
        anything_goes = all(side.has_zero and side.of.since is None for side in (self.left, self.right))
        return anything_goes and not self.divided and compared(self.op, 0, 0)

    def holds(self, facts: Facts, at: datetime) -> bool:
        """Whether the amounts over what counts at an instant compare."""
        left, right = self.amounts(facts, at)
        if left is None or right is None:
            return False
        if self.divided:
            return right != 0 and against(left / right, self.op, self.value)
        return compared(self.op, left, Fraction(as_kind("number", self.value)) * right)

    def sql(self, q: Query) -> Sql:
        """One amount against the other."""
        return q.amounts([self.left, self.right], self._compares, of_nothing=self.true_of_nothing)

    def _compares(self, left: Number, right: Number) -> Sql:
        return (left / right).compares(self.op, self.value) if self.divided else left.compares(self.op, right * self.value)

    def saw(self, facts: Facts, at: datetime) -> Any:
        """Both amounts, and their ratio."""
        left, right = self.amounts(facts, at)
        both = {"left": {self.left.measure: left}, "right": {self.right.measure: right}}
        return both | ({"ratio": left / right if left is not None and right else None} if self.divided else {})

    def amounts(self, facts: Facts, at: datetime) -> tuple[Fraction | None, Fraction | None]:
        """Both amounts over what counts at an instant; None where there is none."""
        return self.left.amount(facts, at), self.right.amount(facts, at)

    @classmethod
    def from_json(cls, plain: Mapping[str, Any], read: Read) -> Self:
        """Both amounts, and how they are compared."""
        tag, number = ("ratio", "value") if "ratio" in plain else ("versus", "times")
        only(plain, tag, "is", number)
        both = plain[tag]
        if not isinstance(both, list) or len(both) != 2:  # noqa: PLR2004 - two sides
            raise DefinitionError(tag, f"needs a list of two amounts, not {both!r}")
        left, right = (_side(f"{tag}[{n}]", side, read) for n, side in enumerate(both))
        value = operand(plain.get(number, 1 if tag == "versus" else None))
        return cls(left, str(plain.get("is")), right, value, divided=tag == "ratio")

    def to_json(self) -> dict[str, Any]:
        """`{"ratio": [amount, amount], "is": …, "value": …}`, or `{"versus": [amount, amount], "is": …, "times": …}`."""
        both = [self.left.to_json(), self.right.to_json()]
        if self.divided:
            return {"ratio": both, "is": self.op, "value": to_plain(self.value)}
        return {"versus": both, "is": self.op} | ({} if self._plain else {"times": to_plain(self.value)})

    def __str__(self) -> str:
        if self.divided:
            return f"{self.left} divided by {self.right} {compared_in_words(self.op, self.value)}"
        times = "" if self._plain else f"{operand_in_words(self.value)} times "
        return f"{self.left} {OPERATORS[self.op]} {times}{self.right}"

    @property
    def _plain(self) -> bool:
        return bool(self.value == 1)


def _side(place: str, plain: object, read: Read) -> Measured:
    given = an_object(place, plain, *MEASURES)
    if not any(name in given for name in MEASURES):
        raise DefinitionError(place, f"needs one of the keys {', '.join(MEASURES)}")
    try:
        return Measured.from_json(given, read)
    except DefinitionError as error:
        raise error.within(place) from None
