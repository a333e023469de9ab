"""What may stand in a definition: operators, operands, names, counts and windows; the rest is refused with a reason."""

import math
import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from difflib import get_close_matches
from typing import Any, Final, Literal, NamedTuple
from unicodedata import is_normalized
from uuid import UUID

from segments.errors import DefinitionError

Scalar = bool | int | float | Decimal | str | date | datetime
Kind = Literal["boolean", "number", "text", "instant"]


class Expected(NamedTuple):
    """That what stands at a path (of the traits, or of an event's properties) is compared as one kind."""

    event: str | None
    path: tuple[str, ...]
    kind: Kind | None  # None: any will do
    texts: tuple[str, ...] = ()  # with which it is compared as they are written

    def __str__(self) -> str:
        name = ".".join(self.path)
        return f'trait "{name}"' if self.event is None else f'property "{name}" of "{self.event}"'


#: Each operator with its English.
OPERATORS: Final = {
    "==": "is",
    "!=": "is not",
    "<": "is less than",
    "<=": "is at most",
    ">": "is more than",
    ">=": "is at least",
    "in": "is one of",
    "between": "is between",
    "contains": "contains",
    "starts_with": "starts with",
    "matches": "is, whatever the case,",
    "exists": "exists",
    "filled": "is filled",
}
#: The first and the last instant that Python can say in UTC.
CALENDAR: Final = (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))
#: The operators that take no value.
BARE: Final = frozenset({"exists", "filled"})
#: The white space of Unicode, and the two characters that look like none: a text of these alone is blank.
BLANK: Final = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000\u200b\ufeff"
)
_MEANT: Final = {
    **dict.fromkeys(("=", "is", "eq", "equals", "equal to"), "=="),
    **dict.fromkeys(("<>", "is not", "ne", "neq", "not equals", "not equal to"), "!="),
    **dict.fromkeys(("gt", "more than", "greater than", "after"), ">"),
    **dict.fromkeys(("gte", "ge", "=>", "at least"), ">="),
    **dict.fromkeys(("lt", "less than", "before"), "<"),
    **dict.fromkeys(("lte", "le", "=<", "at most"), "<="),
    **dict.fromkeys(("one of", "any of", "is in"), "in"),
    **dict.fromkeys(("like", "has", "includes"), "contains"),
    **dict.fromkeys(("begins with", "prefix"), "starts_with"),
    **dict.fromkeys(("is set", "set", "present"), "exists"),
}
_DENIED: Final = re.compile(r"(?:not|is not|does not|!|n(?=in\b))\s*(.+)")
ORDERING: Final = frozenset({"<", "<=", ">", ">="})
LONGEST: Final = timedelta(days=36_525)
_MOST = 1_000_000
_LONGEST_NAME = 200


def kind_of(place: str, value: object) -> Kind:
    """The kind of JSON value an operand compares with: only its own kind, `true` is not 1 and "5" is not 5."""
    match value:
        case bool():
            return "boolean"
        case int() | float() | Decimal() if math.isfinite(value):
            return "number"
        case str():
            return "text"
        case datetime() if value.tzinfo is None:
            raise DefinitionError(place, f"{value!r} has no time zone; write datetime(…, tzinfo=UTC)")
        case date():
            return "instant"
    raise DefinitionError(place, f"cannot compare with {value!r}; use a text, a finite number, a boolean, a date or a datetime")


def as_text(value: Any) -> Any:
    """A `UUID`, or those among several, as the text that JSON has for it."""
    if isinstance(value, tuple):
        return tuple(as_text(each) for each in value)
    return str(value) if isinstance(value, UUID) else value


def check_operand(place: str, op: str, value: object) -> None:
    """Refuse an operator that does not exist or an operand it cannot take."""
    if op not in OPERATORS:
        raise unknown_operator(place, op)
    if op in BARE:
        if value is not None:
            raise DefinitionError(place, f"{op} takes no value")
    elif op == "in":
        _check_choices(place, value)
    elif op == "between":
        _check_range(place, value)
    else:
        _check_scalar(place, op, value)


def unknown_operator(place: str, op: str, known: Iterable[str] = OPERATORS) -> DefinitionError:
    """What to say of an operator that does not exist, with what was probably meant."""
    plain = " ".join(op.lower().replace("_", " ").split())
    if (denied := _DENIED.match(plain)) and (means := _meant(denied[1], known)):
        hint = f'; write {{"not": {{…, "is": "{means}", …}}}}, in Python ~(…)'
    else:
        hint = f"; did you mean {means!r}?" if (means := _meant(plain, known)) else ""
    return DefinitionError(place, f"unknown operator {op!r}{hint}; there are {', '.join(known)}")


def _meant(plain: str, known: Iterable[str]) -> str | None:
    spelt = {each.replace("_", " "): each for each in known}
    near = get_close_matches(plain, spelt, 1, 0.75)
    return spelt.get(plain) or _MEANT.get(plain) or (spelt[near[0]] if near else None)


