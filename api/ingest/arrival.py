"""When and how an item came: the clock's side of reading the Segment spec, and what a rejected item is.

Promise: a wrong clock of the sender is set right by what it says of itself, and nothing is dated ahead of now.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from api.ingest.signed import Signatures
from segments.language.comparing import as_instant
from segments.language.events import AHEAD, HISTORY
from segments.language.readings import Reading

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)


class Rejected(Exception):
    """An item that cannot be taken: `code` for counting, the message for people, `pointer` into the item."""

    def __init__(self, code: str, detail: str, pointer: str = "") -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.pointer = pointer

    @property
    def reason(self) -> str:
        """One line for the dead letter."""
        return f"{self.code}: {self.pointer + ' ' if self.pointer else ''}{self.detail}"


@dataclass(frozen=True, slots=True)
class Arrival:
    """What the items of one request share."""

    source: str
    received_at: datetime
    region: str
    traceparent: str | None = None
    clean: bool = True
    #: Received minus sent: how far the sender's clock is behind ours.
    skew: timedelta = timedelta(0)
    context: dict[str, Any] = field(default_factory=dict)
    #: Who speaks where an item does not say it: customers themselves (their own app or browser), or a system that tells what it
    #: holds. A no of the former is undone by the former alone (docs/consent.md).
    by: Literal["customer", "sync", "import"] = "sync"
    #: From the source and its Idempotency-Key: calls without a message id get the same one when the request is sent again.
    request_key: str | None = None
    #: How some traits are to be read.
    readings: Mapping[str, Reading] = field(default_factory=dict)
    #: What the signatures of a client's key are checked against; None: a server's key, which is believed.
    client: Signatures | None = None
    #: What happened long ago, of which whoever brings it claims that it was known then: it stands in the source.
    history: bool = False

    def __post_init__(self) -> None:
        """No key, whatever it is called, makes live events history."""
        name = self.source.replace(HISTORY, "history ")
        object.__setattr__(self, "source", HISTORY + name if self.history else name)


def when(raw: dict[str, Any], arrival: Arrival) -> tuple[datetime, bool]:
    """When it happened by our clock (`receivedAt - (sentAt - originalTimestamp)`), and whether it was ahead of now."""
    now = arrival.received_at
    if arrival.history:
        return _of_the_past(raw.get("timestamp"), now), False
    text = raw.get("originalTimestamp") or raw.get("timestamp")
    if text is None:
        return now, False
    moment = instant(text)
    if moment is None:
        raise Rejected("bad-timestamp", "must be an ISO 8601 date and time, such as 2026-11-22T10:00:00Z", "/timestamp")
    sent = raw.get("sentAt")
    try:
        moment += arrival.skew if sent is None else skew_of(sent, now)
    except OverflowError:
        return _beyond(moment, now)
    if moment < EARLIEST:
        raise Rejected("too-old", "is before the year 2000", "/timestamp")
    return (now, True) if moment > now + AHEAD else (moment, False)


def _of_the_past(text: Any, now: datetime) -> datetime:
    """When something of history happened: as its `timestamp` says, which whoever held it has set right already."""
    moment = None if text is None else instant(text)
    if moment is None:
        raise Rejected("bad-timestamp", "history needs the ISO 8601 date and time at which it happened", "/timestamp")
    if not EARLIEST <= moment <= now:
        raise Rejected("bad-timestamp", "history lies between the year 2000 and now; send news to /v1/batch", "/timestamp")
    return moment


def _beyond(moment: datetime, now: datetime) -> tuple[datetime, bool]:
    if moment < now:
        raise Rejected("too-old", "is before the year 2000", "/timestamp")
    return now, True


def instant(text: Any) -> datetime | None:
    """An ISO 8601 text as an instant (UTC when it names no zone), or None when it is none; all that traits are read by, too."""
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return as_instant(text) if isinstance(text, str) else None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def skew_of(sent: Any, received_at: datetime) -> timedelta:
    """How far the sender's clock is behind ours; none when it did not say."""
    moment = instant(sent)
    return received_at - moment if moment else timedelta(0)
