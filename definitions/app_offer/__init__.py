"""A product looked at in the app, an offer for that product by WhatsApp (JRN-04)."""

from definitions.segments import interested_in_the_app
from journeys import Journey, after, hours, journey, purchases


@journey(entry=interested_in_the_app, goal=purchases, reentry=after(days=7), useless_after=hours(24))
async def app_offer(j: Journey) -> None:
    """Two hours later, by day, and only to who said yes to WhatsApp; nobody gets it on another channel instead."""
    await j.wait(hours=2)
    await j.window("10:00", "20:00")
    await j.whatsapp("product-offer")
