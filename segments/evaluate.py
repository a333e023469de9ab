"""What a predicate means, in plain Python: the tests' oracle, the simulator's engine and the clock of transitions.

Promise: pure, and exactly what the SQL of `compiler` answers. The value over time is a step function that is right at
its steps: it can change only at the instant of an event or when an event becomes as old as a window.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache, singledispatch
from typing import Any

from segments.language.comparing import meets
from segments.language.leaf import Leaf
from segments.language.origin import NOWHERE, Origins
from segments.language.person import NOBODY, Person
from segments.language.predicate import All, AnyItem, Compare, Edge, Either, Not, Predicate
from segments.language.spans import earlier
from segments.leaves.did import Did
from segments.leaves.held import Held, Lapses, Settled
from segments.leaves.listed import Listed
from segments.leaves.people import MemberOf
from segments.leaves.score import Scored

_EVER = datetime(1970, 1, 1, tzinfo=UTC)
_BEGINNING = datetime.min.replace(tzinfo=UTC)
_HORIZONS = (2, 62, 2_923)

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
    lapses: dict[Predicate, Lapses] = field(default_factory=dict, init=False, compare=False, repr=False)

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
        return known[: bisect_right(known, at, key=lambda event: event.ts)]

    def known_since(self, names: Iterable[str]) -> datetime:
        """Since when all of these traits are what they are."""
        return max((self.since.get(name, self.created_at) for name in names), default=_BEGINNING)


def holds(
    predicate: Predicate,
    traits: Mapping[str, Any],
    events: Iterable[Event],
    at: datetime,
    person: Person = NOBODY,
    origins: Origins = NOWHERE,
) -> bool:
    """Whether the predicate is true at an instant, of a customer with these traits and events."""
    return _holds(predicate, Facts.of(traits, events, person, origins), at)


def holds_on_nothing(predicate: Predicate) -> bool:
    """Whether it is true of a customer of whom nothing is known: who was just created, or at any age that a `held` asks for."""
    ages = {timedelta(0), *(clock.span for clock in predicate.clocks if isinstance(clock, Settled))}
    return any(_holds(predicate, Facts({}, {}, created_at=earlier(_EVER, age)), _EVER) for age in ages)


def matches(condition: Predicate | None, properties: Mapping[str, Any]) -> bool:
    """Whether an event's properties meet the condition of a `did`."""
    return condition is None or meets(condition, properties)


@singledispatch
def _holds(predicate: Predicate, facts: Facts, at: datetime) -> bool:
    raise NotImplementedError(f"no evaluation for {type(predicate).__name__}")


@_holds.register
def _(predicate: All, facts: Facts, at: datetime) -> bool:
    return all(_holds(part, facts, at) for part in predicate.members)


@_holds.register
def _(predicate: Either, facts: Facts, at: datetime) -> bool:
    return any(_holds(part, facts, at) for part in predicate.members)


@_holds.register
def _(predicate: Not, facts: Facts, at: datetime) -> bool:
    return not _holds(predicate.part, facts, at)


@_holds.register
def _(predicate: Leaf, facts: Facts, at: datetime) -> bool:
    return predicate.holds(facts, at)


@_holds.register
def _(predicate: MemberOf, facts: Facts, at: datetime) -> bool:
    return _holds(predicate.inner, facts, at)


@_holds.register
def _(predicate: Scored, facts: Facts, at: datetime) -> bool:
    return predicate.reached([_holds(part, facts, at) for part in predicate.parts])


@_holds.register
def _(predicate: Held, facts: Facts, at: datetime) -> bool:
    start = predicate.begins(at)
    return facts.known_since(predicate.traits) <= start and not _lapses(predicate.inner, facts).meet(start, at)


def _lapses(inner: Predicate, facts: Facts) -> Lapses:
    if inner not in facts.lapses:
        facts.lapses[inner] = Lapses(_steps(inner, facts, _BEGINNING), lambda at: _holds(inner, facts, at))
    return facts.lapses[inner]


@_holds.register
def _(predicate: Listed, facts: Facts, at: datetime) -> bool:
    return _holds(predicate.last, facts, at)


@_holds.register
def _(predicate: Compare | AnyItem, facts: Facts, at: datetime) -> bool:  # noqa: ARG001 - one signature for all leaves
    return meets(predicate, facts.traits)


