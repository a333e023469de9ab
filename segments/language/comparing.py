"""What a comparison with a JSON value means, in plain Python: kinds never mix, and lists on the way fan out.

Promise: pure, and exactly what the SQL of `segments.sql.documents` answers.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from operator import eq, ge, gt, le, lt, ne
from typing import Any, Final

from segments.language.values import BLANK, CALENDAR, ISO, fold_table, kind_of

_ISO = re.compile(ISO.replace(r"\d", "[0-9]").replace("$", r"\Z"))
_TESTS: Mapping[str, Callable[[Any, Any], bool]] = {
    "==": eq,
    "!=": ne,
    "<": lt,
    "<=": le,
    ">": gt,
    ">=": ge,
    "contains": lambda mine, part: isinstance(mine, str) and part in mine,
    "starts_with": lambda mine, start: mine.startswith(start),
    "matches": lambda mine, text: mine.translate(fold_table(text)) == text.translate(fold_table(text)),
}
#: What an operator becomes when its sides change places, or when both are multiplied by a number below zero.
MIRRORED: Final = {"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}


def found_in(document: Any, path: tuple[str, ...]) -> Iterator[Any]:
    """The values at a path; a list on the way (not at its end) stands for each of its elements."""
    if not path:
        yield document
        return
    for each in document if isinstance(document, list) else [document]:
        if isinstance(each, Mapping) and path[0] in each:
            yield from found_in(each[path[0]], path[1:])


def seen_in(document: Any, path: tuple[str, ...]) -> Any:
    """The value at a path as one looks at it: several in a list, None where there is none."""
    values = list(found_in(document, path))
    return values[0] if len(values) == 1 else values or None


def items_in(document: Any, path: tuple[str, ...]) -> Iterator[Mapping[str, Any]]:
    """The objects in the lists at a path; an object that stands there alone counts as a list of one."""
    for value in found_in(document, path):
        yield from (each for each in (value if isinstance(value, list) else [value]) if isinstance(each, Mapping))


def compares(value: Any, op: str, operand: Any) -> bool:
    """Whether one value meets the operator; null never does."""
    match op:
        case "exists":
            return value is not None
        case "filled":
            return value not in (None, [], {}) and not (isinstance(value, str) and not value.strip(BLANK))
        case "in":
            return any(compares(value, "==", choice) for choice in operand)
        case "between":
            return compares(value, ">=", operand[0]) and compares(value, "<=", operand[1])
        case "contains" if isinstance(value, list):
            return any(compares(element, "==", operand) for element in value)
    kind = kind_of("", operand)
    mine, theirs = as_kind(kind, value), as_kind(kind, operand)
    return mine is not None and _TESTS[op](mine, theirs)


def compared(op: str, mine: Any, theirs: Any) -> bool:
    """Whether two values of one kind compare."""
    return _TESTS[op](mine, theirs)


def as_kind(kind: str, value: Any) -> Any:
    """The value as its kind, exact; None if it is of another kind."""
    match kind, value:
        case "boolean", bool():
            return value
        case "number", bool():
            return None
        case "number", int() | float() | Decimal():
            return Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
        case "text", str():
            return value
        case "instant", _:
            return as_instant(value)
    return None


def as_instant(value: object) -> datetime | None:
    """A date or time, or an ISO text of one, as an aware datetime; without an offset UTC; None if it is neither.

    Nor is one whose offset leads out of the years 1 to 9999.
    """
    if isinstance(value, str):
        value = _from_iso(value)
    if isinstance(value, datetime):
        moment = value if value.tzinfo is not None else value.replace(tzinfo=UTC)
        return moment if CALENDAR[0] <= moment <= CALENDAR[1] else None
    return datetime.combine(value, time(), UTC) if isinstance(value, date) else None


def as_day(value: object) -> date | None:
    """The day that a date or time names as it is written, whatever its offset; None if it is neither."""
    if not isinstance(value, str):
        return value.date() if isinstance(value, datetime) else value if isinstance(value, date) else None
    try:
        return date.fromisoformat(value[:10]) if _ISO.match(value) else None
    except ValueError:
        return None


def _from_iso(text: str) -> datetime | None:
    if not _ISO.match(text):
        return None
    day, clock = text[:10], text[11:].upper().replace(" ", "").replace("UTC", "Z")
    leap = ":60" in clock  # the second that UTC adds is the first of the next minute
    try:
        read = datetime.fromisoformat(f"{day}T{clock.replace(':60', ':59')}" if clock else day)
        return read + timedelta(seconds=leap)
    except (ValueError, OverflowError):  # the 30th of February, the year 0
        return None
