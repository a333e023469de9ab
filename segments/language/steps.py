"""The instants at which a predicate can change for one customer: its value over time is right at its steps.

Promise: pure; it can change only at the instant of an event, when an event becomes as old as a window, or by a clock.
"""

from datetime import datetime, timedelta
from functools import lru_cache

from segments.facts import Facts
from segments.language.edges import Edge
from segments.language.predicate import Predicate


@lru_cache(4_096)
def edges_of(predicate: Predicate) -> frozenset[Edge]:
    """The edges of a predicate, worked out once: they are asked for at every flip."""
    return predicate.edges


def steps(predicate: Predicate, facts: Facts, until: datetime) -> list[datetime]:
    """The instants in their order; those of clocks up to (or a little after) `until`."""
    by_edge = (later(event.ts, edge.window) for edge in edges_of(predicate) for event in facts.events.get(edge.type, ()))
    by_clock = (instant for clock in predicate.clocks for instant in clock.steps(facts, until))
    return sorted({*(step for step in by_edge if step is not None), *by_clock})


def later(ts: datetime, window: timedelta) -> datetime | None:
    """The instant a window after, None after the calendar's end."""
    try:
        return ts + window
    except OverflowError:  # after the year 9999 nothing changes any more
        return None
