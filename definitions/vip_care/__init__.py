"""A customer of high value is in trouble (JRN-07): the trouble first, then an offer that is theirs alone."""

from definitions.segments import vip_in_trouble
from journeys import Journey, after, days, did, journey, purchases


@journey(entry=vip_in_trouble, goal=purchases, reentry=after(days=90), useless_after=days(1))
async def vip_care(j: Journey) -> None:
    """Nobody sells anything to them until their ticket is closed, or for three days; then comes the offer."""
    async with j.hold_others():
        await j.wait_for(did("Support Ticket Closed"), timeout=days(3))
    await j.window("09:00", "20:00")
    await j.reach("vip-offer", by=("whatsapp", "email"))
