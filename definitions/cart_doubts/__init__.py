"""A cart that is left because of doubts (JRN-07): the answer to them instead of another reminder."""

from definitions.segments import doubting
from journeys import Journey, after, hours, journey, purchases


@journey(entry=doubting, goal=purchases, reentry=after(days=30), useless_after=hours(6))
async def cart_doubts(j: Journey) -> None:
    """How to send things back, one tap away, with a small discount; the cart's other reminders keep still for a day."""
    async with j.hold_others():
        await j.push("easy-returns", discount="5%") or await j.email("easy-returns", discount="5%")
        await j.wait(days=1)
