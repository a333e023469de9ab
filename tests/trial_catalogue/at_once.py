"""Journeys that do several things at once."""

from datetime import timedelta

from journeys import Journey, after, did, journey
from trial_catalogue import experiments, weekly


@journey(reentry=after(minutes=0), goal=did("Order Completed"))
async def at_once(j: Journey) -> None:
    """An arm of an experiment and another journey's steps, and a question, side by side; then a word to who answered."""

    async def asks() -> bool:
        await j.wait(days=1)
        receipt = await j.email("note")
        return await j.wait_for(j.clicked(receipt), timeout=timedelta(days=3)) is not None

    async def course() -> str:
        await experiments(j)
        await weekly(j)
        return "over"

    answered, course_is = await j.together(asks(), course())
    if answered and course_is == "over":
        await j.whatsapp("note")


@journey(reentry=after(minutes=0))
async def branches_of_branches(j: Journey) -> None:
    """Each of two branches forks again; all of them speak by the same message."""

    async def says(hours: int) -> None:
        await j.wait(hours=hours)
        async with j.hold_others():
            await j.push("note")
            await j.wait(hours=1)
        await j.wait_for(did("Something Else"), since=j.now, timeout=timedelta(hours=hours))

    async def both(hours: int) -> None:
        await j.together(says(hours), says(hours + 1))
        await j.push("note")

    await j.together(both(1), both(4))
    await j.push("note")
