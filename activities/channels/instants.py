"""Instants as other systems write them: the dates of mail and HTTP headers, and seconds since 1970.

Promise: whatever a stranger wrote, the answer is an instant in UTC or None. What Python's own readers raise (an offset of
twenty digits: `OverflowError`) never leaves this module, so that no header stops more than what it came with.
Sources: RFC 5322, 3.3; RFC 9110, 5.6.7.
"""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_UNREADABLE = (ValueError, TypeError, LookupError, AttributeError, OverflowError, OSError)


def header_date(text: str) -> datetime | None:
    """What a `Date`, `Last-Modified` or `Retry-After` says; the offset -0000 is UTC, too."""
    try:
        said = parsedate_to_datetime(text)
        return (said if said.tzinfo else said.replace(tzinfo=UTC)).astimezone(UTC)
    except _UNREADABLE:
        return None


def since_1970(told: float | str, *, per_second: int = 1) -> datetime | None:
    """The instant of so many seconds, or parts of them, as a number or as its text."""
    try:
        return datetime.fromtimestamp(float(told) / per_second, UTC)
    except _UNREADABLE:
        return None
