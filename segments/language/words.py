"""Operands, counts and spans as English words and as plain JSON."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from segments.language.values import BARE, OPERATORS, Scalar

#: Larger whole numbers than the store's JSON takes are written as decimals; they compare alike.
_STORABLE = 63
_SMALLEST, _LARGEST = Decimal("1e-9"), Decimal("1e15")  # of numbers that are written out
_UNITS = (("day", 86_400), ("hour", 3_600), ("minute", 60))


def to_plain(value: Scalar | timedelta | tuple[Scalar, ...] | None) -> Any:
    """A value as JSON; what JSON has no word for becomes an object with one key that names the kind."""
    match value:
        case tuple():
            return [to_plain(choice) for choice in value]
        case timedelta():
            seconds = value.total_seconds()
            return int(seconds) if seconds.is_integer() else seconds
        case Decimal() | int() if isinstance(value, Decimal) or value.bit_length() > _STORABLE:
            return {"decimal": str(value)}
        case datetime():
            return {"datetime": value.isoformat()}
        case date():
            return {"date": value.isoformat()}
    return value


def operand_in_words(value: Scalar | tuple[Scalar, ...] | None) -> str:
    """An operand as a person would write it."""
    match value:
        case tuple():
            return ", ".join(operand_in_words(choice) for choice in value)
        case bool():
            return "true" if value else "false"
        case str():
            return f'"{value}"'
        case datetime():
            return value.isoformat(sep=" ")
    return str(value)


def number_in_words(value: float) -> str:
    """A number written out, with every digit that tells it from another: 1,000,000.5, 0.70000001; powers only where absurd."""
    exact = Decimal(repr(value))
    if exact and not _SMALLEST <= abs(exact) < _LARGEST:
        return f"{value!r}"
    return f"{exact:,f}".removesuffix(".0")


def compared_in_words(op: str, value: Scalar | tuple[Scalar, ...] | None) -> str:
    """A comparison with an operand, two of them for "between"."""
    if op in BARE:
        return OPERATORS[op]
    ends = value if op == "between" and isinstance(value, tuple) else (value,)
    return f"{OPERATORS[op]} {' and '.join(map(operand_in_words, ends))}"


def count_in_words(least: int, most: int | None) -> str:
    """How often; nothing for the usual "at least once"."""
    match least, most:
        case 1, None:
            return ""
        case _, None:
            return f"at least {_times(least)}"
        case _, int() if least == most:
            return f"exactly {_times(most)}"
        case 0, int():
            return f"at most {_times(most)}"
    return f"between {least} and {most} times"


def span_in_words(span: timedelta) -> str:
    """A span in its largest whole units, up to 48 hours in hours: "24 hours", "30 days", "1 hour 30 minutes"."""
    rest = span.total_seconds()
    words = []
    for unit, length in _UNITS[1:] if rest <= 2 * 86_400 else _UNITS:
        count, rest = divmod(rest, length)
        words += [_counted(int(count), unit)] if count else []
    return " ".join(words + ([_counted(rest, "second")] if rest else []))


def _times(count: int) -> str:
    return _counted(count, "time")


def _counted(count: float, unit: str) -> str:
    return f"{count:g} {unit}" if count == 1 else f"{count:g} {unit}s"
