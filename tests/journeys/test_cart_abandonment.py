"""JRN-02, JRN-18: the reference journey on the real server, with time skipped."""

from datetime import timedelta

from workers.testing.shop import Shop

PRODUCT = {
    "cart_id": "c-1",
    "product_id": "p-7",
    "name": "Snow boots",
    "price": 89.9,
    "currency": "EUR",
    "image_url": "https://shop.example/images/boots.jpg",
}


async def enter(shop: Shop, user: str = "ana") -> None:
    await shop.signs_up(user)
    await shop.does(user, "Product Added", **PRODUCT)
    await shop.look()


async def test_jrn_02_three_messages_at_hour_1_day_1_and_day_3(shop: Shop) -> None:
    await enter(shop)
    run = await shop.run("cart_abandonment")
    assert run.segment == "abandoned-cart"
    result = await shop.over(run)
    assert (result.outcome.value, result.sent, result.skipped) == ("finished", 3, 0)
    messages = await shop.messages(run)
    offsets = [m.due_at - run.entered_at for m in messages]
    for offset, wanted in zip(offsets, (timedelta(hours=1), timedelta(days=1), timedelta(days=3)), strict=True):
        assert timedelta(0) <= offset - wanted < timedelta(minutes=1)
    push, whatsapp, email = shop.sandbox.messages
    assert push.image == PRODUCT["image_url"]
    assert "Snow boots" in str(push.title)
    assert "c-1" in str(whatsapp.raw)
    assert "free" in str(email.html).lower()


async def test_jrn_18_an_order_between_two_messages_ends_the_run_at_once(shop: Shop) -> None:
    await enter(shop)
    run = await shop.run()
    await shop.forward(run, timedelta(hours=1, minutes=1))
    (push,) = await shop.settled(run, 1)
    assert push.state == "sent"
    await shop.does("ana", "Order Completed", run.entered_at + timedelta(hours=2, minutes=30), order_id="o-1")
    await shop.look()
    result = await shop.workflow(run).result()
    assert (result.outcome.value, result.sent) == ("goal reached", 1)
    assert [m.channel for m in await shop.messages(run)] == ["push"]


async def test_an_order_during_the_start_delay_wakes_the_run_and_ends_it(shop: Shop) -> None:
    await enter(shop)
    run = await shop.run()
    await shop.does("ana", "Order Completed", run.entered_at + timedelta(minutes=20))
    await shop.look()
    result = await shop.workflow(run).result()
    assert (result.outcome.value, result.sent) == ("goal reached", 0)
    history = await shop.workflow(run).fetch_history()
    assert len(history.events) <= 7
    assert shop.sandbox.messages == []


async def test_jrn_18_the_gate_sees_an_order_that_the_watch_has_not_seen(shop: Shop) -> None:
    """The order is committed between the watch's last look and the provider call: nothing is sent."""
    await enter(shop)
    run = await shop.run()
    await shop.does("ana", "Order Completed", run.entered_at + timedelta(minutes=59))
    result = await shop.over(run)
    assert (result.outcome.value, result.sent) == ("goal reached", 0)
    (push,) = await shop.messages(run)
    assert (push.state, push.reason) == ("skipped", "goal reached")
    assert "reached_at" in push.detail
    assert shop.sandbox.messages == []


async def test_an_order_from_before_a_send_that_arrives_after_it_ends_the_run_and_marks_the_race(shop: Shop) -> None:
    await enter(shop)
    run = await shop.run()
    await shop.forward(run, timedelta(hours=1, minutes=1))
    await shop.settled(run, 1)
    shop.clock.set(run.entered_at + timedelta(hours=3))
    await shop.does("ana", "Order Completed", run.entered_at + timedelta(minutes=50))
    await shop.look()
    assert (await shop.workflow(run).result()).outcome.value == "goal reached"
    assert [m.raced for m in await shop.messages(run)] == [True]


async def test_an_order_from_before_the_cart_does_not_count(shop: Shop) -> None:
    await shop.signs_up("ana")
    now = shop.opened_at
    await shop.does("ana", "Order Completed", now - timedelta(hours=2))
    await shop.does("ana", "Product Added", now, **PRODUCT)
    await shop.look()
    run = await shop.run()
    assert (await shop.over(run)).sent == 3


async def test_an_order_from_a_clock_that_is_a_little_ahead_ends_the_run_all_the_same(shop: Shop) -> None:
    """Its mark is consumed by a tick whose own time is before the order's."""
    await enter(shop)
    run = await shop.run()
    shop.clock.set(run.entered_at + timedelta(minutes=10))
    ahead = shop.clock.now() + timedelta(minutes=2)
    await shop.send("track", userId="ana", event="Order Completed", timestamp=ahead.isoformat())
    await shop.look()
    assert (await shop.workflow(run).result()).outcome.value == "goal reached"
