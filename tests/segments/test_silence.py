"""A source that fell silent while others go on makes stale what reads its events (GOV-05)."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from segments import Segment, did, trait
from segments.ask.concerns import WorryFrom, concerns
from segments.ask.silence import BadAllowance, allowances
from tests.segments.shop import T0, Shop

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
buyers, pros = Segment("buyers", did("Order Completed")), Segment("pros", trait("plan") == "pro")


async def heard(shop: Shop, who: UUID, source: str, *days_ago: float, named: str = "Order Completed") -> None:
    rows = [(who, T0 - days * DAY, named, f"{source}-{named}-{days}", source) for days in days_ago]
    sql = (
        "insert into event (profile_id, ts, type, kind, message_id, source, received_at)"
        " values ($1, $2, $3, 'track', $4, $5, $2)"
    )
    await shop.database.pool.executemany(sql, rows)


async def stale(shop: Shop, *segments: Segment, at: datetime = T0, **limits: Any) -> list[tuple[str | None, str]]:
    found = await concerns(shop.database, segments, {}, at, WorryFrom(**limits))
    return [(each.segment, each.sentence) for each in found if each.id == "GOV-05"]


async def test_a_source_is_measured_by_its_own_habit(shop: Shop) -> None:
    who = await shop.customer()
    await heard(shop, who, "web", *(n / 2 for n in range(50)))
    await heard(shop, who, "till", 5, 6, 7, 8, 10)  # every day or two, and not for five days
    await heard(shop, who, "crm", 6, 13, 20, 27)  # once a week
    await heard(shop, who, "trial", 20)  # once is no habit
    till = 'reads "Order Completed", which the source till last sent 5 days ago (allowed: 4 days); check that source'
    assert await stale(shop, buyers, pros) == [
        ("buyers", till),
        ("pros", "reads traits (identify), which was never received; check its source"),
    ]
    assert await stale(shop, buyers, at=T0 + 9 * HOUR, silence=6 * DAY) == []


async def test_what_was_declared_for_a_source_goes_before_its_habit(shop: Shop) -> None:
    who = await shop.customer()
    await heard(shop, who, "web", 0, 1, 2, 3, named="$identify")
    await heard(shop, who, "crm", 2, 9, 16, named="$identify")
    assert await stale(shop, pros) == []
    [(segment, sentence)] = await stale(shop, pros, sources=allowances(["crm=24"]))
    assert (segment, "the source crm last sent 48 hours ago (allowed: 24 hours)" in sentence) == ("pros", True)
    assert await stale(shop, buyers, sources=allowances(["crm=24"])) == [
        ("buyers", 'reads "Order Completed", which was never received; check its source')
    ]


async def test_when_all_are_silent_the_event_itself_is_stale(shop: Shop) -> None:
    who = await shop.customer()
    await heard(shop, who, "web", 3, 4, 5, 6)
    [(_, sentence)] = await stale(shop, buyers)
    assert "last received 3 days ago (allowed: 24 hours)" in sentence


@pytest.mark.parametrize("text", ["crm", "=5", "crm=", "crm=soon", "crm=0", "crm=-1", "crm=nan", "crm=1e300"])
def test_an_allowance_that_cannot_be_read(text: str) -> None:
    with pytest.raises(BadAllowance, match="such as crm=48"):
        allowances([text])


def test_a_source_may_have_any_name() -> None:
    assert allowances(["a=b=1.5", "web=24"]) == {"a=b": 1.5 * HOUR, "web": DAY}
