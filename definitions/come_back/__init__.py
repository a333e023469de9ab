"""Remarketing (JRN-15): who looked around and left is asked back, once; at which hour is an experiment."""

from definitions.segments import left_the_site
from journeys import Cap, Conversion, Effect, Experiment, Journey, Plan, after, days, journey, purchases

#: Read in docs/reading-an-experiment.md.
hour = Experiment(
    "come-back-hour",
    {"all-day": 0.5, "evening": 0.5},
    control="all-day",
    plan=Plan(people=2_000, effect=Effect(0.08, 0.5)),
)


@journey(
    entry=left_the_site,
    goal=purchases,
    conversion=Conversion(within=days(7), currency="EUR", cap=500, margin=0.3),
    holdout=0.2,
    plan=Plan(people=2_600, effect=Effect(0.06, 0.6)),
    reentry=after(days=14),
    useless_after=days(2),
    caps=(Cap(1, days(2)),),
)
async def come_back(j: Journey) -> None:
    """A day after the visit, with what they looked at last; not within two days of another message."""
    async with j.experiment(hour) as arm:
        opens, closes = ("10:00", "20:00") if arm == "all-day" else ("18:00", "21:00")
        await j.window(opens, closes)
    await j.reach("still-looking", by=("push", "web_push", "email"))
