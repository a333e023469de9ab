"""FAULTS C1: dates and times as other languages write them are the same instant in Postgres, in Python and at the door."""

from datetime import UTC, datetime, timedelta

import pytest

from api.ingest.arrival import instant
from segments import Segment, trait
from segments.evaluate import holds
from segments.language.comparing import as_instant
from tests.segments.shop import T0, Shop

MICRO = timedelta(microseconds=1)


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc, arg-type]  # year, month, day, hour …


WRITTEN = [
    ("2026-11-16", utc(2026, 11, 16)),
    ("2026-11-16T10:30:05Z", utc(2026, 11, 16, 10, 30, 5)),
    ("2026-11-16t10:30:05z", utc(2026, 11, 16, 10, 30, 5)),  # RFC 3339, 5.6
    ("2026-11-16 10:30:05 UTC", utc(2026, 11, 16, 10, 30, 5)),  # Ruby
    ("2026-11-16 11:30:05 +0100", utc(2026, 11, 16, 10, 30, 5)),  # Ruby
    ("2026-11-16T10:30:05.1234567Z", utc(2026, 11, 16, 10, 30, 5, 123456)),  # .NET
    ("2026-11-16T10:30:05.999999999Z", utc(2026, 11, 16, 10, 30, 5, 999999)),  # Go, Java
    ("2026-11-16T10:30:05.123456789+01:00", utc(2026, 11, 16, 9, 30, 5, 123456)),
    ("2026-11-16 10:30:05.12+00", utc(2026, 11, 16, 10, 30, 5, 120000)),  # Postgres
    ("2026-11-16T10:30+05:30", utc(2026, 11, 16, 5)),
    ("2016-12-31T23:59:60Z", utc(2017, 1, 1)),  # the second that UTC added
]


@pytest.mark.parametrize(("text", "meant"), WRITTEN, ids=[text for text, _ in WRITTEN])
async def test_one_reader_for_all(shop: Shop, text: str, meant: datetime) -> None:
    ana = await shop.customer(seen=text)
    exactly, later = trait("seen") == meant, trait("seen") > meant
    assert as_instant(text) == instant(text) == meant
    assert holds(exactly, {"seen": text}, [], T0)
    assert await shop.evaluated(exactly, T0) == {ana}
    assert await shop.evaluated(later, T0) == set()
    assert await shop.evaluated(trait("seen") > meant - MICRO, T0) == {ana}


OUTSIDE = ["9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "soon",
        "2026-02-30",
        "2026-11-16T25:00Z",
        "2026-11-16T10:30:61Z",
        "2026-11-16T10:30:05.1234567890Z",
        "0000-01-01",
        *OUTSIDE,
    ],
)
async def test_what_is_no_date_is_only_a_text(shop: Shop, text: str) -> None:
    await shop.customer(seen=text)
    assert as_instant(text) is None
    assert await shop.evaluated(trait("seen") > datetime.min.replace(tzinfo=UTC), T0) == set()


@pytest.mark.parametrize("text", OUTSIDE)
async def test_an_instant_that_utc_cannot_say_stops_neither_the_watch_nor_a_load(shop: Shop, text: str) -> None:
    """Anybody can send one; everybody else's memberships go on."""
    first, second = (Segment(f"trial-{n}", trait("trial_ends").within_last(days=3)) for n in range(2))
    await shop.load(first, at=T0)
    hostile, ana = await shop.customer(), await shop.customer()
    await shop.identify(hostile, T0, trial_ends=text)
    await shop.identify(ana, T0, trial_ends=T0.isoformat())
    await shop.load(first, second, at=T0 + MICRO)
    await shop.tick(T0 + timedelta(days=1))
    assert await shop.members(first) == await shop.members(second) == {ana}