@_holds.register
def _(predicate: Did, facts: Facts, at: datetime) -> bool:
    counted = counting(predicate, facts, at)
    if counted is None:
        return False
    return predicate.at_least_times <= len(counted) and (predicate.most is None or len(counted) <= predicate.most)


def counting(leaf: Did, facts: Facts, at: datetime) -> list[Event] | None:
    """The events that count for a leaf at an instant, oldest first; None when its `since_last` never happened."""
    return leaf.counting(facts, at)


def flips(
    predicate: Predicate, traits: Mapping[str, Any], events: Iterable[Event], after: datetime, until: datetime
) -> list[tuple[datetime, bool]]:
    """The instants in `(after, until]` at which the value changes, each with the value it changes to."""
    facts = Facts.of(traits, events)
    value = _holds(predicate, facts, after)
    found = []
    for instant in (step for step in _steps(predicate, facts, until) if after < step <= until):
        if _holds(predicate, facts, instant) is not value:
            value = not value
            found.append((instant, value))
    return found


def flipped_at(predicate: Predicate, facts: Facts, at: datetime) -> datetime | None:
    """The instant since which the value has been what it is at `at`; None if events never changed it."""
    value = _holds(predicate, facts, at)
    since = None
    for instant in reversed([step for step in _steps(predicate, facts, at) if step <= at]):
        if _holds(predicate, facts, instant) is not value:
            return since
        since = instant
    if since is None or since == _BEGINNING:
        return None
    return None if _holds(predicate, facts, since - timedelta(microseconds=1)) is value else since


def next_flip(predicate: Predicate, facts: Facts, at: datetime) -> datetime | None:
    """The instant at which time alone, without any further event, next changes the value; None if it never does.

    Windows are looked at to their end, calendars for the next eight years (a 29th of February can be that far).
    """
    value = _holds(predicate, facts, at)
    for days in _HORIZONS:  # near ones first: a calendar has a step every day
        until = _later(at, timedelta(days=days)) or datetime.max.replace(tzinfo=UTC)
        later = (step for step in _steps(predicate, facts, until) if at < step and (step <= until or days == _HORIZONS[-1]))
        if found := next((step for step in later if _holds(predicate, facts, step) is not value), None):
            return found
    return None


def true_of(predicate: Predicate, facts: Facts, at: datetime) -> bool:
    """Whether the predicate is true at an instant, of a customer of whom these facts are known."""
    return _holds(predicate, facts, at)


def reached_at(goal: Predicate, events: Iterable[Event], since: datetime, at: datetime) -> datetime | None:
    """When a goal was reached, counting only events from `since` to `at`; None if it was not.

    The time is that of the event that decided it: of the n-th for a count, of the first part for `|`, of the last for
    `&`, and `at` for what only an absence decides.
    """
    return _moment(goal, Facts.of({}, [event for event in events if event.ts >= since]), at)


def _moment(goal: Predicate, facts: Facts, at: datetime) -> datetime | None:
    if not _holds(goal, facts, at):
        return None
    if isinstance(goal, Did) and goal.at_least_times > 0 and goal.most is None:
        return (counting(goal, facts, at) or [])[goal.at_least_times - 1].ts
    moments = [moment for part in goal.parts if (moment := _moment(part, facts, at)) is not None]
    if isinstance(goal, Either):
        return min(moments)
    return max(moments) if isinstance(goal, All | Listed | MemberOf) else at


@lru_cache(4_096)
def edges_of(predicate: Predicate) -> frozenset[Edge]:
    """The edges of a predicate, worked out once: they are asked for at every flip."""
    return predicate.edges


def _steps(predicate: Predicate, facts: Facts, until: datetime) -> list[datetime]:
    by_edge = (_later(event.ts, edge.window) for edge in edges_of(predicate) for event in facts.events.get(edge.type, ()))
    by_clock = (instant for clock in predicate.clocks for instant in clock.steps(facts, until))
    return sorted({*(step for step in by_edge if step is not None), *by_clock})


def _later(ts: datetime, window: timedelta) -> datetime | None:
    try:
        return ts + window
    except OverflowError:  # after the year 9999 nothing changes any more
        return None
