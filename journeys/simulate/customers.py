"""A customer of a simulation: what is known of them, where they can be reached, and what they have been through."""

from bisect import insort
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any
from uuid import UUID

from journeys.contracts import Channel, Purpose
from journeys.gate.caps import Past
from journeys.questions import Foretold
from segments.facts import Event, Facts, Person
from segments.language.events import CONSENT_CHANGED, ENDPOINT_CHANGED, MESSAGE_REPLIED
from segments.time.zones import Whereabouts, whereabouts

#: Of several addresses' consents the first of these is the customer's on the channel, as in the ledger's query.
_BEST_FIRST = ("granted", "unknown", "pending", "expired", "refused", "withdrawn")
NO = ("refused", "withdrawn")
_MARKETING = Purpose.MARKETING
#: Channels without addresses, on which a customer is always reached: what they say of one is about them as a whole.
WITHOUT_ADDRESS = frozenset({Channel.IN_APP, Channel.WALLET})
#: Channels on which a customer is reached at a telephone number, which tells where they are.
BY_PHONE = (Channel.WHATSAPP, Channel.SMS)


@dataclass(slots=True)
class Address:
    """Where a customer is reached on a channel, and what they said of it, by purpose."""

    value: str
    consents: dict[Purpose, str] = field(default_factory=dict)
    dead: bool = False
    suppressed: set[str] = field(default_factory=set)  # purposes, or all
    since: datetime | None = None

    def consent(self, purpose: Purpose) -> str:
        """What they said of it."""
        return self.consents.get(purpose, "unknown")

    def allows(self, purpose: Purpose) -> bool:
        """Whether it lives and may be written to by this consent; marketing needs a yes."""
        said = self.consents.get(purpose, "unknown")
        return not self.dead and (said == "granted" if purpose is _MARKETING else said not in NO)

    def open_to(self, purpose: Purpose) -> bool:
        """Whether it is not suppressed."""
        return not self.suppressed or self.suppressed.isdisjoint(("all", purpose.value))


@dataclass(frozen=True, slots=True)
class Earlier:
    """A run from before the simulation began."""

    journey: str
    key: str
    entered_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Sent(Past):
    """A message that the customer may have got, and whose it was."""

    journey: str = ""


