"""The journeys of the crash tests: the cart journey with seconds for days, every channel at once, services, and capped ones."""

from datetime import timedelta

from pydantic import BaseModel

from journeys import Budget, Cap, Journey, Option, Segment, Service, after, did, journey, once, per_key, purchases, trait


class Points(BaseModel):
    """What the company knows of a customer."""

    balance: int


carts = Segment("carts", did("Product Added").within(hours=24) & ~purchases.since_last("Product Added"))
savers = Segment("savers", did("Product Saved").within(hours=24))
vips = Segment("vips", trait("tier") == "gold")
billing = Service("billing", sends=("customer.email",))
points = Service("points", gives=Points)

sharers = Segment("sharers", did("Product Shared").within(hours=24))

FIVE_A_DAY = (Cap(5, timedelta(days=1)),)


@journey(entry=carts, goal=purchases, reentry=once())
async def three_channels(j: Journey) -> None:
    """Three messages, each on its own channel, seconds apart."""
    await j.at(seconds=2)
    await j.push("note")
    await j.at(seconds=8)
    await j.whatsapp("note")
    await j.at(seconds=14)
    await j.email("note")


@journey(entry=vips, reentry=once())
async def welcome(j: Journey) -> None:
    """One message at once."""
    await j.push("note")


@journey(reentry=after(minutes=0))
async def order_confirmation(j: Journey) -> None:
    """A transactional letter."""
    await j.email("note", transactional=True)


@journey(reentry=after(minutes=0))
async def tells_billing(j: Journey) -> None:
    """A service of the company is told, and another one asked."""
    await j.webhook(billing, "order.confirmed")
    await j.fetch(points)


@journey(reentry=after(minutes=0))
async def joins(j: Journey) -> None:
    """A new member has a pass."""
    await j.wallet("card", points=0)


@journey(reentry=after(minutes=0))
async def offer(j: Journey) -> None:
    """Marketing on every channel at once."""
    await j.together(
        j.push("note"),
        j.web_push("note"),
        j.whatsapp("note"),
        j.email("note"),
        j.sms("note"),
        j.in_app("note"),
        j.wallet("card", points=1),
    )


@journey(reentry=after(minutes=0))
async def receipt(j: Journey) -> None:
    """Transactional messages, on every channel whose provider does not tell by itself what became of them."""
    await j.together(
        j.push("note", transactional=True),
        j.web_push("note", transactional=True),
        j.email("note", transactional=True),
        j.in_app("note", transactional=True),
        j.wallet("card", transactional=True, points=2),
    )


@journey(reentry=after(minutes=0))
async def reminder(j: Journey) -> None:
    """The same where it does: such a message in doubt waits two minutes for that."""
    await j.together(j.whatsapp("note", transactional=True), j.sms("note", transactional=True))


@journey(entry=savers, reentry=per_key("product_id"), caps=FIVE_A_DAY)
async def saved_by_push(j: Journey) -> None:
    """One message per saved product, but five a day from all journeys together."""
    await j.push("note")


@journey(entry=savers, reentry=per_key("product_id"), caps=FIVE_A_DAY)
async def saved_by_email(j: Journey) -> None:
    """The same on another channel."""
    await j.email("note")


@journey(entry=sharers, reentry=once(), priority=5, caps=(Cap(1, timedelta(days=1)),))
async def louder(j: Journey) -> None:
    """Due at once with `quieter`, and more important."""
    await j.at(seconds=4)
    await j.email("note")


@journey(entry=sharers, reentry=once(), caps=(Cap(1, timedelta(days=1)),))
async def quieter(j: Journey) -> None:
    """Due at once with `louder`, on another channel's queue."""
    await j.at(seconds=4)
    await j.push("note")


@journey(reentry=after(minutes=0), budget=Budget(messages=7, per="month"))
async def voucher(j: Journey) -> None:
    """Seven of them, whatever happens to those who send them."""
    await j.push("note")


OFFERS = {"none": None, "ten": Option(budget=5), "gift": Option(budget=3)}


@journey(reentry=after(minutes=0))
async def decides(j: Journey) -> None:
    """A channel and one of few offers, and once more a moment later."""
    for _ in range(2):
        await j.decide("offer", channel=["push", "email"], offer=OFFERS, reward=purchases)
        await j.wait(seconds=1)
