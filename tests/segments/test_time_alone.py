"""Entering and leaving by time alone, with no event, from seconds to years, at changes of clocks and local midnights.

Every case has its own customer and event; the instants at which it must flip are written by hand, those of windows by addition.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest

from segments import Predicate, Segment, age, did, first, last, last_location, near, prop, trait
from tests.segments.oracle import Customer, Happening, World, is_in
from tests.segments.oracle_values import micros
from tests.segments.shop import Shop

START = datetime(2026, 1, 1, 12, tzinfo=UTC)
MICRO = timedelta(microseconds=1)
SPANS = [timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)]
SPANS += [timedelta(days=30), timedelta(days=365), timedelta(days=5 * 365 + 1)]
THING = {"price": 60, "lat": 40.4, "lon": -3.7}


@dataclass(frozen=True)
class Case:
    """A predicate, the one customer it is about, and the instants at which time alone turns it (false at the start or not)."""

    predicate: Predicate
    flips: tuple[datetime, ...]
    events: tuple[tuple[str, datetime], ...] = ()
    traits: dict[str, Any] = field(default_factory=dict)
    member: bool = False

    @property
    def expected(self) -> list[tuple[str, datetime]]:
        return [("left" if self.member is (n % 2 == 0) else "entered", at) for n, at in enumerate(self.flips)]


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def windows() -> Iterator[Case]:
    """From a second to five years; the events themselves are dated ahead, so that coming in is by time alone, too."""
    for n, span in enumerate(SPANS):
        name, ts = f"W{n}", START + timedelta(days=3, hours=n, microseconds=n)
        half = ts + span / 2
        one, two = ((name, ts),), ((name, ts), (name, half))
        recent = did(name).within(span)
        yield Case(recent, (ts, ts + span), one)
        yield Case(did(name).without("Nothing", span), (ts + span,), one)
        if span not in (SPANS[0], SPANS[3], SPANS[-1]):  # the rest is the same for all, and every case costs time
            continue
        yield Case(~recent, (ts, ts + span), one, member=True)
        yield Case(recent.exactly(1), (ts, half, ts + span, half + span), two)
        yield Case(recent.total("price") > 100, (half, ts + span), two)
        yield Case(last(name).where(prop("price") > 50).within(span), (ts, half + span), two)
        yield Case(first(name).within(span), (ts, ts + span), two)
        yield Case(did(name).then(name, span), (half,), two)
        date = {"ends": ts.isoformat()}
        yield Case(trait("ends").within_last(span), (ts, ts + span), traits=date)
        if ts - span > START:
            yield Case(trait("ends").within_next(span), (ts - span, ts), traits=date)
    here, ts = near(40.4, -3.7, km=1, of=last_location.within(days=365)), START + timedelta(days=2)
    yield Case(here, (ts, ts + timedelta(days=365)), (("Location Updated", ts),))


#: Zone, an instant in the day, and where the next day begins: each is a day on which the clocks change.
DAYS = [
    ("Europe/Madrid", "2026-03-28T23:00:00", "2026-03-29T22:00:00"),  # 23 hours
    ("Europe/Madrid", "2026-10-24T22:00:00", "2026-10-25T23:00:00"),  # 25 hours
    ("Australia/Lord_Howe", "2026-04-04T13:00:00", "2026-04-05T13:30:00"),  # half an hour longer
    ("Australia/Lord_Howe", "2026-10-03T13:30:00", "2026-10-04T13:00:00"),
    ("Africa/Cairo", "2026-04-23T22:00:00", "2026-04-24T21:00:00"),  # begins at 01:00
    ("Africa/Cairo", "2026-10-28T21:00:00", "2026-10-29T22:00:00"),  # 23:00 comes twice
    ("America/Santiago", "2026-09-06T04:00:00", "2026-09-07T03:00:00"),  # begins at 01:00
    ("America/Santiago", "2026-04-04T03:00:00", "2026-04-05T04:00:00"),  # 23:00 comes twice
    ("America/Havana", "2026-11-01T04:00:00", "2026-11-02T05:00:00"),  # 00:00 comes twice
    ("Asia/Kolkata", "2026-05-05T18:30:00", "2026-05-06T18:30:00"),
]


def calendars() -> Iterator[Case]:
    """Days of the clocks' change, to the microsecond on both sides; weeks and months that end on such a day."""
    for n, (zone, begins, ends) in enumerate(DAYS):
        name, ts, over = f"C{n}", utc(begins), utc(ends)
        own = {"timezone": zone}
        yield Case(did(name).today(zone=zone), (ts, over), ((name, ts),))
        yield Case(did(name).today(otherwise="Pacific/Kiritimati"), (over - MICRO, over), ((name, over - MICRO),), own)
        if n < 2:
            once = did(name).today(otherwise=zone).exactly(1)
            yield Case(once, (ts, ts + MICRO), ((name, ts), (name, ts + MICRO)))
    for zone, ts, week, month in (
        ("Europe/Madrid", "2026-03-27T10:00:00", "2026-03-29T22:00:00", "2026-03-31T22:00:00"),
        ("Europe/Madrid", "2026-10-20T10:00:00", "2026-10-25T23:00:00", "2026-10-31T23:00:00"),
        ("America/Santiago", "2026-09-04T10:00:00", "2026-09-07T03:00:00", "2026-10-01T03:00:00"),
        ("Pacific/Kiritimati", "2028-02-29T09:59:00", "2028-03-05T10:00:00", "2028-02-29T10:00:00"),
    ):
        at, who = utc(ts), {"timezone": zone}
        event = ((f"M {at}", at),)
        yield Case(did(event[0][0]).this_week(), (at, utc(week)), event, who)
        yield Case(~did(event[0][0]).this_month(), (at, utc(month)), event, who, member=True)


