"""The instants at which a predicate can change for one customer: its value over time is right at its steps.

Promise: pure; it can change only at the instant of an event, when an event becomes as old as a window, or by a clock.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import lru_cache
from heapq import merge

from segments.facts import Facts
from segments.language.edges import Clock, Edge
from segments.language.predicate import Predicate


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


def edges_ahead(predicate: Predicate, facts: Facts, after: datetime, *, to: bool) -> set[datetime]:
    """The instants after one at which an event becomes as old as a window, and it can become `to` by that."""
    ahead: set[datetime] = set()
    for kind, window in _turning(predicate, to):
        for event in reversed(facts.events.get(kind, ())):
            step = later(event.ts, window)
            if step is not None and step <= after:
                break
            ahead |= {step} if step is not None else set()
    return ahead


def clocks_ahead(predicate: Predicate, facts: Facts, after: datetime, until: datetime) -> set[datetime]:
    """The instants after one, up to (or a little after) another, at which clocks can change it."""
    return {step for clock in clocks_of(predicate) for step in clock.steps(facts, until) if step > after}


def steps(predicate: Predicate, facts: Facts, until: datetime) -> list[datetime]:
    """The instants in their order; those of clocks up to (or a little after) `until`."""
    by_edge = (later(event.ts, edge.window) for edge in edges_of(predicate) for event in facts.events.get(edge.type, ()))
    by_clock = (instant for clock in clocks_of(predicate) for instant in clock.steps(facts, until))
    return sorted({*(step for step in by_edge if step is not None), *by_clock})


def steps_back(predicate: Predicate, facts: Facts, at: datetime) -> Iterator[datetime]:
    """The instants up to one, the newest first: who looks for the last change needs few of them."""
    by_edge = (_edge_back(edge, facts, at) for edge in edges_of(predicate))
    by_clock = sorted((step for clock in clocks_of(predicate) for step in clock.steps(facts, at) if step <= at), reverse=True)
    return merge(*by_edge, by_clock, reverse=True)


def _edge_back(edge: Edge, facts: Facts, at: datetime) -> Iterator[datetime]:
    for event in reversed(facts.events.get(edge.type, ())):
        step = later(event.ts, edge.window)
        if step is not None and step <= at:
            yield step


def later(ts: datetime, window: timedelta) -> datetime | None:
    """The instant a window after, None after the calendar's end."""
    try:
        return ts + window
    except OverflowError:  # after the year 9999 nothing changes any more
        return None
