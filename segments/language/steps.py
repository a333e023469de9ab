"""The instants at which a predicate can change for one customer: its value over time is right at its steps.

Promise: pure; it can change only at the instant of an event, when an event becomes as old as a window, or by a clock.
"""

from bisect import bisect_right
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import lru_cache

from segments.facts import Event, Facts
from segments.language.edges import Clock, Edge
from segments.language.predicate import Predicate
from segments.language.spans import earlier


@lru_cache(4_096)
def edges_of(predicate: Predicate) -> frozenset[Edge]:
    """The edges of a predicate, worked out once: they are asked for at every flip."""
    return predicate.edges


@lru_cache(4_096)
def clocks_of(predicate: Predicate) -> frozenset[Clock]:
    """The clocks of a predicate, worked out once."""
    return predicate.clocks


@lru_cache(4_096)
def _turning(predicate: Predicate, to: bool) -> frozenset[Edge]:
    return predicate.turning(to=to)


def steps_ahead(predicate: Predicate, facts: Facts, after: datetime, until: datetime, *, to: bool) -> list[datetime]:
    """The instants after one at which it can become `to`, in their order; those of clocks up to (or a little after) `until`."""
    by_edge = (later(event.ts, edge.window) for edge in _turning(predicate, to) for event in _ahead(edge, facts, after))
    by_clock = (instant for clock in clocks_of(predicate) for instant in clock.steps(facts, until) if instant > after)
    return sorted({*(step for step in by_edge if step is not None), *by_clock})


def _ahead(edge: Edge, facts: Facts, after: datetime) -> Iterator[Event]:
    """The events whose edge lies after an instant."""
    known = facts.events.get(edge.type, ())
    yield from known[bisect_right(known, earlier(after, edge.window), key=lambda event: event.ts) :]


def steps(predicate: Predicate, facts: Facts, until: datetime) -> list[datetime]:
    """The instants in their order; those of clocks up to (or a little after) `until`."""
    by_edge = (later(event.ts, edge.window) for edge in edges_of(predicate) for event in facts.events.get(edge.type, ()))
    by_clock = (instant for clock in clocks_of(predicate) for instant in clock.steps(facts, until))
    return sorted({*(step for step in by_edge if step is not None), *by_clock})


def later(ts: datetime, window: timedelta) -> datetime | None:
    """The instant a window after, None after the calendar's end."""
    try:
        return ts + window
    except OverflowError:  # after the year 9999 nothing changes any more
        return None
