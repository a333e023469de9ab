"""Moments, windows and quiet hours in every zone at every change of its clocks, 2000 to 2037, against python-dateutil.

In the short profile, at a few changes of each zone whose clocks do odd things, and of a few others.
"""

from bisect import bisect_left
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from itertools import accumulate
from random import Random

import pytest

from journeys.contracts import QuietHours
from journeys.gate.hours import Quiet, shown
from journeys.gate.moment import Moment, next_of
from journeys.gate.solver import solve
from journeys.gate.stretches import joined
from journeys.policies import Window
from tests.extent import LONG
from tests.gate import clocks
from tests.gate.brute import in_window
from tests.gate.clocks import MINUTE, alike, changes

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ODD = {
    *("Europe/Madrid", "Australia/Lord_Howe", "Africa/Cairo", "Asia/Beirut", "America/Santiago", "America/Havana"),
    *("America/St_Johns", "Pacific/Apia", "Africa/Casablanca", "Antarctica/Troll", "Antarctica/Casey", "Africa/Sao_Tome"),
    *("Asia/Gaza", "America/Sao_Paulo", "Asia/Tehran", "Asia/Pyongyang", "America/Caracas", "Europe/Dublin"),
}
WINDOWS = (
    Window("22:00", "06:00"),
    Window("20:00", "00:00"),
    Window("00:00", "00:30"),
    Window("02:15", "02:45"),
    Window("09:00", "20:00", ("mon", "sun")),
    Window("23:30", "01:30", ("sat",)),
)
ZONES = [names for names in alike() if changes(names[0])]


def chosen() -> list[tuple[tuple[str, ...], tuple[datetime, ...]]]:
    """Zones with the same clocks, and the changes to look at."""
    if LONG:
        return [(tuple(names), changes(names[0])) for names in ZONES]
    draw = Random(2037)
    asked = [names for names in ZONES if ODD & set(names)] + draw.sample(ZONES, 8)
    return [(tuple(names), tuple(draw.sample(changes(names[0]), min(3, len(changes(names[0])))))) for names in asked]


CHOSEN = chosen()
by_zone = pytest.mark.parametrize(("names", "when"), CHOSEN, ids=[names[0] for names, _ in CHOSEN])


def test_the_second_opinion_knows_the_years() -> None:
    """A library that reads an empty table agrees with nobody."""
    assert changes("Europe/Madrid")[-1] == datetime(2037, 10, 25, 1, tzinfo=UTC)
    assert {name for names in ZONES for name in names} >= ODD


@by_zone
def test_windows_are_open_when_the_wall_says_so(names: tuple[str, ...], when: tuple[datetime, ...]) -> None:
    for change in when:
        start, end = change - 20 * HOUR, change + 20 * HOUR
        walls = clocks.walls(names[0], start, end)
        for window in WINDOWS:
            expected = joined((at, at + MINUTE) for at, wall in walls if in_window(window, wall))
            for name in names:
                assert shown(window, name, start, end) == expected, (window, name, change)


@by_zone
def test_nothing_goes_out_in_quiet_hours_and_everything_at_their_end(
    names: tuple[str, ...], when: tuple[datetime, ...]
) -> None:
    for change in when:
        walls = clocks.walls(names[0], change - 9 * HOUR, change + 2 * DAY)
        for window in WINDOWS[:4]:
            night = Quiet(QuietHours(window.start, window.end), (names[0],), {})
            for now in (change - 9 * HOUR, change - MINUTE, change, change + 20 * MINUTE, change + 3 * HOUR):
                first = next(at for at, wall in walls if at >= now and not in_window(window, wall))
                assert solve(now, now + 2 * DAY, [night]).at == first, (window, change, now)


@by_zone
def test_a_moment_comes_when_the_wall_first_shows_it_or_what_follows(
    names: tuple[str, ...], when: tuple[datetime, ...]
) -> None:
    for change in when:
        wall = Wall(names[:1], change)
        for clock in times_around(names[0], change):
            for now in (change - 26 * HOUR, change - HOUR, change - MINUTE, change, change + MINUTE, change + 40 * MINUTE):
                expected = wall.next(clock, now)
                for name in names:
                    assert next_of(Moment(clock=f"{clock:%H:%M}"), [name], now) == expected, (name, clock, now)


@by_zone
def test_a_moment_of_several_zones_comes_when_it_has_in_the_last(names: tuple[str, ...], when: tuple[datetime, ...]) -> None:
    draw = Random(names[0])
    for change in when:
        together = (names[0], *(draw.choice(draw.choice(ZONES)) for _ in range(2)))
        wall, clock = Wall(together, change), draw.choice(times_around(names[0], change))
        now = change + draw.randint(-26 * 60, 60) * MINUTE
        assert next_of(Moment(clock=f"{clock:%H:%M}"), together, now) == wall.next(clock, now), (together, clock, now)


def times_around(name: str, change: datetime) -> list[time]:
    """Times of day in the gap or in what comes twice, at its edges, and far from it."""
    before, after = clocks.shown(name, change - MINUTE), clocks.shown(name, change)
    near = (before, before + MINUTE, before + 16 * MINUTE, after, after - MINUTE, after + 15 * MINUTE)
    return sorted({wall.time() for wall in near} | {time(), time(0, 30), time(2, 30), time(9, 30)})


class Wall:
    """What zones have shown at the latest, minute by minute: a time of a day has come in the first with as late a one."""

    def __init__(self, names: Iterable[str], change: datetime) -> None:
        self.start, self.day = change - 30 * HOUR, change.date()
        shown = (clocks.walls(name, self.start, change + 75 * HOUR) for name in names)
        self.latest = [list(accumulate((wall for _, wall in one), max)) for one in shown]

    def next(self, clock: time, now: datetime) -> datetime:
        come = (self.comes(datetime.combine(self.day + n * DAY, clock)) for n in range(-2, 4))
        return min(at for at in come if at >= now)

    def comes(self, wall: datetime) -> datetime:
        return self.start + max(bisect_left(latest, wall) for latest in self.latest) * MINUTE


def test_the_calendar_of_the_tests_does_not_go_back() -> None:
    """St. John's put its clocks back a minute after midnight, until 2011: its day had begun."""
    second_pass = datetime(2010, 11, 7, 3, tzinfo=UTC)
    assert clocks.shown("America/St_Johns", second_pass).date() == date(2010, 11, 6)
    assert clocks.calendar_day("America/St_Johns", second_pass) == date(2010, 11, 7)
