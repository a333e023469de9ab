"""Hours of the day and days of the week in the customer's zone: clock changes, unknown zones, two engines."""

from datetime import UTC, datetime, time, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from segments import DefinitionError, Predicate, Segment, check_goal, did
from segments.evaluate import holds
from segments.facts import Event
from segments.language.wire import predicate_from_json
from segments.time.calendar import known_zones
from segments.time.wall_clock import DAY, MONDAY, STRIDE, seconds_of, wall_seconds, wall_table
from tests.segments.shop import T0, Shop

HOUR, SECOND, MICRO = timedelta(hours=1), timedelta(seconds=1), timedelta(microseconds=1)
LATER = datetime(2100, 1, 1, tzinfo=UTC)
#: Zones whose clocks did something odd, and when.
ODD = {
    "Pacific/Apia": datetime(2011, 12, 30, 10, tzinfo=UTC),  # a day left out
    "America/Recife": datetime(2000, 10, 8, 3, tzinfo=UTC),  # summer for a week
    "Africa/Casablanca": datetime(2026, 2, 15, 2, tzinfo=UTC),  # back for the month of Ramadan
    "Australia/Lord_Howe": datetime(2026, 4, 4, 15, tzinfo=UTC),  # half an hour
    "Africa/Sao_Tome": datetime(2018, 1, 1, 1, tzinfo=UTC),  # with the year
    "Europe/Madrid": datetime(2026, 10, 25, 1, tzinfo=UTC),
    "Asia/Gaza": datetime(2040, 10, 20, tzinfo=UTC),
}


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def counts(predicate: Predicate, ts: datetime, **traits: Any) -> bool:
    return holds(predicate, traits, [Event("A", ts)], LATER)


@pytest.mark.parametrize(
    ("start", "end", "local", "inside"),
    [
        (20, 24, "20:00:00", True),
        (20, 24, "19:59:59.999999", False),
        (20, 24, "23:59:59.999999", True),
        (20, 24, "00:00:00", False),
        (20, 0, "23:00:00", True),
        (22, 6, "22:00:00", True),
        (22, 6, "05:59:59.999999", True),
        (22, 6, "06:00:00", False),
        (22, 6, "21:59:59", False),
        (time(20, 30), 21, "20:29:59", False),
        (time(20, 30), 21, "20:30:00", True),
        (0, 6, "00:00:00", True),
    ],
)
def test_hours_have_their_first_instant_and_not_their_last(start: Any, end: Any, local: str, inside: bool) -> None:
    ts = utc(f"2026-11-16T{local}")
    assert counts(did("A").at_hours(start, end), ts) is inside
    madrid = did("A").at_hours(start, end)
    assert counts(madrid, ts - HOUR, timezone="Europe/Madrid") is inside


def test_the_weekday_is_that_of_the_event_by_the_customers_calendar() -> None:
    weekend = did("A").on_days("sat", "sun")
    friday_evening = utc("2026-11-20T18:30")
    assert not counts(weekend, friday_evening)
    assert counts(weekend, friday_evening, timezone="Asia/Kolkata")
    assert not counts(did("A").on_days("sat", "sun", zone="UTC"), friday_evening, timezone="Asia/Kolkata")
    assert counts(did("A").on_days("sat", otherwise="Asia/Kolkata"), friday_evening, timezone="Nowhere/Land")
    night = did("A").at_hours(22, 6).on_days("sat")
    assert [counts(night, utc(f"2026-11-{day}T{hour}")) for day, hour in ((21, "02:00"), (21, "23:00"), (22, "02:00"))] == [
        True,
        True,
        False,  # by then it is Sunday
    ]


def test_an_hour_that_comes_twice_counts_twice_and_one_that_is_left_out_never() -> None:
    two = did("A").at_hours(2, 3, zone="Europe/Madrid")
    autumn = [utc("2026-10-25T00:00"), utc("2026-10-25T01:00")]
    assert [counts(two, ts) for ts in autumn] == [True, True]
    assert [counts(two, ts + HOUR - MICRO) for ts in autumn] == [True, True]
    assert not counts(two, utc("2026-10-25T02:00"))
    spring = utc("2026-03-29T00:00")
    assert not any(counts(two, spring + n * timedelta(minutes=10)) for n in range(12))


