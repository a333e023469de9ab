"""Who had a technical problem and hardly comes any more hears that it is mended (JRN-07), and not before it is."""

from definitions.segments import held_up
from journeys import Journey, after, days, did, journey, prop

FIXED = did("Support Ticket Closed").where(prop("type") == "technical")
MONTH = days(30)


@journey(entry=held_up, goal=did("Application Opened").at_least(3), reentry=after(days=60), useless_after=days(2))
async def friction_fixed(j: Journey) -> None:
    """The release that mends it, by WhatsApp, as soon as their ticket is closed; nothing if it is not within a month."""
    if await j.wait_for(FIXED, since=j.entered_at - MONTH, timeout=MONTH):
        await j.window("09:00", "20:00")
        await j.whatsapp("fixed-in-this-release")
