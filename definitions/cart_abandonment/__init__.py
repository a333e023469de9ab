"""The reference journey: push at hour 1, WhatsApp at day 1, email at day 3, over as soon as the order is placed."""

from definitions.segments import abandoned_cart
from journeys import Journey, after, journey, purchases


@journey(entry=abandoned_cart, goal=purchases, reentry=after(days=7))
async def cart_abandonment(j: Journey) -> None:
    """Hour 1 push, day 1 WhatsApp, day 3 email; over as soon as the order is placed."""
    await j.at(hours=1)
    await j.push("cart-reminder")
    await j.at(days=1)
    await j.whatsapp("cart-link")
    await j.at(days=3)
    await j.email("cart-alternatives", offer="free-shipping")
