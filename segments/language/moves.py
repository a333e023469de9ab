"""What moves a whole predicate: the leaves of its tree, the events, traits and marks that it waits for, and time.

Promise: pure, and says no less than what moves one of its leaves.
"""

from collections.abc import Iterator

from segments.language.edges import Edge
from segments.language.events import TRAITS_CHANGED
from segments.language.predicate import Predicate


def leaves(predicate: Predicate) -> Iterator[Predicate]:
    """Every leaf of the tree, from left to right."""
    if not predicate.parts:
        yield predicate
    for part in predicate.parts:
        yield from leaves(part)


def event_types(predicate: Predicate) -> frozenset[str]:
    """The event types whose arrival can change the predicate."""
    return frozenset(edge.type for edge in predicate.edges)


def windows(predicate: Predicate) -> frozenset[Edge]:
    """The event types and windows at whose far edge the predicate can change by time alone."""
    return frozenset(edge for edge in predicate.edges if edge.window)


def moves_by_time(predicate: Predicate) -> bool:
    """Whether time alone can change the predicate."""
    return bool(predicate.clocks or windows(predicate))


def changed_by(predicate: Predicate) -> frozenset[str]:
    """What a `dirty` mark must carry for it to be able to change the predicate."""
    return event_types(predicate) | predicate.marks | ({TRAITS_CHANGED} if predicate.traits else frozenset())


def trait_names(predicate: Predicate) -> frozenset[str]:
    """The top-level traits whose change can change the predicate."""
    return predicate.traits
