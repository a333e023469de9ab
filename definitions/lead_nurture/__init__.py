"""Hot, warm and cold leads (JRN-10): each its own message, and whoever changes goes another way at once."""

from definitions.segments import hot, leads, warm
from journeys import Journey, after, days, journey, purchases


@journey(entry=leads, goal=purchases, reentry=after(days=180), useless_after=days(1))
async def lead_nurture(j: Journey) -> None:
    """While hot a discount, while warm a reason to come back, while cold something to learn; a year at most."""
    while j.now < j.entered_at + days(365):
        if await j.is_in(hot):
            await j.push("lead-discount") or await j.email("lead-discount")
            await j.wait_for(j.left(hot), timeout=days(14))
        elif await j.is_in(warm):
            await j.email("lead-come-back")
            await j.wait_for(j.left(warm), timeout=days(90))
        else:
            await j.email("lead-guide")
            await j.wait_for(j.entered(hot), timeout=days(60))
