"""Journeys by what is foretold: two touches with a threshold to go back (ML-02), and what a run reads of its customer."""

from journeys import BestChannel, Journey, Prediction, Segment, days, did, journey, once, rfm

ordered = did("Order Completed")
churn = Prediction("churn", of=ordered, label=~ordered.within(days=30), horizon=days(30), features=rfm())
best_channel = BestChannel("best-channel", of=ordered, channels=("push", "whatsapp"))
at_risk = Segment("at-risk", churn.crosses(0.7, back_at=0.5))
talkers = Segment("talkers", best_channel.is_("whatsapp"))


@journey(entry=at_risk, goal=did("Plan Renewed"), reentry=once())
async def retention(j: Journey) -> None:
    """A push at once, and WhatsApp three days later unless they have come back from the brink meanwhile."""
    await j.push("we-miss-you")
    await j.wait(days=3)
    if await j.is_in(at_risk):
        await j.whatsapp("we-miss-you")


@journey(entry=talkers, reentry=once())
async def talks(j: Journey) -> None:
    """Who talks on WhatsApp is talked to there."""
    await j.whatsapp("we-miss-you")


@journey(reentry=once())
async def reads(j: Journey) -> None:
    """What is foretold decides: by WhatsApp who answers there and is at risk, by email whom nothing is known of."""
    risk, channel = await j.foretold(churn), await j.foretold(best_channel)
    if not risk:
        await j.email("we-miss-you")
    elif risk.score and risk.score > 0.5 and channel.label == "whatsapp":
        await j.whatsapp("we-miss-you")
    else:
        await j.push("we-miss-you")
