"""The kit's vocabulary: the same tests on the simulator and, with `--journeys-on temporal`, on real servers."""

from datetime import timedelta

import pytest

from workers.testing import Rehearsal

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def test_three_messages_at_their_times(shop: Rehearsal) -> None:
    ana = shop.customer("ana")
    ana.does("Product Added", cart_id="c-1")
    shop.passes(minutes=50)
    assert ana.got_nothing()
    assert ana.waits("three_messages")
    shop.passes(minutes=15)
    assert ana.got("push:note", after=HOUR)
    shop.passes(days=4)
    assert ana.got("whatsapp:note", after=DAY)
    assert ana.got("email:note", after=3 * DAY, times=1)
    assert ana.left("three_messages", "finished")


def test_an_order_ends_it(shop: Rehearsal) -> None:
    ana = shop.customer("ana")
    ana.does("Product Added")
    shop.passes(hours=2)
    ana.does("Order Completed")
    shop.passes(days=4)
    assert ana.inbox == ["push:note"]
    assert ana.left("three_messages", "goal reached")


def test_who_is_refused_by_the_provider_falls_back(shop: Rehearsal) -> None:
    ana, bea = shop.customer("ana"), shop.customer("bea", channels=("email",))
    shop.provider("push").refuses(to=ana)
    ana.does("Product Viewed")
    bea.does("Product Viewed")
    shop.passes(minutes=5)
    assert ana.inbox == ["whatsapp:note"]
    assert ana.missed("push:note", "refused by the provider")
    assert bea.inbox == ["email:note"]
    assert bea.missed("push:note", "no consent")


def test_leaving_the_segment_ends_it_where_the_journey_says_so(shop: Rehearsal) -> None:
    ana = shop.customer("ana", tier="gold")
    shop.passes(days=1)
    ana.becomes(tier="silver")
    shop.passes(days=10)
    assert ana.got_nothing()
    assert ana.left("while_vip", "left the segment")
    ana.becomes(tier="gold")
    assert ana.was_refused("while_vip", "entered before")


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ("replies", ["whatsapp:note", "whatsapp:note"]),
        ("buys", ["whatsapp:note", "push:note"]),
        ("platinum", ["whatsapp:note", "push:note"]),
        ("gold", ["whatsapp:note", "push:note", "email:note"]),
        ("nothing", ["whatsapp:note", "email:note"]),
    ],
)
def test_the_first_of_several_leads_on(shop: Rehearsal, what: str, expected: list[str]) -> None:
    ana = shop.customer("ana")
    shop.starts("waits_for_one_of_several", ana)
    shop.passes(hours=1)
    match what:
        case "replies":
            ana.replies("whatsapp:note")
        case "buys":
            ana.does("Order Completed")
        case "platinum" | "gold":
            ana.becomes(tier=what)
    shop.passes(days=3, hours=1)
    assert ana.inbox == expected


def test_of_what_one_change_brings_the_first_is_what_is_written_first(shop: Rehearsal) -> None:
    ana = shop.customer("ana", tier="silver")
    shop.starts("waits_for_two_of_one_change", ana)
    shop.passes(hours=1)
    ana.becomes(tier="platinum")
    shop.passes(hours=1)
    ana.does("Order Completed", at=shop.now - timedelta(minutes=3))
    shop.passes(hours=1)
    assert ana.inbox == ["email:note", "whatsapp:note"]


def test_an_event_that_comes_late_is_too_late(shop: Rehearsal) -> None:
    ana = shop.customer("ana")
    ana.does("Product Added", at=shop.now - 5 * HOUR)
    assert ana.was_refused("three_messages", "too late")


def test_each_cart_is_followed_once(shop: Rehearsal) -> None:
    ana = shop.customer("ana")
    for cart in ("c-1", "c-2", "c-1", "c-3"):
        ana.does("Cart Updated", cart_id=cart)
    shop.passes(hours=3)
    assert ana.entered("each_cart", times=3)
    assert ana.got("push:note", times=3)


def test_the_night_is_slept_through(shop: Rehearsal) -> None:
    ana = shop.customer("ana", timezone="UTC")
    shop.passes(hours=14)
    shop.starts("lets_people_sleep", ana)
    shop.passes(hours=1)
    assert ana.awaits("push:note", "quiet hours")
    assert "missed no push:note, it may still go: push:note deferred (quiet hours)" in repr(ana.missed("push:note"))
    shop.passes(hours=9)
    assert ana.got("push:note", at=shop.now.replace(hour=8, minute=0, second=0, microsecond=0))


def test_a_paused_journey_waits_and_goes_on(shop: Rehearsal) -> None:
    ana = shop.customer("ana")
    shop.pauses("falls_back")
    ana.does("Product Viewed")
    shop.passes(minutes=30)
    assert ana.awaits("push:note", "journey paused")
    shop.resumes("falls_back")
    shop.passes(minutes=1)
    assert ana.got("push:note")


def test_a_provider_in_trouble_is_tried_again(shop: Rehearsal) -> None:
    ana = shop.customer("ana")
    shop.provider("push").is_busy(times=2)
    shop.starts("by_choice", ana, route="push")
    shop.passes(minutes=5)
    assert ana.got("push:note")


def test_silence_counts_as_sent_for_marketing_and_not_for_a_receipt(shop: Rehearsal) -> None:
    ana = shop.customer("ana")
    shop.provider("push").keeps_silent()
    ana.does("Product Viewed")
    shop.passes(minutes=1)
    assert ana.missed("push:note", "provider may have accepted it")
    assert ana.left("falls_back", "finished")
    assert len(ana.messages) == 1


def test_somebody_who_moved_away_is_written_to_elsewhere_from_then_on(shop: Rehearsal) -> None:
    ana = shop.customer("ana")
    shop.provider("push").knows_nobody()
    ana.does("Product Viewed")
    shop.passes(minutes=1)
    assert ana.missed("push:note", "no reachable endpoint")
    assert ana.inbox == ["whatsapp:note"]


def test_the_customers_own_yes_takes_back_their_no(shop: Rehearsal) -> None:
    ana = shop.customer("ana")
    ana.says_no("push")
    shop.passes(minutes=1)
    ana.does("Product Viewed")
    assert ana.missed("push:note", "no consent")
    shop.passes(hours=2)
    ana.says_yes("push")
    shop.passes(minutes=1)
    ana.does("Product Viewed")
    assert ana.got("push:note")


def test_a_no_names_an_address_which_what_needs_no_yes_reaches(shop: Rehearsal) -> None:
    ana = shop.customer("ana", channels=("email",))
    ana.says_no("web_push")
    shop.starts("tells_the_browser", ana)
    shop.passes(minutes=1)
    assert ana.got("web_push:note", times=1)
