"""Moments on the customer's wall clock: their hard days, and what an author may say (SEMANTICS 4)."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from journeys.errors import CatalogueError
from journeys.gate.moment import Moment, moment, next_of
from segments import days, hours
from segments.time.zones import ANYWHERE

NOON = datetime(2026, 3, 3, 12, tzinfo=UTC)  # a Tuesday
MADRID = ("Europe/Madrid",)
MICRO = timedelta(microseconds=1)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "clock", "now", "then"),
    [
        ("Europe/Madrid", "02:30", "2026-03-28T12:00", "2026-03-29T01:00"),  # absent: 03:00 follows 01:59
        ("Europe/Madrid", "02:30", "2026-10-24T12:00", "2026-10-25T00:30"),  # twice: the first
        ("Europe/Madrid", "02:30", "2026-10-25T00:31", "2026-10-26T01:30"),  # the second one of a day is none
        ("Africa/Cairo", "00:00", "2026-04-23T12:00", "2026-04-23T22:00"),  # 01:00 follows 23:59
        ("Asia/Beirut", "00:15", "2026-03-28T12:00", "2026-03-28T22:00"),
        ("America/Santiago", "00:00", "2026-09-05T12:00", "2026-09-06T04:00"),
        ("Australia/Lord_Howe", "01:45", "2026-04-04T12:00", "2026-04-04T14:45"),  # half an hour comes twice
        ("Australia/Lord_Howe", "02:15", "2026-10-03T12:00", "2026-10-03T15:30"),  # half an hour is left out
        ("Pacific/Apia", "09:30", "2011-12-29T20:00", "2011-12-30T10:00"),  # that day was left out
    ],
)
def test_a_time_that_the_clocks_skip_or_show_twice(zone: str, clock: str, now: str, then: str) -> None:
    assert next_of(moment(clock), (zone,), utc(now)) == utc(then)


def test_a_moment_is_now_when_it_is_that_time_and_tomorrow_an_instant_later() -> None:
    half_past_nine = utc("2026-03-03T08:30")
    assert next_of(moment("09:30"), MADRID, half_past_nine) == half_past_nine
    assert next_of(moment("09:30"), MADRID, half_past_nine + MICRO) == half_past_nine + timedelta(days=1)


def test_days_of_the_week() -> None:
    saturday, sunday = utc("2026-03-07T08:30"), utc("2026-03-08T08:30")
    assert next_of(moment("09:30", weekday="sat"), MADRID, NOON) == saturday
    weekend = moment("09:30", weekday=("sun", "sat"))
    assert weekend.weekdays == ("sat", "sun")
    assert next_of(weekend, MADRID, saturday) == saturday
    assert next_of(weekend, MADRID, saturday + MICRO) == sunday
    assert next_of(weekend, MADRID, sunday + MICRO) == saturday + timedelta(days=7)


def test_a_date_comes_once() -> None:
    christmas = moment(date(2026, 12, 24), "10:00")
    assert next_of(christmas, MADRID, NOON) == utc("2026-12-24T09:00")
    assert next_of(christmas, MADRID, utc("2026-12-24T09:00")) == utc("2026-12-24T09:00")
    assert next_of(christmas, MADRID, utc("2026-12-24T09:01")) is None


@pytest.mark.parametrize(
    ("born", "now", "then"),
    [
        ("1990-05-20", "2026-03-03T12:00", "2026-05-17T08:00"),
        ("1990-05-20", "2026-05-17T08:01", "2027-05-17T08:00"),
        ("1990-05-20T23:30:00-05:00", "2026-03-03T12:00", "2026-05-17T08:00"),  # the day as it is written
        ("1990-01-02", "2026-12-20T12:00", "2026-12-30T09:00"),  # over the turn of the year
        ("1988-02-29", "2026-01-01T12:00", "2026-02-25T09:00"),  # it returns on the 28th
        ("1988-02-29", "2027-12-01T12:00", "2028-02-26T09:00"),  # and has its own day in a leap year
        ("2030-05-20", "2026-03-03T12:00", "2030-05-17T08:00"),  # no return before the date itself
        ("soon", "2026-03-03T12:00", None),
        (None, "2026-03-03T12:00", None),
        ("9999-12-31", "2026-03-03T12:00", "9999-12-28T09:00"),
    ],
)
def test_the_next_return_of_a_date_in_a_trait(born: Any, now: str, then: str | None) -> None:
    asked = moment(trait="pet.birthday", before=days(3), at="10:00")
    found = next_of(asked, MADRID, utc(now), {"pet": {"birthday": born}})
    assert found == (then and utc(then))


def test_the_very_date_in_a_trait_comes_once() -> None:
    ends = moment(trait="trial_ends", after=days(1), at="10:00", yearly=False)
    assert next_of(ends, MADRID, NOON, {"trial_ends": "2026-03-10"}) == utc("2026-03-11T09:00")
    assert next_of(ends, MADRID, NOON, {"trial_ends": "2025-03-10"}) is None
    assert next_of(ends, MADRID, NOON, {}) is None
    pets = {"pets": [{"vaccine": "2025-01-01"}, {"vaccine": "2026-04-01"}, {"vaccine": "2026-03-10"}]}
    vaccine = moment(trait="pets.vaccine", at="10:00", yearly=False)
    assert next_of(vaccine, MADRID, NOON, pets) == utc("2026-03-10T09:00"), "of several the first that comes"


def test_an_instant_in_a_trait_and_a_span_before_it_are_elapsed_time() -> None:
    before = moment(trait="appointment", before=hours(2), yearly=False)
    assert next_of(before, MADRID, NOON, {"appointment": "2026-03-29T04:00:00+02:00"}) == utc("2026-03-29T00:00")
    assert next_of(before, MADRID, NOON, {"appointment": "2026-03-03T13:59:00Z"}) is None
    assert next_of(before, MADRID, NOON, {"appointment": "0001-01-01"}) is None


def test_of_whom_it_is_not_known_where_they_are_a_moment_has_come_when_it_has_everywhere() -> None:
    """Half past nine in New York is 14:30, in Los Angeles 17:30, in Honolulu 19:30."""
    states = ("America/New_York", "America/Los_Angeles", "Pacific/Honolulu")
    for now in ("2026-03-03T10:00", "2026-03-03T16:00", "2026-03-03T19:30"):
        assert next_of(moment("09:30"), states, utc(now)) == utc("2026-03-03T19:30")
    assert next_of(moment("09:30"), states, utc("2026-03-03T19:31")) == utc("2026-03-04T19:30")
    assert next_of(moment("09:30", weekday="sat"), ANYWHERE, NOON) == utc("2026-03-07T20:30"), "the west end of the calendar"


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (moment("09:30"), "09:30"),
        (moment("09:30", weekday=("sat", "sun")), "sat, sun 09:30"),
        (moment(date(2026, 12, 24), "10:00"), "2026-12-24 10:00"),
        (moment(trait="birthday", before=days(3), at="10:00"), "3 d before birthday 10:00"),
        (moment(trait="appointment", before=hours(2), yearly=False), "2 h before appointment"),
    ],
)
def test_a_moment_is_the_same_after_a_journey_through_json_and_has_words(asked: Moment, words: str) -> None:
    assert Moment.model_validate_json(asked.model_dump_json()) == asked
    assert str(asked) == words


@pytest.mark.parametrize(
    ("said", "named", "sentence"),
    [
        ((), {}, "; give it a time of day, such as"),
        ((7,), {}, "; give it a time of day, such as"),
        (("9:30",), {}, 'write HH:MM, such as "09:30"'),
        (("09:30",), {"weekday": "saturday"}, "'saturday' is no day of the week; use mon, tue"),
        ((datetime(2026, 1, 1, tzinfo=UTC), "10:00"), {}, "; give it a time of day"),
        ((date(2026, 1, 1), "10"), {}, "is no time of day; write HH:MM"),
        ((date(2026, 1, 1), "10:00"), {"weekday": "sat"}, "; give it a time of day"),
        (("09:30",), {"before": days(1)}, "go with a date in a trait"),
        (("09:30",), {"trait": "birthday"}, "of a date in a trait the time of day is at="),
        ((), {"trait": "birthday"}, r"at what time of the day; write until\(trait=\"birthday\", at=\"10:00\"\)"),
        ((), {"trait": "birthday", "at": "10:00", "before": hours(5)}, "5 h are no whole days"),
    ],
)
def test_what_is_no_moment_is_refused_with_what_to_write(said: tuple[Any, ...], named: dict[str, Any], sentence: str) -> None:
    with pytest.raises(CatalogueError, match=sentence):
        moment(*said, **named)
