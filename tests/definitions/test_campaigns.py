"""The reference catalogue's campaigns, each by its capability: who enters, what they get, and when it is over.

In the kit's words: on the simulator, and with `--journeys-on temporal` on real servers.
"""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from workers.testing import Rehearsal

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def journeys_catalogue() -> str:
    return "definitions"


@pytest.mark.parametrize("near", [True, False])
def test_jrn_05_near_a_dealer_a_push_or_else_an_invitation_after_two_weeks(shop: Rehearsal, near: bool) -> None:
    ana = shop.customer("ana", interests=["skiing", "electric cars"])
    shop.passes(hours=2)
    if near:
        ana.does("Geofence Entered", place="dealer")
    shop.passes(days=16)
    assert ana.inbox == (["push:dealer-nearby"] if near else ["whatsapp:test-drive-invitation"])
    assert ana.got(ana.inbox[0], after=2 * HOUR if near else 14 * DAY)


@pytest.mark.parametrize(
    ("score", "expected"),
    [(10, [["push:review-us", "email:review-us"]]), (8, [["email:news-video"], ["email:news-article"]])],
)
def test_jrn_09_each_nps_class_goes_its_own_way(shop: Rehearsal, score: int, expected: list[list[str]]) -> None:
    ana = shop.customer("ana")
    ana.does("NPS Answered", score=score)
    shop.passes(days=7)
    assert ana.inbox in expected
    assert ana.left("nps", "finished")


def test_jrn_09_who_is_unhappy_is_called_and_thanked(shop: Rehearsal) -> None:
    ana = shop.customer("ana")
    ana.does("NPS Answered", score=3)
    shop.passes(days=1)
    assert ana.got_nothing()
    shop.completes(ana, "called", "settled")
    shop.passes(minutes=5)
    assert ana.inbox == ["push:thanks-for-talking"]


def test_jrn_09_while_a_complaint_is_open_nobody_sells_to_the_customer(shop: Rehearsal) -> None:
    ana = shop.customer("ana")
    ana.does("NPS Answered", score=0)
    shop.starts("cart_discount", ana)
    shop.passes(hours=2, minutes=1)
    assert ana.missed("push:cart-waiting", because="held by another journey")


def test_jrn_11_something_to_read_each_week_until_the_first_sign_of_life(shop: Rehearsal) -> None:
    ana = shop.customer("ana")
    ana.does("Order Completed", at=shop.now - 120 * DAY + HOUR)
    shop.passes(days=8)
    assert ana.got("email:worth-reading", times=2)
    ana.does("Application Opened")
    shop.passes(days=30)
    assert ana.got("email:worth-reading", times=2)
    assert ana.left("win_back", "goal reached")


@pytest.mark.parametrize(("reason", "expected"), [("delivery", "email:second-order"), (None, "push:what-kept-you")])
def test_jrn_12_a_second_purchase_by_the_reason_why_there_was_none(shop: Rehearsal, reason: str | None, expected: str) -> None:
    ana = shop.customer("ana", **({"no_purchase_reason": reason} if reason else {}))
    ana.does("Order Completed", at=shop.now - 30 * DAY + HOUR)
    shop.passes(hours=2)
    assert ana.inbox == [expected]


@pytest.mark.parametrize(("outcome", "expected"), [("offer", []), ("not reached", ["email:from-our-expert"])])
def test_jrn_16_an_expert_calls_and_the_journey_waits_for_how_it_went(
    shop: Rehearsal, outcome: str, expected: list[str]
) -> None:
    ana = shop.customer("ana")
    ana.does("Content Viewed", content="configurator", intent="high")
    shop.passes(days=1)
    shop.completes(ana, "called", outcome)
    shop.passes(minutes=5)
    assert ana.inbox == expected
    assert ana.left("expert", "finished")


def test_jrn_16_who_only_read_gets_a_letter(shop: Rehearsal) -> None:
    ana = shop.customer("ana")
    ana.does("Content Viewed", content="prices", intent="high")
    shop.passes(minutes=5)
    assert ana.inbox == ["email:from-our-expert"]


def test_jrn_17_nine_months_with_a_public_body(shop: Rehearsal) -> None:
    ana = shop.customer("ana", customer_type="government")
    shop.passes(days=290)
    assert ana.inbox == ["email:monthly-brief"] * 9
    shown = [message.at.astimezone(ZoneInfo("Europe/Madrid")) for message in ana.messages]  # by the number's prefix
    assert all(at.weekday() < 5 and 9 <= at.hour < 16 for at in shown)
    assert 235 * DAY < shown[-1] - shown[0] < 270 * DAY
    assert ana.left("public_sector", "finished")
