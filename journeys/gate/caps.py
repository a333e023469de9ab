"""How often a customer may be written to: in any span, or in a day, week or month of their calendar.

Promise: pure. A cap holds at every instant that it leaves open, with what is known of past messages; of whom it is not known
where they are, it holds in every calendar that may be theirs.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from journeys.contracts import Cap, Channel, Purpose, Reason
from journeys.gate.stretches import Stretch, joined
from segments.time.calendar import period_end, period_start

_INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Past:
    """A message that the customer may have got."""

    at: datetime
    channel: Channel
    purpose: Purpose


@dataclass(frozen=True, slots=True)
class Capped:
    """No message that would be one too many."""

    cap: Cap
    past: Sequence[Past]
    zones: tuple[str, ...]
    reason: Reason = Reason.CAPPED

    @property
    def told(self) -> Mapping[str, Any]:
        """The cap, as the ledger keeps it."""
        span = {"calendar": self.cap.calendar} if self.cap.calendar else {"within": str(self.cap.within)}
        return {"messages": self.cap.messages} | span | ({"channel": str(self.cap.channel)} if self.cap.channel else {})

    def shut(self, start: datetime, end: datetime) -> list[Stretch]:  # noqa: ARG002 - what is shut is few
        """When there is no room for one more, from `start` on."""
        counted = sorted(past.at for past in self.past if counts(self.cap, past))
        if self.cap.within is None:
            return joined(each for zone in self.zones for each in self._full(counted, zone))
        if len(counted) < self.cap.messages:
            return []
        # Room appears when enough of the oldest have left the span for one more to fit.
        return joined([(start, counted[-self.cap.messages] + self.cap.within)])

    def _full(self, counted: Iterable[datetime], zone: str) -> Iterator[Stretch]:
        """The days, weeks or months of a calendar that have had enough."""
        unit = str(self.cap.calendar)
        for first, messages in Counter(period_start(unit, at, zone) for at in counted).items():
            if messages >= self.cap.messages and (after := period_end(unit, first, zone)):
                yield first, after


def applies(cap: Cap, channel: Channel) -> bool:
    """Whether a cap holds back messages on a channel."""
    return cap.channel in (None, channel)


def since(caps: Iterable[Cap], zones: Iterable[str], now: datetime) -> datetime:
    """After when past messages matter to these caps."""
    spans = [cap.within for cap in caps if cap.within is not None]
    units = {cap.calendar for cap in caps if cap.calendar is not None}
    starts = [period_start(unit, now, zone) - _INSTANT for unit in units for zone in zones]
    return min([now, *starts, *(now - span for span in spans)])


def counts(cap: Cap, past: Past) -> bool:
    """Whether a cap counts a message."""
    return cap.channel in (None, past.channel) and cap.purpose in (None, past.purpose)
