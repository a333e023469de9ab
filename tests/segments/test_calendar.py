"""Calendar days, weeks and months in the customer's zone: local midnights, clock changes, and exits by time alone."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest

from segments import Segment, did
from segments.evaluate import flips, holds
from segments.facts import Event
from segments.time.calendar import first_instant, known_zones, period_end, period_start, rules_of, zone_starts
from tests.segments.shop import T0, Shop

DAY, HOUR, MICRO = timedelta(days=1), timedelta(hours=1), timedelta(microseconds=1)

FIRST = [
    (date(2026, 11, 16), "UTC", "2026-11-16T00:00"),
    (date(2026, 11, 16), "Asia/Kolkata", "2026-11-15T18:30"),
    (date(2026, 4, 24), "Africa/Cairo", "2026-04-23T22:00"),  # 00:00 does not exist: the day begins at 01:00
    (date(2026, 3, 29), "Asia/Beirut", "2026-03-28T22:00"),
    (date(2026, 9, 6), "America/Santiago", "2026-09-06T04:00"),
    (date(2026, 4, 5), "America/Santiago", "2026-04-05T04:00"),  # 23:00 comes twice the day before
    (date(2026, 11, 1), "America/Havana", "2026-11-01T04:00"),  # 00:00 comes twice
    (date(2011, 12, 30), "Pacific/Apia", "2011-12-30T10:00"),  # the day was left out
    (date(2011, 12, 31), "Pacific/Apia", "2011-12-30T10:00"),
    (date(2026, 4, 5), "Australia/Lord_Howe", "2026-04-04T13:00"),
]


@pytest.mark.parametrize(("day", "zone", "instant"), FIRST, ids=[f"{zone} {day}" for day, zone, _ in FIRST])
def test_a_day_begins_at_its_first_instant(day: date, zone: str, instant: str) -> None:
    assert first_instant(day, zone) == datetime.fromisoformat(instant).replace(tzinfo=UTC)


@pytest.mark.parametrize("zone", ["Europe/Madrid", "Africa/Cairo", "America/Santiago", "America/Havana", "Pacific/Apia"])
@pytest.mark.parametrize("unit", ["day", "week", "month"])
def test_periods_follow_each_other_without_gap_or_overlap(zone: str, unit: str) -> None:
    for year in (2011, 2026):
        edge, edges = period_start(unit, datetime(year, 1, 1, tzinfo=UTC), zone), []
        while edge.year <= year:
            end = period_end(unit, edge, zone)
            assert end is not None
            assert edge < end
            assert period_start(unit, edge, zone) == period_start(unit, end - MICRO, zone) == edge
            assert period_end(unit, end - MICRO, zone) == end
            edges.append(edge)
            edge = end
        lengths = {(later - earlier) // DAY for earlier, later in pairwise(edges)}
        assert lengths <= {"day": {0, 1}, "week": {5, 6, 7}, "month": {27, 28, 29, 30, 31}}[unit], lengths


def test_the_starts_of_all_zones_are_worked_out_once_in_a_while() -> None:
    assert zone_starts("day", T0 + MICRO) is zone_starts("day", T0 + timedelta(seconds=59))
    assert zone_starts("day", T0) == {zone: period_start("day", T0, zone) for zone in known_zones()}
    midnight = datetime(2026, 11, 15, 18, 30, tzinfo=UTC)
    before, after = (zone_starts("day", midnight + step)["Asia/Kolkata"] for step in (-MICRO, MICRO))
    assert (before, after) == (midnight - DAY, midnight)


async def test_five_opens_this_week_and_out_at_local_midnight_by_time_alone(shop: Shop) -> None:
    """SEG-22, and SEG-16 by the calendar. In Madrid, the week of the change of clocks ends on Sunday, 23:00 UTC."""
    often = Segment("often", did("App Opened").this_week().at_least(5))
    madrid, tokyo, nowhere = [await shop.customer(timezone=zone) for zone in ("Europe/Madrid", "Asia/Tokyo", "Nowhere")]
    await shop.load(often)
    for who in (madrid, tokyo, nowhere):
        for n in range(5):
            await shop.event(who, "App Opened", datetime(2026, 10, 23 + n // 3, 12, n, tzinfo=UTC), received_at=T0 - 25 * DAY)
    # Loaded at T0, long after: so begin anew, as of that Saturday.
    saturday = datetime(2026, 10, 24, 13, tzinfo=UTC)
    await shop.database.pool.execute("update segment_progress set evaluated_to = $1", saturday)
    await shop.tick(saturday)
    assert await shop.members(often) == {madrid, tokyo, nowhere}
    ends = {tokyo: (25, 15), madrid: (25, 23), nowhere: (26, 0)}
    for who, (day, hour) in ends.items():
        midnight = datetime(2026, 10, day, hour, tzinfo=UTC)
        await shop.tick(midnight - MICRO)
        assert who in await shop.members(often)
        await shop.tick(midnight)
        assert who not in await shop.members(often)
        assert (await shop.log(often, who))[-1] == ("left", midnight, {"edge": "App Opened", "period": "week"})


async def test_after_a_downtime_over_many_midnights_the_first_one_counts(shop: Shop) -> None:
    today = Segment("today", did("A").today(otherwise="Europe/Madrid"))
    ana = await shop.customer(timezone="Asia/Tokyo")
    await shop.load(today)
    await shop.event(ana, "A", T0)
    await shop.tick(T0)
    assert (await shop.tick(T0 + 40 * DAY)).left == 1
    assert [line[:2] for line in await shop.log(today)] == [("entered", T0), ("left", T0 + 3 * HOUR)]


async def test_who_moves_to_another_zone_moves_with_its_calendar(shop: Shop) -> None:
    today = Segment("today", did("A").today())
    ana = await shop.customer(timezone="Europe/Madrid")
    await shop.load(today)
    await shop.event(ana, "A", T0)
    await shop.identify(ana, T0 + 4 * HOUR, timezone="Asia/Tokyo")
    await shop.tick(T0 + 2 * HOUR)
    assert await shop.members(today) == {ana} & await shop.evaluated(today.predicate, T0 + 2 * HOUR)
    await shop.tick(T0 + 4 * HOUR)
    assert await shop.members(today) == set()


@pytest.mark.parametrize("zone", ["Europe/Madrid", "Africa/Cairo", "America/Santiago", "America/Havana"])
def test_flips_are_at_every_local_midnight_of_a_year(zone: str) -> None:
    start = period_start("day", datetime(2026, 1, 2, tzinfo=UTC), zone)
    noons = [Event("A", start + n * DAY + 11 * HOUR) for n in range(365)]
    found = flips(did("A").today(zone=zone), {}, noons, start, start + 365 * DAY)
    midnights = [instant for instant, after in found if not after]
    assert midnights == [period_end("day", noon.ts, zone) for noon in noons][: len(midnights)]
    assert len(midnights) >= 364
    assert not holds(did("A").today(zone=zone), {}, noons[:1], midnights[0])
    assert holds(did("A").today(zone=zone), {}, noons[:1], midnights[0] - MICRO)


def test_the_rules_of_all_zones_are_read_once() -> None:
    read = {zone: rules_of(zone) for zone in known_zones()}
    assert all(rules_of(zone) is rules for zone, rules in read.items())
