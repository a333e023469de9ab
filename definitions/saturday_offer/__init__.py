"""Cashback on Saturday for who looks for a laptop at night, on an iPhone (SEG-46)."""

from definitions.segments import laptops_on_saturday
from journeys import Journey, after, hours, journey, purchases


@journey(entry=laptops_on_saturday, goal=purchases, reentry=after(days=30), useless_after=hours(12))
async def saturday_offer(j: Journey) -> None:
    """Inside the app, where they are, with a push that leads there; by no letter."""
    await j.in_app("cashback")
    await j.wait(hours=1)
    await j.push("cashback")
