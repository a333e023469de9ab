"""A variant of the cart journey: push at hour 2, and a small discount by WhatsApp a day after the push. Started by API."""

from typing import Literal

from pydantic import BaseModel

from journeys import Journey, after, journey, purchases


class Discount(BaseModel):
    """What a start may ask for."""

    discount: Literal["5%", "10%"] = "5%"


@journey(goal=purchases, reentry=after(days=7), params=Discount)
async def cart_discount(j: Journey) -> None:
    """Push after two hours; a discount by WhatsApp 24 hours after the push."""
    await j.at(hours=2)
    await j.push("cart-waiting")
    await j.wait(hours=24)
    await j.whatsapp("cart-discount")
