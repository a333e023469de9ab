"""The journeys of the pictures in docs/operating.md: one says every word of the handle, of the others runs stand still."""

from typing import Literal

from pydantic import BaseModel

from journeys import (
    Cap,
    Journey,
    Segment,
    Service,
    Weather,
    Window,
    after,
    days,
    did,
    hours,
    journey,
    left,
    open_meteo,
    purchases,
    trait,
    within,
)


class Added(BaseModel):
    """The entering event."""

    price: float = 0


class Tone(BaseModel):
    """How it speaks."""

    tone: Literal["formal", "playful"] = "playful"


class Points(BaseModel):
    """What the points service gives."""

    balance: int
    tier: Literal["silver", "gold"]


carts = Segment("carts", did("Product Added").within(days=1))
viewers = Segment("viewers", did("Product Viewed").within(days=1))
members = Segment("members", trait("member") == True)  # noqa: E712 - a predicate
vips = Segment("vips", trait("tier") == "gold")
weather = open_meteo(by=["address.city"], places={"Lima": (-12.05, -77.04)}, otherwise=Weather(temperature=20))
points = Service("points", sends=("customer.email",), gives=Points, sample=Points(balance=120, tier="silver"))
crm = Service("crm", sends=("customer.firstName",))


@journey(reentry=after(days=1), params=Tone)
async def tips(j: Journey) -> None:
    """A tip, some days later."""
    await j.wait(days=40)
    if j.params.tone == "playful":
        await j.push("note") or await j.web_push("note") or await j.sms("note")
    await j.in_app("note")
    await j.wallet("card")


@journey(reentry=after(days=1))
async def thanks(j: Journey) -> None:
    """A word of thanks."""
    await j.email("note", transactional=True)


async def lessons(j: Journey) -> None:
    """A branch: two lessons."""
    async for n in j.every(days=3, times=2):
        await j.email("note", send_time=within(hours=2), useless_after=days(1) if n > 1 else days(2))


async def talk(j: Journey) -> bool:
    """A branch: a question, and whatever comes first."""
    question = await j.whatsapp("note")
    await j.wait_for(j.delivered(question), timeout=hours(2))
    answer = await j.first(
        replied=j.replied(question),
        clicked=j.clicked(),
        failed=j.undelivered(question),
        viewed=did("Product Viewed"),
        gold=j.entered(vips),
        gone=j.left(members),
        settled=trait("settled") == True,  # noqa: E712 - a predicate
        called=j.task("Call the customer", to="care", by=days(2), escalate="care-lead", choices=("settled", "lost")),
        timeout=days(60),
    )
    return bool(answer.called) and answer.called.outcome == "settled"


@journey(
    entry=carts,
    goal={"bought": purchases},
    exits={"no member any more": left(members), "too long": days(90)},
    reentry=after(days=30),
    holdout=0.0001,
    priority=2,
)
async def every_word(j: Journey[Added]) -> None:
    """A cart, by all means: asked, tested, written to and called, until it is bought or somebody has called."""
    await j.at(hours=1)
    hello = await j.push("note", useless_after=days(2), priority=1)
    if j.changed("looks-for-vips"):
        await j.is_in(vips)
    await j.wait_for(j.opened(hello), timeout=hours(2))
    answer = await j.fetch(points, within=days(20), price=j.entry.price)
    await j.context(weather)
    async with j.experiment("subject", plain=0.5, playful=0.5) as arm:
        if answer and answer.value.balance >= 100:
            await j.whatsapp("note", only=members, window=Window("08:00", "22:00"))
    await j.choose("word", ["cart", "basket"], within=days(3))
    await j.decide("reminder", hour=["09:00", "18:30"], offer=["none", "ten"], within=days(3))
    await j.foretold("churn")
    await j.set_traits(cart_arm=arm, cart_at=j.entered_at.hour)
    await j.track("Cart Followed", arm=arm)
    await j.start(tips, tone="playful")
    if await j.is_in(members) and not await j.reached():
        await j.end("capped")
    await j.wait(hours=6)
    await j.until("09:30")
    await j.window("09:00", "20:00")
    await j.webhook(crm, "cart.contacted", arm=arm, waited=(j.now - j.entered_at).days)
    async with j.hold_others():
        _, settled = await j.together(lessons(j), talk(j))
    if settled:
        await j.reach("note", by=("push", "email"), undelivered_after=hours(4))
    await j.ask("note", choices=("fine",), within=days(1))
    await thanks(j)


@journey(entry=viewers, goal=purchases)
async def mistaken(j: Journey) -> None:
    """Raises at its second step: it knows no spring."""
    await j.push("note")
    await j.wait(hours={12: 8, 1: 8, 2: 6}[j.now.month])
    await j.push("note")


@journey(entry=viewers, goal=purchases, caps=(Cap(1, days(60)),), useless_after=days(90))
async def capped(j: Journey) -> None:
    """A message that a cap lets wait."""
    await j.push("note")
    await j.email("note")


@journey(entry=viewers, goal=purchases, useless_after=days(90))
async def paused(j: Journey) -> None:
    """A message that waits until its journey is resumed."""
    await j.wait(hours=12)
    await j.push("note")


@journey(entry=viewers, goal=purchases)
async def killed(j: Journey) -> None:
    """A wait that is cut short."""
    await j.push("note", transactional=True)
    await j.wait(days=30)
    await j.email("note")


@journey(entry=viewers, goal=purchases, capacity=1, max_wait=days(60))
async def full(j: Journey) -> None:
    """One customer at a time."""
    await j.wait(days=40)
    await j.push("note", transactional=True)
