"""Values, times and calendars of the second opinion: naive, from docs/segments.md alone.

Promise: nothing here imports the segments it judges. Instants are whole microseconds since 1970, so nothing overflows.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

Plain = Mapping[str, Any]
ZONES = available_timezones()
_DAY = 86_400_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CONTROLS = "\t\n\v\f\r\x85\u200b\ufeff"
_CLOCK = r"(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?"
_ISO = re.compile(rf"(\d{{4}})-(\d\d)-(\d\d)(?:[Tt ]{_CLOCK}(?: ?(UTC|Z|z|[+-]\d\d(?::?\d\d)?))?)?", re.ASCII)


def micros(at: datetime) -> int:
    """An instant as a whole number."""
    return (at - _EPOCH) // timedelta(microseconds=1)


def instant(at: int) -> datetime:
    """And back."""
    return _EPOCH + timedelta(microseconds=at)


def seconds(plain: Any) -> int:
    """A span of a definition in microseconds."""
    return int(Fraction(plain) * 1_000_000)


def written_day(text: object) -> date | None:
    """The day as it is written in an ISO 8601 text."""
    return None if moment(text) is None else date.fromisoformat(str(text)[:10])


def moment(text: object) -> int | None:
    """The instant that an ISO 8601 text means; without an offset it is UTC, without a time midnight."""
    found = _ISO.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        return None
    year, month, day, hour, minute, second = (int(part or 0) for part in found.group(1, 2, 3, 4, 5, 6))
    try:
        days = date(year, month, day).toordinal() - date(1970, 1, 1).toordinal()
    except ValueError:
        return None
    away = _offset(found[8] or "Z")
    if hour > 23 or minute > 59 or second > 60 or away is None:
        return None
    fraction = int((found[7] or "0").ljust(6, "0")[:6])
    return days * _DAY + ((hour * 60 + minute - away) * 60 + second) * 1_000_000 + fraction


def _offset(text: str) -> int | None:
    if text in ("Z", "z", "UTC"):
        return 0
    hours, minutes = int(text[1:3]), int(text[3:].removeprefix(":") or 0)
    if hours > 14 or minutes > 59:
        return None
    return (-1 if text[0] == "-" else 1) * (hours * 60 + minutes)


def at_the_end(document: Any, path: list[str]) -> Iterator[Any]:
    """Every value a path leads to; a list on the way stands for each of its elements."""
    if not path:
        yield document
        return
    for each in document if isinstance(document, list) else [document]:
        if isinstance(each, dict) and path[0] in each:
            yield from at_the_end(each[path[0]], path[1:])


def kind_of(value: Any) -> str | None:
    """The kind of a JSON value; only equal kinds compare."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float | Decimal | Fraction):
        return "number"
    return "text" if isinstance(value, str) else None


def like(operand: Any, value: Any) -> tuple[Any, Any] | None:
    """The value and the operand, both as something that compares; None where the kinds differ."""
    if isinstance(operand, dict):
        [(kind, text)] = operand.items()
        if kind != "decimal":
            there = moment(value)
            return None if there is None else (there, micros(_utc(text)))
        operand = Decimal(text)
    if kind_of(operand) is None or kind_of(operand) != kind_of(value):
        return None
    return (Fraction(value), Fraction(operand)) if kind_of(operand) == "number" else (value, operand)


def _utc(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def compares(op: str, value: Any, operand: Any) -> bool:
    """Whether one value compares with what a definition says."""
    if op == "exists":
        return value is not None
    if op == "filled":
        blank = isinstance(value, str) and all(unicodedata.category(c)[0] == "Z" or c in _CONTROLS for c in value)
        return value is not None and not blank and value not in ([], {})
    if op in _OF_TEXT:
        return isinstance(value, str) and _OF_TEXT[op](value, operand)
    if op in _OF_SEVERAL:
        return _OF_SEVERAL[op](value, operand)
    pair = like(operand, value)
    return pair is not None and _ORDERED[op](*pair)


def contains(value: Any, operand: Any) -> bool:
    """A list with this element, or a text with this text in it."""
    if isinstance(value, list):
        return any(compares("==", each, operand) for each in value)
    return isinstance(value, str) and isinstance(operand, str) and operand in value


_ORDERED: Mapping[str, Any] = {
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}
_OF_SEVERAL: Mapping[str, Any] = {
    "in": lambda value, choices: any(compares("==", value, each) for each in choices),
    "between": lambda value, ends: compares(">=", value, ends[0]) and compares("<=", value, ends[1]),
    "contains": contains,
}


def same_letters(one: str, other: str) -> bool:
    """The same text but for upper and lower case, letter by letter."""
    pairs = zip(one, other, strict=False)
    return len(one) == len(other) and all(a == b or a.lower() == b.lower() or a.upper() == b.upper() for a, b in pairs)


_OF_TEXT: Mapping[str, Any] = {"starts_with": str.startswith, "matches": same_letters}


def meets(condition: Plain, document: Any, scope: str = "property") -> bool:
    """Whether one document (an event's properties, an item, the traits) meets a condition."""
    if "all" in condition:
        return all(meets(each, document, scope) for each in condition["all"])
    if "any" in condition:
        return any(meets(each, document, scope) for each in condition["any"])
    if "not" in condition:
        return not meets(condition["not"], document, scope)
    ends = at_the_end(document, condition[scope].split("."))
    if "any_item" in condition:
        items = [item for end in ends for item in (end if isinstance(end, list) else [end])]
        return any(isinstance(item, dict) and meets(condition["any_item"], item) for item in items)
    return any(compares(condition["is"], end, condition.get("value")) for end in ends)


@lru_cache(maxsize=200_000)
def local_day(at: int, zone: str) -> date:
    """The calendar day; where the clocks go back over midnight, the later day has begun already."""
    here = instant(at).astimezone(ZoneInfo(zone))
    before = (instant(at) - timedelta(hours=25)).astimezone(ZoneInfo(zone))
    if here.utcoffset() == before.utcoffset():
        return here.date()
    return max((instant(at) - timedelta(minutes=n)).astimezone(ZoneInfo(zone)).date() for n in range(25 * 60))


@lru_cache(maxsize=200_000)
def wall_clock(at: int, zone: str) -> datetime:
    """What the clocks there show; before 2000, with the offset with which that year began."""
    there, begin = ZoneInfo(zone), datetime(2000, 1, 1, tzinfo=UTC)
    away = max(instant(at), begin).astimezone(there).utcoffset()
    return instant(at) + (away or timedelta(0))


def period(unit: str, day: date) -> date:
    """What names the day, the week (its Monday) or the month of a day."""
    match unit:
        case "week":
            return date.fromordinal(day.toordinal() - day.weekday())
        case "month":
            return day.replace(day=1)
    return day


def zone_for(plain: Plain, traits: Plain) -> str:
    """The zone given, else the customer's own, else the one for others."""
    if "zone" in plain:
        return str(plain["zone"])
    own = traits.get("timezone")
    return own if isinstance(own, str) and own in ZONES else str(plain.get("otherwise", "UTC"))


def returns(born: date, year: int) -> date:
    """The birthday in a year; the 29th of February returns on the 28th."""
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return date(year, 2, 28) if (born.month, born.day) == (2, 29) and not leap else born.replace(year=year)


def years_since(born: date, today: date) -> int | None:
    """Whole years; who is not born yet has no age."""
    if today < born:
        return None
    return today.year - born.year - (today < returns(born, today.year))
