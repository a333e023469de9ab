"""Amounts for the second opinion; like all of it, from docs/segments.md alone."""

from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from typing import Any

from tests.segments.oracle_values import at_the_end, compares, kind_of, meets


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
    return MEASURES[measure]([end for each in documents for end in ends_of(plain, each, plain[measure].split("."))])


def ends_of(plain: Mapping[str, Any], document: Any, path: list[str]) -> list[Any]:
    """The values that are measured: of a list of which a line is asked for, in the lines that meet one of the questions."""
    asked = [] if plain.get("whole") else [each for each in wanted(plain["of"].get("where")) if begins(each, path)]
    longest = max((each["property"].split(".") for each in asked), key=len, default=[])
    asked = [each["any_item"] for each in asked if each["property"].split(".") == longest]
    if not asked:
        return list(at_the_end(document, path))
    found = [line for end in at_the_end(document, longest) for line in (end if isinstance(end, list) else [end])]
    meeting = [line for line in found if isinstance(line, dict) and any(meets(each, line) for each in asked)]
    return [end for line in meeting for end in at_the_end(line, path[len(longest) :])]


def begins(plain: Mapping[str, Any], path: list[str]) -> bool:
    steps = plain["property"].split(".")
    return len(steps) < len(path) and path[: len(steps)] == steps


def wanted(where: Any) -> list[Mapping[str, Any]]:
    """The questions about lines of a list, but for those that are denied."""
    if where is None or "not" in where:
        return []
    if "any_item" in where:
        return [where]
    return [each for part in where.get("all", where.get("any", [])) for each in wanted(part)]


def compared(plain: Mapping[str, Any], left: Any, right: Any) -> bool:
    """Two amounts: one against a multiple of the other, or a share against a number."""
    if left is None or right is None:
        return False
    if "versus" in plain:
        return compares(plain["is"], Fraction(left), exact(plain.get("times", 1)) * right)
    return right != 0 and compares(plain["is"], Fraction(left) / Fraction(right), plain["value"])
