"""Journeys that talk with their customers on WhatsApp."""

from typing import Literal

from pydantic import BaseModel

from journeys import Journey, Segment, Service, after, days, did, hours, journey, minutes, prop

promoters = Segment("promoters", did("NPS Answered").where(prop("score") >= 9).within(days=30))


class Topic(BaseModel):
    """What a customer writes about."""

    topic: Literal["complaint", "question", "praise"]


topics = Service(
    "topics",
    sends=("reply.text",),
    gives=Topic,
    function="tests.conversation_agents:topic",
    per_day=100,
    sample=Topic(topic="praise"),
)


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


@journey(reentry=after(minutes=0))
async def nps(j: Journey) -> None:
    """How likely they recommend us: an event with the score, and a word that fits it."""
    answer = await j.ask("how-likely", number=(0, 10), within=days(2))
    if answer.number is None:
        return
    await j.track("NPS Answered", score=answer.number, channel="whatsapp")
    if answer.number >= 9:
        await j.whatsapp("thank-you")
    elif answer.number <= 6:
        await j.whatsapp("we-are-sorry")


@journey(reentry=after(minutes=0))
async def sizes(j: Journey) -> None:
    """A list to choose from, and buttons after it."""
    await j.whatsapp("how-can-we-help")
    await j.wait_for(j.replied(), timeout=days(3))
    size = await j.ask("which-size", choices=("s", "m", "l"), within=hours(12))
    if size.choice:
        sure = await j.ask("anything-else", choices=("yes-please", "no-thanks"), within=hours(12))
        await j.set_traits(size=size.choice, more=sure.choice == "yes-please")
    elif size.timed_out:
        await j.email("anything-else")


@journey(reentry=after(minutes=0))
async def care(j: Journey) -> None:
    """Free words are told apart by a function of the author's, which only chooses among classes; else a person takes over."""
    answer = await j.ask("how-can-we-help", choices=("all-good",), within=days(1))
    if not answer.other:
        return
    about = await j.fetch(topics, within=minutes(2))
    if about and about.value.topic == "praise":
        await j.whatsapp("thank-you")
        return
    await j.wait_for(j.task("Answer the customer", to="care", choices=("solved", "open")), timeout=days(3))
    await j.whatsapp("at-your-service")


@journey(reentry=after(minutes=0))
async def to_promoters(j: Journey) -> None:
    """Only to whom the survey made a promoter."""
    if await j.is_in(promoters):
        await j.email("anything-else")
