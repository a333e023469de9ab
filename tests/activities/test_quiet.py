"""Quiet hours on the wall clock, over every kind of clock change (SEMANTICS 4)."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from activities.gate.quiet import ASK_AGAIN, quiet_anywhere, quiet_until
from journeys.contracts import QuietHours
from segments.time.zones import ANYWHERE

NIGHT = QuietHours("22:00", "06:00")


def at(zone: str, *when: int, fold: int = 0) -> datetime:
    year, month, day, hour, minute = when
    return datetime(year, month, day, hour, minute, tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC)


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
    until = quiet_until(NIGHT, ZoneInfo(zone), start)
    assert until is not None
    assert until - start == timedelta(hours=hours)


@pytest.mark.parametrize(
    ("zone", "day"), [("Africa/Cairo", (2026, 4, 24)), ("Asia/Beirut", (2026, 3, 29)), ("America/Santiago", (2026, 9, 6))]
)
def test_quiet_hours_that_end_at_a_midnight_which_does_not_exist(zone: str, day: tuple[int, int, int]) -> None:
    midnight = datetime(*day, 1, tzinfo=ZoneInfo(zone)).astimezone(UTC)  # 00:00-00:59 are skipped
    assert quiet_until(QuietHours("20:00", "00:00"), ZoneInfo(zone), midnight - timedelta(minutes=5)) == midnight


def test_an_end_that_exists_twice_is_its_first_occurrence_and_the_second_pass_is_quiet_again() -> None:
    madrid, quiet = ZoneInfo("Europe/Madrid"), QuietHours("22:00", "02:30")
    first = at("Europe/Madrid", 2026, 10, 25, 2, 30)
    assert quiet_until(quiet, madrid, first - timedelta(hours=1)) == first
    assert quiet_until(quiet, madrid, first) is None
    second_pass = at("Europe/Madrid", 2026, 10, 25, 2, 10, fold=1)
    assert quiet_until(quiet, madrid, second_pass) == first + timedelta(hours=1)


def test_daytime_is_not_quiet() -> None:
    assert quiet_until(NIGHT, ZoneInfo("UTC"), datetime(2026, 1, 1, 12, tzinfo=UTC)) is None
    assert quiet_until(QuietHours("13:00", "15:00"), ZoneInfo("UTC"), datetime(2026, 1, 1, 15, tzinfo=UTC)) is None


@pytest.mark.parametrize("zone", ["Europe/Madrid", "America/Santiago", "Australia/Lord_Howe", "Africa/Cairo", "Asia/Tehran"])
def test_no_release_lies_in_the_quiet_hours(zone: str) -> None:
    tz, now = ZoneInfo(zone), datetime(2026, 1, 1, tzinfo=UTC)
    while now.year == 2026:
        released, tries = now, 0
        while until := quiet_until(NIGHT, tz, released):
            assert until > released
            released, tries = until, tries + 1
            assert tries < 3
        assert 6 <= released.astimezone(tz).hour < 22
        now += timedelta(hours=5, minutes=17)


def test_of_whom_only_the_country_is_known_it_is_quiet_as_long_as_it_is_quiet_anywhere_in_it() -> None:
    """A9: 22 to 6, from New York to Honolulu."""
    zones = [ZoneInfo(name) for name in ("America/New_York", "America/Chicago", "America/Los_Angeles", "Pacific/Honolulu")]
    evening = datetime(2026, 1, 6, 3, 30, tzinfo=UTC)  # 22:30 in New York, 17:30 in Honolulu
    until = quiet_anywhere(NIGHT, zones, evening)
    assert until == datetime(2026, 1, 6, 16, tzinfo=UTC)  # 6:00 in Honolulu
    assert quiet_anywhere(NIGHT, zones, until) is None
    assert quiet_anywhere(NIGHT, zones[:1], evening) == quiet_until(NIGHT, zones[0], evening)


def test_of_whom_nothing_is_known_it_is_always_quiet_and_asked_again() -> None:
    world = [ZoneInfo(name) for name in ANYWHERE]
    for hour in range(24):
        now = datetime(2026, 1, 6, hour, tzinfo=UTC)
        assert quiet_anywhere(NIGHT, world, now) == now + ASK_AGAIN


def test_short_quiet_hours_of_whom_nothing_is_known_still_are_somewhere() -> None:
    world = [ZoneInfo(name) for name in ANYWHERE]
    siesta = QuietHours("14:00", "14:30")
    assert quiet_anywhere(siesta, world, datetime(2026, 1, 6, 12, 10, tzinfo=UTC)) == datetime(2026, 1, 6, 12, 30, tzinfo=UTC)
    assert quiet_anywhere(siesta, world, datetime(2026, 1, 6, 12, 40, tzinfo=UTC)) is None
