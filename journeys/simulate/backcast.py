"""A past played through a catalogue: recorded calls, with the waits, caps, quiet hours and consents that they would meet.

Promise: time is that of the calls. Visitors without a name are customers of their own until a call names them; where both are
known already, they stay two. Providers accept everything, and nobody answers a message but by what was recorded. Who is in a
segment when it begins is a member, and does not enter.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

from journeys.catalogue import Catalogue
from journeys.contracts import Channel, Purpose
from journeys.simulate.customers import Customer
from journeys.simulate.products import Wishes, no_wish
from journeys.simulate.world import World
from segments import Segment
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
    choices: tuple[tuple[Channel, str | None, str], ...] = ()  # channel, address (nothing: all), what was said for marketing
    gone: tuple[tuple[Channel, str], ...] = ()  # addresses that do not reach them any more
    message_id: str | None = None


class Backcast:
    """Takes calls in the order of time."""

    def __init__(
        self,
        catalogue: Catalogue,
        began: datetime,
        *,
        segments: Iterable[Segment] = (),
        wishes: Wishes = no_wish,
    ) -> None:
        self.world = World(catalogue, began, wishes=wishes)
        for segment in segments:
            self.world.define(segment)
        #: By user id, the id by which chance draws somebody, where there is one.
        self.ids: Mapping[str, UUID] = {}
        self._names: dict[str, Customer] = {}
        self._taken = count(1)

    def meet(self, user: str) -> Customer:
        """Somebody by the user id that calls have for them."""
        return self._customer(Call(self.world.now, self.world.now, TRAITS_CHANGED, user))[0]

    def settle(self) -> None:
        """All who are known by now are where they are: nobody enters anything by it."""
        for who in self._names.values():
            self.world.settle(who)

    def take(self, call: Call) -> None:
        """Let time pass until a call is heard, and all that follows from it happen."""
        self._until(call.at)
        who, new = self._customer(call)
        marks = self._changes(who, call)
        event = self._event(call)
        if event is not None:
            who.happened(event)
            marks.add(call.type)
        if new or marks:
            self.world.changed(who, frozenset(marks), event, new=new)

    def knew(self, call: Call) -> None:
        """What was before it began."""
        who, _ = self._customer(call)
        self._changes(who, call)
        if (event := self._event(call)) is not None:
            who.happened(event)

    def finish(self, after: timedelta) -> None:
        """Let what waits go on for a while without anything new."""
        self._until(self.world.now + after)

    def _event(self, call: Call) -> Event | None:
        if call.type == TRAITS_CHANGED:
            return None
        return Event(call.type, min(call.ts, call.at), call.properties, call.message_id or f"c-{next(self._taken)}")

    def _until(self, at: datetime) -> None:
        for _ in self.world.passes(at):
            pass

    def _customer(self, call: Call) -> tuple[Customer, bool]:
        user = f"user:{call.user}"
        visitor = f"visitor:{call.anonymous}"
        who = (self._names.get(user) if call.user else None) or (self._names.get(visitor) if call.anonymous else None)
        found = who or self.world.join(user if call.user else visitor, self.ids.get(call.user or ""))
        for name in [user] * (call.user is not None) + [visitor] * (call.anonymous is not None):
            self._names[name] = found
        return found, who is None

    def _changes(self, who: Customer, call: Call) -> set[str]:
        marks = {TRAITS_CHANGED} if call.traits and who.learned(call.traits, call.ts) else set()
        for channel, value in call.addresses:
            who.reached_at(channel, value, call.ts)
            marks.add(ENDPOINT_CHANGED)
        for channel, value in call.gone:
            who.lost(channel, value)
            marks.add(ENDPOINT_CHANGED)
        for channel, address, state in call.choices:
            who.said(channel, state, (Purpose.MARKETING,), call.ts, address=address)
            marks.add(CONSENT_CHANGED)
        return marks
