"""Which events are meant: their type, when they happened, what they were like, and what followed them.

Promise: pure. An event counts by what is written here and nowhere else; `segments.sql.rows` says the same in SQL. "Later" is
strictly later; a span is over exactly at its end, and then time alone makes "without" true.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, Final, Self

from segments.errors import DefinitionError
from segments.facts import Event, Facts
from segments.language.documents import check_fields
from segments.language.edges import Clock, Edge, Leaning
from segments.language.predicate import Predicate, Read
from segments.language.reading import an_object, window
from segments.language.spans import earlier
from segments.language.values import Expected, check_name, check_window
from segments.language.words import span_in_words, to_plain
from segments.leaves.clocks import PeriodEnd
from segments.time.calendar import Period
from segments.time.hours import Hours, Weekdays
from segments.time.stretch import Stretch

_BEGINNING = datetime.min.replace(tzinfo=UTC)
#: The keys of what follows.
FOLLOWED: Final = ("then", "then_within", "without", "without_within")


@dataclass(frozen=True, eq=False)
class Events:
    """Some of the events of a type; how often they happened, and what they amount to, is asked of them.

    An event counts at instant t when `t - window < ts <= t`: it is out exactly at `ts + window`, and an event from the
    future does not count before its time. With `since`, only events at or after the last event of that type count (one
    at the same instant does), and without any such event the answer is false.
    """

    type: str
    window: timedelta | None = None
    condition: Predicate | None = None
    since: str | None = None
    stretch: Stretch | None = None
    period: Period | None = None
    then_: "Follow | None" = None
    hours: Hours | None = None
    days: Weekdays | None = None

    def __post_init__(self) -> None:
        place = f"did({self.type!r})"
        check_name(place, "event name", self.type)
        check_window(f"{place}.within", self.window)
        self._check_times(place)
        if self.since is not None:
            check_name(f"{place}.since_last", "event name", self.since)
        if self.condition is not None:
            check_fields(f"{place}.where", self.condition)
        if self.then_ is not None:
            self.then_.check_within(place, self.window)

    @property
    def counted(self) -> bool:
        """Whether it is said how often they happened."""
        return False

    def _check_times(self, place: str) -> None:
        """Refuse a number of times that cannot be."""

    @property
    def _how_often(self) -> dict[str, int | None]:
        return {}

    @property
    def _times(self) -> str:
        return ""

    @property
    def same(self) -> tuple[str, timedelta | None] | None:
        """The events among which it counts, where others may count theirs in the same pass; None where it goes by more."""
        others = (self.since, self.stretch, self.period, self.then_)
        return (self.type, self.window) if others == (None, None, None, None) else None

    @property
    def plain(self) -> Self:
        """The event with its condition and what follows it, without windows and counts."""
        return type(self)(self.type, condition=self.condition, then_=self.then_)

    @property
    def edges(self) -> frozenset[Edge]:
        """When an event comes true or grows too old, and when what `since_last` and `then` look for comes true."""
        spans = {timedelta(0), self.window or timedelta(0)}
        anchor = {Edge(self.since, timedelta(0))} if self.since is not None else set()
        followed = self.then_.edges(self.type) if self.then_ is not None else set()
        return frozenset({Edge(self.type, span) for span in spans} | anchor | followed)

    @property
    def more(self) -> frozenset[Leaning]:
        """What can make more of them count (`up`), or fewer."""
        anchor = () if self.since is None else (Leaning(self.since, up=True), Leaning(self.since, up=False))
        followed = frozenset[Leaning]() if self.then_ is None else self.then_.more
        return frozenset({Leaning(self.type, up=True), *anchor}) | followed

    def expects(self, *_: Any) -> Iterator[Expected]:
        """What the condition does, of its properties."""
        return iter(()) if self.condition is None else self.condition.expects(self.type)

    @property
    def completed_by(self) -> "Iterator[Events]":
        """The events themselves, or what completes their sequence; nothing where only time does."""
        if self.then_ is None or (self.then_.span is None and not self.then_.wanted):
            yield self
        elif self.then_.wanted:
            yield from self.then_.next.completed_by

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

    def counting(self, facts: Facts, at: datetime) -> list[Event] | None:
        """The events that count at an instant, oldest first; None when its `since_last` never happened."""
        anchors = facts.until(self.since, at) if self.since is not None else ()
        if self.since is not None and not anchors:
            return None
        events = facts.until(self.type, at)
        return [e for e in events if (not anchors or e.ts >= anchors[-1].ts) and self.counts(e, facts, at)]

    def how_many(self, facts: Facts, at: datetime, enough: int) -> int | None:
        """How many count at an instant, newest first and no more than `enough`; None when its `since_last` never happened."""
        window, begin = self.window, _BEGINNING if self.window is None else earlier(at, self.window)
        if self.since is not None:
            if not (anchors := facts.until(self.since, at)):
                return None
            begin = max(begin, anchors[-1].ts)
        found = 0
        for event in reversed(facts.events.get(self.type, ())):
            ts = event.ts
            if found == enough or ts < begin or (window is not None and at - ts >= window):
                break
            found += ts <= at and (not self._narrowed or self.counts(event, facts, at))
        return found

    @cached_property
    def _narrowed(self) -> bool:
        """Whether more than a window and `since_last` says what counts."""
        return any(each is not None for each in (self.condition, self.then_, self.stretch, self.period, self.hours, self.days))

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
            **self._how_often,
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
        words = [f'"{self.type}"', self._times]
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


@dataclass(frozen=True)
class Follow:
    """What must, or must not, follow an event in less than a span (None: ever)."""

    next: "Events"
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

    @property
    def more(self) -> frozenset[Leaning]:
        """What one more event that follows does to the number of those that count; what follows that one turns it again."""
        own = Leaning(self.next.type, up=self.wanted)
        after = frozenset[Leaning]() if self.next.then_ is None else self.next.then_.more
        return frozenset({own, *(after if self.wanted else (each.turned for each in after))})

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
    return Follow(following, span, wanted)  # type: ignore[arg-type]  # only events have `plain`


def follow_from_json(plain: Mapping[str, Any], read: Read) -> Follow | None:
    """What `then` or `without` says beside the events, if one of them does."""
    found = [word for word in ("then", "without") if word in plain]
    if len(found) == 2:  # noqa: PLR2004 - the two words
        raise DefinitionError("without", 'stands beside "then"; write a chain inside, or two predicates')
    for word in ("then", "without"):
        if f"{word}_within" in plain and word not in found:
            raise DefinitionError(f"{word}_within", f'needs "{word}" beside it')
    if not found:
        return None
    [word] = found
    if "within" in plain and f"{word}_within" not in plain:
        how_soon = f'add "{word}_within": how soon the other follows, in seconds (null: ever)'
        raise DefinitionError(
            "within", f'beside "{word}" could mean two things; {how_soon}; "within" is how old the first may be'
        )
    return follow(word, events_from_json(word, plain[word], read), window(plain.get(f"{word}_within")), wanted=word == "then")


def events_from_json(place: str, plain: object, read: Read) -> Events:
    """The events of a `did` under a key."""
    found = read(place, an_object(place, plain, "did", "where", "then", "without"))
    if not isinstance(found, Events):
        raise DefinitionError(place, f"needs a did, not {found}")
    return found
