"""Chance: who is in a bucket or a holdout is so for ever, whatever becomes of the code."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

from journeys.entry import is_held_out
from segments import bucket
from segments.facts import Facts, Person
from tests.journeys.test_entry import BASE

_AT = datetime(2026, 1, 1, tzinfo=UTC)
_IDS = [UUID(int=n * 0x9E3779B97F4A7C15F39CC0605CEDC834 % 2**128) for n in range(1, 41)]


def _facts(drawn: UUID) -> Facts:
    return Facts({}, {}, Person(id=drawn))


def test_who_is_in_a_bucket_stays_in_it() -> None:
    quarter, third = bucket(25, "spring"), bucket(Decimal("33.3"), "a")
    assert [n for n, who in enumerate(_IDS) if quarter.holds(_facts(who), _AT)] == [1, 8, 16, 25]
    assert [n for n, who in enumerate(_IDS) if third.holds(_facts(who), _AT)] == [
        0,
        4,
        6,
        9,
        13,
        14,
        16,
        19,
        20,
        22,
        24,
        25,
        26,
        28,
        29,
        31,
        32,
        33,
        34,
        37,
        38,
    ]
    assert [quarter.number(_facts(who)) for who in _IDS[:4]] == [82.9023, 8.6035, 55.7251, 25.3588]
    assert all(bucket(100, "all").holds(_facts(who), _AT) for who in _IDS)


def test_who_is_held_out_stays_so() -> None:
    spec = replace(BASE, name="cart_abandonment", holdout=0.2)
    assert [n for n, who in enumerate(_IDS) if is_held_out(spec, who)] == [4, 6, 7, 8, 10, 17, 19, 35, 38]
