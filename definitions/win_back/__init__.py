"""Winning back who has gone quiet (JRN-11): something to read each week, over at the first sign of life."""

from definitions.segments import gone_quiet
from journeys import Journey, after, did, journey, messaged, purchases

sign_of_life = purchases | did("Application Opened") | messaged(journey="win_back").clicked()


@journey(entry=gone_quiet, goal=sign_of_life, reentry=after(days=180))
async def win_back(j: Journey) -> None:
    """Three letters, a week apart, each with something of use."""
    async for week in j.every(days=7, times=3):
        await j.email("worth-reading", week=week)
