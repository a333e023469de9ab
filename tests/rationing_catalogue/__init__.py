"""A journey that gives each of its customers one of three words, of which one is for two of them."""

from journeys import Journey, Option, Segment, days, did, journey, once

ORDERED = did("Order Completed")
raters = Segment("raters", did("Product Rated").within(days=1))


@journey(entry=raters, reentry=once(), goal=ORDERED)
async def thanks(j: Journey) -> None:
    """Which word, and no more: what is simulated is who is given it."""
    await j.choose("thanks", {"none": None, "short": None, "gift": Option(budget=2)}, reward=ORDERED, within=days(1))
