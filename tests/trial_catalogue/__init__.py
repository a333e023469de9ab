"""Journeys that exercise one promise each, as a company's own catalogue would stand in a package of its own."""

from datetime import UTC, datetime, timedelta
from typing import Literal

from pydantic import BaseModel

from journeys import (
    Cap,
    Journey,
    QuietHours,
    Segment,
    Service,
    Window,
    after,
    did,
    entered,
    journey,
    left,
    once,
    per_hour,
    per_key,
    purchases,
    restart,
    trait,
    whenever,
)

carts = Segment("carts", did("Product Added").within(hours=24) & ~purchases.since_last("Product Added"))
open_carts = Segment("open-carts", did("Cart Updated").within(days=7))
vips = Segment("vips", trait("tier") == "gold")
platinums = Segment("platinums", trait("tier") == "platinum")
buyers = Segment("buyers", did("Order Completed"))
viewers = Segment("viewers", did("Product Viewed").within(hours=1))


@journey(entry=carts, goal=purchases, reentry=after(minutes=0))
async def three_messages(j: Journey) -> None:
    """The cart journey without a start delay: it looks at the clock first."""
    assert j.now >= j.entered_at
    await j.at(hours=1)
    await j.push("note")
    await j.at(days=1)
    await j.whatsapp("note")
    await j.at(days=3)
    await j.email("note")


@journey(entry=open_carts, goal=purchases, reentry=per_key("cart_id"))
async def each_cart(j: Journey) -> None:
    """Once per cart."""
    await j.wait(hours=2)
    await j.push("note")


@journey(entry=vips, ends_on_leave=True, reentry=once())
async def while_vip(j: Journey) -> None:
    """Only while the customer is a VIP."""
    await j.wait(days=10)
    await j.email("note")


@journey(entry=viewers, reentry=after(minutes=0))
async def falls_back(j: Journey) -> None:
    """Push, or else WhatsApp, or else e-mail."""
    await j.push("note") or await j.whatsapp("note") or await j.email("note")


@journey(entry="vip-at-risk", ends_on_leave=True, reentry=per_key("ticket"))
async def calms_down(j: Journey) -> None:
    """For a segment that a product team defines through the API; once per ticket."""
    await j.wait(hours=1)
    await j.email("note")


seekers = Segment("seekers", did("Searched").within(hours=12))


@journey(entry=seekers, reentry=restart())
async def when_they_stop(j: Journey) -> None:
    """Two hours after the last of several searches; each begins anew."""
    await j.wait(hours=2)
    await j.push("note")


@journey(entry=seekers, reentry=whenever())
async def while_they_search(j: Journey) -> None:
    """After a search, and again after the next one that comes when it is over."""
    await j.wait(hours=1)
    await j.email("note")


@journey(entry=seekers, reentry=after(minutes=0), capacity=1, max_wait=timedelta(hours=5))
async def one_at_a_time(j: Journey) -> None:
    """For one customer at a time; the next waits, and goes when it has waited for five hours."""
    await j.wait(hours=3)
    await j.push("note")


@journey(reentry=after(minutes=0), rate=per_hour(1), entry_hours=Window("06:00", "22:00"), max_wait=timedelta(hours=9))
async def in_the_daytime(j: Journey) -> None:
    """One customer an hour, between six and ten."""
    await j.at(minutes=10)
    await j.push("note")


class Promoting(BaseModel):
    """What comes after the promotion."""

    then: Literal["wait", "message", "call"]


@journey(
    reentry=after(minutes=0),
    goal={"bought": purchases, "searched": did("Searched")},
    exits={
        "something else": did("Something Else"),
        "no vip": left(vips),
        "platinum": entered("platinums"),
        "too old": timedelta(days=2),
    },
)
async def ends_many_ways(j: Journey) -> None:
    """A message a day, until one of several goals or exits is reached."""
    async for _ in j.every(days=1, times=4):
        await j.push("note")


@journey(reentry=after(minutes=0), exits={"platinum": entered(platinums)}, params=Promoting)
async def ends_by_its_own_word(j: Journey) -> None:
    """It makes somebody a platinum customer as soon as they enter, which is one of its exits."""
    await j.set_traits(tier="platinum")
    if j.params.then == "wait":
        await j.wait(minutes=30)
    elif j.params.then == "call":
        await j.webhook(crm, "lead.promoted")
    await j.push("note")


class Choice(BaseModel):
    """What a start may ask for."""

    route: Literal["push", "email"] = "push"
    note: str = ""


@journey(params=Choice, reentry=after(minutes=0))
async def by_choice(j: Journey) -> None:
    """Started by API; branches on a parameter."""
    if j.params.route == "push":
        await j.push("note")
    else:
        await j.email("note")


@journey(reentry=after(minutes=0))
async def urgent(j: Journey) -> None:
    """A transactional message."""
    await j.email("note", transactional=True)


@journey(reentry=after(minutes=0))
async def tells_the_browser(j: Journey) -> None:
    """One for the browser, and one that needs a yes."""
    await j.web_push("note", transactional=True)
    await j.web_push("note")


