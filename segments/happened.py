"""`did(…)`: how often an event happened, and the words that narrow it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import reduce
from operator import and_
from typing import Any

from segments.errors import DefinitionError
from segments.predicate import Compare, Edge, Not, Predicate, as_predicate, leaves
from segments.values import check_count, check_name, check_window
from segments.words import count_in_words, span_in_words, to_plain


@dataclass(frozen=True, eq=False)
class Did(Predicate):
    """How often an event happened: at least once unless told otherwise.

    An event counts at instant t when `t - window < ts <= t`: it is out exactly at `ts + window`, and an event from the
    future does not count before its time. With `since`, only events at or after the last event of that type count (one
    at the same instant does), and without any such event the answer is false.
    """

    type: str
    window: timedelta | None = None
    condition: Predicate | None = None
    least: int | None = None
    most: int | None = None
    since: str | None = None

    def __post_init__(self) -> None:
        check_name(f"did({self.type!r})", "event name", self.type)
        check_window(f"did({self.type!r}).within", self.window)
        check_count(f"did({self.type!r})", self.least, self.most)
        if self.since is not None:
            check_name(f"did({self.type!r}).since_last", "event name", self.since)
        if self.condition is not None:
            _only_properties(f"did({self.type!r}).where", self.condition)

    @property
    def at_least_times(self) -> int:
        """The fewest events that make it true; 0 when only a maximum was given."""
        return self.least if self.least is not None else int(self.most is None)

    @property
    def edges(self) -> frozenset[Edge]:
        """When an event comes true, when it grows too old, and when the anchor of `since_last` comes true."""
        spans = {timedelta(0), self.window or timedelta(0)}
        anchor = {Edge(self.since, timedelta(0))} if self.since is not None else set()
        return frozenset({Edge(self.type, span) for span in spans} | anchor)

    def to_json(self) -> dict[str, Any]:
        """`{"did": …}` with what narrows it."""
        plain: dict[str, Any] = {"did": self.type}
        window = None if self.window is None else to_plain(self.window)
        least = None if self.at_least_times == int(self.most is None) else self.at_least_times
        where = None if self.condition is None else self.condition.to_json()
        optional = {"within": window, "at_least": least, "at_most": self.most, "since_last": self.since, "where": where}
        return plain | {name: value for name, value in optional.items() if value is not None}

    @property
    def what(self) -> str:
        """What was done, without the verb."""
        words = [f'"{self.type}"', count_in_words(self.at_least_times, self.most)]
        if self.condition is not None:
            words.append(f"where {self.condition}")
        if self.window is not None:
            words.append(f"within {span_in_words(self.window)}")
        if self.since is not None:
            words.append(f'since the last "{self.since}"')
        return " ".join(word for word in words if word)

    def __str__(self) -> str:
        return f"did {self.what}"

    def denied(self) -> str:
        """The opposite, in words."""
        return f"did not do {self.what}"

    def within(
        self,
        span: timedelta | None = None,
        *,
        weeks: float = 0,
        days: float = 0,
        hours: float = 0,
        minutes: float = 0,
        seconds: float = 0,
    ) -> "Did":
        """Only events younger than the span: at `ts + span` exactly, an event is out."""
        place = f"did({self.type!r}).within"
        try:
            named = timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)
        except (TypeError, OverflowError, ValueError) as error:
            raise DefinitionError(place, f"{error}; the window is at most a century") from None
        if span is not None and named:
            raise DefinitionError(place, "takes either a timedelta or days=, hours=…, not both")
        return replace(self, window=named if span is None else span)

    def at_least(self, times: int) -> "Did":
        """This often or more."""
        return replace(self, least=times)

    def more_than(self, times: int) -> "Did":
        """More often than this."""
        return replace(self, least=times + 1)

    def at_most(self, times: int) -> "Did":
        """This often or less; alone, it is also true of who never did it."""
        return replace(self, most=times)

    def exactly(self, times: int) -> "Did":
        """This often, no more and no less."""
        return replace(self, least=times, most=times)

    def where(self, *conditions: Predicate) -> "Did":
        """Only events whose properties meet every condition: `did("Product Added").where(prop("price") > 50)`."""
        place = f"did({self.type!r}).where"
        if not conditions:
            raise DefinitionError(place, "needs at least one condition")
        known = () if self.condition is None else (self.condition,)
        return replace(self, condition=reduce(and_, [*known, *(as_predicate(each, place) for each in conditions)]))

    def since_last(self, event: str) -> "Did":
        """Only events at or after the customer's last event of that type; false for who never did that."""
        return replace(self, since=event)


def triggers(predicate: Predicate, *, positive: bool = True) -> Iterator[Did]:
    """The `did` leaves of which one more event speaks for the predicate (under an even number of `~`)."""
    if isinstance(predicate, Did) and positive and predicate.at_least_times > 0:
        yield predicate
    for part in predicate.parts:
        yield from triggers(part, positive=positive is not isinstance(predicate, Not))


def _only_properties(place: str, predicate: Predicate) -> None:
    for leaf in leaves(as_predicate(predicate, place)):
        if not (isinstance(leaf, Compare) and leaf.scope == "property"):
            raise DefinitionError(place, f"takes conditions on the event's own properties (prop(…)), not: {leaf}")
