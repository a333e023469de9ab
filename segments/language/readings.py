"""How a trait is to be read where the shop sends it otherwise than segments compare it: numbers, dates and instants as text.

Promise: pure. A reading is applied when a trait comes in; what it cannot read stays as it was sent, and the concerns show it.
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

from segments.errors import DefinitionError
from segments.language.comparing import as_instant
from segments.time.zones import read_zone

#: What makes one value of another; null stays null.
Reading = Callable[[Any], Any]
Order = Literal["ymd", "dmy", "mdy"]

_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")
_SPACES = str.maketrans("", "", " \N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}'_")
_DATE = re.compile(r"(\d{1,4})[./-](\d{1,2})[./-](\d{1,4})")
_MILLISECONDS = 100_000_000_000  # as seconds, that is the year 5138
_LAST = 253_402_300_800  # seconds; the year 10000


@dataclass(frozen=True)
class Number:
    """A number in a text: "30000", "1 234.50", "12.5%" (which is 12.5)."""

    decimal: str

    def __call__(self, value: Any) -> Any:
        """The number, or the value where it is none."""
        if not isinstance(value, str):
            return value
        thousands = "," if self.decimal == "." else "."
        plain = value.strip().removesuffix("%").translate(_SPACES).replace(thousands, "").replace(self.decimal, ".")
        if not _NUMBER.fullmatch(plain):
            return value
        return float(plain) if "." in plain else int(plain)


@dataclass(frozen=True)
class Epoch:
    """Seconds since 1970, or milliseconds where they are that many; also as a text."""

    def __call__(self, value: Any) -> Any:
        """The instant in ISO 8601, or the value where it is none."""
        seconds = Number(".")(value)
        if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not math.isfinite(seconds):
            return value
        seconds = seconds / 1000 if abs(seconds) >= _MILLISECONDS else seconds
        if not 0 <= seconds < _LAST:
            return value
        return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(frozen=True)
class Day:
    """A day: the one that an instant is in a zone, or a date in the order in which a country writes it."""

    zone: str | None
    order: Order

    def __call__(self, value: Any) -> Any:
        """The day in ISO 8601, or the value where it is none."""
        if not isinstance(value, str):
            return value
        text = value.strip()
        if match := _DATE.fullmatch(text):
            return self._dated(dict(zip(self.order, match.groups(), strict=True))) or value
        instant = as_instant(text)
        if instant is None:
            return value
        return (instant.astimezone(ZoneInfo(self.zone)).date().isoformat()) if self.zone else text[:10]

    def _dated(self, part: Mapping[str, str]) -> str | None:
        try:
            return datetime(int(part["y"]), int(part["m"]), int(part["d"]), tzinfo=UTC).date().isoformat()
        except ValueError:
            return None


def number(*, decimal: str = ".") -> Number:
    """Read a trait as a number; `decimal` is the sign before its fraction, "." or ","."""
    if decimal not in (".", ","):
        raise DefinitionError("number", f'decimal is "." or ",", not {decimal!r}')
    return Number(decimal)


def epoch() -> Epoch:
    """Read a trait as an instant in seconds or milliseconds since 1970."""
    return Epoch()


def day(zone: str | None = None, *, order: Order = "ymd") -> Day:
    """Read a trait as a day: of an instant, the day in this zone; of a date, by the order of day, month and year.

    A birthday that is stored as midnight in Madrid is read by `day("Europe/Madrid")`.
    """
    if zone is not None and read_zone(zone) is None:
        raise DefinitionError("day", f"{zone!r} is no IANA time zone, such as Europe/Madrid")
    if sorted(order) != ["d", "m", "y"]:
        raise DefinitionError("day", f'order is "ymd", "dmy" or "mdy", not {order!r}')
    return Day(zone, order)
