"""Quiet hours on the wall clock, over every kind of clock change (SEMANTICS 4)."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from activities.quiet import quiet_until
from journeys.contracts import QuietHours

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
