"""What followed an event: "A then B within a while", "A without B"; and the first and the last event of all.

Promise: pure. "Later" is strictly later; a span is over exactly at its end, and then time alone makes "without" true.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce
from operator import and_
from typing import TYPE_CHECKING, Any, Unpack

from segments.errors import DefinitionError
from segments.facts import Event, Facts
from segments.language.leaf import Leaf
from segments.language.predicate import Edge, Predicate, as_predicate, check_fields
from segments.language.spans import Units, span_of
from segments.language.values import check_name, check_window
from segments.language.words import span_in_words, to_plain

if TYPE_CHECKING:
    from segments.leaves.did import Did


@dataclass(frozen=True)
class Follow:
    """What must, or must not, follow an event in less than a span (None: ever)."""

    next: "Did"
    span: timedelta | None
    wanted: bool

    def holds(self, event: Event, facts: Facts, at: datetime) -> bool:
        """Whether an event counts at an instant because of what followed, or did not follow, it."""
        if not self.wanted and self.span is not None and at - event.ts < self.span:
            return False
        followed = any(
            later.ts > event.ts
            and (self.span is None or later.ts - event.ts < self.span)
            and self.next.counts(later, facts, at)
            for later in facts.until(self.next.type, at)
        )
        return followed is self.wanted

    def edges(self, first: str) -> frozenset[Edge]:
        """When what follows comes true, and when the wait for it is over."""
        over = {Edge(first, self.span)} if not self.wanted and self.span is not None else set()
        return self.next.edges | over

    def check_within(self, place: str, window: timedelta | None) -> None:
        """Refuse a window in which nothing can ever count."""
        if not self.wanted and self.span is not None and window is not None and self.span >= window:
            raise DefinitionError(f"{place}.without", "waits as long as the window of within, or longer: nothing can count")

    @property
    def word(self) -> str:
        """How it is written."""
        return "then" if self.wanted else "without"

    def to_json(self, *, windowed: bool) -> dict[str, Any]:
        """`{"then": …, "then_within": …}` or `{"without": …, "without_within": …}`.

        Beside a window (`"within"`, how old the first may be) it is always said how soon the other follows: null is ever.
        """
        plain: dict[str, Any] = {self.word: self.next.to_json()}
        if self.span is not None or windowed:
            plain[f"{self.word}_within"] = None if self.span is None else to_plain(self.span)
        return plain

    def __str__(self) -> str:
        span = "" if self.span is None else f" within {span_in_words(self.span)} of it"
        following = self.next.what if self.next.then_ is None else f"({self.next.what})"
        return f"{'then' if self.wanted else 'without a later'} {following}{span}"


def follow(place: str, following: object, span: timedelta | None, *, wanted: bool) -> Follow:
    """What follows, refused where it is more than an event with conditions and what follows that."""
    plain = getattr(following, "plain", None)
    if plain is None:
        raise DefinitionError(place, f"needs an event name or did(…), not {following!r}")
    if following != plain:
        raise DefinitionError(place, "takes did(…) with only .where, .then and .without; the span stands outside")
    return Follow(following, span, wanted)  # type: ignore[arg-type]  # only a Did has `plain`


@dataclass(frozen=True, eq=False)
class Outermost(Leaf):
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
