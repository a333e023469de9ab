"""A shop that keeps who is about to leave (ML-02, JRN-06): two touches, the second only for who is at risk still."""

from journeys import Journey, Prediction, Segment, after, daily, days, did, journey, rfm, weekly

ordered = did("Order Completed")
churn = Prediction(
    "churn",
    of=ordered.at_least(2),
    label=~ordered.within(days=30),
    horizon=days(30),
    features=rfm(days=(30, 90)),
    never={"sex", "age"},
    retrain=weekly(),
    score=daily(),
    max_age=days(28),
)
at_risk = Segment("at-risk", churn.crosses(0.7, back_at=0.5))


@journey(entry=at_risk, goal=did("Plan Renewed"), reentry=after(days=60))
async def retention(j: Journey) -> None:
    """A push at once, and WhatsApp three days later unless they have come back from the brink meanwhile."""
    await j.push("we-miss-you")
    await j.wait(days=3)
    if await j.is_in(at_risk):
        await j.whatsapp("we-miss-you")
