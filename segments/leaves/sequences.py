"""The first and the last event of a type that ever happened.

Promise: pure; of several events at that instant, any decides.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce
from operator import and_
from typing import Any, Self, Unpack

from segments.errors import DefinitionError
from segments.facts import Facts
from segments.language.comparing import seen_in
from segments.language.documents import Compare, check_fields
from segments.language.edges import Edge
from segments.language.leaf import Leaf
from segments.language.moves import leaves
from segments.language.predicate import Predicate, Read, as_predicate
from segments.language.query import Query, Sql
from segments.language.reading import only, window
from segments.language.spans import Units, span_of
from segments.language.values import Expected, check_name, check_window
from segments.language.words import span_in_words, to_plain
from segments.leaves.did import Did
from segments.leaves.events import Events


@dataclass(frozen=True, eq=False)
class Outermost(Leaf, keys=("first", "last"), past=True):
    """The first or the last event of a type that ever happened, if it meets the condition and is younger than the window."""

    which: str
    type: str
    window: timedelta | None = None
    condition: Predicate | None = None

    def __post_init__(self) -> None:
        check_name(self.place, "event name", self.type)
        check_window(f"{self.place}.within", self.window)
        if self.condition is not None:
            check_fields(f"{self.place}.where", self.condition)

    @property
    def place(self) -> str:
        """How an error names it."""
        return f"{self.which}({self.type!r})"

    @property
    def edges(self) -> frozenset[Edge]:
        """When an event comes true, and when it grows too old."""
        return frozenset({Edge(self.type, timedelta(0)), Edge(self.type, self.window or timedelta(0))})

    def triggers(self, *, positive: bool = True) -> Iterator[Events]:
        """A new event is the last one, and never the first."""
        if positive and self.which == "last":
            yield Did(self.type, self.window, self.condition)

    def expects(self, *_: Any) -> Iterator[Expected]:
        """What the condition does, of its properties."""
        return iter(()) if self.condition is None else self.condition.expects(self.type)

    @property
    def memory(self) -> timedelta | None:
        """The first of all needs all; the last is the last in its window."""
        return self.window if self.which == "last" else None

    def holds(self, facts: Facts, at: datetime) -> bool:
        """Whether it is true; of several events at the first (or last) instant, any."""
        known = facts.until(self.type, at)
        ts = known[0 if self.which == "first" else -1].ts if known else None
        if ts is None or (self.window is not None and at - ts >= self.window):
            return False
        return any(self.condition is None or self.condition.meets(event.properties) for event in known if event.ts == ts)

    def sql(self, q: Query) -> Sql:
        """The event at that end."""
        return q.first_or_last(self.which, self.type, self.window, self.condition)

    def saw(self, facts: Facts, at: datetime) -> Any:
        """When it was, and what the condition looks at."""
        known = facts.until(self.type, at)
        if not known:
            return None
        event = known[0 if self.which == "first" else -1]
        asked = [] if self.condition is None else [leaf.path for leaf in leaves(self.condition) if isinstance(leaf, Compare)]
        return {"at": event.ts} | {".".join(path): seen_in(event.properties, path) for path in asked}

    def within(self, span: timedelta | None = None, **units: Unpack[Units]) -> "Outermost":
        """Only if it is younger than the span."""
        if self.window is not None:
            raise DefinitionError(f"{self.place}.within", f"is said already, in: {self}; say it once")
        return Outermost(self.which, self.type, span_of(f"{self.place}.within", span, units), self.condition)

    def where(self, *conditions: Predicate) -> "Outermost":
        """Only if its properties meet every condition."""
        if not conditions:
            raise DefinitionError(f"{self.place}.where", "needs at least one condition")
        known = () if self.condition is None else (self.condition,)
        together = reduce(and_, [*known, *(as_predicate(each, f"{self.place}.where") for each in conditions)])
        return Outermost(self.which, self.type, self.window, together)

    @classmethod
    def from_json(cls, plain: Mapping[str, Any], read: Read) -> Self:
        """Which one, how old it may be, and what it was like."""
        which = "first" if "first" in plain else "last"
        only(plain, which, "within", "where")
        where = plain.get("where")
        condition = None if where is None else read("where", where)
        return cls(which, plain[which], window(plain.get("within")), condition)

    def to_json(self) -> dict[str, Any]:
        """`{"first": …}` or `{"last": …}`."""
        window = None if self.window is None else to_plain(self.window)
        where = None if self.condition is None else self.condition.to_json()
        given = {self.which: self.type, "within": window, "where": where}
        return {name: value for name, value in given.items() if value is not None}

    def __str__(self) -> str:
        where = "" if self.condition is None else f" has {self.condition}"
        when = "" if self.window is None else f"{' and' if where else ''} was within {span_in_words(self.window)}"
        return f'the {self.which} "{self.type}"{where}{when or ("" if where else " happened")}'


def first(event: str) -> Outermost:
    """The first event of this type ever: `first("Session Started").within(days=1)` are new visitors."""
    return Outermost("first", event)


def last(event: str) -> Outermost:
    """The last event of this type: `last("Order Completed").where(prop("total") > 50)`."""
    return Outermost("last", event)
