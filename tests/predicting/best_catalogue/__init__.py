"""A shop that learns how each customer is best reached (CH-11, CH-13): who answers on WhatsApp is written to there."""

from journeys import BestChannel, BestHour, Journey, Segment, after, did, journey

ordered = did("Order Completed")
best_channel = BestChannel("best-channel", of=ordered, channels=("push", "email", "whatsapp"), by="clicked")
best_hour = BestHour("best-hour", of=ordered, by="opened", zone="Europe/Madrid", sure=0.7)
asking = Segment("asking", did("Asked For Offer").within(hours=1))
talkers = Segment("talkers", best_channel.is_("whatsapp"))


@journey(entry=talkers, goal=did("Plan Renewed"))
async def talking(j: Journey) -> None:
    """Who is told apart on WhatsApp is written to on WhatsApp."""
    await j.whatsapp("hello")


@journey(entry=asking, reentry=after(minutes=0), goal=did("Plan Renewed"))
async def offer(j: Journey) -> None:
    """On the channel that is best, at the hour that is best; by push at once for whom nothing is known."""
    hour = await j.foretold(best_hour)
    if hour.label is not None:
        await j.until(f"{hour.label}:00")
    channel = await j.foretold(best_channel)
    if channel.label == "whatsapp":
        await j.whatsapp("hello")
    elif channel.label == "email":
        await j.email("hello")
    else:
        await j.push("hello")
