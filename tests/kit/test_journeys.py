"""What journeys do with time, people and each other, in the kit's words; also with `--journeys-on temporal`."""

from datetime import timedelta

from journeys import Segment, did
from workers.testing import Rehearsal

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def test_a_journey_waits_for_the_customers_own_saturday(shop: Rehearsal) -> None:
    ana = shop.customer("ana", timezone="America/New_York")
    monday = shop.now
    shop.starts("by_the_clock", ana)
    shop.passes(days=8)
    new_york = 4 * HOUR if monday.month in range(4, 11) else 5 * HOUR
    assert ana.got("push:note", at=monday + 5 * DAY + HOUR / 2 + new_york)
    assert ana.inbox == ["push:note", "email:note"]


def test_a_task_is_done_and_the_journey_goes_on_as_they_say(shop: Rehearsal) -> None:
    ana, bea, eva = (shop.customer(name) for name in ("ana", "bea", "eva"))
    for who in (ana, bea, eva):
        shop.starts("asks_people", who)
    shop.passes(hours=5)
    shop.completes(ana, "called", "won")
    shop.completes(bea, "called", "lost", calls=2)
    shop.passes(days=4)
    assert [who.inbox for who in (ana, bea, eva)] == [["push:note"], ["whatsapp:note"], ["email:note"]]


def test_a_journey_acts_on_its_customer_and_on_other_journeys(shop: Rehearsal) -> None:
    ana = shop.customer("ana")
    shop.starts("weekly", ana)
    shop.passes(hours=1)
    shop.starts("acts", ana)
    shop.passes(hours=1)
    assert ana.left("weekly", "ended by another journey")
    assert ana.entered("by_choice")
    assert ana.waits("while_vip")
    assert sorted(ana.inbox) == ["email:note", "push:note", "push:note"]


def test_while_one_journey_speaks_alone_another_waits(shop: Rehearsal) -> None:
    ana = shop.customer("ana")
    shop.starts("speaks_alone", ana)
    shop.passes(minutes=30)
    ana.does("Product Viewed")
    shop.passes(minutes=5)
    assert ana.awaits("push:note", "held by another journey")
    shop.passes(hours=4)
    assert ana.got("push:note", times=2)


def test_what_came_back_leads_on(shop: Rehearsal) -> None:
    ana, bea = shop.customer("ana", tier="gold"), shop.customer("bea")
    for who in (ana, bea):
        shop.starts("follows_up", who)
    shop.passes(hours=1)
    ana.clicks("email:note")
    bea.opens("email:note")
    shop.passes(hours=1)
    bea.does("Product Viewed")
    shop.passes(days=2)
    assert ana.inbox == ["email:note", "whatsapp:note", "push:note"]
    assert bea.inbox == ["email:note", "push:note", "push:note"]  # one of them because she looked at something
    assert bea.missed("push:note", "not in the segment")


def test_a_journey_is_entered_by_a_segment_that_a_product_team_defines(shop: Rehearsal) -> None:
    shop.defines(Segment("vip-at-risk", did("Ticket Opened").within(minutes=45)))
    ana = shop.customer("ana")
    ana.does("Ticket Opened", ticket="t-1")
    shop.passes(minutes=30)
    assert ana.waits("calms_down")
    shop.passes(hours=1)
    assert ana.left("calms_down", "left the segment")


def test_everybody_keeps_their_arm(shop: Rehearsal) -> None:
    people = [shop.customer(f"user-{n}") for n in range(8)]
    for _ in range(2):
        for who in people:
            shop.starts("experiments", who)
        shop.passes(hours=1)
    assert all(len(who.inbox) == 2 and len(set(who.inbox)) == 1 for who in people)


def test_who_orders_within_the_goal_is_not_let_in(shop: Rehearsal) -> None:
    ana = shop.customer("ana")
    ana.does("Order Completed", at=shop.now - HOUR)
    ana.does("Product Added", at=shop.now - 2 * HOUR)
    shop.passes(days=4)
    assert ana.got_nothing()
    assert ana.entered("three_messages", times=0)
