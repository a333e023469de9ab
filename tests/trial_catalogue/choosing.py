"""Journeys whose customers decide what they get."""

from datetime import timedelta

from journeys import Cap, Journey, Option, QuietHours, after, days, did, journey, trait

ORDERED = did("Order Completed")


@journey(reentry=after(minutes=0), goal=ORDERED)
async def chooses(j: Journey) -> None:
    """One of two channels."""
    channel = await j.choose("channel", ["push", "email"], reward=ORDERED, within=days(1))
    await j.reach("note", by=(channel,))


@journey(reentry=after(minutes=0), goal=ORDERED)
async def decides(j: Journey) -> None:
    """Channel and offer at once: few get one of the offers, and it is only for some."""
    offers = {"none": None, "ten": Option(budget=5), "gift": Option(only=trait("tier") == "gold")}
    picked = await j.decide("back", channel=["push", "email"], offer=offers, context={"gold": trait("tier") == "gold"})
    if picked:
        await j.reach("note", by=(picked.channel,))


@journey(
    reentry=after(minutes=0),
    goal=ORDERED,
    quiet_hours=QuietHours("21:00", "09:00"),
    caps=(Cap(1, timedelta(days=1), channel="push"),),
)
async def decides_when(j: Journey) -> None:
    """Channel and hour at once, of which what may not go then is left out."""
    picked = await j.decide("when", channel=["push", "email"], hour=["12:00", "22:00"], control=0)
    if picked:
        await j.until(picked.hour)
        await j.reach("note", by=(picked.channel,))
