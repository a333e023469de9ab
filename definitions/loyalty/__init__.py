"""The loyalty card on the customer's phone (CH-08): issued when they join, and golden from the third order on."""

from definitions.segments import loyalty_members
from journeys import Journey, days, journey, once, purchases


@journey(entry=loyalty_members, kpi=purchases, reentry=once())
async def loyalty(j: Journey) -> None:
    """A letter brings the link that adds the card; wherever it was added, it changes by itself."""
    await j.wallet("loyalty-card", level="Silver")
    await j.email("your-card", transactional=True)
    if await j.wait_for(purchases.at_least(3), timeout=days(365)):
        await j.wallet("loyalty-card", level="Gold")