@journey(reentry=after(minutes=0), quiet_hours=QuietHours("22:00", "08:00"))
async def lets_people_sleep(j: Journey) -> None:
    """Not at night."""
    await j.push("note")


@journey(reentry=after(minutes=0), caps=(Cap(1, timedelta(days=1)),))
async def capped(j: Journey) -> None:
    """At most one message a day."""
    await j.push("note")


@journey(reentry=after(minutes=0), holdout=0.999999)
async def held_out(j: Journey) -> None:
    """Everybody is in the holdout."""
    await j.push("note")


@journey(reentry=after(minutes=0), goal=purchases)
async def asks(j: Journey) -> None:
    """Branches on a predicate that is not its goal."""
    if await j.reached(did("Product Viewed")):
        await j.push("note")


@journey(reentry=after(minutes=0), useless_after=timedelta(hours=1))
async def short_lived(j: Journey) -> None:
    """A message that nobody wants an hour later."""
    await j.push("note")
    await j.email("note")


@journey(reentry=after(minutes=0))
async def raises(j: Journey) -> None:
    """A fault in a journey that depends on the day, so that it loads."""
    await j.push("note")
    if j.entered_at > datetime(2026, 1, 1, tzinfo=UTC):
        raise KeyError("a fault of the author's")


class Loop(BaseModel):
    """Whether to go round and round."""

    on: bool


@journey(params=Loop, reentry=after(minutes=0), most=30)
async def never_stops(j: Journey) -> None:
    """A fault that depends on the day, so that it loads: marketing in a loop without a wait."""
    while j.params.on and j.entered_at > datetime(2026, 1, 1, tzinfo=UTC):
        await j.push("note")


@journey(reentry=after(minutes=0), holdout=0.999999)
async def held_out_of_both(j: Journey) -> None:
    """The holdout of a journey that falls back."""
    await j.push("note") or await j.email("note")


@journey(reentry=after(minutes=0), holdout=0.999999, quiet_hours=QuietHours("22:00", "08:00"))
async def held_out_at_night(j: Journey) -> None:
    """The holdout of a journey that lets people sleep."""
    await j.push("note")


@journey(reentry=after(minutes=0))
async def asks_who_it_is(j: Journey) -> None:
    """Branches on what is true of the customer now, not on what happened."""
    if await j.reached(trait("tier") == "gold"):
        await j.email("note")
    else:
        await j.push("note")


class Rated(BaseModel):
    """What is known of a rating."""

    score: int
    because: str = ""


raters = Segment("raters", did("Rated").within(hours=1))


@journey(entry=raters, reentry=after(minutes=0))
async def by_entry(j: Journey[Rated]) -> None:
    """Branches on the entering event."""
    if j.entry.score >= 9:
        await j.push("note")
    else:
        await j.email("note")


@journey(reentry=after(minutes=0))
async def waits_for_one_of_several(j: Journey) -> None:
    """The first of four; each leads elsewhere."""
    receipt = await j.whatsapp("note")
    answer = await j.first(
        replied=j.replied(receipt),
        bought=did("Order Completed"),
        gold=trait("tier") == "platinum",
        vip=vips,
        timeout=timedelta(days=3),
    )
    if answer.replied:
        await j.whatsapp("note")
    elif answer.bought or answer.gold:
        await j.push("note")
    elif answer.vip:
        await j.push("note")
        await j.email("note")
    else:
        await j.email("note")


@journey(reentry=after(minutes=0))
async def asks_by_text(j: Journey) -> None:
    """A question by SMS, and a letter to who answers."""
    await j.sms("note")
    if await j.wait_for(j.replied(), timeout=timedelta(days=1)):
        await j.email("note")


@journey(reentry=after(minutes=0))
async def texts_or_writes(j: Journey) -> None:
    """A text, or a letter where no telephone is known."""
    await j.sms("note") or await j.email("note")


@journey(reentry=after(minutes=0), useless_after=timedelta(days=2))
async def texts_late(j: Journey) -> None:
    """A text that is good for two days."""
    await j.sms("note")


@journey(reentry=after(minutes=0))
async def asks_for_a_segment(j: Journey) -> None:
    """Branches on a segment of the catalogue."""
    if await j.is_in(vips):
        await j.push("note")


@journey(reentry=after(minutes=0))
async def experiments(j: Journey) -> None:
    """Two arms."""
    async with j.experiment("channel", push=0.5, email=0.5) as arm:
        await j.reach("note", by=(arm,))


@journey(reentry=after(minutes=0))
async def weekly(j: Journey) -> None:
    """Three times, a week apart."""
    async for _ in j.every(days=7, times=3):
        await j.push("note")


@journey(reentry=after(minutes=0))
async def until_it_arrives(j: Journey) -> None:
    """By push; when that is not told delivered within four hours, by WhatsApp."""
    await j.reach("note", by=("push", "whatsapp"), undelivered_after=timedelta(hours=4))


