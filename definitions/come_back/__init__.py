"""Remarketing (JRN-15): who looked around and left is asked back, once."""

from definitions.segments import left_the_site
from journeys import Cap, Journey, after, days, journey, purchases


@journey(entry=left_the_site, goal=purchases, reentry=after(days=14), useless_after=days(2), caps=(Cap(1, days(2)),))
async def come_back(j: Journey) -> None:
    """A day after the visit, with what they looked at last; not within two days of another message."""
    await j.window("10:00", "20:00")
    await j.reach("still-looking", by=("push", "web_push", "email"))
