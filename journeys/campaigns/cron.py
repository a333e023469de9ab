"""A cron as Temporal's schedules read it: told what is wrong with it before anybody has to.

Promise: pure; what passes here, Temporal takes. What it takes but reads otherwise than it looks does not pass (`1#2`: the
rest is a comment). Source: Temporal server, service/worker/scheduler (spec.go, calendar.go).
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

_PREDEFINED = frozenset(["@yearly", "@monthly", "@weekly", "@daily", "@hourly"])
_MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
_DAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
#: Days of the longest February and so on, by the number of the month.
_LONGEST = {1: 31, 2: 29, 3: 31, 4: 30, 5: 31, 6: 30, 7: 31, 8: 31, 9: 30, 10: 31, 11: 30, 12: 31}


def _names(words: Sequence[str], first: int) -> dict[str, int]:
    return {name: number for number, word in enumerate(words, first) for name in (word, word[:3])}


class _Field(NamedTuple):
    said: str
    least: int
    most: int
    names: Mapping[str, int] = {}


_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day", 1, 31),
    _Field("month", 1, 12, _names(_MONTHS, 1)),
    _Field("weekday", 0, 7, _names(_DAYS, 0)),
)


def fault(cron: str) -> str | None:
    """What is wrong with a cron of five fields, or `@daily` and the like; nothing, where Temporal takes it and it comes."""
    if cron in _PREDEFINED:
        return None
    parts = cron.split()
    if len(parts) != len(_FIELDS) or not cron.isascii():
        return "a cron has five fields, such as '0 9 * * mon': minute, hour, day, month, weekday"
    try:
        _, _, days, months, weekdays = [_read(field, part) for field, part in zip(_FIELDS, parts, strict=True)]
    except ValueError as wrong:
        return str(wrong)
    if not any(day <= _LONGEST[month] for day in days for month in months):
        return "it never comes: none of its months has such a day"
    return None if weekdays else "it never comes"


def _read(field: _Field, text: str) -> set[int]:
    return {number for part in text.split(",") for number in _range(field, part)}


def _range(field: _Field, part: str) -> range:
    span, slash, step = part.partition("/")
    if slash and not (step.isdecimal() and int(step[:4]) > 0):
        raise ValueError(f"the {field.said} has a step that is no number from 1 on")
    first, dash, last = span.partition("-")
    if span == "*":
        begins, ends = field.least, field.most
    elif dash:
        begins, ends = _value(field, first), _value(field, last)
        if ends < begins:
            raise ValueError(f"the {field.said} has a range that ends before it begins")
    else:
        begins = _value(field, first)
        ends = field.most if slash else begins
    return range(begins, ends + 1, int(step[:4]) if slash else 1)


def _value(field: _Field, text: str) -> int:
    named = field.names.get(text.lower())
    number = named if named is not None else int(text) if text.isdecimal() and len(text) < 5 else -1  # noqa: PLR2004
    if not field.least <= number <= field.most:
        names = f", or its name such as {next(iter(field.names))[:3]}" if field.names else ""
        raise ValueError(f"the {field.said} is a number from {field.least} to {field.most}{names}")
    return number
