"""A shop that leaves two fifths of those alone whom its prediction lets in, to see whether acting helps."""

from journeys import Journey, Prediction, Segment, after, days, did, journey, rfm

ordered = did("Order Completed")
churn = Prediction(
    "churn",
    of=ordered.at_least(2),
    label=~ordered.within(days=30),
    horizon=days(30),
    features=rfm(days=(30, 90)),
    max_age=days(56),
    holdout=0.4,
)
at_risk = Segment("at-risk", churn.crosses(0.7, back_at=0.5) & did("Application Opened"))


@journey(entry=at_risk, goal=did("Plan Renewed"), reentry=after(days=60), holdout=0.2)
async def retention(j: Journey) -> None:
    """A push at once; it has a holdout of its own, too."""
    await j.push("we-miss-you")


@journey(entry=at_risk, goal=did("Plan Renewed"), reentry=after(days=60))
async def another(j: Journey) -> None:
    """Enters the same customers a day later, by the same holdout of the prediction."""
    await j.wait(days=1)
    await j.push("we-miss-you")
