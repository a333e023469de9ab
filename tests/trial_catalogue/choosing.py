"""Journeys whose customers decide what they get."""

from journeys import Journey, Option, after, days, did, journey, trait

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
