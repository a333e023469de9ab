"""What is known of one customer: traits and where they come from, events, and who it is; predicates are true or false of it.

Promise: pure; what is not known reads as "no".
"""

from bisect import bisect_left, bisect_right
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice, takewhile
from types import MappingProxyType
from typing import Any
from uuid import UUID

from segments.language.comparing import as_instant
from segments.time.spells import Spells

_UNKNOWN = UUID(int=0)
_NOTHING: Mapping[Any, Any] = MappingProxyType({})
_BEGINNING = datetime.min.replace(tzinfo=UTC)

#: What was needed to be in a ranking, by its name: each renewal and its value, oldest first.
Thresholds = Mapping[str, Sequence[tuple[datetime, Any]]]


@dataclass(frozen=True, slots=True)
class Event:
    """What happened, as far as predicates look at it."""

    type: str
    ts: datetime
    properties: Mapping[str, Any] = field(default_factory=dict)
    message_id: str = ""


@dataclass(frozen=True, slots=True)
class Person:
    """A customer's id, user ids, the consent for each (channel, purpose), and the channels with a valid address.

    Of several addresses' consents it is the one that allows most.
    `dates` says since when a consent ("consent:whatsapp/marketing"), an address ("endpoint:push") or the names ("name")
    are what they are.
    """

    id: UUID = _UNKNOWN
    user_ids: frozenset[str] = frozenset()
    consents: Mapping[tuple[str, str], str] = field(default_factory=lambda: _NOTHING)
    channels: frozenset[str] = frozenset()
    dates: Mapping[str, datetime] = field(default_factory=lambda: _NOTHING)
    #: The id by which chance decides, where a merge kept an earlier draw.
    drawn_as: UUID | None = None


@dataclass(frozen=True, slots=True)
class Origins:
    """By trait: what `profile.traits_from` says (source, since, and the confidence where it is inferred), and when it was said.

    Of a trait that is not there nothing is known.
    """

    told: Mapping[str, Mapping[str, Any]] = field(default_factory=lambda: _NOTHING)
    said_at: Mapping[str, datetime] = field(default_factory=lambda: _NOTHING)

    @classmethod
    def of(cls, traits_from: Mapping[str, Any], traits_at: Mapping[str, Any]) -> "Origins":
        """The two columns of a profile, read from JSON."""
        dated = {name: as_instant(text) for name, text in traits_at.items()}
        told = {name: origin for name, origin in traits_from.items() if isinstance(origin, Mapping)}
        return cls(told, {name: instant for name, instant in dated.items() if instant is not None})

    def inferred(self, trait: str) -> bool:
        """Whether the value is a guess."""
        return "confidence" in self.told.get(trait, {})


NOBODY = Person()
NOWHERE = Origins()


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of one customer: traits and their origins, events by type in the order of their time, and who it is.

    A trait is what it is since the instant in `since`, else since the customer was created.
    """

    traits: Mapping[str, Any]
    events: Mapping[str, Sequence[Event]]
    person: Person = NOBODY
    thresholds: Thresholds = field(default_factory=dict)
    since: Mapping[str, datetime] = field(default_factory=dict)
    created_at: datetime = _BEGINNING
    origins: Origins = NOWHERE
    #: When predicates were not true, worked out once: dating a transition asks at many instants.
    lapses: dict[Hashable, Spells] = field(default_factory=dict, init=False, compare=False, repr=False)

    @classmethod
    def of(
        cls, traits: Mapping[str, Any], events: Iterable[Event], person: Person = NOBODY, origins: Origins = NOWHERE
    ) -> "Facts":
        """Arrange events that come in any order."""
        by_type: dict[str, list[Event]] = {}
        for event in sorted(events, key=lambda event: event.ts):
            by_type.setdefault(event.type, []).append(event)
        return cls(traits, by_type, person, origins=origins)

    def until(self, named: str, at: datetime) -> Sequence[Event]:
        """The events of a type that have happened by then."""
        known = self.events.get(named, ())
        return known if not known or known[-1].ts <= at else known[: bisect_right(known, at, key=lambda event: event.ts)]

    def at(self, named: str, instant: datetime) -> Iterator[Event]:
        """The events of a type that happened at an instant, oldest first."""
        known = self.events.get(named, ())
        begin = bisect_left(known, instant, key=lambda event: event.ts)
        return takewhile(lambda event: event.ts == instant, islice(known, begin, None))

    def known_since(self, names: Iterable[str]) -> datetime:
        """Since when all of these traits are what they are."""
        return max((self.since.get(name, self.created_at) for name in names), default=_BEGINNING)
