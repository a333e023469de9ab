"""FAULTS C2, C4: a trait that the shop sends otherwise than segments compare it is read as the catalogue says, at the door."""

from datetime import UTC, datetime
from typing import Any

import pytest

from api.ingest.arrival import Arrival
from api.ingest.spec import read_item
from journeys import CatalogueError, Traits
from segments import DefinitionError, day, epoch, number
from segments.language.readings import Reading

READ: list[tuple[Reading, Any, Any]] = [
    (number(), "30000", 30_000),
    (number(), " 1 234.50 ", 1234.5),
    (number(), "1,234,567", 1_234_567),
    (number(), "12.5%", 12.5),
    (number(decimal=","), "1.234,50", 1234.5),
    (number(), 7, 7),
    (number(), True, True),
    (number(), "about 7", "about 7"),
    (number(), "", ""),
    (number(), None, None),
    (number(), "1e999", "1e999"),
    (epoch(), 1_800_000_000, "2027-01-15T08:00:00.000Z"),
    (epoch(), "1800000000", "2027-01-15T08:00:00.000Z"),
    (epoch(), 1_800_000_000_123, "2027-01-15T08:00:00.123Z"),
    (epoch(), "2027-01-15", "2027-01-15"),
    (epoch(), -5, -5),
    (epoch(), 10**40, 10**40),
    (day("Europe/Madrid"), "1990-05-16T22:00:00Z", "1990-05-17"),
    (day("Europe/Madrid"), "1990-05-17", "1990-05-17"),
    (day(), "1990-05-16T22:00:00Z", "1990-05-16"),
    (day(order="dmy"), "17/05/1990", "1990-05-17"),
    (day(order="mdy"), "5-17-1990", "1990-05-17"),
    (day(order="dmy"), "31/02/1990", "31/02/1990"),
    (day(), "soon", "soon"),
    (day(), 5, 5),
]


@pytest.mark.parametrize(("reading", "sent", "read"), READ, ids=range(len(READ)))
def test_what_is_sent_is_read_or_stays(reading: Reading, sent: Any, read: Any) -> None:
    assert (reading(sent), type(reading(sent))) == (read, type(read))


def test_the_door_reads_by_what_the_catalogue_says() -> None:
    own = Traits("tier", income=number(), born=day("Europe/Madrid"))
    arrival = Arrival("shop", datetime(2026, 11, 16, tzinfo=UTC), "ES", readings=own.readings)
    item = read_item({"userId": "ana", "traits": {"income": "30000", "tier": "5"}}, arrival, "identify")
    assert item.changes is not None
    assert item.changes.traits == {"income": 30_000, "tier": "5"}
    assert own == {"tier", "income", "born"}


@pytest.mark.parametrize("wrong", [number, "number", 5, int])
def test_a_reading_that_is_none_is_refused(wrong: Any) -> None:
    with pytest.raises(
        CatalogueError, match=r"Traits\(income=…\) takes a reading, .*write number\(\), epoch\(\) or day\(\), with"
    ):
        Traits(income=wrong)


def test_what_a_reading_cannot_be() -> None:
    with pytest.raises(DefinitionError, match="no IANA time zone"):
        day("Madrid")
    with pytest.raises(DefinitionError, match='order is "ymd"'):
        day(order="xyz")  # type: ignore[arg-type]
    with pytest.raises(DefinitionError, match="decimal is"):
        number(decimal=";")
