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


LOOKED = {"product_id": "boots", "name": "Snow boots"}


@pytest.mark.parametrize(("says_yes", "expected"), [(True, ["whatsapp:product-offer"]), (False, [])])
def test_jrn_04_looked_at_in_the_app_offered_by_whatsapp_to_who_opted_in(
    shop: Rehearsal, says_yes: bool, expected: list[str]
) -> None:
    ana, bea = (shop.customer(name, channels=("whatsapp",) if says_yes else ("push", "email")) for name in ("ana", "bea"))
    ana.does("Product Viewed", platform="ios", **LOOKED)
    bea.does("Product Viewed", platform="web", **LOOKED)
    shop.passes(hours=3)
    assert ana.inbox == expected
    assert says_yes or ana.missed("whatsapp:product-offer", because="no consent")
    assert not bea.entered("app_offer")


@pytest.mark.parametrize("near", [True, False])
def test_jrn_05_near_a_dealer_a_push_or_else_an_invitation_after_two_weeks(shop: Rehearsal, near: bool) -> None:
    ana = shop.customer("ana", interests=["skiing", "electric cars"])
    shop.passes(hours=2)
    if near:
        ana.does("Geofence Entered", place="dealer")
    shop.passes(days=16)
    assert ana.inbox == (["push:dealer-nearby"] if near else ["whatsapp:test-drive-invitation"])
    assert ana.got(ana.inbox[0], after=2 * HOUR if near else 14 * DAY)


def test_jrn_07_a_vip_in_trouble_is_sold_nothing_until_the_ticket_is_closed(shop: Rehearsal) -> None:
    ana, bea = shop.customer("ana"), shop.customer("bea")
    ana.does("Order Completed", at=shop.now - 60 * DAY, total=600)
    for each in (ana, bea):
        each.does("Support Ticket Opened", type="billing")
        shop.starts("cart_discount", each)
    shop.passes(hours=3)
    assert ana.awaits("push:cart-waiting", because="held by another journey")
    assert bea.inbox == ["push:cart-waiting"]
    ana.does("Support Ticket Closed", type="billing")
    shop.passes(hours=2)
    assert ana.inbox == ["push:cart-waiting", "whatsapp:vip-offer"]


def test_jrn_07_doubts_about_a_cart_are_answered_instead_of_one_more_reminder(shop: Rehearsal) -> None:
    ana = shop.customer("ana")
    ana.does("Product Added", cart_id="c-1", name="Snow boots")
    shop.passes(minutes=30)
    ana.does("Agent Asked", topic="returns")
    shop.passes(hours=20)
    assert ana.inbox == ["push:easy-returns"]
    assert ana.missed("push:cart-reminder")
    ana.does("Order Completed")
    assert ana.left("cart_doubts", "goal reached")


@pytest.mark.parametrize("mended_first", [True, False])
def test_jrn_07_who_had_a_technical_problem_hears_that_it_is_mended(shop: Rehearsal, mended_first: bool) -> None:
    ana = shop.customer("ana")
    if mended_first:
        ana.does("Support Ticket Closed", type="technical", at=shop.now - DAY)
    ana.does("Support Ticket Opened", type="technical")
    shop.passes(days=1)
    if not mended_first:
        assert ana.got_nothing()
        ana.does("Support Ticket Closed", type="technical")
        shop.passes(minutes=1)
    assert ana.inbox == ["whatsapp:fixed-in-this-release"]


@pytest.mark.parametrize("finds_it", [True, False])
def test_jrn_08_five_visits_without_getting_anywhere_bring_help(shop: Rehearsal, finds_it: bool) -> None:
    ana = shop.customer("ana")
    for _ in range(5):
        shop.passes(hours=1)
        ana.does("Application Opened")
    shop.passes(minutes=5)
    if finds_it:
        ana.does("Key Action")
    shop.passes(minutes=10)
    assert ana.inbox == ([] if finds_it else ["in_app:need-help"])
    assert ana.in_app == ([] if finds_it else ["need-help"])


def test_jrn_08_help_in_the_app_goes_when_it_is_not_needed_any_more_or_too_old(shop: Rehearsal) -> None:
    """CH-03, SEG-22."""
    ana, bea = shop.customer("ana", channels=()), shop.customer("bea", channels=())
    for _ in range(5):
        shop.passes(minutes=30)
        ana.does("Application Opened")
        bea.does("Application Opened")
    shop.passes(hours=1)
    assert ana.left("app_help", "finished")
    assert (ana.in_app, bea.in_app) == (["need-help"], ["need-help"]), "at the next session, without any address"
    ana.does("Key Action")
    assert ana.in_app == []
    shop.passes(days=3)
    assert bea.in_app == []


@pytest.mark.parametrize("bought", [True, False])
def test_seg_46_cashback_on_saturday_inside_the_app_with_a_push_and_no_letter(shop: Rehearsal, bought: bool) -> None:
    ana, evening = shop.customer("ana", timezone="Europe/Madrid"), shop.now.replace(hour=20)
    for day in range(3):
        ana.does("Session Started", at=evening + day * DAY, device={"model": "iPhone 15"})
    ana.does("Products Searched", query="cheap laptop")
    ana.does("Application Opened", at=evening + 5 * DAY - 11 * HOUR)
    shop.passes(minutes=10)
    assert ana.in_app == ["cashback"]
    if bought:
        ana.does("Order Completed")
    shop.passes(hours=2)
    assert ana.inbox == (["in_app:cashback"] if bought else ["in_app:cashback", "push:cashback"])
    assert ana.in_app == ([] if bought else ["cashback"])
    assert not [each for each in ana.messages if each.step.startswith("email")]


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
    assert ana.awaits("push:cart-waiting", because="held by another journey")


