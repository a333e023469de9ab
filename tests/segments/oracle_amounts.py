"""Amounts for the second opinion; like all of it, from docs/segments.md alone."""

from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from typing import Any

from tests.segments.oracle_values import at_the_end, compares, kind_of


def numbers(ends: Iterable[Any]) -> list[Fraction]:
    """Those that are numbers, exact."""
    return [Fraction(end) for end in ends if kind_of(end) == "number"]


def exact(plain: Any) -> Fraction:
    """A number of a definition."""
    return Fraction(plain["decimal"] if isinstance(plain, dict) else plain)


MEASURES: Mapping[str, Callable[[list[Any]], Any]] = {
    "total": lambda ends: sum(numbers(ends), Fraction(0)),
    "largest": lambda ends: max(numbers(ends), default=None),
    "smallest": lambda ends: min(numbers(ends), default=None),
    "average": lambda ends: sum(found, Fraction(0)) / len(found) if (found := numbers(ends)) else None,
    "distinct": lambda ends: len(
        {(kind_of(end), Fraction(end) if kind_of(end) == "number" else end) for end in ends if kind_of(end)}
    ),
}


def worth(plain: Mapping[str, Any], documents: list[Any] | None) -> Any:
    """An amount over the events that count, by their properties; None where there is none."""
    if documents is None or "count" in plain:
        return None if documents is None else len(documents)
    measure = next(word for word in MEASURES if word in plain)
    return MEASURES[measure]([end for each in documents for end in at_the_end(each, plain[measure].split("."))])


def compared(plain: Mapping[str, Any], left: Any, right: Any) -> bool:
    """Two amounts: one against a multiple of the other, or a share against a number."""
    if left is None or right is None:
        return False
    if "versus" in plain:
        return compares(plain["is"], Fraction(left), exact(plain.get("times", 1)) * right)
    return right != 0 and compares(plain["is"], Fraction(left) / Fraction(right), plain["value"])
