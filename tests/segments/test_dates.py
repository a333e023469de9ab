"""Dates in traits seen from now: trials that end, birthdays and age, at local midnight and by time alone."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from segments import DefinitionError, Predicate, Segment, age, did, prop, trait
from segments.evaluate import flips, holds
from tests.segments.shop import T0, Shop

DAY, HOUR, MICRO = timedelta(days=1), timedelta(hours=1), timedelta(microseconds=1)
ending = trait("trial_ends").within_next(days=3)
ended = trait("trial_ends").within_last(days=3)
adult = age("birthday") >= 18


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc, arg-type]  # year, month, day, hour …


CASES: list[tuple[Predicate, dict[str, Any], datetime, bool]] = [
    (ending, {"trial_ends": "2026-11-19T12:00:00Z"}, T0, True),
    (ending, {"trial_ends": "2026-11-19T12:00:00.000001Z"}, T0, False),
    (ending, {"trial_ends": "2026-11-16T12:00:00Z"}, T0, False),
    (ended, {"trial_ends": "2026-11-16T13:00:00+01:00"}, T0, True),
    (ended, {"trial_ends": "2026-11-13T12:00:00Z"}, T0, False),
    (ended, {"trial_ends": "2026-11-14"}, T0, True),
    (ended, {"trial_ends": "yesterday"}, T0, False),
    (ended, {"trial_ends": 20261114}, T0, False),
    (ended, {"trial_ends": "2026-02-30"}, T0, False),
    (trait("trials.ends").within_next(days=3), {"trials": [{"ends": "2020-01-01"}, {"ends": "2026-11-17"}]}, T0, True),
    (adult, {"birthday": "2008-11-16"}, utc(2026, 11, 16), True),
    (adult, {"birthday": "2008-11-16"}, utc(2026, 11, 16) - MICRO, False),
    (adult, {"birthday": "2008-11-16", "timezone": "Asia/Tokyo"}, utc(2026, 11, 15, 15), True),
    (adult, {"birthday": "2008-11-16", "timezone": "America/New_York"}, utc(2026, 11, 16, 4, 59), False),
    (adult, {"birthday": "2008-11-16T23:00:00-05:00"}, utc(2026, 11, 16), True),
    (adult, {"birthday": "2008-02-29"}, utc(2026, 2, 28), True),
    (adult, {"birthday": "2008-02-29"}, utc(2026, 2, 28) - MICRO, False),
    (age("birthday") == 20, {"birthday": "2008-02-29"}, utc(2028, 2, 28, 23), False),
    (age("birthday") == 20, {"birthday": "2008-02-29"}, utc(2028, 2, 29), True),
    (age("birthday").between(25, 35), {"birthday": "1990-11-17"}, T0, True),
    (age("birthday").between(25, 35), {"birthday": "1990-11-16"}, T0, False),
    (age("birthday") < 18, {"birthday": "2026-11-17"}, T0, False),
    (age("birthday") < 18, {"birthday": "2026-11-16"}, T0, True),
    (age("birthday") > 2000, {"birthday": "0001-01-01"}, T0, True),
    (age("birthday") >= 17.5, {"birthday": "2008-12-01"}, T0, False),
    (trait("birthday").anniversary(), {"birthday": "1990-11-16"}, T0, True),
    (trait("birthday").anniversary(), {"birthday": "1990-11-17"}, T0, False),
    (trait("birthday").anniversary(), {"birthday": "2026-11-16"}, T0, False),
    (trait("birthday").anniversary(1), {"birthday": "1990-11-17"}, T0, True),
    (trait("birthday").anniversary(1), {"birthday": "2027-11-17"}, T0, False),
    (trait("birthday").anniversary(zone="Pacific/Kiritimati"), {"birthday": "1990-11-17"}, T0, True),
    (trait("birthday").anniversary(otherwise="Pacific/Kiritimati"), {"birthday": "1990-11-17", "timezone": "UTC"}, T0, False),
    (trait("birthday").anniversary(20), {"birthday": "1990-01-05"}, utc(2026, 12, 20), True),
    (trait("birthday").anniversary(), {"birthday": "2008-02-29"}, utc(2026, 2, 28), True),
    (trait("birthday").anniversary(), {"birthday": "2008-02-29"}, utc(2028, 2, 28), False),
    (trait("birthday").anniversary(), {"birthday": 19901116}, T0, False),
]


@pytest.mark.parametrize(("predicate", "traits", "at", "true"), CASES, ids=range(len(CASES)))
async def test_at_its_hard_instants(shop: Shop, predicate: Predicate, traits: dict[str, Any], at: datetime, true: bool) -> None:
    ana = await shop.customer(**traits)
    assert holds(predicate, traits, [], at) is true
    assert await shop.evaluated(predicate, at) == ({ana} if true else set())


async def test_a_trial_comes_near_and_ends_by_time_alone(shop: Shop) -> None:
    near = Segment("near", ending)
    ana, bob = await shop.customer(trial_ends="2026-11-20"), await shop.customer(trial_ends="soon")
    await shop.load(near)
    await shop.tick(utc(2026, 11, 17) - MICRO)
    assert await shop.members(near) == set()
    await shop.tick(utc(2026, 11, 17))
    assert await shop.members(near) == {ana}
    await shop.identify(bob, utc(2026, 11, 18), trial_ends="2026-11-21")
    await shop.tick(utc(2026, 11, 18))
    assert await shop.members(near) == {ana, bob}
    await shop.identify(ana, utc(2026, 11, 19), trial_ends="2026-12-24")
    await shop.tick(utc(2026, 11, 19))
    assert await shop.members(near) == {bob}
    await shop.tick(utc(2026, 12, 22))
    assert await shop.members(near) == {ana}
    cause = {"trait": "trial_ends"}
    assert await shop.log(near, ana) == [
        ("entered", utc(2026, 11, 17), cause),
        ("left", utc(2026, 11, 19), {"event": "$identify"}),
        ("entered", utc(2026, 12, 21), cause),
    ]
    assert [line[:2] for line in await shop.log(near, bob)] == [("entered", utc(2026, 11, 18)), ("left", utc(2026, 11, 21))]


async def test_a_birthday_moves_a_customer_without_an_event(shop: Shop) -> None:
    adults = Segment("adults", adult & did("Signed Up"))
    ana = await shop.customer(birthday="2008-11-18", timezone="Europe/Madrid")
    await shop.event(ana, "Signed Up", T0 - DAY)
    await shop.load(adults)
    midnight = utc(2026, 11, 17, 23)
    await shop.tick(midnight - MICRO)
    assert await shop.members(adults) == set()
    await shop.tick(midnight)
    assert await shop.log(adults) == [("entered", midnight, {"trait": "birthday"})]


async def test_a_birthday_greeting_comes_every_year(shop: Shop) -> None:
    today = Segment("birthday", trait("birthday").anniversary(otherwise="Europe/Madrid"))
    await shop.customer(birthday="2008-02-29")
    await shop.load(today)
    for year in (2027, 2028):
        for hour in range(0, 72, 6):
            await shop.tick(utc(year, 2, 27, 22) + hour * HOUR)
    assert [line[:2] for line in await shop.log(today)] == [
        ("entered", utc(2027, 2, 27, 23)),
        ("left", utc(2027, 2, 28, 23)),
        ("entered", utc(2028, 2, 28, 23)),
        ("left", utc(2028, 2, 29, 23)),
    ]


async def test_one_alarm_a_customer_and_none_without_a_date(shop: Shop) -> None:
    both = Segment("both", ending | (trait("birthday").anniversary() & (age("birthday") >= 18)))
    ana, bob = await shop.customer(trial_ends="2026-11-20", birthday="1990-12-01"), await shop.customer(birthday="never")
    await shop.load(both, Segment("other", did("A")))
    alarms = "select segment, profile_id, due_at from segment_alarm order by due_at"
    assert [tuple(row) for row in await shop.database.pool.fetch(alarms)] == [("both", ana, utc(2026, 11, 17))]
    await shop.tick(utc(2026, 11, 18))
    assert [tuple(row) for row in await shop.database.pool.fetch(alarms)] == [("both", ana, utc(2026, 11, 20))]
    await shop.identify(ana, utc(2026, 11, 18), trial_ends=None, birthday=None)
    await shop.identify(bob, utc(2026, 11, 18), birthday="2000-11-30")
    await shop.tick(utc(2026, 11, 19))
    assert [tuple(row) for row in await shop.database.pool.fetch(alarms)] == [("both", bob, utc(2026, 11, 30))]


async def test_a_merge_hands_the_date_to_the_survivor(shop: Shop) -> None:
    near = Segment("near", ending)
    ana, absorbed = await shop.customer(), await shop.customer(trial_ends="2026-11-20")
    await shop.load(near)
    await shop.database.pool.execute("update profile set merged_into = $1 where id = $2", ana, absorbed)
    await shop.identify(ana, T0 + HOUR, trial_ends="2026-11-20")
    await shop.tick(T0 + HOUR)
    await shop.tick(utc(2026, 11, 17))
    assert await shop.members(near) == {ana}


def test_flips_are_at_local_midnights_across_the_change_of_clocks() -> None:
    week = trait("birthday").anniversary(3, zone="Europe/Madrid")
    found = flips(week, {"birthday": "1990-03-30"}, [], utc(2026, 1, 1), utc(2026, 12, 31))
    assert found == [(utc(2026, 3, 26, 23), True), (utc(2026, 3, 30, 22), False)]


READS_LIKE = [
    (ending, "trial_ends is within the next 3 days"),
    (ended, "trial_ends was within the last 3 days"),
    (trait("birthday").anniversary(), "the anniversary of birthday is today"),
    (trait("birthday").anniversary(7, zone="Europe/Madrid"), "the anniversary of birthday is within 7 days in Europe/Madrid"),
    (adult, "the age by birthday is at least 18"),
    (age("birthday").between(25, 35), "the age by birthday is between 25 and 35"),
]


@pytest.mark.parametrize(("predicate", "english"), READS_LIKE, ids=[english for _, english in READS_LIKE])
def test_it_reads_like_english_and_survives_json(predicate: Predicate, english: str) -> None:
    assert str(predicate) == english
    assert Segment.from_json(Segment("s", predicate).to_json()) == Segment("s", predicate)


REFUSED: list[tuple[Any, str]] = [
    (lambda: trait("x").within_next(), r"trait\('x'\)\.within_next: the window must be longer than zero"),
    (lambda: trait("x").within_last(days=-1), r"trait\('x'\)\.within_last"),
    (lambda: prop("x").within_next(days=1), r"property\('x'\)\.within_next: looks at the time that passes"),
    (lambda: trait("x").anniversary(-1), r"trait\('x'\)\.anniversary: within_days is from 0"),
    (lambda: trait("x").anniversary(1.5), "whole number"),
    (lambda: trait("x").anniversary(zone="Mars"), "'Mars' is no IANA time zone"),
    (lambda: age("x") > "18", r"age\('x'\): compares with a number of years"),
    (lambda: age("x") > True, "no meaning for a boolean"),
    (lambda: age("x").between(35, 25), "the low value comes first"),
    (lambda: bool(age("x")), "compare it with a number"),
    (lambda: did("A").where(adult), r"prop\(…\)"),
    (lambda: Segment.from_json({"name": "s", "predicate": {"trait": "x", "within_next": "soon"}}), "number of seconds"),
    (lambda: Segment.from_json({"name": "s", "predicate": {"trait": "x", "within_next": 5, "is": ">"}}), "is: unknown here"),
    (lambda: Segment.from_json({"name": "s", "predicate": {"trait": "x", "anniversary": 5}}), "needs an object"),
    (lambda: Segment.from_json({"name": "s", "predicate": {"age": "x", "is": "contains", "value": 1}}), "unknown operator"),
]


@pytest.mark.parametrize(("definition", "message"), REFUSED, ids=range(len(REFUSED)))
def test_what_cannot_mean_anything_is_refused_with_its_place(definition: Any, message: str) -> None:
    with pytest.raises(DefinitionError, match=message):
        definition()
