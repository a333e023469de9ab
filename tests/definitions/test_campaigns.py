"""The reference catalogue's campaigns, each by its capability: who enters, what they get, and when it is over.

On the simulator; with `--journeys-on temporal` on the real servers.
"""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from workers.testing import Rehearsal

DAY = timedelta(days=1)


@pytest.fixture
def journeys_catalogue() -> str:
    return "definitions"


def test_jrn_05_near_a_dealer_a_push_or_else_an_invitation_after_two_weeks(shop: Rehearsal) -> None:
    ana, bea = (shop.customer(name, interests=["skiing", "electric cars"]) for name in ("ana", "bea"))
    shop.passes(days=3)
    ana.does("Geofence Entered", place="dealer")
    shop.passes(days=12)
    assert ana.got("push:dealer-nearby", after=3 * DAY)
    assert bea.got("whatsapp:test-drive-invitation", after=14 * DAY)
    assert (ana.inbox, bea.inbox) == (["push:dealer-nearby"], ["whatsapp:test-drive-invitation"])


def test_jrn_09_each_nps_class_goes_its_own_way(shop: Rehearsal) -> None:
    promoter, passive, detractor = (shop.customer(name) for name in ("ana", "bea", "eva"))
    for who, score in ((promoter, 10), (passive, 8), (detractor, 3)):
        who.does("NPS Answered", score=score)
    shop.passes(minutes=1)
    assert passive.inbox[0].startswith("email:news-"), "within a minute"
    shop.completes(detractor, "called", "settled")
    shop.passes(days=6)
    assert promoter.inbox == ["push:review-us", "email:review-us"], "the push was not told delivered"
    assert detractor.inbox == ["push:thanks-for-talking"]


def test_jrn_09_while_a_complaint_is_open_nobody_sells_to_the_customer(shop: Rehearsal) -> None:
    ana = shop.customer("ana")
    ana.does("NPS Answered", score=0)
    shop.passes(minutes=5)
    shop.starts("cart_discount", ana)
    shop.passes(hours=3)
    assert ana.missed("push:cart-waiting", because="held by another journey")
    shop.completes(ana, "called", "lost")
    shop.passes(hours=2)
    assert ana.got("push:cart-waiting")


def test_jrn_11_something_to_read_each_week_until_the_first_sign_of_life(shop: Rehearsal) -> None:
    ana, bea = shop.customer("ana"), shop.customer("bea")
    for who in (ana, bea):
        who.does("Order Completed")
    shop.passes(days=129)
    ana.does("Application Opened")
    shop.passes(days=30)
    assert ana.left("win_back", "goal reached")
    assert ana.got("email:worth-reading", times=2)
    assert bea.got("email:worth-reading", times=3)


def test_jrn_12_a_second_purchase_by_the_reason_why_there_was_none(shop: Rehearsal) -> None:
    ana, bea, eva = shop.customer("ana", no_purchase_reason="delivery"), shop.customer("bea"), shop.customer("eva")
    for who in (ana, bea, eva):
        who.does("Order Completed")
    shop.passes(days=20)
    eva.does("Order Completed")
    shop.passes(days=15)
    assert (ana.inbox, bea.inbox, eva.inbox) == (["email:second-order"], ["push:what-kept-you"], [])


def test_jrn_16_an_expert_calls_and_the_journey_waits_for_how_it_went(shop: Rehearsal) -> None:
    sold, missed, late, reader = (shop.customer(name) for name in ("ana", "bea", "eva", "ida"))
    for who in (sold, missed, late):
        who.does("Content Viewed", content="configurator", intent="high")
    reader.does("Content Viewed", content="prices", intent="high")
    shop.passes(hours=5)
    assert reader.inbox == ["email:from-our-expert"]
    shop.completes(sold, "called", "offer")
    shop.completes(missed, "called", "not reached")
    shop.passes(days=4)
    assert (sold.inbox, missed.inbox, late.inbox) == ([], ["email:from-our-expert"], ["email:from-our-expert"])


def test_jrn_17_nine_months_with_a_public_body(shop: Rehearsal) -> None:
    ana = shop.customer("ana", customer_type="government", timezone="Europe/Madrid")
    bea = shop.customer("bea", customer_type="government")
    shop.passes(days=65)
    shop.completes(bea, "visited", "no interest")
    shop.passes(days=240)
    assert ana.inbox == ["email:monthly-brief"] * 9
    assert len(bea.inbox) == 2
    shown: list[datetime] = [message.at.astimezone(ZoneInfo("Europe/Madrid")) for message in ana.messages]
    assert all(at.weekday() < 5 and 9 <= at.hour < 16 for at in shown)
    assert 235 * DAY < shown[-1] - shown[0] < 270 * DAY
    assert ana.left("public_sector", "finished")