def table_says(table: Any, zone: str, ts: datetime) -> int:
    """The offset, as the database looks it up."""
    number = table.homes[zone]
    found = [offset for key, offset in zip(table.keys, table.offsets, strict=True) if key <= number * STRIDE + seconds_of(ts)]
    return int(found[-1])


@pytest.mark.parametrize("zone", ODD)
def test_the_table_for_the_database_has_every_change_to_the_second(zone: str) -> None:
    changed = ODD[zone]
    there = ZoneInfo(zone)
    offsets = [(changed + step).astimezone(there).utcoffset() for step in (-SECOND, timedelta(0))]
    assert offsets[0] != offsets[1]
    for table in (wall_table(changed - timedelta(days=30), changed), wall_table(datetime.min.replace(tzinfo=UTC), LATER, zone)):
        told = [timedelta(seconds=table_says(table, zone, changed + step)) for step in (-SECOND, timedelta(0))]
        assert told == offsets


def test_the_table_is_python_at_any_instant_in_any_zone() -> None:
    random = Random(1)
    table = wall_table(utc("2024-06-01T00:00"), utc("2027-06-01T00:00"))
    assert table.keys == sorted(table.keys)
    assert table.homes.keys() == known_zones()
    for zone in random.sample(sorted(known_zones()), 60):
        for ts in (utc("2024-06-01T00:00") + random.random() * timedelta(days=1095) for _ in range(20)):
            expected = ts.astimezone(ZoneInfo(zone))
            assert timedelta(seconds=table_says(table, zone, ts)) == expected.utcoffset()
            shown = wall_seconds(ts, zone)
            assert (shown // DAY % 7, shown % DAY // 3600) == (expected.weekday(), expected.hour)


def test_ancient_and_far_instants_have_an_hour_too() -> None:
    early, late = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    assert wall_seconds(early, "UTC") == MONDAY - 719_162 * DAY
    assert wall_seconds(early, "UTC") // DAY % 7 == early.weekday() == 0
    for zone in ("America/New_York", "Pacific/Kiritimati"):
        table = wall_table(early, late, zone)
        assert [table_says(table, zone, at) for at in (early, late)] == [
            wall_seconds(at, zone) - seconds_of(at) for at in (early, late)
        ]


async def test_postgres_gives_the_same_answer_around_every_odd_change(shop: Shop) -> None:
    """Also of who has no zone, an unknown one, or something that is none."""
    homes = [*ODD, "Nowhere/Land", "europe/madrid", "posixrules", 5, None, ["Europe/Madrid"]]
    people = [await shop.customer(timezone=home) for home in homes]
    for who in people:
        for n, changed in enumerate(ODD.values()):
            await shop.event(who, "A", changed + (n - 3) * HOUR / 2 - MICRO, mark=False)
            await shop.event(who, f"B{n}", changed - timedelta(minutes=1), mark=False)
    everywhere = [
        did("A").at_hours(1, 3).at_least(2),
        did("A").at_hours(22, 3, otherwise="Africa/Casablanca").exactly(2),
        did("A").at_hours(20, 6).on_days("sat", "sun"),
        did("A").on_days("thu", otherwise="Pacific/Apia"),
        did("A").at_hours(23, 1, zone="Australia/Lord_Howe"),
        *(did(f"B{n}").at_hours(time(23, 30), 2) for n in range(len(ODD))),
    ]
    for predicate in everywhere:
        expected = {who for who in people if holds(predicate, shop.traits[who], shop.events[who], LATER)}
        assert await shop.evaluated(predicate, LATER) == expected, str(predicate)
    found = [await shop.evaluated(predicate, LATER) for predicate in everywhere]
    assert any(0 < len(each) < len(people) for each in found)


async def test_the_first_and_the_last_instant_of_all_have_an_hour_in_postgres_too(shop: Shop) -> None:
    early, late = await shop.customer(timezone="Asia/Tokyo"), await shop.customer()
    await shop.event(early, "A", datetime.min.replace(tzinfo=UTC))  # kept as -infinity
    await shop.event(late, "A", datetime.max.replace(tzinfo=UTC))  # and infinity, which never comes
    for asked in (did("A").at_hours(0, 1, zone="UTC"), did("A").at_hours(9, 10), did("A").on_days("mon")):
        assert await shop.evaluated(asked, T0) == {early}


async def test_who_moves_to_another_zone_moves_in_by_the_clock_there(shop: Shop) -> None:
    night = Segment("night", did("A").at_hours(20, 24).within(days=30))
    ana = await shop.customer(timezone="Europe/Madrid")
    await shop.load(night)
    await shop.event(ana, "A", T0 + SECOND)  # 13:00 in Madrid, 21:00 in Tokyo
    await shop.tick(T0 + SECOND)
    assert await shop.members(night) == set()
    await shop.identify(ana, T0 + HOUR, timezone="Asia/Tokyo")
    await shop.tick(T0 + HOUR)
    assert await shop.members(night) == {ana}
    [(kind, at, _)] = await shop.log(night)
    assert (kind, at) == ("entered", T0 + HOUR)
    await shop.tick(T0 + timedelta(days=31))
    assert (await shop.log(night))[-1][:2] == ("left", T0 + SECOND + timedelta(days=30))


async def test_only_events_at_those_hours_are_told_again(shop: Shop) -> None:
    night = Segment("night", did("A").at_hours(20, 24))
    ana = await shop.customer(timezone="Asia/Tokyo")
    await shop.load(night)
    ids = []
    for hours in (0, 1, 4, 24):  # 21:00, 22:00, 01:00 and 21:00 in Tokyo
        ids.append(await shop.event(ana, "A", T0 + hours * HOUR))
        await shop.tick(T0 + hours * HOUR, keyed={"night"})
    told = [(kind, cause["message_id"]) for kind, _, cause in await shop.log(night)]
    assert told == [("entered", ids[0]), ("repeated", ids[1]), ("repeated", ids[3])]


REFUSED: list[tuple[Any, str]] = [
    (lambda: did("A").at_hours(0, 24), "the whole day or nothing"),
    (lambda: did("A").at_hours(20, 20), "the whole day or nothing"),
    (lambda: did("A").at_hours(24, 6), "between 00:00 and 24:00"),
    (lambda: did("A").at_hours(20, 25), r"did\('A'\)\.at_hours: needs whole hours from 0 to 24"),
    (lambda: did("A").at_hours(True, 6), "whole hours"),
    (lambda: did("A").at_hours("20:00", 24), "whole hours"),
    (lambda: did("A").at_hours(time(20, 0, 1), 24), "without seconds"),
    (lambda: did("A").at_hours(20, 24, zone="Mars/Olympus"), "no IANA time zone"),
    (lambda: did("A").on_days("saturday"), r"did\('A'\)\.on_days: 'saturday' is no day of the week; use mon"),
    (lambda: did("A").on_days(), "at least one day"),
    (lambda: did("A").on_days("mon", "tue", "wed", "thu", "fri", "sat", "sun"), "fewer than all"),
    (lambda: did("A").then(did("B").at_hours(1, 2)), "takes did"),
    (lambda: check_goal(did("A").on_days("sat")), "no hours or days"),
    (lambda: predicate_from_json({"did": "A", "at_hours": {"from": "20:00"}}), "at_hours: cannot read None"),
    (lambda: predicate_from_json({"did": "A", "at_hours": {"from": "20:00", "to": "24:01"}}), "cannot read '24:01'"),
    (lambda: predicate_from_json({"did": "A", "at_hours": [20, 24]}), "at_hours: needs an object"),
    (lambda: predicate_from_json({"did": "A", "on_days": {"days": "sat"}}), "on_days: needs a list of days"),
    (
        lambda: predicate_from_json({"did": "A", "on_days": {"days": ["sat"], "zone": "UTC", "otherwise": "UTC"}}),
        "either a zone",
    ),
    (lambda: predicate_from_json({"did": "A", "on_days": {"days": [["sat"]]}}), "no day of the week"),
]


@pytest.mark.parametrize(("definition", "message"), REFUSED, ids=range(len(REFUSED)))
def test_what_is_no_time_is_refused(definition: Any, message: str) -> None:
    with pytest.raises(DefinitionError, match=message):
        definition()


def test_it_reads_like_english_and_survives_json() -> None:
    found = did("A").at_hours(20, 24).on_days("sun", "sat", zone="Europe/Madrid").within(days=30)
    assert str(found) == 'did "A" from 20:00 to 24:00 on sat, sun in Europe/Madrid within 30 days'
    assert found.to_json() == {
        "did": "A",
        "within": 2_592_000,
        "at_hours": {"from": "20:00", "to": "24:00", "otherwise": "UTC"},
        "on_days": {"days": ["sat", "sun"], "zone": "Europe/Madrid"},
    }
    assert predicate_from_json(found.to_json()) == found