def _check_choices(place: str, value: object) -> None:
    if not isinstance(value, tuple):
        raise DefinitionError(place, f"in needs a list of values to choose from, not {value!r}; for one value use ==")
    if not value:
        raise DefinitionError(place, "in needs at least one value to choose from")
    for choice in value:
        _check_scalar(place, "in", choice)


def _check_range(place: str, value: object) -> None:
    if not isinstance(value, tuple) or len(value) != 2:  # noqa: PLR2004 - a range has two ends
        raise DefinitionError(place, f"between needs a low and a high value, not {value!r}")
    low, high = value
    _check_scalar(place, ">=", low)
    _check_scalar(place, "<=", high)
    if kind_of(place, low) != kind_of(place, high):
        raise DefinitionError(place, f"between needs two values of one kind, not {low!r} and {high!r}")
    if type(low) is type(high) and low > high:
        raise DefinitionError(place, f"nothing is between {low!r} and {high!r}; the low value comes first")


def _check_scalar(place: str, op: str, value: object) -> None:
    kind = kind_of(place, value)
    if op in ORDERING and kind == "boolean":
        raise DefinitionError(place, f"{op} has no meaning for a boolean; use == or !=")
    if op == "contains" and (kind == "instant" or value == ""):
        raise DefinitionError(place, "contains takes a text that is not empty, a number or a boolean")
    if op in ("starts_with", "matches") and (kind != "text" or value == ""):
        raise DefinitionError(place, f"{op} takes a text that is not empty")
    if isinstance(value, str):
        _check_text(place, value)


def fold_table(text: str) -> dict[int, str]:
    """Which characters become which, so that texts that differ from this one in case only become equal to it.

    Characters whose other case is not one character (such as ß) stand for themselves.
    """
    folded = {char: _folded(char) for char in text}
    cases = {fold: {fold, fold.upper(), fold.lower(), fold.title(), char} for char, fold in folded.items()}
    return {ord(case): fold for fold, all_ in cases.items() for case in all_ if len(case) == 1 and _folded(case) == fold}


def _folded(char: str) -> str:
    fold = char.casefold()
    return fold if len(fold) == 1 else char


def _check_text(place: str, value: str) -> None:
    if "\x00" in value or any("\ud800" <= c <= "\udfff" for c in value):
        raise DefinitionError(place, "a text with NUL or half of a surrogate pair is never stored")
    if not is_normalized("NFC", value):
        raise DefinitionError(
            place, "an accent stands apart from its letter; texts are stored in NFC: type it as one character"
        )


def check_name(place: str, what: str, name: object, *, longest: int = _LONGEST_NAME) -> None:
    """Refuse a name that is empty or cannot be stored."""
    if not isinstance(name, str) or not name.strip():
        raise DefinitionError(place, f"the {what} must be a text that is not empty")
    if len(name) > longest:
        raise DefinitionError(place, f"the {what} is longer than {longest} characters")
    _check_text(place, name)


def check_path(scope: str, path: tuple[str, ...]) -> None:
    """Refuse a path with an empty step."""
    place = f"{scope}({'.'.join(map(str, path))!r})"
    if not path:
        raise DefinitionError(place, "needs a name")
    for step in path:
        check_name(place, "name between dots", step)


def check_window(place: str, window: object) -> None:
    """Refuse a window that is empty, runs backwards or is longer than a century."""
    if window is None:
        return
    if not isinstance(window, timedelta):
        raise DefinitionError(place, f"needs a timedelta, or days=, hours=…, not {window!r}")
    if not timedelta(0) < window <= LONGEST:
        raise DefinitionError(
            place, f"the window must be longer than zero and at most {LONGEST.days} days, not {_span(window)}"
        )


def _span(window: timedelta) -> str:
    days = window / timedelta(days=1)
    return f"{days:.6g} days" if abs(days) >= 1 else f"{window.total_seconds():g} seconds"


def check_count(place: str, least: object, most: object) -> None:
    """Refuse counts that are always or never true."""
    for name, count, low in (("at_least", least, 0 if most is not None else 1), ("at_most", most, 0)):
        if count is not None and (isinstance(count, bool) or not isinstance(count, int) or not low <= count <= _MOST):
            raise DefinitionError(f"{place}.{name}", f"needs a whole number from {low} to {_MOST:,}, not {count!r}")
    if isinstance(least, int) and isinstance(most, int) and least > most:
        raise DefinitionError(place, f"at least {least} and at most {most} times can never both be true")


#: The dates and times that are taken from JSON: RFC 3339 in full, and ISO 8601 as browsers, SDKs and other languages write it.
ISO: Final = (
    r"^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])"
    r"([Tt ]([01]\d|2[0-3]):[0-5]\d(:([0-5]\d|60)(\.\d{1,9})?)?( ?(UTC|[Zz]|[+-](0\d|1[0-4])(:?[0-5]\d)?))?)?$"
)
#: The end of one that names its offset; without one it is UTC.
ISO_OFFSET: Final = r":\d\d(\.\d+)? ?(UTC|[Zz]|[+-]\d\d(:?\d\d)?)$"
#: What stands behind the microseconds is dropped.
FINER: Final = r"(\.\d{6})\d+"
