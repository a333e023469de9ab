"""`did(…)`: how often an event happened, and the words that narrow it.

Promise: pure. An event counts by what is written here and nowhere else; `conditions` says the same in SQL.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from functools import reduce
from operator import and_
from typing import Any, Unpack

from segments.errors import DefinitionError
from segments.facts import Event, Facts
from segments.language.predicate import Clock, Edge, Predicate, as_predicate, check_fields
from segments.language.spans import Units, span_of
from segments.language.values import check_count, check_name, check_window
from segments.language.words import count_in_words, span_in_words, to_plain
from segments.leaves.amounts import Countable
from segments.leaves.sequences import Follow, follow
from segments.time.calendar import Period, period_end
from segments.time.hours import Hours, Weekdays, home, hours_between, weekdays
from segments.time.stretch import Stretch, stretch


@dataclass(frozen=True, slots=True)
class PeriodEnd(Clock):
    """An event falls out of its calendar period when the next one begins."""

    type: str
    period: Period

    def steps(self, facts: Facts, until: datetime) -> Iterator[datetime]:
        """The ends of the periods in which events happened."""
        zone = self.period.zone_of(facts.traits)
        for event in facts.until(self.type, until):
            end = period_end(self.period.unit, event.ts, zone)
            if end is not None:
                yield end

    @property
    def cause(self) -> dict[str, Any]:
        """`{"edge": event, "period": "week"}`."""
        return {"edge": self.type, "period": self.period.unit}


@dataclass(frozen=True, eq=False)
class Did(Predicate, Countable):
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
    stretch: Stretch | None = None
    period: Period | None = None
    then_: Follow | None = None
    hours: Hours | None = None
    days: Weekdays | None = None

    def __post_init__(self) -> None:
        place = f"did({self.type!r})"
        check_name(place, "event name", self.type)
        check_window(f"{place}.within", self.window)
        check_count(place, self.least, self.most)
        if self.since is not None:
            check_name(f"{place}.since_last", "event name", self.since)
        if self.condition is not None:
            check_fields(f"{place}.where", self.condition)
        if self.then_ is not None:
            self.then_.check_within(place, self.window)

    @property
    def at_least_times(self) -> int:
        """The fewest events that make it true; 0 when only a maximum was given."""
        return self.least if self.least is not None else int(self.most is None)

    @property
    def same(self) -> tuple[str, timedelta | None] | None:
        """The events among which it counts, where others may count theirs in the same pass; None where it goes by more."""
        others = (self.since, self.stretch, self.period, self.then_)
        return (self.type, self.window) if others == (None, None, None, None) else None

    @property
    def plain(self) -> "Did":
        """The event with its condition and what follows it, without windows and counts."""
        return Did(self.type, condition=self.condition, then_=self.then_)

    @property
    def edges(self) -> frozenset[Edge]:
        """When an event comes true or grows too old, and when what `since_last` and `then` look for comes true."""
        spans = {timedelta(0), self.window or timedelta(0)}
        anchor = {Edge(self.since, timedelta(0))} if self.since is not None else set()
        followed = self.then_.edges(self.type) if self.then_ is not None else set()
        return frozenset({Edge(self.type, span) for span in spans} | anchor | followed)

    @property
    def clocks(self) -> frozenset[Clock]:
        """The end of the calendar period in which an event happened."""
        return frozenset({PeriodEnd(self.type, self.period)} if self.period is not None else ())

    @property
    def traits(self) -> frozenset[str]:
        """The trait that holds the customer's zone, where a calendar period, hours or days need it."""
        zoned = (self.period, self.hours, self.days)
        return frozenset[str]().union(*(each.traits for each in zoned if each is not None))

    @property
    def memory(self) -> timedelta | None:
        """How old the events can be that it looks at; None when any."""
        return None if self.since is not None else self.oldest

    @property
    def oldest(self) -> timedelta | None:
        """How old an event that counts can be; None when any."""
        longest = None if self.period is None else self.period.longest
        return min((span for span in (self.window, longest) if span is not None), default=None)

    def holds(self, facts: Facts, at: datetime) -> bool:
        """Whether as many events count as are asked for."""
        counted = self.counting(facts, at)
        if counted is None:
            return False
        return self.at_least_times <= len(counted) and (self.most is None or len(counted) <= self.most)

    def moment(self, facts: Facts, at: datetime) -> datetime | None:
        """The time of the event with which there were enough."""
        if not self.holds(facts, at) or not self.at_least_times or self.most is not None:
            return super().moment(facts, at)
        return (self.counting(facts, at) or [])[self.at_least_times - 1].ts

    def counting(self, facts: Facts, at: datetime) -> list[Event] | None:
        """The events that count at an instant, oldest first; None when its `since_last` never happened."""
        anchors = facts.until(self.since, at) if self.since is not None else ()
        if self.since is not None and not anchors:
            return None
        events = facts.until(self.type, at)
        return [e for e in events if (not anchors or e.ts >= anchors[-1].ts) and self.counts(e, facts, at)]

    def counts(self, event: Event, facts: Facts, at: datetime) -> bool:
        """Whether one event of the type counts at an instant, `since_last` aside."""
        return (
            self.fits(event.ts, facts.traits, at)
            and (self.condition is None or self.condition.meets(event.properties))
            and (self.then_ is None or self.then_.holds(event, facts, at))
        )

    def fits(self, ts: datetime, traits: Mapping[str, Any], at: datetime) -> bool:
        """Whether what happened then, of a customer with these traits, counts at an instant as far as time is asked for."""
        return (
            (self.window is None or at - ts < self.window)
            and (self.stretch is None or self.stretch.has(ts))
            and (self.period is None or self.period.has(ts, traits, at))
            and (self.hours is None or self.hours.has(ts, traits))
            and (self.days is None or self.days.has(ts, traits))
        )

    def to_json(self) -> dict[str, Any]:
        """`{"did": …}` with what narrows it."""
        plain: dict[str, Any] = {"did": self.type}
        optional = {
            "within": None if self.window is None else to_plain(self.window),
            "at_least": None if self.at_least_times == int(self.most is None) else self.at_least_times,
            "at_most": self.most,
            "since_last": self.since,
            "where": None if self.condition is None else self.condition.to_json(),
            "between": None if self.stretch is None else self.stretch.to_json(),
            "period": None if self.period is None else self.period.to_json(),
            "at_hours": None if self.hours is None else self.hours.to_json(),
            "on_days": None if self.days is None else self.days.to_json(),
        }
        followed = {} if self.then_ is None else self.then_.to_json(windowed=self.window is not None)
        return plain | {name: value for name, value in optional.items() if value is not None} | followed

    @property
    def what(self) -> str:
        """What was done, without the verb."""
        words = [f'"{self.type}"', count_in_words(self.at_least_times, self.most)]
        if self.condition is not None:
            words.append(f"where {self.condition}")
        words += [str(part) for part in (self.hours, self.days, self.stretch, self.period) if part is not None]
        if self.window is not None:
            words.append(f"within {span_in_words(self.window)}")
        if self.since is not None:
            words.append(f'since the last "{self.since}"')
        if self.then_ is not None:
            words.append(str(self.then_))
        return " ".join(word for word in words if word)

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