class Customer:
    """One customer; `name` is the user id by which the shop knows them."""

    def __init__(self, name: str, id_: UUID, created_at: datetime) -> None:
        self.name = name
        self.id = id_
        self.created_at = created_at
        self.traits: dict[str, Any] = {}
        self.events: dict[str, list[Event]] = {}
        self.addresses: dict[Channel, list[Address]] = {}
        self.inside: dict[str, datetime] = {}
        self.left: dict[str, datetime] = {}
        #: By segment, when time alone will next move them in or out.
        self.turns: dict[str, datetime | None] = {}
        self.past: list[Sent] = []
        self.earlier: list[Earlier] = []
        self.arms: dict[str, str] = {}
        #: What predictions say of them, by name, as far as a test told it.
        self.foretold: dict[str, Foretold] = {}
        self.whole: dict[tuple[Channel, Purpose], str] = {}
        #: In which arm of a holdout they count, from when on.
        self.exposed: dict[str, tuple[str, datetime]] = {}
        self._since: dict[str, datetime] = {}
        self._consented: dict[str, datetime] = {}
        self._where: dict[str, Whereabouts] = {}

    def happened(self, event: Event) -> None:
        """Keep an event at its place in time."""
        known = self.events.setdefault(event.type, [])
        if known and event.ts < known[-1].ts:
            insort(known, event, key=lambda each: each.ts)
        else:
            known.append(event)
        self.facts.lapses.clear()

    def learned(self, traits: Mapping[str, Any], at: datetime) -> bool:
        """Take over traits; returns whether anything is new."""
        news = {name: value for name, value in traits.items() if self.traits.get(name) != value}
        self.traits |= news
        for name in [name for name, value in news.items() if value is None]:
            del self.traits[name]
        self._since |= dict.fromkeys(news, at)
        if news:
            self._where.clear()
            self.facts.lapses.clear()
        return bool(news)

    def reached_at(self, channel: Channel, value: str, at: datetime) -> Address:
        """The address of this value, known from now on and alive."""
        known = self.addresses.setdefault(channel, [])
        found = next((each for each in known if each.value == value), None) or Address(value)
        if found not in known:
            known.insert(0, found)
        found.dead, found.since = False, at
        self._where.clear()
        self._changed()
        return found

    def said(self, channel: Channel, state: str, purposes: Iterable[Purpose], at: datetime, address: str | None = None) -> None:
        """What they say of an address on a channel, or of all; or of one without addresses."""
        if channel in WITHOUT_ADDRESS:
            self.whole |= {(channel, purpose): state for purpose in purposes}
            return
        for known in self.addresses.get(channel, []):
            if address not in (None, known.value):
                continue
            known.consents |= dict.fromkeys(purposes, state)
        self._consented |= {f"consent:{channel}/{purpose}": at for purpose in purposes}
        self._changed()

    def died(self, address: Address) -> None:
        """Nobody is at an address."""
        address.dead = True
        self._changed()

    def lost(self, channel: Channel, value: str) -> None:
        """An address does not reach them any more."""
        for known in self.addresses.get(channel, ()):
            if known.value == value:
                self.died(known)

    def reached_on(self, channel: Channel) -> Sequence[Address]:
        """Where they are reached on a channel: themselves, where it has no addresses."""
        return (
            (Address(self.name, dict.fromkeys(Purpose, "granted")),)
            if channel in WITHOUT_ADDRESS
            else self.addresses.get(channel, ())
        )

    def consent(self, channel: Channel, purpose: Purpose) -> str | None:
        """What they said, at the address that allows most; None where there is no address, and no word as a whole."""
        if channel in WITHOUT_ADDRESS:
            return self.whole.get((channel, purpose))
        known = self.addresses.get(channel, ())
        if len(known) == 1:
            return known[0].consent(purpose)
        return min((each.consent(purpose) for each in known), key=_BEST_FIRST.index, default=None)

    def wrote(self, channel: Channel, since: datetime) -> bool:
        """Whether they wrote to us on a channel after an instant."""
        said = self.events.get(MESSAGE_REPLIED, ())
        return any(each.ts > since and each.properties.get("channel") == channel.value for each in reversed(said))

    def where(self, otherwise: str) -> Whereabouts:
        """Where they are; worked out once, because a number's zones are looked up in a table."""
        if otherwise not in self._where:
            phones = [each for channel in BY_PHONE for each in self.addresses.get(channel, ())]
            phone = phones[0].value if phones else None
            self._where[otherwise] = whereabouts(self.traits, None, phone, otherwise)
        return self._where[otherwise]

    @cached_property
    def facts(self) -> Facts:
        """What predicates look at: what it holds changes with the customer, but for addresses and consents."""
        return Facts(self.traits, self.events, self._person(), since=self._since, created_at=self.created_at)

    def _person(self) -> Person:
        held = {channel: addresses for channel, addresses in self.addresses.items() if addresses}
        consents = {
            (channel.value, purpose.value): said
            for channel in held
            for purpose in Purpose
            if (said := self.consent(channel, purpose)) not in (None, "unknown")
        }
        living = frozenset(c.value for c, addresses in held.items() if not all(each.dead for each in addresses))
        dated = {f"endpoint:{c}": max(each.since or self.created_at for each in held[c]) for c in held}
        dates = self._consented | dated | {"name": self.created_at}
        return Person(self.id, frozenset({self.name}), consents, living, dates)

    def _changed(self) -> None:
        self.__dict__.pop("facts", None)


#: The marks of a customer's first moment: addresses and consents came with them.
NEW_MARKS = frozenset({CONSENT_CHANGED, ENDPOINT_CHANGED})
