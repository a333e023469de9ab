"""Help for who comes to the app again and again and does not get what it is for (JRN-08)."""

from definitions.segments import lost_in_the_app
from journeys import Journey, after, did, hours, journey


@journey(entry=lost_in_the_app, goal=did("Key Action"), reentry=after(days=30), useless_after=hours(1))
async def app_help(j: Journey) -> None:
    """Ten minutes after the fifth visit of the week, so that whoever finds it by then is left in peace."""
    await j.wait(minutes=10)
    await j.in_app("need-help")
