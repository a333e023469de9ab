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
        """When there is no room for one more."""
        return joined(full(self.cap, [past.at for past in self.past if counts(self.cap, past)], self.zones))


@dataclass(frozen=True, slots=True)
class Outranked:
    """No message that would take the place under a cap of a more important one that is on its way (`coming`)."""

    cap: Cap
    past: Sequence[Past]
    coming: Sequence[Past]
    zones: tuple[str, ...]
    journeys: tuple[str, ...]
    reason = Reason.OUTRANKED

    @property
    def told(self) -> Mapping[str, Any]:
        """Whose message comes first, as the ledger keeps it."""
        return {"journeys": list(self.journeys)}

    def shut(self, start: datetime, end: datetime) -> list[Stretch]:  # noqa: ARG002 - what is shut is few
        """When one more would leave no room for what is coming."""
        places = [each.at for each in self.coming if counts(self.cap, each)]
        if not places:
            return []
        past = [each.at for each in self.past if counts(self.cap, each)]
        return joined(full(self.cap, [*past, *places], self.zones, frozenset(places)))


def full(
    cap: Cap, counted: Iterable[datetime], zones: Iterable[str], places: frozenset[datetime] = frozenset()
) -> Iterator[Stretch]:
    """When a cap that counts these has no room for one more; with `places`, as far as one of those takes the room."""
    if cap.within is None:
        for zone in zones:
            yield from _periods(cap, counted, zone, places)
        return
    ordered = sorted(counted)
    for first, last in zip(ordered, ordered[cap.messages - 1 :], strict=False):
        # As many as may be lie so close that one more beside them would be too many.
        if last - first < cap.within and (not places or any(first <= place <= last for place in places)):
            yield last - cap.within + _INSTANT, first + cap.within


def _periods(cap: Cap, counted: Iterable[datetime], zone: str, places: frozenset[datetime]) -> Iterator[Stretch]:
    """The days, weeks or months of a calendar that have had enough."""
    unit = str(cap.calendar)
    taken = {period_start(unit, at, zone) for at in places}
    for first, messages in Counter(period_start(unit, at, zone) for at in counted).items():
        if messages >= cap.messages and (not places or first in taken) and (after := period_end(unit, first, zone)):
            yield first, after


def applies(cap: Cap, channel: Channel) -> bool:
    """Whether a cap holds back messages on a channel."""
    return cap.channel in (None, channel)


def since(caps: Iterable[Cap], zones: Iterable[str], now: datetime) -> datetime:
    """After when past messages matter to these caps."""
    spans = [cap.within for cap in caps if cap.within is not None]
    units = {cap.calendar for cap in caps if cap.calendar is not None}
    starts = [period_start(unit, now, zone) - _INSTANT for unit in sorted(units) for zone in zones]
    return min([now, *starts, *(now - span for span in spans)])


def counts(cap: Cap, past: Past) -> bool:
    """Whether a message takes room in a cap."""
    return cap.channel in (None, past.channel) and cap.purpose in (None, past.purpose)
