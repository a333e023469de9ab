"""The best instant by trying every minute: written from docs/semantics.md, and knows nothing of stretches."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from journeys.contracts import Cap, QuietHours
from journeys.gate.caps import Past
from journeys.policies import Window
from segments.time.hours import WEEKDAYS
from tests.gate.clocks import MINUTE, calendar_day, shown

Allows = Callable[[datetime], bool]


@dataclass(frozen=True)
class Case:
    """All that is asked."""

    now: datetime
    deadline: datetime
    zones: tuple[str, ...]
    quiet: QuietHours | None
    windows: tuple[Window, ...]
    caps: tuple[Cap, ...]
    past: tuple[Past, ...]
    weights: tuple[float, ...] | None
    until: datetime
    coming: tuple[Past, ...] = ()
    theirs: tuple[Cap, ...] = ()  # the caps under which what is coming keeps its place
    spent_until: datetime | None = None

    def allows(self) -> list[Allows]:
        """Whether each constraint allows a message at an instant, in the order of the gate."""
        night = [self._awake] if self.quiet else []
        budget = [self._paid] if self.spent_until else []
        return [*night, *map(self._open, self.windows), *map(self._room, self.caps), *map(self._place, self.theirs), *budget]

    def _paid(self, at: datetime) -> bool:
        return self.spent_until is None or at >= self.spent_until

    def _place(self, cap: Cap) -> Allows:
        """With this message and all others, no stretch in which something is coming holds more than it may."""
        counted = [each.at for each in self.past if counts(cap, each)]
        coming = [each.at for each in self.coming if counts(cap, each)]
        if not coming:
            return lambda _: True
        if cap.within is not None:
            return lambda at: (
                not any(
                    overfull([*counted, *coming], coming, at, start, start + cap.within, cap.messages)
                    for start in (at, *counted, *coming)
                )
            )
        return lambda at: not any(self._crowded(cap, counted, coming, at, zone) for zone in self.zones)

    def _crowded(self, cap: Cap, counted: list[datetime], coming: list[datetime], at: datetime, zone: str) -> bool:
        unit = str(cap.calendar)
        here = period(unit, calendar_day(zone, at))
        beside = [each for each in (*counted, *coming) if period(unit, calendar_day(zone, each)) == here]
        return any(each in beside for each in coming) and len(beside) >= cap.messages

    def _awake(self, at: datetime) -> bool:
        assert self.quiet
        night = Window(self.quiet.start, self.quiet.end)
        return not any(in_window(night, shown(zone, at)) for zone in self.zones)

    def _open(self, window: Window) -> Allows:
        return lambda at: all(in_window(window, shown(zone, at)) for zone in self.zones)

    def _room(self, cap: Cap) -> Allows:
        counted = [past.at for past in self.past if counts(cap, past)]
        within = cap.within
        if within is not None:
            return lambda at: sum(past + within > at for past in counted) < cap.messages
        unit = str(cap.calendar)
        days = {zone: [period(unit, calendar_day(zone, past)) for past in counted] for zone in self.zones}
        return lambda at: all(
            days[zone].count(period(unit, calendar_day(zone, at))) < cap.messages for zone in self.zones if days[zone]
        )


def counts(cap: Cap, past: Past) -> bool:
    return cap.channel in (None, past.channel) and cap.purpose in (None, past.purpose)


def overfull(others: list[datetime], coming: list[datetime], at: datetime, start: datetime, end: datetime, most: int) -> bool:
    inside = [each for each in (*others, at) if start <= each < end]
    return start <= at < end and any(start <= each < end for each in coming) and len(inside) > most


def in_window(window: Window, wall: datetime) -> bool:
    opens, closes, clock = time.fromisoformat(window.start), time.fromisoformat(window.end), wall.time()

    def begins(day: date) -> bool:
        return not window.weekdays or WEEKDAYS[day.weekday()] in window.weekdays

    if opens < closes:
        return opens <= clock < closes and begins(wall.date())
    return (clock >= opens and begins(wall.date())) or (clock < closes and begins(wall.date() - timedelta(days=1)))


def period(unit: str, day: date) -> date:
    if unit == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if unit == "month" else day


def minutes(start: datetime, end: datetime) -> Iterator[datetime]:
    while start < end:
        yield start
        start += MINUTE


def best(case: Case) -> datetime | None:
    """The best instant, on the minute."""
    allows = case.allows()
    if case.weights is not None:
        stretch = [at for at in minutes(case.now, min(case.until, case.deadline)) if all(one(at) for one in allows)]
        if stretch:
            return max(stretch, key=lambda at: weight(case, at))
    return next((at for at in minutes(case.now, case.deadline) if all(one(at) for one in allows)), None)


def weight(case: Case, at: datetime) -> float:
    assert case.weights is not None
    walls = [shown(zone, at) for zone in case.zones]
    return min(case.weights[24 * wall.weekday() + wall.hour] for wall in walls)


def shutters(case: Case) -> list[int]:
    """Which constraints shut some of what was open, by their numbers; the last one shut the rest."""
    left, found = list(minutes(case.now, case.deadline)), []
    for number, allow in enumerate(case.allows()):
        still = [at for at in left if allow(at)]
        if len(still) < len(left):
            found.append(number)
        left = still
    return found
