"""`held(…)`: a predicate that has been true for a while, without a break.

Promise: pure. True at t exactly when the predicate was true at every instant of [t - span, t], so it comes true a span
after its beginning by time alone, and false at once.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property, reduce
from operator import and_
from typing import Any, Self, Unpack

from segments.errors import DefinitionError
from segments.evaluate import flipped_at
from segments.facts import Facts
from segments.language.documents import is_of_property
from segments.language.edges import Clock, Edge, Leaning
from segments.language.predicate import Predicate, Read, Trigger, as_predicate
from segments.language.query import Query, Sql
from segments.language.reading import only, window
from segments.language.spans import Units, earlier, span_of
from segments.language.steps import steps
from segments.language.values import check_window
from segments.language.words import span_in_words, to_plain
from segments.leaves.clocks import PeriodEnd, TraitClock
from segments.time.spells import Spells

_UNKNOWN = "it is not known what this was in the past; held(…) takes events, amounts and comparisons of traits, but not"
_CALENDAR = "a calendar period cannot be looked back at; use .within(…) or .between(…)"
_BEGINNING = datetime.min.replace(tzinfo=UTC)
_END = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, eq=False)
class Held(Predicate, keys=("held",)):
    """The predicate was true at every instant of the last `span`, both ends included.

    Its past is told by the events, as they are known now. A trait counts as being what it is since it was last changed
    (never said: since the customer was created); what it was before is not known, and so is no state that lasted.
    """

    inner: Predicate
    span: timedelta

    def __post_init__(self) -> None:
        if not isinstance(self.span, timedelta):
            raise DefinitionError("held", f"needs a timedelta, or days=, hours=…, not {self.span!r}")
        check_window("held", self.span)
        _check_past("held", as_predicate(self.inner, "held"))

    def holds(self, facts: Facts, at: datetime) -> bool:
        """Whether the traits are old enough, and the predicate was false at no instant of the span."""
        start = self.begins(at)
        return facts.known_since(self.traits) <= start and not self._lapses(facts).meet(start, at)

    def sql(self, q: Query) -> Sql:
        """True at the beginning, with traits as old, and at no step since then at which it can end false."""
        old = [q.known_since(name) <= q.ago(self.span) for name in sorted(self.traits)]
        then = self.inner.sql(q.as_of(self.span))
        if not self.ends:
            return reduce(and_, [*old, then])
        ended = q.at_a_step(self.ends, self.span, lambda q: ~self.inner.sql(q))
        return reduce(and_, [*old, then, q.in_turn(then, ~ended)])

    def saw(self, facts: Facts, at: datetime) -> Any:
        """Since when it has been true, by its events and its traits; null where it was never false."""
        if not self.inner.holds(facts, at):
            return None
        known = [flipped_at(self.inner, facts, at), facts.known_since(self.traits) if self.traits else None]
        return {"true_since": max((instant for instant in known if instant is not None), default=None)}

    def _lapses(self, facts: Facts) -> Spells:
        if self.inner not in facts.lapses:
            past = steps(self.inner, facts, _BEGINNING)
            facts.lapses[self.inner] = Spells(past, lambda at: self.inner.holds(facts, at))
        return facts.lapses[self.inner]

    def triggers(self, *, positive: bool = True) -> Iterator[Trigger]:
        """None that speak for it: only time completes it."""
        return iter(()) if positive else super().triggers(positive=False)

    @property
    def leanings(self) -> frozenset[Leaning]:
        """Those of what lasts."""
        return self.inner.leanings

    @property
    def parts(self) -> tuple[Predicate, ...]:
        """What lasted."""
        return (self.inner,)

    @property
    def edges(self) -> frozenset[Edge]:
        """Where the state can end, and a span after where it can begin."""
        return self.ends | {Edge(edge.type, edge.window + self.span) for edge in self.inner.turning(to=True)}

    @cached_property
    def ends(self) -> frozenset[Edge]:
        """Where the state can end."""
        return self.inner.turning(to=False)

    @property
    def clocks(self) -> frozenset[Clock]:
        """The traits have been what they are for a span."""
        return frozenset({Settled(self.traits, self.span)} if self.traits else ())

    @property
    def memory(self) -> timedelta | None:
        """As far back as the state itself looks, at the beginning of the span."""
        return None if self.inner.memory is None else self.inner.memory + self.span

    def begins(self, at: datetime) -> datetime:
        """The first instant at which it must have been true."""
        return earlier(at, self.span)

    @classmethod
    def from_json(cls, plain: Mapping[str, Any], read: Read) -> Self:
        """What lasted, and for how many seconds."""
        only(plain, "held", "for")
        inner = read("held", plain["held"])
        return cls(inner, window(plain.get("for")))  # type: ignore[arg-type]  # checked there

    def to_json(self) -> dict[str, Any]:
        """`{"held": …, "for": seconds}`."""
        return {"held": self.inner.to_json(), "for": to_plain(self.span)}

    @property
    def _rest(self) -> str:
        return f"been true for at least {span_in_words(self.span)}: ({self.inner})"

    def __str__(self) -> str:
        return f"has {self._rest}"

    def denied(self) -> str:
        """The opposite, in words."""
        return f"has not {self._rest}"


@dataclass(frozen=True, slots=True)
class Settled(TraitClock):
    """All of these traits have been what they are for a span."""

    names: frozenset[str]
    span: timedelta

    def steps(self, facts: Facts, until: datetime) -> Iterator[datetime]:  # noqa: ARG002 - there is one
        """A span after the newest of them."""
        since = facts.known_since(self.names)
        if _END - since > self.span:
            yield since + self.span

    @property
    def needs(self) -> timedelta:
        """The span: of who is younger, nothing has settled."""
        return self.span

    @property
    def cause(self) -> dict[str, Any]:
        """`{"traits": names, "for": seconds}`."""
        return {"traits": sorted(self.names), "for": to_plain(self.span)}


def held(predicate: Predicate, span: timedelta | None = None, **units: Unpack[Units]) -> Held:
    """True of whom it has been true for at least the span: `held(did("Cart Viewed") & ~purchases, hours=2)`."""
    return Held(as_predicate(predicate, "held"), span_of("held", span, units))


def _check_past(place: str, predicate: Predicate) -> None:
    """Refuse what cannot be told of a past instant from events and traits, naming where it stands."""
    if problem := _problem(predicate):
        raise DefinitionError(place, f"{problem}: {predicate}")
    for n, part in enumerate(predicate.parts):
        _check_past(f"{place}.{predicate.part_at}".format(n), part)


def _problem(predicate: Predicate) -> str | None:
    if isinstance(predicate, Held):
        return "one held(…) cannot stand in another; write the sum of the spans, or two beside each other"
    if is_of_property(predicate):
        return "prop(…) belongs inside did(…).where(…)"
    if not predicate.has_past:
        return _UNKNOWN
    looks_at_calendar = any(isinstance(clock, PeriodEnd) for clock in predicate.clocks)
    return _CALENDAR if looks_at_calendar and not predicate.parts else None