def test_jrn_10_each_temperature_its_own_message_and_who_changes_goes_another_way(shop: Rehearsal) -> None:
    ana = shop.customer("ana")
    ana.does("Pricing Viewed")
    shop.passes(days=9)
    assert ana.inbox == ["push:lead-discount", "email:lead-come-back"]
    assert ana.got("email:lead-come-back", after=8 * DAY)
    shop.passes(days=83)
    assert ana.got("email:lead-guide", after=91 * DAY)
    ana.does("Quote Requested")
    shop.passes(minutes=1)
    assert ana.got("push:lead-discount", times=2)
    ana.does("Order Completed")
    assert ana.left("lead_nurture", "goal reached")


def test_jrn_11_something_to_read_each_week_until_the_first_sign_of_life(shop: Rehearsal) -> None:
    ana = shop.customer("ana")
    ana.does("Order Completed", at=shop.now - 120 * DAY + HOUR)
    shop.passes(days=8)
    assert ana.got("email:worth-reading", times=2)
    ana.does("Application Opened")
    shop.passes(days=30)
    assert ana.got("email:worth-reading", times=2)
    assert ana.left("win_back", "goal reached")


def test_jrn_06_ml_02_who_is_about_to_leave_is_reminded_only_while_they_are(shop: Rehearsal) -> None:
    churn = shop.prediction("churn")
    ana, luis, eva = (shop.customer(name) for name in ("ana", "luis", "eva"))
    for each in (ana, luis):
        churn.scores(each, 0.72)
    churn.scores(eva, 0.69)
    shop.passes(minutes=1)
    assert [each.inbox for each in (ana, luis, eva)] == [["push:come-back-offer"], ["push:come-back-offer"], []]
    churn.scores(ana, 0.59)
    churn.scores(luis, 0.61)
    shop.passes(days=4)
    assert ana.inbox == ["push:come-back-offer"]
    assert luis.got("whatsapp:offer-reminder", after=3 * DAY)
    luis.does("Order Completed")
    assert luis.left("retention", "finished")


@pytest.mark.parametrize(("reason", "expected"), [("delivery", "email:second-order"), (None, "push:what-kept-you")])
def test_jrn_12_a_second_purchase_by_the_reason_why_there_was_none(shop: Rehearsal, reason: str | None, expected: str) -> None:
    ana = shop.customer("ana", **({"no_purchase_reason": reason} if reason else {}))
    ana.does("Order Completed", at=shop.now - 30 * DAY + HOUR)
    shop.passes(hours=2)
    assert ana.inbox == [expected]


def test_ch_11_who_has_no_app_is_asked_by_a_text(shop: Rehearsal) -> None:
    ana, bea = shop.customer("ana", channels=["sms"]), shop.customer("bea")
    shop.provider("push").refuses(to=bea)
    for each in (ana, bea):
        each.does("Order Completed", at=shop.now - 30 * DAY + HOUR)
    shop.passes(hours=2)
    assert ana.inbox == ["sms:what-kept-you"]
    assert bea.missed("push:what-kept-you", "refused by the provider")
    assert bea.inbox == ["sms:what-kept-you"]


def test_jrn_13_what_goes_with_an_order_then_one_better_and_never_what_they_own(shop: Rehearsal) -> None:
    shop.sells("boots", complementary=["socks", "wax", "spray"], better=["alpine"])
    shop.sells("wax", available=False)
    for each in ("socks", "spray", "alpine"):
        shop.sells(each)
    ana, bea = shop.customer("ana"), shop.customer("bea")
    ana.does("Order Completed", at=shop.now - 7 * DAY + HOUR, products=[{"product_id": "boots", "price": 90}])
    bea.does("Order Completed", at=shop.now - 7 * DAY + HOUR, products=[{"product_id": "socks", "price": 9}])
    shop.passes(days=15)
    assert ana.inbox == ["push:goes-with-it", "email:one-better"]
    assert bea.missed("push:goes-with-it", because="no product to offer")
    assert bea.got_nothing()


def test_jrn_15_who_looked_around_and_left_is_asked_back_a_day_later(shop: Rehearsal) -> None:
    lookers = [shop.customer(f"looker-{n}") for n in range(12)]
    bea, eva = (shop.customer(name) for name in ("bea", "eva"))
    for each in (*lookers, bea, eva):
        each.does("Product Viewed", platform="web", **LOOKED)
    bea.does("Product Added", **LOOKED)
    eva.does("Order Completed")
    shop.passes(days=1, hours=14)
    asked = [each for each in lookers if each.inbox == ["push:still-looking"]]
    held_out = [each for each in lookers if each.missed("push:still-looking", because="holdout")]
    assert asked
    assert held_out, "a fifth is not written to, so that one knows what the message does"
    assert len(asked) + len(held_out) == len(lookers)
    assert not bea.entered("come_back")
    assert not eva.entered("come_back")


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


def test_ch_08_a_card_is_issued_and_turns_gold(shop: Rehearsal) -> None:
    ana = shop.customer("ana")
    ana.does("Loyalty Joined")
    shop.passes(minutes=1)
    assert ana.inbox == ["wallet:loyalty-card", "email:your-card"]
    assert ana.passes == ["loyalty-card"]
    for _ in range(3):
        shop.passes(days=1)
        ana.does("Order Completed")
    assert ana.got("wallet:loyalty-card", times=2)
    assert ana.passes == ["loyalty-card"], "the same pass, changed"
