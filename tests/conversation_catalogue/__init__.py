"""Journeys that talk with their customers on WhatsApp."""

from journeys import Journey, after, days, journey


@journey(reentry=after(minutes=0))
async def support(j: Journey) -> None:
    """An approved template opens the talk; inside the service window the words are our own."""
    await j.whatsapp("how-can-we-help")
    if await j.wait_for(j.replied(), timeout=days(3)):
        await j.whatsapp("at-your-service")
    await j.wait(hours=23)
    await j.whatsapp("anything-else")
    await j.wait(hours=2)
    await j.whatsapp("anything-else") or await j.email("anything-else")
