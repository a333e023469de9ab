"""Keeping who is about to leave (ML-02, JRN-06): an offer when the risk rises, a reminder only for who is at risk still."""

from definitions.segments import at_risk
from journeys import Journey, after, journey, purchases


@journey(entry=at_risk, goal=purchases, reentry=after(days=90))
async def retention(j: Journey) -> None:
    """A push with an offer of their own; three days later WhatsApp, unless the risk has fallen below where it goes back."""
    await j.window("09:00", "20:00")
    await j.push("come-back-offer")
    await j.wait(days=3)
    if await j.is_in(at_risk):
        await j.whatsapp("offer-reminder")
