"""A long cycle (JRN-17): nine months with a public body, from the first talk to the tender, in one run."""

from definitions.segments import public_bodies
from journeys import Journey, days, did, journey, once


@journey(entry=public_bodies, goal=did("Contract Signed"), reentry=once(), useless_after=days(7))
async def public_sector(j: Journey) -> None:
    """A letter a month, in office hours; in the third and the sixth somebody visits, and ends it if there is no interest."""
    async for month in j.every(days=30, times=9):
        if month in (3, 6):
            visit = j.task("Visit the customer", to="public-sector", by=days(14), choices=("interested", "no interest"))
            answer = await j.first(visited=visit, timeout=days(21))
            if answer.visited and answer.visited.outcome == "no interest":
                return
        await j.window("09:00", "16:00", weekdays=("mon", "tue", "wed", "thu", "fri"))
        await j.email("monthly-brief", month=month)