@journey(reentry=after(minutes=0))
async def asks_the_team(j: Journey) -> None:
    """A task for somebody of the company, and what it came to; or the customer is no VIP."""
    call = j.task(
        "Call the customer", to="care", by=timedelta(days=1), escalate="lead", choices=("sold", "lost"), values=("calls",)
    )
    answer = await j.first(called=call, left=j.left(vips), timeout=timedelta(days=2))
    if answer.called and answer.called.outcome == "sold":
        await j.email("note")
    elif answer.timed_out:
        await j.push("note", only=vips)
    else:
        await j.whatsapp("note")


@journey(reentry=after(minutes=0))
async def follows_up(j: Journey) -> None:
    """What came back of a message leads on; then a last word to who is a VIP within a day."""
    receipt = await j.email("note")
    answer = await j.first(
        opened=j.opened(receipt),
        clicked=j.clicked(receipt),
        failed=j.undelivered(receipt),
        timeout=timedelta(hours=12),
    )
    if answer.clicked:
        await j.whatsapp("note")
    elif answer.opened and await j.wait_for(did("Product Viewed"), since=j.now, timeout=timedelta(days=1)):
        await j.push("note")
    elif answer.failed:
        await j.email("note")
    await j.wait_for(j.entered(vips), timeout=timedelta(days=1))
    await j.push("note", only=vips)


@journey(reentry=after(minutes=0))
async def asks_people(j: Journey) -> None:
    """Somebody calls within two days, or somebody else does; it goes on as they say."""
    call = j.task(
        "Call the customer", to="care", by=timedelta(days=2), escalate="care-lead", choices=("won", "lost"), values=("calls",)
    )
    answer = await j.first(called=call, timeout=timedelta(days=4))
    if answer.called and answer.called.outcome == "won":
        await j.push("note")
    elif answer.called and answer.called.answer.get("calls", 0) > 1:
        await j.whatsapp("note")
    else:
        await j.email("note")


@journey(reentry=after(minutes=0))
async def asks_anybody(j: Journey) -> None:
    """Whoever does it may write what they like."""
    if await j.wait_for(j.task("Look after the customer", to="care"), timeout=timedelta(days=4)):
        await j.push("note")


@journey(reentry=after(minutes=0))
async def waits_once(j: Journey) -> None:
    """Nothing but a wait."""
    await j.first(bought=did("Order Completed"), gold=trait("tier") == "platinum", timeout=timedelta(days=3))


@journey(reentry=after(minutes=0))
async def waits_for_two_of_one_change(j: Journey) -> None:
    """A trait and the segment that it makes; then the segment that an event makes, and the event."""
    answer = await j.first(tier=trait("tier") == "platinum", entered=platinums, timeout=timedelta(days=3))
    await (j.email("note") if answer.tier else j.push("note"))
    answer = await j.first(buys=buyers, bought=purchases, timeout=timedelta(days=3))
    await (j.whatsapp("note") if answer.buys else j.push("note"))


@journey(reentry=after(minutes=0), timezone="Europe/Madrid")
async def by_the_clock(j: Journey) -> None:
    """On Saturday morning where they live; then before their birthday, if that is known; then in the daytime."""
    await j.until("09:30", weekday="sat")
    await j.push("note")
    if await j.until(trait="birthday", before=timedelta(days=3), at="10:00"):
        await j.whatsapp("note")
    await j.window("12:00", "20:00")
    await j.email("note")


@journey(reentry=after(minutes=0))
async def acts(j: Journey) -> None:
    """Sets traits, ends one journey and starts another."""
    await j.set_traits(tier="gold", seen=1)
    await j.end(weekly)
    await j.start(by_choice, route="email")
    await j.push("note")


@journey(reentry=after(minutes=0))
async def speaks_alone(j: Journey) -> None:
    """For two hours, no other journey's promotion."""
    async with j.hold_others():
        await j.wait(hours=2)
    await j.push("note")


class Points(BaseModel):
    """What the points service gives."""

    balance: int
    tier: Literal["none", "silver", "gold"]
    greeting: str = ""


points = Service("points", sends=("customer.email", "params.note"), gives=Points, sample=Points(balance=10, tier="silver"))
crm = Service("crm", sends=("customer.tier", "fetched.points.greeting"))


@journey(reentry=after(minutes=0), goal=purchases, params=Choice)
async def calls_out(j: Journey) -> None:
    """Asks for data, branches on it, and tells somebody what it has done."""
    answer = await j.fetch(points, within=timedelta(minutes=10), season=1)
    if answer and answer.value.tier == "gold" and answer.value.balance >= 100:
        await j.push("points")
    elif answer:
        await j.whatsapp("note")
    elif answer.status == 404:
        await j.push("note")
    if not await j.webhook(crm, "points.asked", within=timedelta(hours=1), known=bool(answer)):
        await j.email("note")
    await j.wait(hours=1)


@journey(reentry=after(minutes=0), holdout=0.999999)
async def tells_nobody_of_the_holdout(j: Journey) -> None:
    """A webhook is withheld, data are not."""
    if await j.webhook(crm, "lead.qualified") and await j.fetch(points):
        await j.push("note")
