"""A shop that leaves two fifths of those alone whom its prediction lets in, to see whether acting helps."""

from journeys import Journey, Prediction, Segment, after, days, did, journey, once, rfm

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


@journey(reentry=once())
async def by_hand(j: Journey) -> None:
    """Nobody enters by a segment: it is started, for one or for all in a segment."""
    await j.push("we-miss-you")


@journey(reentry=once())
async def afterwards(j: Journey) -> None:
    """Another journey starts it."""
    await j.push("we-miss-you")


@journey(entry="leaving", goal=did("Plan Renewed"), reentry=once())
async def of_the_team(j: Journey) -> None:
    """A product team writes its entry segment through the API; whoever comes goes on to another journey."""
    await j.push("we-miss-you")
    await j.start(afterwards)
