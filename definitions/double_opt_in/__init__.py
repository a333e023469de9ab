"""Double opt-in: whoever signs up gets one letter, and is written to once they have confirmed it."""

from definitions.segments import asked_for_news
from journeys import Journey, Purpose, hours, journey, whenever
from segments.library import confirmed_subscription

confirmed = confirmed_subscription().predicate


@journey(entry=asked_for_news, goal=confirmed, reentry=whenever(), purpose=Purpose.TRANSACTIONAL, useless_after=hours(12))
async def double_opt_in(j: Journey) -> None:
    """The letter that they asked for. Its link confirms once, within a week; without that nothing more is sent."""
    await j.email("confirm-subscription")
    await j.wait(days=7)