def birthdays() -> Iterator[Case]:
    """Ages and yearly returns at local midnight; the 29th of February, and days that begin late."""
    leap, grown = {"born": "2008-02-29"}, age("born")
    yield Case(grown >= 18, (utc("2026-02-28"),), traits=leap)
    yield Case(grown == 20, (utc("2028-02-29"), utc("2029-02-28")), traits=leap)
    yield Case(grown < 21, (utc("2029-02-28"),), traits=leap, member=True)
    yield Case(grown.between(18, 19), (utc("2026-02-28"), utc("2028-02-29")), traits=leap)
    madrid = leap | {"timezone": "Europe/Madrid"}
    yield Case(grown >= 20, (utc("2028-02-28T23:00:00"),), traits=madrid)
    for zone, born, begins, ends in (
        ("Europe/Madrid", "2008-03-29", "2026-03-28T23:00:00", "2026-03-29T22:00:00"),
        ("Africa/Cairo", "2008-04-24", "2026-04-23T22:00:00", "2026-04-24T21:00:00"),
        ("America/Santiago", "2008-09-06", "2026-09-06T04:00:00", "2026-09-07T03:00:00"),
    ):
        who = {"born": born, "timezone": zone}
        yield Case(grown >= 18, (utc(begins),), traits=who)
        yield Case(trait("born").anniversary() & (grown == 18), (utc(begins), utc(ends)), traits=who)
    days = "2026-02-28", "2026-03-01", "2027-02-28", "2027-03-01", "2028-02-29", "2028-03-01", "2029-02-28", "2029-03-01"
    before2030 = trait("born").anniversary() & (grown <= 21)
    yield Case(before2030, tuple(map(utc, days)), traits=leap)
    soon = trait("born").anniversary(2) & (grown <= 20)
    weeks = "2026-02-26", "2026-03-01", "2027-02-26", "2027-03-01", "2028-02-27", "2028-03-01", "2029-02-26", "2029-02-28"
    yield Case(soon, tuple(map(utc, weeks)), traits=leap)


#: Apart, because the starts of all zones are worked out at every tick as long as calendars of the customers' own are watched.
KINDS = {"windows": [*windows()], "calendars": [*calendars(), *birthdays()]}


def punctual(cases: Iterable[Case]) -> list[datetime]:
    """At each instant; just before it, too, in the year in which most clocks change."""
    instants = {at for case in cases for at in case.flips}
    return sorted(instants | {at - MICRO for at in instants if at.year == START.year and at.microsecond == 0})


def late(cases: Iterable[Case]) -> list[datetime]:
    """As late and as far apart as can be without missing a stay: years, where nobody comes and goes."""
    ends = datetime(2040, 1, 1, tzinfo=UTC)
    stays = [(at, until - MICRO) for case in cases for at, until in zip(case.flips, (*case.flips[1:], ends), strict=True)]
    ticks: list[datetime] = []
    for begin, end in sorted(stays, key=lambda stay: stay[1]):
        if not ticks or ticks[-1] < begin:
            ticks.append(end)
    return ticks


async def opened(shop: Shop, cases: list[Case]) -> dict[str, UUID]:
    """The shop with all cases loaded and everything that will ever happen already told."""
    await shop.load(*(Segment(f"c{n}", case.predicate) for n, case in enumerate(cases)), at=START)
    found = {}
    for n, case in enumerate(cases):
        found[f"c{n}"] = profile = await shop.customer(created_at=START, **case.traits)
        await shop.mark(profile, ["$identify"], START)
        for named, ts in case.events:
            await shop.event(profile, named, ts, THING, received_at=START)
    while (await shop.tick(START)).more:
        pass
    return found


@pytest.mark.parametrize("rhythm", [punctual, late])
@pytest.mark.parametrize("kind", KINDS)
async def test_every_flip_by_time_alone_is_at_its_instant(shop: Shop, kind: str, rhythm: Any) -> None:
    # Catching up goes from flip to flip, and with calendars each look is at every zone; some of them suffice.
    cases = KINDS[kind][::4] if (kind, rhythm) == ("calendars", late) else KINDS[kind]
    customers = await opened(shop, cases)
    first_ones = {
        row["segment"]
        for row in await shop.database.pool.fetch(
            "select segment from segment_member where profile_id = any($1::uuid[])", list(customers.values())
        )
    }
    before = await shop.database.pool.fetchval("select coalesce(max(id), 0) from segment_transition")
    for at in rhythm(cases):
        found = await shop.tick(at)
        assert not found.dirty
    rows = await shop.database.pool.fetch("select * from segment_transition where id > $1 order by id", before)
    for n, case in enumerate(cases):
        mine = [row for row in rows if row["segment"] == f"c{n}" and row["profile_id"] == customers[f"c{n}"]]
        assert [(row["kind"], row["at"]) for row in mine] == case.expected, str(case.predicate)
        assert (f"c{n}" in first_ones) >= case.member


def test_the_second_opinion_turns_at_the_same_instants_and_at_no_other() -> None:
    for case in (case for cases in KINDS.values() for case in cases):
        who = Customer(UUID(int=1), dict(case.traits), [Happening(named, micros(ts), THING) for named, ts in case.events])
        edges = [START, *case.flips, datetime(2040, 1, 1, tzinfo=UTC)]
        for n, (since, until) in enumerate(pairwise(edges)):
            within = [min(since + (until - since) * step / 7, until - MICRO) for step in range(8)]
            values = {is_in(case.predicate.to_json(), who, at, World([who])) for at in within}
            assert values == {case.member is (n % 2 == 0)}, (str(case.predicate), since, until)
