"""The second purchase (JRN-12): a month after the first, by the reason that the customer gave for not buying again."""

from definitions.segments import bought_once
from journeys import Journey, days, journey, once, purchases, trait

REASONS = ("price", "choice", "delivery")


@journey(entry=bought_once, goal=purchases, reentry=once(), useless_after=days(2))
async def second_purchase(j: Journey) -> None:
    """Each reason its own answer; who gave none is asked, in the app or by a text.

    The goal is the second purchase, so its rate is the KPI.
    """
    for reason in REASONS:
        if await j.reached(trait("no_purchase_reason") == reason):
            await j.email("second-order", reason=reason)
            return
    await j.push("what-kept-you") or await j.sms("what-kept-you")
