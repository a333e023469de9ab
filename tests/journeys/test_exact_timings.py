"""JRN-01, JRN-03 and JRN-19 on the real server, with time skipped."""

from datetime import timedelta

from workers.testing.people import consent
from workers.testing.shop import Shop

CART = {"cart_id": "c-1", "name": "Snow boots", "price": 89.9, "currency": "EUR"}


async def start_discount(shop: Shop) -> None:
    await shop.signs_up("ana")
    answer = await shop.operate(
        "POST",
        "/v1/journeys/cart_discount/runs",
        json={"customer": {"user_id": "ana"}, "params": {"discount": "10%"}, "entry": CART},
    )
    assert answer.status_code == 201, answer.text
    await shop.look()


async def test_jrn_01_no_conversion_push_at_2_h_and_whatsapp_24_h_after_the_push(shop: Shop) -> None:
    await start_discount(shop)
    run = await shop.run("cart_discount")
    assert (await shop.over(run)).sent == 2
    push, whatsapp = await shop.messages(run)
    assert timedelta(0) <= push.due_at - run.entered_at - timedelta(hours=2) < timedelta(minutes=1)
    assert timedelta(0) <= whatsapp.due_at - push.due_at - timedelta(hours=24) < timedelta(minutes=1)
    assert "10%" in str(shop.sandbox.messages[1].raw)


async def test_jrn_01_a_purchase_half_an_hour_after_the_push_ends_it(shop: Shop) -> None:
    await start_discount(shop)
    run = await shop.run("cart_discount")
    await shop.forward(run, timedelta(hours=2, minutes=1))
    await shop.settled(run, 1)
    await shop.does("ana", "Order Completed", run.entered_at + timedelta(hours=2, minutes=30))
    await shop.look()
    assert (await shop.workflow(run).result()).outcome.value == "goal reached"
    assert [m.provider for m in shop.sandbox.messages] == ["fcm"]


async def test_jrn_03_a_cart_on_the_web_is_followed_by_a_push_to_the_same_persons_app(shop: Shop) -> None:
    await shop.signs_up("ana", ["push"])  # the app knows her
    now = shop.opened_at
    await shop.send("track", anonymousId="web-visitor", event="Product Added", properties=CART, timestamp=now.isoformat())
    await shop.look(now)
    visitor_run = await shop.run("cart_abandonment")
    await shop.send("identify", userId="ana", anonymousId="web-visitor", traits={}, context={})
    await shop.look(now + timedelta(minutes=5))
    (run,) = await shop.runs("cart_abandonment", is_open=True)
    assert run.id == visitor_run.id  # the visitor's run goes on as hers: no second one
    await shop.forward(run, timedelta(hours=1, minutes=1))
    (message,) = await shop.settled(run, 1)
    assert message.state == "sent"
    (push,) = shop.sandbox.messages
    assert push.to == "token-ana"


async def test_jrn_19_entering_starts_once_however_often_the_watch_looks(shop: Shop) -> None:
    await shop.signs_up("ana")
    for _ in range(3):
        await shop.does("ana", "Product Added", **CART)
        await shop.look()
    assert len(await shop.runs("cart_abandonment")) == 1


async def test_jrn_19_leaving_ends_the_run_where_the_journey_says_so(trial: Shop) -> None:
    await trial.signs_up("ana", tier="gold")
    await trial.look()
    run = await trial.run("while_vip")
    await trial.signs_up("ana", tier="silver")
    await trial.look()
    result = await trial.workflow(run).result()
    assert (result.outcome.value, result.sent) == ("left the segment", 0)
    assert (await trial.closed(run)).outcome == "left the segment"


async def test_jrn_19_leaving_does_not_end_a_run_where_the_journey_does_not_say_so(trial: Shop) -> None:
    await trial.signs_up("ana")
    await trial.does("ana", "Product Added")
    await trial.look()
    run = await trial.run("three_messages")
    await trial.look(run.entered_at + timedelta(hours=25))  # the window of the segment has passed
    assert (await trial.over(run)).sent == 3


async def test_per_key_each_cart_is_followed_once(trial: Shop) -> None:
    await trial.signs_up("ana")
    for cart in ("c-1", "c-2", "c-1", "c-2", "c-3"):
        await trial.does("ana", "Cart Updated", cart_id=cart)
        await trial.look()
    assert [run.entry_key for run in await trial.runs("each_cart")] == ["c-1", "c-2", "c-3"]


async def test_after_a_cooldown_a_customer_may_enter_again(shop: Shop) -> None:
    await shop.signs_up("ana")
    await shop.does("ana", "Product Added", **CART)
    await shop.look()
    first = await shop.run()
    await shop.does("ana", "Order Completed", first.entered_at + timedelta(minutes=5))
    await shop.look()
    await shop.workflow(first).result()
    # Over in Temporal, but the closer has not looked yet: the next entry finds out by itself.
    await shop.does("ana", "Product Added", first.entered_at + timedelta(days=1), **CART)
    await shop.look()
    assert len(await shop.runs()) == 1
    refused = await shop.database.pool.fetch("select reason from entry_refused")
    assert [row["reason"] for row in refused] == ["cooling down"]
    await shop.does("ana", "Order Completed", first.entered_at + timedelta(days=1, minutes=5))
    await shop.look()
    await shop.does("ana", "Product Added", first.entered_at + timedelta(days=8), **CART)
    await shop.look()
    assert len(await shop.runs()) == 2


async def test_an_entry_that_is_noticed_too_late_is_refused_with_its_reason(shop: Shop) -> None:
    await shop.signs_up("ana")
    await shop.does("ana", "Product Added", shop.opened_at - timedelta(hours=5))
    await shop.look()
    assert await shop.runs() == []
    assert await shop.database.pool.fetchval("select reason from entry_refused") == "too late"


async def test_consent_given_on_another_channel_does_not_count(shop: Shop) -> None:
    await shop.send("identify", userId="ana", traits={"firstName": "Ana"}, context=consent("ana", ["email"]))
    await shop.does("ana", "Product Added", **CART)
    await shop.look()
    run = await shop.run()
    assert (await shop.over(run)).sent == 1
    found = [(m.channel, m.state, m.reason) for m in await shop.messages(run)]
    assert found == [
        ("push", "skipped", "no consent"),
        ("whatsapp", "skipped", "no consent"),
        ("email", "sent", None),
    ]
