"""A service whose customers upgrade when they outgrow their plan (ML-04): they are spoken to before."""

from journeys import DaysSince, Journey, Prediction, Segment, after, daily, days, did, feature, journey, weekly

seats = did("Seat Added")
upgraded = did("Plan Upgraded")
upgrade = Prediction(
    "upgrade",
    of=did("Signed Up") & ~upgraded,
    label=upgraded.within(days=30),
    horizon=days(30),
    features=(
        feature("seats_14d", seats.within(days=14).count()),
        feature("seats_60d", seats.within(days=60).count()),
        feature("days_since_seat", DaysSince(seats)),
    ),
    retrain=weekly(),
    score=daily(),
    max_age=days(28),
)
about_to = Segment("about-to-upgrade", upgrade.crosses(0.5, back_at=0.3))


@journey(entry=about_to, goal=upgraded, reentry=after(days=60))
async def bigger_plan(j: Journey) -> None:
    """What the bigger plan is about, before they ask for it; again in a week."""
    await j.push("bigger-plan")
    await j.wait(days=7)
    await j.push("bigger-plan")
