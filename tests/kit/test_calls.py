"""Calling out from a journey: the same tests on the simulator and, with `--journeys-on temporal`, on real servers."""

from datetime import timedelta

from trial_catalogue import Points

from workers.testing import Rehearsal


def test_what_a_service_gives_decides(shop: Rehearsal) -> None:
    ana, bea, eve = shop.customer("ana"), shop.customer("bea"), shop.customer("eve")
    shop.service("points").answers(Points(balance=120, tier="gold", greeting="Hi"), to=ana)
    shop.service("points").refuses(404, to=eve)
    for each in (ana, bea, eve):
        shop.starts("calls_out", each)
    shop.passes(minutes=5)
    assert ana.got("push:points")
    assert bea.got("whatsapp:note"), "the sample"
    assert eve.got("push:note")
    assert shop.service("crm").heard_of(ana, "points.asked", times=1)
    assert shop.service("points").heard_of(bea)
    assert not shop.service("points").heard_of(eve)


def test_a_service_that_comes_back_in_time_is_answered(shop: Rehearsal) -> None:
    ana = shop.customer("ana")
    shop.service("points").is_busy(times=1, after=timedelta(minutes=4))
    shop.service("crm").keeps_silent(times=2)
    shop.starts("calls_out", ana)
    shop.passes(minutes=3)
    assert ana.got_nothing()
    shop.passes(minutes=3)
    assert ana.got("whatsapp:note", after=timedelta(minutes=4))
    assert shop.service("crm").heard_of(ana, times=1)


def test_no_answer_in_time_and_one_unlike_declared_are_values(shop: Rehearsal) -> None:
    ana, bea = shop.customer("ana"), shop.customer("bea")
    shop.service("points").keeps_silent(to=ana)
    shop.service("points").answers({"balance": "many", "tier": "gold"}, to=bea)
    shop.service("crm").refuses(410)
    shop.starts("calls_out", ana)
    shop.starts("calls_out", bea)
    shop.passes(hours=2)
    assert ana.inbox == bea.inbox == ["email:note"]
    assert [call.came_to for call in ana.runs[0].calls] == ["no answer in time", "refused by the service"]
    assert [call.came_to for call in bea.runs[0].calls] == ["answer not as declared", "refused by the service"]


def test_what_a_service_is_told_first_it_does_first_and_what_it_is_told_last_it_goes_on_with(shop: Rehearsal) -> None:
    ana = shop.customer("ana")
    points = shop.service("points")
    points.answers(Points(balance=120, tier="gold", greeting="Hi"), to=ana, times=1)
    points.refuses(404, to=ana, times=1)
    points.refuses(410, to=ana)
    points.answers(Points(balance=1, tier="silver", greeting="Hi"), to=ana)
    for _ in range(3):
        shop.starts("calls_out", ana)
        shop.passes(hours=2)
    assert ana.inbox == ["push:points", "push:note", "whatsapp:note"]


def test_an_order_meanwhile_ends_it(shop: Rehearsal) -> None:
    ana = shop.customer("ana")
    shop.service("points").keeps_silent()
    shop.starts("calls_out", ana)
    shop.passes(minutes=2)
    ana.does("Order Completed")
    shop.passes(hours=1)
    assert ana.left("calls_out", "goal reached")
    assert not shop.service("crm").heard_of(ana)


def test_while_a_journey_is_paused_nobody_is_told(shop: Rehearsal) -> None:
    ana = shop.customer("ana")
    shop.service("points").is_busy(times=1, after=timedelta(minutes=1))
    shop.starts("calls_out", ana)
    shop.pauses("calls_out")
    shop.passes(minutes=30)
    assert not shop.service("crm").heard_of(ana)


def test_in_the_holdout_nobody_is_told_and_data_are_asked_for(shop: Rehearsal) -> None:
    ana = shop.customer("ana")
    shop.starts("tells_nobody_of_the_holdout", ana)
    shop.passes(minutes=5)
    assert [call.came_to for call in ana.runs[0].calls] == ["holdout", "answered"]
    assert ana.missed("push:note", "holdout")
