"""Traits that hold dates, seen from now: "within the next three days", birthdays, and age.

Promise: pure. Each turns at instants that follow from the trait alone, so that the watch can be woken for them
(`segments.watch.alarms`); a date without a time is its midnight UTC, and of a birthday only the date as written counts.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil, floor
from typing import Any, Self

from segments.errors import DefinitionError
from segments.facts import Facts
from segments.language.comparable import Comparable
from segments.language.comparing import as_day, as_instant, compares, found_in, seen_in
from segments.language.edges import Clock
from segments.language.leaf import Leaf
from segments.language.predicate import Read
from segments.language.query import Query, Sql
from segments.language.reading import an_object, only, operand, path_of, window
from segments.language.values import Expected, check_operand, check_path, check_window, kind_of, unknown_operator
from segments.language.words import compared_in_words, span_in_words, to_plain
from segments.leaves.clocks import AgeClock, AnniversaryClock, NearClock, birthday, years_since
from segments.time.calendar import Period, local_day

_NOTHING = timedelta(0)
_LONGEST_AHEAD = 180
_ANNIVERSARY = ("within_days", "zone", "otherwise")
_COMPARED = ("==", "!=", "<", "<=", ">", ">=", "between")


@dataclass(frozen=True, eq=False)
class OfDate(Leaf):
    """A leaf about the date in a trait."""

    path: tuple[str, ...]

    @property
    def traits(self) -> frozenset[str]:
        """Its trait."""
        return frozenset({self.path[0]})

    def saw(self, facts: Facts, at: datetime) -> Any:  # noqa: ARG002 - one signature for all leaves
        """What stands in the trait."""
        return seen_in(facts.traits, self.path)

    def expects(self, *_: Any) -> Iterator[Expected]:
        """A date."""
        yield Expected(None, self.path, "instant")


@dataclass(frozen=True, eq=False)
class Near(OfDate, keys=("trait within_next", "trait within_last")):
    """A date at most `before` ahead, or less than `after` ago: `date - before <= now < date + after`."""

    before: timedelta
    after: timedelta

    def __post_init__(self) -> None:
        check_path("trait", self.path)
        check_window(f"trait({'.'.join(self.path)!r}).{self._word}", self.before or self.after)

    @property
    def _word(self) -> str:
        return "within_next" if self.before else "within_last"

    @property
    def clocks(self) -> frozenset[Clock]:
        """The ends of the time around the date."""
        return frozenset({NearClock(self.path, self.before, self.after)})

    def holds(self, facts: Facts, at: datetime) -> bool:
        """Whether such a date is near."""
        dates = filter(None, map(as_instant, found_in(facts.traits, self.path)))
        return any(-self.after < instant - at <= self.before for instant in dates)

    def sql(self, q: Query) -> Sql:
        """A date between the two instants."""
        first, last = q.ago(self.after), q.ago(-self.before)
        return q.instants(self.path, lambda date: (date > first) & (date <= last))

    @classmethod
    def from_json(cls, plain: Mapping[str, Any], read: Read) -> Self:  # noqa: ARG003 - one signature for all leaves
        """The trait, and how near in seconds."""
        path, word = path_of("trait", plain["trait"]), "within_next" if "within_next" in plain else "within_last"
        only(plain, "trait", word)
        span = window(plain[word]) or _NOTHING
        return cls(path, span, _NOTHING) if word == "within_next" else cls(path, _NOTHING, span)

    def to_json(self) -> dict[str, Any]:
        """`{"trait": …, "within_next": seconds}` or `{"trait": …, "within_last": seconds}`."""
        return {"trait": ".".join(self.path), self._word: to_plain(self.before or self.after)}

    def __str__(self) -> str:
        words = f"is within the next {span_in_words(self.before)}"
        return f"{'.'.join(self.path)} {words if self.before else f'was within the last {span_in_words(self.after)}'}"


@dataclass(frozen=True, eq=False)
class Anniversary(OfDate, keys=("trait anniversary",)):
    """The yearly return of a date is today, or at most so many days ahead; the 29th of February returns on the 28th."""

    within_days: int
    day: Period

    def __post_init__(self) -> None:
        check_path("trait", self.path)
        place = f"trait({'.'.join(self.path)!r}).anniversary"
        if isinstance(self.within_days, bool) or not isinstance(self.within_days, int):
            raise DefinitionError(place, f"within_days needs a whole number, not {self.within_days!r}")
        if not 0 <= self.within_days <= _LONGEST_AHEAD:
            raise DefinitionError(place, f"within_days is from 0 to {_LONGEST_AHEAD}, not {self.within_days}")

    @property
    def traits(self) -> frozenset[str]:
        """Its trait, and the one with the zone."""
        return super().traits | self.day.traits

    @property
    def clocks(self) -> frozenset[Clock]:
        """The midnights of every year."""
        return frozenset({AnniversaryClock(self.path, self.within_days, self.day)})

    def holds(self, facts: Facts, at: datetime) -> bool:
        """Whether the next return is near enough."""
        today = local_day(at, self.day.zone_of(facts.traits))
        return any(
            day is not None and 0 <= (day - today).days <= self.within_days
            for born in filter(None, map(as_day, found_in(facts.traits, self.path)))
            for years in (today.year - born.year, today.year - born.year + 1)
            if years > 0 and (day := birthday(born, years))
        )

    def sql(self, q: Query) -> Sql:
        """The return of this year, or of the next one."""
        today = q.today(self.day)

        def returns(born: Sql, years: Sql) -> Sql:
            days = q.birthday(born, years) - today
            return (years > 0) & (days >= 0) & (days <= self.within_days)

        def near(born: Sql) -> Sql:
            years = q.year(today) - q.year(born)
            return returns(born, years) | returns(born, years + 1)

        return q.days(self.path, near)

    @classmethod
    def from_json(cls, plain: Mapping[str, Any], read: Read) -> Self:  # noqa: ARG003 - one signature for all leaves
        """The trait, how many days ahead, and whose calendar."""
        path = path_of("trait", plain["trait"])
        only(plain, "trait", "anniversary")
        given = an_object("anniversary", plain["anniversary"], *_ANNIVERSARY)
        only(given, *_ANNIVERSARY)
        return cls(path, given.get("within_days", 0), _day(given))

    def to_json(self) -> dict[str, Any]:
        """`{"trait": …, "anniversary": {"within_days": …, "zone": …}}`."""
        return {"trait": ".".join(self.path), "anniversary": {"within_days": self.within_days} | _zone(self.day)}

    def __str__(self) -> str:
        name = f"the anniversary of {'.'.join(self.path)}"
        return f"{name} is {f'within {self.within_days} days' if self.within_days else 'today'}{_in_zone(self.day)}"


@dataclass(frozen=True, eq=False)
class Age(OfDate, keys=("age",)):
    """Whole years since a date against a number: a year more from the first instant of the birthday on.

    Who was born on the 29th of February grows older on the 28th in other years; who is not born yet has no age.
    """

    op: str
    value: Any
    day: Period

    def __post_init__(self) -> None:
        place = f"age({'.'.join(self.path)!r})"
        check_path("trait", self.path)
        if self.op not in _COMPARED:
            raise unknown_operator(place, self.op, _COMPARED)
        check_operand(place, self.op, self.value)
        for each in self._ends:
            if kind_of(place, each) != "number" or abs(each) > 10_000:  # noqa: PLR2004 - years in the calendar
                raise DefinitionError(place, f"compares with a number of years, not with {each!r}")

    @property
    def _ends(self) -> tuple[Any, ...]:
        return self.value if self.op == "between" else (self.value,)

    @property
    def traits(self) -> frozenset[str]:
        """Its trait, and the one with the zone."""
        return super().traits | self.day.traits

    @property
    def clocks(self) -> frozenset[Clock]:
        """The birthdays at which it can turn."""
        ages = {0} | {years for end in self._ends for years in (floor(end), floor(end) + 1, ceil(end))}
        return frozenset({AgeClock(self.path, tuple(sorted(years for years in ages if years >= 0)), self.day)})

    def holds(self, facts: Facts, at: datetime) -> bool:
        """Whether the age compares."""
        today = local_day(at, self.day.zone_of(facts.traits))
        births = filter(None, map(as_day, found_in(facts.traits, self.path)))
        return any(born <= today and compares(years_since(born, today), self.op, self.value) for born in births)

    def sql(self, q: Query) -> Sql:
        """The age of who is born."""
        today = q.today(self.day)
        return q.days(self.path, lambda born: (born <= today) & q.years_since(born, today).compares(self.op, self.value))

    @classmethod
    def from_json(cls, plain: Mapping[str, Any], read: Read) -> Self:  # noqa: ARG003 - one signature for all leaves
        """The trait, what the age is compared with, and whose calendar."""
        only(plain, "age", "is", "value", "zone", "otherwise")
        if not isinstance(plain["age"], str):
            raise DefinitionError("age", f"needs the name of a trait, not {plain['age']!r}")
        path = tuple(plain["age"].split("."))
        return cls(path, str(plain.get("is")), operand(plain.get("value")), _day(plain))

    def to_json(self) -> dict[str, Any]:
        """`{"age": trait, "is": …, "value": …, "zone": …}`."""
        return {"age": ".".join(self.path), "is": self.op, "value": to_plain(self.value)} | _zone(self.day)

    def __str__(self) -> str:
        return f"the age by {'.'.join(self.path)} {compared_in_words(self.op, self.value)}{_in_zone(self.day)}"


@dataclass(frozen=True, eq=False)
class AgeTerm(Comparable[Age]):
    """An age in whole years; compare it: between 25 and 35 ends with the 36th birthday."""

    path: tuple[str, ...]
    day: Period

    def _is(self, op: str, value: Any) -> Age:
        return Age(self.path, op, value, self.day)

    def __str__(self) -> str:
        return f"age({'.'.join(self.path)!r})"


def near(path: tuple[str, ...], *, before: timedelta = _NOTHING, after: timedelta = _NOTHING) -> Near:
    """A date at most `before` ahead, or less than `after` ago."""
    return Near(path, before, after)


def _zone(day: Period) -> dict[str, str]:
    return {name: value for name, value in day.to_json().items() if name != "unit"}


def _in_zone(day: Period) -> str:
    return "" if day.zone is None else f" in {day.zone}"


def _day(plain: Mapping[str, Any]) -> Period:
    zone = plain.get("zone")
    return Period("day", zone, plain.get("otherwise", "UTC" if zone is None else None))
