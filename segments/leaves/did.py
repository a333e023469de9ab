"""`did(…)`: how often an event happened, and the words that narrow it.

Promise: pure.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from functools import cached_property, reduce
from itertools import pairwise
from operator import and_
from typing import Any, Final, Self, Unpack

from segments.errors import DefinitionError
from segments.facts import Facts
from segments.language.edges import Edge, Leaning
from segments.language.predicate import Predicate, Read, as_predicate
from segments.language.query import Query, Sql
from segments.language.reading import only, window
from segments.language.spans import Units, span_of
from segments.language.values import check_count
from segments.language.words import count_in_words
from segments.leaves.countable import Countable
from segments.leaves.events import FOLLOWED, Events, follow, follow_from_json
from segments.time.calendar import Period, period_from_json
from segments.time.hours import home, hours_between, hours_from_json, weekdays, weekdays_from_json
from segments.time.stretch import stretch, stretch_from_json

_MOST_SPANS = 31
_DATED = ("between", "period", "at_hours", "on_days")


@dataclass(frozen=True, eq=False)
class Did(Countable, Predicate, keys=("did",), past=True):
    """How often events happened: at least once unless told otherwise."""

    least: int | None = None
    most: int | None = None

    @property
    def counted(self) -> bool:
        """Whether it is said how often they happened."""
        return self.least is not None or self.most is not None

    def _check_times(self, place: str) -> None:
        check_count(place, self.least, self.most)

    @property
    def _how_often(self) -> dict[str, int | None]:
        least = None if self.at_least_times == int(self.most is None) else self.at_least_times
        return {"at_least": least, "at_most": self.most}

    @property
    def _times(self) -> str:
        return count_in_words(self.at_least_times, self.most)

    @cached_property
    def at_least_times(self) -> int:
        """The fewest events that make it true; 0 when only a maximum was given."""
        return self.least if self.least is not None else int(self.most is None)

    def holds(self, facts: Facts, at: datetime) -> bool:
        """Whether as many events count as are asked for."""
        least, most = self.at_least_times, self.most
        counted = self.how_many(facts, at, least if most is None else most + 1)
        return counted is not None and least <= counted and (most is None or counted <= most)

    def sql(self, q: Query) -> Sql:
        """As many events."""
        return q.happened(replace(self, least=None, most=None), self.at_least_times, self.most)

    def saw(self, facts: Facts, at: datetime) -> Any:
        """How many count, and when the last one was."""
        counted = self.counting(facts, at)
        if counted is None:
            return {"count": 0, "since_last": "never"}
        return {"count": len(counted), "last_at": counted[-1].ts if counted else None}

    def moment(self, facts: Facts, at: datetime) -> datetime | None:
        """The time of the event with which there were enough."""
        if not self.holds(facts, at) or not self.at_least_times or self.most is not None:
            return super().moment(facts, at)
        return (self.counting(facts, at) or [])[self.at_least_times - 1].ts

    @property
    def leanings(self) -> frozenset[Leaning]:
        """Up by more events where so many are asked for, down by them where no more are."""
        more = self.more
        rising = more if self.at_least_times > 0 else frozenset[Leaning]()
        return rising | (frozenset(each.turned for each in more) if self.most is not None else frozenset())

    def triggers(self, *, positive: bool = True) -> Iterator[Events]:
        """What completes them, where so many are asked for."""
        if positive and self.at_least_times > 0:
            yield from self.completed_by

    def turning(self, *, to: bool) -> frozenset[Edge]:
        """True where more events come to count, false where one is out; the other way round where it is a maximum."""
        if self.then_ is not None or (self.at_least_times and self.most is not None):
            return self.edges
        return self._more_at if to is (self.most is None) else self._fewer_at

    @property
    def _more_at(self) -> frozenset[Edge]:
        return frozenset({Edge(self.type, timedelta(0))})

    @property
    def _fewer_at(self) -> frozenset[Edge]:
        """What `since_last` looks for begins a new count, also where there was none."""
        grown = () if self.window is None else (Edge(self.type, self.window),)
        return frozenset(grown if self.since is None else (*grown, Edge(self.since, timedelta(0))))

    @classmethod
    def from_json(cls, plain: Mapping[str, Any], read: Read) -> Self:
        """The events, and how often."""
        only(plain, "did", "within", "where", "at_least", "at_most", "since_last", *_DATED, *FOLLOWED)
        where = plain.get("where")
        return cls(
            type=plain["did"],
            window=window(plain.get("within")),
            condition=None if where is None else read("where", where),
            least=plain.get("at_least"),
            most=plain.get("at_most"),
            since=plain.get("since_last"),
            stretch=stretch_from_json(plain.get("between")),
            period=period_from_json(plain.get("period")),
            then_=follow_from_json(plain, read),
            hours=hours_from_json(plain.get("at_hours")),
            days=weekdays_from_json(plain.get("on_days")),
        )

    def __str__(self) -> str:
        return f"did {self.what}"

    def denied(self) -> str:
        """The opposite, in words."""
        return f"did not do {self.what}"

    def within(self, span: timedelta | None = None, **units: Unpack[Units]) -> "Did":
        """Only events younger than the span: at `ts + span` exactly, an event is out."""
        place = f"did({self.type!r}).within"
        if self.then_ is not None and self.then_.span is None:
            word, other = self.then_.word, self.then_.next.type
            how_soon = f"how soon the other follows (write .{word}({other!r}, hours=1))"
            how_old = f"how old this one may be (write .within(…) before .{word})"
            raise DefinitionError(place, f"after .{word} could mean two things: {how_soon}, or {how_old}")
        return self._once("within", window=span_of(place, span, units))

    def between(self, start: date | datetime | None, end: date | datetime | None, *, zone: str = "UTC") -> "Did":
        """Only events from the start up to, but without, the end; a date is its first instant in the zone."""
        return self._once("between", stretch=stretch(f"did({self.type!r}).between", start, end, zone))

    def today(self, *, zone: str | None = None, otherwise: str = "UTC") -> "Did":
        """Only events of this calendar day: in the zone, else in the customer's (trait `timezone`), `otherwise` if unknown."""
        return self._in("day", zone, otherwise)

    def this_week(self, *, zone: str | None = None, otherwise: str = "UTC") -> "Did":
        """Only events of this calendar week, from Monday; zones as for `today`."""
        return self._in("week", zone, otherwise)

    def this_month(self, *, zone: str | None = None, otherwise: str = "UTC") -> "Did":
        """Only events of this calendar month; zones as for `today`."""
        return self._in("month", zone, otherwise)

    def at_hours(self, start: int | time, end: int | time, *, zone: str | None = None, otherwise: str = "UTC") -> "Did":
        """Only events from a local time until before another, over midnight if the second is earlier; zones as for `today`."""
        place = f"did({self.type!r}).at_hours"
        return self._once("at_hours", hours=hours_between(place, start, end, home(zone, otherwise)))

    def on_days(self, *days: str, zone: str | None = None, otherwise: str = "UTC") -> "Did":
        """Only events of these local days of the week ("mon" to "sun"), from midnight to midnight; zones as for `today`."""
        return self._once("on_days", days=weekdays(f"did({self.type!r}).on_days", days, home(zone, otherwise)))

    def at_least(self, times: int) -> "Did":
        """This often or more."""
        return self._once("at_least", least=times)

    def more_than(self, times: int) -> "Did":
        """More often than this."""
        return self._once("more_than", least=times + 1)

    def at_most(self, times: int) -> "Did":
        """This often or less; alone, it is also true of who never did it."""
        return self._once("at_most", most=times)

    def exactly(self, times: int) -> "Did":
        """This often, no more and no less."""
        return self._once("exactly", least=times, most=times)

    def where(self, *conditions: Predicate) -> "Did":
        """Only events whose properties meet every condition: `did("Product Added").where(prop("price") > 50)`."""
        place = f"did({self.type!r}).where"
        if not conditions:
            raise DefinitionError(place, "needs at least one condition")
        known = () if self.condition is None else (self.condition,)
        return replace(self, condition=reduce(and_, [*known, *(as_predicate(each, place) for each in conditions)]))

    def since_last(self, event: str) -> "Did":
        """Only events at or after the customer's last event of that type; false for who never did that."""
        return self._once("since_last", since=event)

    def then(self, event: "str | Did", within: timedelta | None = None, **units: Unpack[Units]) -> "Did":
        """Only events that were followed by another, later and (with a span) less than the span after."""
        return self._followed(event, within, units, wanted=True)

    def without(self, event: "str | Did", within: timedelta | None = None, **units: Unpack[Units]) -> "Did":
        """Only events that no other one followed; with a span they count from its end on, by time alone."""
        return self._followed(event, within, units, wanted=False)

    def in_each(self, times: int, span: timedelta | None = None, **units: Unpack[Units]) -> Predicate:
        """At least once in each of the last so many spans, counted back from now: `in_each(4, weeks=1)`.

        So more often within two weeks than within one, and so on: a shorthand, not a leaf.
        """
        place = f"did({self.type!r}).in_each"
        if self.window is not None:
            raise DefinitionError(place, "takes no other window; leave out within(…)")
        if isinstance(times, bool) or not isinstance(times, int) or not 2 <= times <= _MOST_SPANS:  # noqa: PLR2004 - else `within`
            raise DefinitionError(place, f"needs a whole number of spans from 2 to {_MOST_SPANS}, not {times!r}")
        one = span_of(place, span, units)
        within = [self.within(n * one) for n in range(1, times + 1)]
        more: list[Predicate] = [longer.count() > shorter.count() for shorter, longer in pairwise(within)]
        return reduce(and_, more, within[0])

    def _in(self, unit: str, zone: str | None, otherwise: str) -> "Did":
        return self._once(f"this_{unit}", period=Period(unit, zone, None if zone is not None else otherwise))

    def _once(self, word: str, **said: Any) -> "Did":
        """Said twice, the last would win in silence."""
        if any(getattr(self, name) is not None for name in said):
            raise DefinitionError(f"did({self.type!r}).{word}", f"is said already, in: {self}; say it once")
        return replace(self, **said)

    def _followed(self, event: "str | Did", within: timedelta | None, units: Units, *, wanted: bool) -> "Did":
        place = f"did({self.type!r}).{'then' if wanted else 'without'}"
        if self.then_ is not None:
            raise DefinitionError(place, 'is there already; a chain is written inside: did("A").then(did("B").then("C"))')
        span = span_of(place, within, units) if within is not None or units else None
        following = Did(event) if isinstance(event, str) else event
        return replace(self, then_=follow(place, following, span, wanted=wanted))


def did(event: str) -> Did:
    """The customer did this at least once, ever; narrow it with `.within`, `.at_least`, `.where`, `.since_last`."""
    return Did(event)


#: Completed orders, in the words of the Segment spec's e-commerce events.
purchases: Final = did("Order Completed")
