"""Quiet hours and windows on the wall clock, over every kind of clock change (SEMANTICS 4)."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from journeys.contracts import QuietHours
from journeys.errors import CatalogueError
from journeys.gate.hours import LONGEST, Quiet, next_open, window
from journeys.gate.solver import solve
from journeys.policies import Window
from segments.time.zones import ANYWHERE

NIGHT = QuietHours("22:00", "06:00")


def at(zone: str, *when: int, fold: int = 0) -> datetime:
    year, month, day, hour, minute = when
    return datetime(year, month, day, hour, minute, tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC)


def quiet_until(quiet: QuietHours, zones: str | Iterable[str], now: datetime) -> datetime | None:
    """The first instant from now on that is quiet nowhere; None where there is none."""
    where = (zones,) if isinstance(zones, str) else tuple(zones)
    return solve(now, now + LONGEST, [Quiet(quiet, where, {})]).at


@pytest.mark.parametrize(
    ("zone", "evening", "hours"),
    [
        ("Europe/Madrid", (2026, 3, 28, 22, 0), 7),
        ("Europe/Madrid", (2026, 10, 24, 22, 0), 9),
        ("Europe/Madrid", (2026, 6, 1, 22, 0), 8),
        ("Australia/Lord_Howe", (2026, 4, 4, 22, 0), 8.5),
    ],
)
def test_a_night_is_as_long_as_the_zone_says(zone: str, evening: tuple[int, ...], hours: float) -> None:
    start = at(zone, *evening)
    until = quiet_until(NIGHT, zone, start)
    assert until is not None
    assert until - start == timedelta(hours=hours)


@pytest.mark.parametrize(
    ("zone", "day"), [("Africa/Cairo", (2026, 4, 24)), ("Asia/Beirut", (2026, 3, 29)), ("America/Santiago", (2026, 9, 6))]
)
def test_quiet_hours_that_end_at_a_midnight_which_does_not_exist(zone: str, day: tuple[int, int, int]) -> None:
    midnight = datetime(*day, 1, tzinfo=ZoneInfo(zone)).astimezone(UTC)  # 00:00-00:59 are skipped
    assert quiet_until(QuietHours("20:00", "00:00"), zone, midnight - timedelta(minutes=5)) == midnight


def test_an_end_that_exists_twice_is_its_first_occurrence_and_the_second_pass_is_quiet_again() -> None:
    madrid, quiet = "Europe/Madrid", QuietHours("22:00", "02:30")
    first = at(madrid, 2026, 10, 25, 2, 30)
    assert quiet_until(quiet, madrid, first - timedelta(hours=1)) == first
    assert quiet_until(quiet, madrid, first) == first
    second_pass = at(madrid, 2026, 10, 25, 2, 10, fold=1)
    assert quiet_until(quiet, madrid, second_pass) == first + timedelta(hours=1)


def test_daytime_is_not_quiet() -> None:
    noon, three = datetime(2026, 1, 1, 12, tzinfo=UTC), datetime(2026, 1, 1, 15, tzinfo=UTC)
    assert quiet_until(NIGHT, "UTC", noon) == noon
    assert quiet_until(QuietHours("13:00", "15:00"), "UTC", three) == three


@pytest.mark.parametrize("zone", ["Europe/Madrid", "America/Santiago", "Australia/Lord_Howe", "Africa/Cairo", "Asia/Tehran"])
def test_no_release_lies_in_the_quiet_hours(zone: str) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    while now.year == 2026:
        released = quiet_until(NIGHT, zone, now)
        assert released is not None
        assert released >= now
        assert 6 <= released.astimezone(ZoneInfo(zone)).hour < 22
        now += timedelta(hours=5, minutes=17)


def test_of_whom_only_the_country_is_known_it_is_quiet_as_long_as_it_is_quiet_anywhere_in_it() -> None:
    """A9: 22 to 6, from New York to Honolulu."""
    zones = ("America/New_York", "America/Chicago", "America/Los_Angeles", "Pacific/Honolulu")
    evening = datetime(2026, 1, 6, 3, 30, tzinfo=UTC)  # 22:30 in New York, 17:30 in Honolulu
    until = quiet_until(NIGHT, zones, evening)
    assert until == datetime(2026, 1, 6, 16, tzinfo=UTC)  # 6:00 in Honolulu
    assert quiet_until(NIGHT, zones, until) == until
    assert quiet_until(NIGHT, zones[0], evening) == datetime(2026, 1, 6, 11, tzinfo=UTC)


def test_of_whom_nothing_is_known_it_is_always_quiet() -> None:
    for hour in range(24):
        assert quiet_until(NIGHT, ANYWHERE, datetime(2026, 1, 6, hour, tzinfo=UTC)) is None


def test_short_quiet_hours_of_whom_nothing_is_known_still_are_somewhere() -> None:
    siesta = QuietHours("14:00", "14:30")
    open_at = datetime(2026, 1, 6, 12, 30, tzinfo=UTC)
    assert quiet_until(siesta, ANYWHERE, open_at - timedelta(minutes=20)) == open_at
    later = open_at + timedelta(minutes=10)
    assert quiet_until(siesta, ANYWHERE, later) == later


def test_a_window_opens_on_its_days_and_over_midnight_belongs_to_the_day_on_which_it_began() -> None:
    madrid = ("Europe/Madrid",)
    saturdays = window("22:00", "02:00", weekdays="sat")
    friday, sunday = at("Europe/Madrid", 2026, 1, 9, 23, 0), at("Europe/Madrid", 2026, 1, 11, 1, 30)
    assert next_open(saturdays, madrid, friday) == at("Europe/Madrid", 2026, 1, 10, 22, 0)
    assert next_open(saturdays, madrid, sunday) == sunday
    closed = at("Europe/Madrid", 2026, 1, 11, 2, 0)
    assert next_open(saturdays, madrid, closed) == at("Europe/Madrid", 2026, 1, 17, 22, 0)


def test_a_window_is_open_where_it_is_open_everywhere() -> None:
    nine_to_eight = Window("09:00", "20:00")
    coasts = ("America/New_York", "America/Los_Angeles")
    assert next_open(nine_to_eight, coasts, datetime(2026, 1, 6, tzinfo=UTC)) == datetime(2026, 1, 6, 0, tzinfo=UTC)
    assert next_open(nine_to_eight, coasts, datetime(2026, 1, 6, 1, tzinfo=UTC)) == datetime(2026, 1, 6, 17, tzinfo=UTC)
    assert next_open(nine_to_eight, ANYWHERE, datetime(2026, 1, 6, tzinfo=UTC)) is None


def test_a_window_that_falls_into_a_gap_of_the_clocks_does_not_open_that_day() -> None:
    """02:00 to 03:00 does not exist in Madrid on 2026-03-29, and exists twice on 2026-10-25."""
    early, madrid = Window("02:00", "03:00"), ("Europe/Madrid",)
    assert next_open(early, madrid, at("Europe/Madrid", 2026, 3, 29, 0, 0)) == at("Europe/Madrid", 2026, 3, 30, 2, 0)
    again = at("Europe/Madrid", 2026, 10, 25, 2, 0, fold=1)
    assert next_open(early, madrid, again) == again


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (("9:00", "20:00"), 'is no time of day; write HH:MM, such as "09:30"'),
        (("09:00", "24:00"), 'midnight is "00:00"'),
        (("09:00", "09:00"), "is the whole day; leave it out"),
        (("09:00", "20:00", ("mon", "funday")), "'funday' is no day of the week; use mon, tue"),
    ],
)
def test_a_window_that_is_none_is_refused_with_what_to_write(given: tuple[str, ...], sentence: str) -> None:
    with pytest.raises(CatalogueError, match=sentence):
        window(*given)
