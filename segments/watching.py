"""What the watched segments are interested in: which edges to sweep, and which segments a dirty profile concerns.

Promise: pure arithmetic over definitions, worked out once per set of segments; equal edges are swept once.
"""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple
from uuid import UUID

from segments.evaluate import holds_on_nothing
from segments.language import Segment
from segments.predicate import Edge, event_types, trait_names

#: The type that a `dirty` mark carries when traits changed (also by a merge).
TRAITS_CHANGED = "$identify"
_BEGINNING = datetime(1, 1, 1, tzinfo=UTC)


class Interest(NamedTuple):
    """What a segment looks at."""

    types: frozenset[str]
    traits: bool
    edges: frozenset[Edge]
    by_default: bool

    def wants(self, types: AbstractSet[str], *, member: bool) -> bool:
        """Whether a profile of which these types changed must be looked at again.

        A segment that holds of a customer of whom nothing is known concerns everybody who is not in it yet: they may be
        new. After changed traits or a merge, a membership that came with the absorbed profile is looked at again.
        """
        changed = bool(self.types & types) or (self.traits and TRAITS_CHANGED in types)
        return changed or (TRAITS_CHANGED in types if member else self.by_default)


class Sweep(NamedTuple):
    """One range of events whose profiles time may have moved, and the segments that ask for it."""

    type: str
    low: datetime
    high: datetime
    segments: frozenset[str]


@dataclass(frozen=True, slots=True)
class Live:
    """A segment that this watch has loaded, and how far it has been evaluated."""

    segment: Segment
    evaluated_to: datetime


@lru_cache(4_096)
def interest(segment: Segment) -> Interest:
    """What a segment looks at."""
    predicate = segment.predicate
    types = event_types(predicate)
    return Interest(types, bool(trait_names(predicate)), predicate.edges, holds_on_nothing(predicate))


def sweeps(live: Iterable[Live], until: datetime) -> list[Sweep]:
    """The ranges `(evaluated_to - window, until - window]` of every edge, equal ones once; none where no time has passed."""
    asked: dict[tuple[str, datetime, datetime], set[str]] = {}
    for each in live:
        for edge in interest(each.segment).edges if each.evaluated_to < until else ():
            low, high = before(each.evaluated_to, edge), before(until, edge)
            asked.setdefault((edge.type, low, high), set()).add(each.segment.name)
    return [Sweep(*found, frozenset(names)) for found, names in asked.items()]


def concerned(
    live: Iterable[Live], changed: Mapping[UUID, AbstractSet[str]], members: Mapping[tuple[str, UUID], datetime]
) -> dict[str, set[UUID]]:
    """The dirty profiles that each segment must look at again."""
    return {
        each.segment.name: {
            profile
            for profile, types in changed.items()
            if interest(each.segment).wants(types, member=(each.segment.name, profile) in members)
        }
        for each in live
    }


def before(at: datetime, edge: Edge) -> datetime:
    """The instant by the edge's window earlier, not before the calendar begins."""
    return at - edge.window if at - _BEGINNING > edge.window else _BEGINNING
