"""Where a customer's clock stands: their own word, else what else tells it, and what is not understood is any place (A9)."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from segments.time.zones import _POPULOUS, ANYWHERE, _zones_by_country, read_zone, whereabouts


@pytest.mark.parametrize(
    ("said", "zone"),
    [
        ("Asia/Tokyo", "Asia/Tokyo"),
        ("asia/tokyo", "Asia/Tokyo"),
        ("Asia/Tokyo ", "Asia/Tokyo"),
        ("AMERICA/NEW YORK", "America/New_York"),
        ("+09:00", "Etc/GMT-9"),
        ("+0900", "Etc/GMT-9"),
        ("UTC+9", "Etc/GMT-9"),
        ("GMT-03:00", "Etc/GMT+3"),
        ("+00:00", "UTC"),
        ("Z", "UTC"),
        ("+05:30", "Asia/Kolkata"),
        ("Tokyo Standard Time", "Asia/Tokyo"),
        ("romance standard time", "Europe/Paris"),
        ("Asia/Tokio", None),
        ("+25:00", None),
        ("+01:17", None),
        ("Madrid", None),
        ("", None),
        (None, None),
        (9, None),
        (["Asia/Tokyo"], None),
    ],
)
def test_a_zone_is_read_however_it_is_spelt_and_never_guessed(said: object, zone: str | None) -> None:
    assert read_zone(said) == zone


SPAIN = ("Europe/Madrid", "Atlantic/Canary")


@pytest.mark.parametrize(
    ("traits", "device", "phone", "zones", "told_by"),
    [
        ({"timezone": "asia/tokyo"}, "Europe/Madrid", "+12125551234", ("Asia/Tokyo",), "timezone"),
        ({}, "Asia/Tokyo", "+12125551234", ("Asia/Tokyo",), "device"),
        ({"timezone": "Asia/Tokio"}, "Asia/Tokyo", None, ("Asia/Tokyo",), "device"),
        ({}, None, "+819012345678", ("Asia/Tokyo",), "phone"),
        ({}, None, "+34600111222", SPAIN, "phone"),
        ({"country": "JP"}, None, "+34600111222", SPAIN, "phone"),
        ({"address": {"country": "jpn"}}, None, None, ("Asia/Tokyo",), "country"),
        ({"country": "Japón"}, "", None, ("Asia/Tokyo",), "country"),
        (
            {"timezone": "Asia/Tokio", "country": "ES"},
            None,
            None,
            ("Europe/Madrid", "Africa/Ceuta", "Atlantic/Canary"),
            "country",
        ),
        ({"timezone": " "}, None, None, ("Europe/Paris",), "journey"),
        ({"country": "Atlantis"}, None, "nonsense", ("Europe/Paris",), "journey"),
        ({"timezone": "Asia/Tokio"}, None, None, ANYWHERE, "nothing"),
        ({"timezone": 9}, None, None, ANYWHERE, "nothing"),
        ({}, "Mars/Olympus", None, ANYWHERE, "nothing"),
    ],
)
def test_the_best_word_counts(
    traits: dict[str, Any], device: str | None, phone: str | None, zones: tuple[str, ...], told_by: str
) -> None:
    where = whereabouts(traits, device, phone, "Europe/Paris")
    assert (where.zones, where.told_by) == (zones, told_by)


def test_what_was_not_understood_is_told() -> None:
    assert whereabouts({"timezone": "Asia/Tokio"}, None, "+819012345678", "UTC").not_understood == "Asia/Tokio"
    assert whereabouts({"timezone": "Asia/Tokyo"}, "nonsense", None, "UTC").not_understood is None


def test_a_date_is_shown_in_one_zone() -> None:
    assert whereabouts({}, None, "+34600111222", "Europe/Madrid").likely("Europe/Madrid") == "Europe/Madrid"
    assert whereabouts({}, None, "+34600111222", "Atlantic/Canary").likely("Atlantic/Canary") == "Atlantic/Canary"
    assert whereabouts({}, None, "+819012345678", "UTC").likely("UTC") == "Asia/Tokyo"
    assert whereabouts({"timezone": "?"}, None, None, "UTC").likely("UTC") == "UTC"


@pytest.mark.parametrize(
    ("traits", "phone", "zone"),
    [
        ({}, "+34600111222", "Europe/Madrid"),
        ({"address": {"country": "ES"}}, None, "Europe/Madrid"),
        ({}, "+351912345678", "Europe/Lisbon"),
        ({}, "+447400123456", "Europe/London"),
        ({"country": "DE"}, None, "Europe/Berlin"),
        ({}, "+79161234567", "Europe/Moscow"),
        ({}, "+77011234567", "Asia/Almaty"),
        ({}, "+61412345678", "Australia/Sydney"),
        ({}, "+18002345678", "America/New_York"),
        ({"country": "US"}, None, "America/New_York"),
        ({"country": "BR"}, None, "America/Sao_Paulo"),
        ({"country": "Canada"}, None, "America/Toronto"),
        ({"country": "UA"}, None, "Europe/Kyiv"),
    ],
)
def test_of_several_zones_a_date_is_shown_where_most_people_live(traits: dict[str, Any], phone: str | None, zone: str) -> None:
    where = whereabouts(traits, None, phone, "UTC")
    assert len(where.zones) > 1
    assert where.likely("UTC") == zone
    assert where.likely(where.zones[-1]) == where.zones[-1], "the journey's own, where it may be"


def test_every_country_of_several_zones_has_one_that_comes_first() -> None:
    for code, zones in _zones_by_country().items():
        assert code in {"ZZ", "UM"} or len(zones) == 1 or zones[0] in _POPULOUS or len({*map(_offsets, zones)}) == 1, code


def _offsets(zone: str) -> tuple[object, ...]:
    return tuple(datetime(2026, month, 1, tzinfo=ZoneInfo(zone)).utcoffset() for month in (1, 7))
