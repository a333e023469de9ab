"""What the watched segments are interested in: which edges to sweep, and which segments a dirty profile concerns.

Promise: pure arithmetic over definitions, worked out once per set of segments; equal edges are swept once.
"""

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from uuid import UUID

from segments.evaluate import holds_on_nothing
from segments.language.edges import Clock, Edge
from segments.language.events import LOADED, TRAITS_CHANGED
from segments.language.moves import event_types, trait_names
from segments.language.segment import Segment
from segments.language.spans import earlier
from segments.leaves.clocks import PeriodEnd

_INSTANT = timedelta(microseconds=1)
_Range = tuple[str, datetime, datetime, tuple[str, ...] | None]


class Interest(NamedTuple):
    """What a segment looks at; `raising` and `lowering` are the types of which one more can bring a customer in, or out."""

    types: frozenset[str]
    raising: frozenset[str]
    lowering: frozenset[str]
    traits: bool
    edges: frozenset[Edge]
    by_default: bool
    clocks: frozenset[Clock] = frozenset()
    loaded: str = LOADED

    @property
    def wanted(self) -> list[str]:
        """The types of marks that concern who is not in."""
        return sorted(self.raising | ({TRAITS_CHANGED} if self.traits else set()))

    def wants(self, types: AbstractSet[str], *, member: bool) -> bool:
        """Whether a profile of which these types changed must be looked at again.

        A segment that holds of a customer of whom nothing is known concerns everybody who is not in it yet: they may be
        new. After changed traits or a merge, a membership that came with the absorbed profile is looked at again. An event
        that could only bring a customer in does not concern who is in, and the other way round.
        """
        moving = self.lowering if member else self.raising
        changed = not moving.isdisjoint(types) or (self.traits and TRAITS_CHANGED in types) or self.loaded in types
        return changed or (TRAITS_CHANGED in types if member else self.by_default)


class Sweep(NamedTuple):
    """One range of events whose profiles time may have moved, and the segments that ask for it.

    To each of these segments it can bring customers (True), from it take them away (False), or either (None). With zones, only
    customers who live in one of them.
    """

    type: str
    low: datetime
    high: datetime
    segments: Mapping[str, bool | None]
    zones: tuple[str, ...] | None = None

    def moves(self, name: str, profiles: AbstractSet[UUID], inside: AbstractSet[UUID]) -> AbstractSet[UUID]:
        """Of the profiles that were found, those whose membership of a segment it can change."""
        turns = self.segments[name]
        return profiles if turns is None else profiles - inside if turns else profiles & inside


@dataclass(frozen=True, slots=True)
class Live:
    """A segment that this watch has loaded, and how far it has been evaluated.

    With `since`, this version took another's place then, and what that changes is not dated earlier.
    """

    segment: Segment
    evaluated_to: datetime
    since: datetime | None = None


@lru_cache(4_096)
def interest(segment: Segment) -> Interest:
    """What a segment looks at."""
    predicate = segment.predicate
    types = event_types(predicate) | predicate.marks
    ways = predicate.leanings
    raising, lowering = (frozenset(each.type for each in ways if each.up is up) | predicate.marks for up in (True, False))
    by_default = predicate.personal or holds_on_nothing(predicate)
    traits, loaded = bool(trait_names(predicate)), LOADED + segment.name
    return Interest(types, raising, lowering, traits, predicate.edges, by_default, predicate.clocks, loaded)


def sweeps(live: Iterable[Live], until: datetime, keyed: AbstractSet[str] = frozenset()) -> list[Sweep]:
    """The ranges `(evaluated_to - window, until - window]` of every edge, equal ones once; none where no time has passed.

    The `keyed` segments want to know also who was in before.
    """
    asked: dict[_Range, dict[str, bool | None]] = {}
    for each in live:
        if each.evaluated_to < until:
            for found, turns in _ranges(each.segment, each.evaluated_to, until):
                asked.setdefault(found, {})[each.segment.name] = None if each.segment.name in keyed else turns
    return [Sweep(*found[:3], names, found[3]) for found, names in asked.items()]


def _ranges(segment: Segment, since: datetime, until: datetime) -> Iterator[tuple[_Range, bool | None]]:
    for edge, turns in _turns(segment).items():
        yield (edge.type, earlier(since, edge.window), earlier(until, edge.window), None), turns
    for clock in interest(segment).clocks:
        if isinstance(clock, PeriodEnd):
            for low, high, zones in clock.period.turned(since, until):
                # A period has its first instant, not its last.
                yield (clock.type, low - _INSTANT, high - _INSTANT, zones), None


@lru_cache(4_096)
def _turns(segment: Segment) -> Mapping[Edge, bool | None]:
    """Each edge, and what a segment can only become there: true where an event comes into a window, false where one is out."""
    begins, ends = (segment.predicate.turning(to=to) for to in (True, False))
    return {edge: None if edge in begins and edge in ends else edge in begins for edge in begins | ends}


def concerned(
    live: Iterable[Live],
    changed: Mapping[UUID, AbstractSet[str]],
    members: Mapping[str, Mapping[UUID, datetime]],
    keyed: AbstractSet[str] = frozenset(),
) -> dict[str, set[UUID]]:
    """The dirty profiles that each segment must look at again; the `keyed` ones want to know who is still in."""
    alike: dict[frozenset[str], set[UUID]] = {}
    for profile, types in changed.items():
        alike.setdefault(frozenset(types), set()).add(profile)
    return {
        each.segment.name: set().union(
            *_wanting(each.segment, alike, members.get(each.segment.name, {}).keys(), keyed=each.segment.name in keyed)
        )
        for each in live
    }


def _wanting(
    segment: Segment, alike: Mapping[frozenset[str], set[UUID]], inside: AbstractSet[UUID], *, keyed: bool
) -> Iterator[AbstractSet[UUID]]:
    """Of profiles of which the same types changed: all, those inside, or those outside."""
    wanted = interest(segment)
    for types, profiles in alike.items():
        again = keyed and not wanted.types.isdisjoint(types)
        if again or wanted.wants(types, member=True):
            yield profiles & inside
        if again or wanted.wants(types, member=False):
            yield profiles - inside
