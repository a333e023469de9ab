"""Journeys whose messages depend on a segment or carry a product: what SEG-08 … SEG-41 say about the message."""

from datetime import timedelta

from journeys import (
    DerivedTrait,
    Journey,
    Persona,
    Segment,
    Traits,
    after,
    city,
    days,
    did,
    journey,
    near,
    once,
    prop,
    purchases,
    trait,
)
from segments.library import abandoned_cart, cold_weather, lead_score, nps, recent_buyers, temperature, ticket_size

here, elsewhere = Segment("in-x", city("X")), Segment("not-in-x", ~city("X"))
invited = Segment("invited", trait("invited") == True)  # noqa: E712 - the language
climate = cold_weather(name="climate")
coat_fans = Segment("coat-fans", did("Coat Viewed").within(hours=1))
carts, buyers = abandoned_cart(), recent_buyers()
classes = nps()
promoters, neutrals, detractors = classes
answered = Segment("answered", did("NPS Answered").within(hours=1))
hot, warm, cold = temperature()
RULES = {
    "saw the prices": (20, did("Pricing Viewed").within(days=30)),
    "asked for a demo": (50, did("Demo Requested").within(days=30)),
    "looks for a job": (-30, did("Jobs Viewed").within(hours=1)),
}
leads = lead_score(RULES, 70)
small, medium, large = ticket_size()
kind = DerivedTrait(
    "type_of_purchase",
    {
        "bulk": did("Order Completed").where(prop("quantity") >= 10).within(days=30),
        "single": did("Order Completed").within(days=90),
    },
)
careful = Persona(
    "careful-buyer",
    [(3, trait("role") == "buyer"), (2, trait("worries").contains("price")), (1, trait("company_size") > 50)],
    at_least=5,
    fields={"worry": "what it costs over five years", "source": "trade press"},
)
eager = Persona("eager-founder", [(3, trait("role") == "founder")], at_least=3, fields={"worry": "losing time"})
persona = DerivedTrait("persona", [careful, eager])
known_buyers = Segment("known-buyers", trait("persona.name").exists())
own_traits = Traits("values")
outdoor = Segment("outdoor", trait("interests").contains("outdoor"))
at_the_shop = Segment("at-the-shop", near(40.4168, -3.7038, km=1))
deals = Segment("deals", trait("deal_amount").exists())


@journey(entry=invited)
async def shop_event(j: Journey) -> None:
    """SEG-08: WhatsApp to the city of the shop, push to everybody else."""
    await j.whatsapp("say", only=here, about="come by")
    await j.push("say", only=elsewhere, about="watch it live")


@journey(entry=at_the_shop, reentry=after(minutes=0))
async def come_in(j: Journey) -> None:
    """SEG-07, CH-09: who comes within a kilometre of the shop."""
    await j.push("say", about="You are close: come in")


@journey(entry=outdoor)
async def new_gear(j: Journey) -> None:
    """SEG-11: one letter, whose words are by what the reader values."""
    await j.email("gear") or await j.whatsapp("gear")


@journey(entry=known_buyers)
async def to_a_persona(j: Journey) -> None:
    """SEG-42: what is said is by the reader's persona."""
    await j.push("worry")


@journey(entry=coat_fans)
async def winter_coat(j: Journey) -> None:
    """SEG-09: only where it is cold at that moment."""
    await j.wait(hours=1)
    await j.push("say", only=climate, about="winter coat")


@journey(entry=carts, goal=purchases, reentry=after(minutes=0))
async def cart(j: Journey) -> None:
    """SEG-20, SEG-31: an hour after the cart."""
    await j.wait(hours=1)
    await j.push("say", about="cart")


@journey(entry=buyers, useless_after=timedelta(days=1), reentry=after(minutes=0))
async def next_product(j: Journey) -> None:
    """SEG-32: what goes with the last purchase, or a better one of its kind, or one like it."""
    await j.push("goes-with") or await j.push("better") or await j.email("similar")


@journey(entry=answered)
async def after_nps(j: Journey) -> None:
    """SEG-35: each class its own message."""
    await j.push("say", only=promoters, about="review us")
    await j.push("say", only=neutrals, about="what is new")
    await j.push("say", only=detractors, about="we are sorry")


@journey()
async def by_temperature(j: Journey) -> None:
    """SEG-36: a discount, a reason to come back, something to learn."""
    await j.push("say", only=hot, about="discount")
    await j.push("say", only=warm, about="come back")
    await j.push("say", only=cold, about="learn")


@journey(entry=leads, reentry=once())
async def hot_lead(j: Journey) -> None:
    """SEG-38: once, when the score is reached."""
    await j.push("say", about="talk to us")


@journey(entry=deals)
async def deal(j: Journey) -> None:
    """SEG-41: limited support for the transactional ones; for a large one a task for a seller of their own, who calls."""
    if not await j.is_in(large):
        await j.push("say", only=medium, about="order online")
        return
    await j.push("say", about="your seller")
    call = j.task("Call about the large deal", to="sellers", by=days(1), escalate="sales-lead", choices=("won", "lost"))
    answer = await j.first(called=call, timeout=days(3))
    if answer.called and answer.called.outcome == "won":
        await j.push("say", about="welcome")
