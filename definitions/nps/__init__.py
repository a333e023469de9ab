"""What follows an answer to "would you recommend us?" (JRN-09): promoters, passives and detractors go different ways."""

from pydantic import BaseModel

from definitions.segments import answered_nps
from journeys import Journey, after, days, hours, journey, purchases


class Answer(BaseModel):
    """The entering event."""

    score: int


@journey(entry=answered_nps, goal=purchases, reentry=after(days=90))
async def nps(j: Journey[Answer]) -> None:
    """Promoters are asked for a review, passives get news, and nobody sells anything to who is unhappy."""
    if j.entry.score >= 9:
        await j.until("09:30", weekday="sat")
        await j.reach("review-us", by=("push", "email"), undelivered_after=hours(4))
    elif j.entry.score >= 7:
        async with j.experiment("what-is-new", video=0.5, article=0.5) as arm:
            await j.email(f"news-{arm}")
    else:
        async with j.hold_others():
            called = j.task(
                "Call the customer: unhappy", to="care", by=days(2), escalate="care-lead", choices=("settled", "lost")
            )
            answer = await j.first(called=called, timeout=days(4))
            if answer.called and answer.called.outcome == "settled":
                await j.push("thanks-for-talking")
