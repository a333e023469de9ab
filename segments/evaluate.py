"""What a predicate means, in plain Python: the tests' oracle, the simulator's engine and the clock of transitions.

Promise: pure, and exactly what the SQL of `segments.sql` answers. The value over time is a step function that is right at
its steps: it can change only at the instant of an event or when an event becomes as old as a window.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from segments.facts import NOBODY, NOWHERE, Event, Facts, Origins, Person
from segments.language.predicate import Predicate
from segments.language.spans import earlier
from segments.language.steps import clocks_ahead, clocks_of, edges_ahead, later, steps, steps_back

_EVER = datetime(1970, 1, 1, tzinfo=UTC)
_BEGINNING = datetime.min.replace(tzinfo=UTC)
_END = datetime.max.replace(tzinfo=UTC)
_HORIZONS = (2, 62, 2_923)


def holds(
    predicate: Predicate,
    traits: Mapping[str, Any],
    events: Iterable[Event],
    at: datetime,
    person: Person = NOBODY,
    origins: Origins = NOWHERE,
) -> bool:
    """Whether the predicate is true at an instant, of a customer with these traits and events."""
    return predicate.holds(Facts.of(traits, events, person, origins), at)


def holds_on_nothing(predicate: Predicate) -> bool:
    """Whether it is true of a customer of whom nothing is known: who was just created, or at any age that a `held` asks for."""
    ages = {timedelta(0), *(clock.needs for clock in predicate.clocks)}
    return any(predicate.holds(Facts({}, {}, created_at=earlier(_EVER, age)), _EVER) for age in ages)


def matches(condition: Predicate | None, properties: Mapping[str, Any]) -> bool:
    """Whether an event's properties meet the condition of a `did`."""
    return condition is None or condition.meets(properties)


def flips(
    predicate: Predicate, traits: Mapping[str, Any], events: Iterable[Event], after: datetime, until: datetime
) -> list[tuple[datetime, bool]]:
    """The instants in `(after, until]` at which the value changes, each with the value it changes to."""
    facts = Facts.of(traits, events)
    value = predicate.holds(facts, after)
    found = []
    for instant in (step for step in steps(predicate, facts, until) if after < step <= until):
        if predicate.holds(facts, instant) is not value:
            value = not value
            found.append((instant, value))
    return found


def flipped_at(predicate: Predicate, facts: Facts, at: datetime) -> datetime | None:
    """The instant since which the value has been what it is at `at`; None if events never changed it."""
    value = predicate.holds(facts, at)
    since = None
    for instant in steps_back(predicate, facts, at):
        if predicate.holds(facts, instant) is not value:
            return since
        since = instant
    if since is None or since == _BEGINNING:
        return None
    return None if predicate.holds(facts, since - timedelta(microseconds=1)) is value else since


def next_flip(predicate: Predicate, facts: Facts, at: datetime, now: bool | None = None) -> datetime | None:
    """The instant at which time alone, without any further event, next changes the value; None if it never does.

    What the value is `now` may be told by who knows.
    Windows are looked at to their end, calendars for the next eight years (a 29th of February can be that far).
    """
    value = predicate.holds(facts, at) if now is None else now
    ahead = edges_ahead(predicate, facts, at, to=not value)
    if not clocks_of(predicate):
        return _first_turn(predicate, facts, ahead, value)
    for days in _HORIZONS:  # near ones first: a calendar has a step every day
        until = later(at, timedelta(days=days)) or _END
        within = (step for step in ahead | clocks_ahead(predicate, facts, at, until) if step <= until or days == _HORIZONS[-1])
        if found := _first_turn(predicate, facts, within, value):
            return found
    return None


def _first_turn(predicate: Predicate, facts: Facts, instants: Iterable[datetime], value: bool) -> datetime | None:
    for step in sorted(instants):
        if predicate.holds(facts, step) is not value:
            return step
    return None


def true_of(predicate: Predicate, facts: Facts, at: datetime) -> bool:
    """Whether the predicate is true at an instant, of a customer of whom these facts are known."""
    return predicate.holds(facts, at)


def reached_at(goal: Predicate, events: Iterable[Event], since: datetime, at: datetime) -> datetime | None:
    """When a goal was reached, counting only events from `since` to `at`; None if it was not.

    The time is that of the event that decided it: of the n-th for a count, of the first part for `|`, of the last for
    `&`, and `at` for what only an absence decides.
    """
    return goal.moment(Facts.of({}, [event for event in events if event.ts >= since]), at)
