"""After an order (JRN-13): what goes with it, and later one better of its kind; never anything they own (SEG-32)."""

from definitions.segments import received
from journeys import Journey, after, days, journey, purchases


@journey(entry=received, goal=purchases, reentry=after(days=30), useless_after=days(1))
async def after_purchase(j: Journey) -> None:
    """A week after the order something to go with it, or else something like it; two weeks later one better of its kind."""
    await j.push("goes-with-it") or await j.email("more-like-it")
    await j.wait(days=14)
    await j.email("one-better")
