"""A past played through a catalogue: recorded calls, with the waits, caps, quiet hours and consents that they would meet.

Promise: time is that of the calls. Visitors without a name are customers of their own until a call names them; where both are
known already, they stay two. Providers accept everything, and nobody answers a message but by what was recorded.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from journeys.catalogue import Catalogue
from journeys.contracts import Channel, Outcome, Purpose
from journeys.simulate.customers import Customer
from journeys.simulate.run import Run
from journeys.simulate.world import World
from segments.facts import Event
from segments.language.events import CONSENT_CHANGED, ENDPOINT_CHANGED, TRAITS_CHANGED


@dataclass(frozen=True, slots=True)
class Call:
    """What was told of a customer: heard `at` an instant, of what had happened at `ts`."""

    at: datetime
    ts: datetime
    type: str
    user: str | None = None
    anonymous: str | None = None
    properties: Mapping[str, Any] = field(default_factory=dict)
    traits: Mapping[str, Any] = field(default_factory=dict)
    addresses: tuple[tuple[Channel, str], ...] = ()
    choices: tuple[tuple[Channel, str, str], ...] = ()  # channel, address, what was said for marketing


@dataclass(frozen=True, slots=True, order=True)
class Line:
    """So many messages of one fate, asked for in one hour."""

    hour: datetime
    journey: str
    channel: str
    state: str
    reason: str
    messages: int


@dataclass(frozen=True, slots=True)
class Tally:
    """What came of it. `put_off` counts how often a message had to wait, by the journey and why (caps, quiet hours, …)."""

    messages: tuple[Line, ...]
    entries: Mapping[str, int]
    refused: Mapping[tuple[str, str], int]
    outcomes: Mapping[tuple[str, str], int]
    put_off: Mapping[tuple[str, str], int]


class Backcast:
    """Takes calls in the order of time, and keeps count."""

    def __init__(self, catalogue: Catalogue, began: datetime) -> None:
        self.world = World(catalogue, began)
        self._names: dict[str, Customer] = {}

    def take(self, call: Call) -> None:
        """Let time pass until a call is heard, and all that follows from it happen."""
        self._until(call.at)
        who, new = self._customer(call)
        marks = self._changes(who, call)
        event = Event(call.type, min(call.ts, call.at), call.properties, f"c-{id(call)}-{len(self._names)}")
        if call.type != TRAITS_CHANGED:
            who.happened(event)
            marks |= {call.type}
        if new or marks:
            self.world.changed(who, frozenset(marks), event if call.type != TRAITS_CHANGED else None, new=new)

    def finish(self, after: timedelta) -> None:
        """Let what waits go on for a while without anything new."""
        self._until(self.world.now + after)

    def tally(self) -> Tally:
        """What came of it so far."""
        runs = list(self.world.runs)
        fates = Counter(_fate(run, n) for run in runs for n in range(len(run.messages)))
        put_off = Counter((run.journey, reason.value) for run in runs for each in run.messages for reason in each.put_off)
        return Tally(
            tuple(sorted(Line(*fate, messages=count) for fate, count in fates.items())),
            Counter(run.journey for run in runs if run.waits_until is None),
            Counter((each.journey, each.reason) for each in self.world.refused),
            Counter((run.journey, _standing(run)) for run in runs),
            put_off,
        )

    def _until(self, at: datetime) -> None:
        for _ in self.world.passes(at):
            pass

    def _customer(self, call: Call) -> tuple[Customer, bool]:
        names = [f"user:{call.user}"] * (call.user is not None) + [f"visitor:{call.anonymous}"] * (call.anonymous is not None)
        who = next((self._names[name] for name in names if name in self._names), None)
        found = who or self.world.join(names[0])
        self._names |= dict.fromkeys(names, found)
        return found, who is None

    def _changes(self, who: Customer, call: Call) -> set[str]:
        marks = {TRAITS_CHANGED} if who.learned(call.traits, call.ts) else set()
        for channel, value in call.addresses:
            who.reached_at(channel, value, call.ts)
            marks.add(ENDPOINT_CHANGED)
        for channel, value, state in call.choices:
            who.said(channel, state, (Purpose.MARKETING,), call.ts, address=value)
            marks.add(CONSENT_CHANGED)
        return marks


def _standing(run: Run) -> str:
    if run.outcome is not None:
        return run.outcome.value
    return "open" if run.waits_until is None else "waiting to enter"


def _fate(run: Run, n: int) -> tuple[datetime, str, str, str, str]:
    message = run.messages[n]
    hour = (message.at if message.state == Outcome.SENT else message.request.due_at).replace(minute=0, second=0, microsecond=0)
    reason = message.reason.value if message.reason else ""
    return hour, run.journey, message.request.channel.value, str(message.state), reason
