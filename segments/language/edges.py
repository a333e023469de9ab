"""What can move a predicate besides a change of what is known: time at the far edge of a window, and clocks.

Promise: pure, and knows no predicate.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from segments.facts import Facts


class Edge(NamedTuple):
    """Where time alone can change a predicate: when an event of this type becomes as old as the window.

    A window of zero is the instant of the event itself, for events that arrive with a time in the future.
    """

    type: str
    window: timedelta


class Leaning(NamedTuple):
    """One more event of this type can make a predicate true (`up`), or can make it false."""

    type: str
    up: bool

    @property
    def turned(self) -> "Leaning":
        """The other way round."""
        return Leaning(self.type, not self.up)


class Clock:
    """When time alone can change a predicate, where no fixed span after an event tells it."""

    def steps(self, facts: Facts, until: datetime) -> Iterator[datetime]:
        """The instants, in any order, up to (or a little after) `until` at which it can change for a customer."""
        raise NotImplementedError

    @property
    def cause(self) -> Mapping[str, Any]:
        """What the log of transitions says when it did."""
        raise NotImplementedError

    @property
    def needs(self) -> timedelta:
        """How long a customer must have been there for it to change anything."""
        return timedelta(0)
