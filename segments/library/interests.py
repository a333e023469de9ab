"""What customers like: the topics they read most, the hours at which they come, the kind of messages they answer."""

import re
from collections.abc import Sequence
from decimal import Decimal
from functools import reduce
from operator import and_
from typing import Literal, NamedTuple

from segments import Predicate, Segment, did, messaged, prop
from segments.leaves.did import Did

#: Where two topics were read equally often.
Ties = Literal["none", "first", "all"]


def topic_affinity(
    *topics: str, event: str = "Content Read", by: str = "topic", days: int = 90, ties: Ties = "none", name: str = "reads"
) -> tuple[Segment, ...]:
    """For each topic, who read it more often than every other of these topics in the last days (and at least once).

    Who read two of them equally often is in none of the two, in the one that was named first, or in all (`ties`).
    """
    read = [did(event).within(days=days).where(prop(by) == topic) for topic in topics]
    return tuple(
        Segment(f"{name}-{_slug(topic)}", _most_of(read, n, ties), f"Reads {topic} more than the others.")
        for n, topic in enumerate(topics)
    )


def _most_of(read: Sequence[Did], n: int, ties: Ties) -> Predicate:
    mine = read[n].count()
    strict = {k: not (ties == "all" or (ties == "first" and n < k)) for k in range(len(read)) if k != n}
    more = [mine > read[k].count() if more else mine >= read[k].count() for k, more in strict.items()]
    return reduce(and_, more if any(strict.values()) else [read[n], *more])  # more than something is once at least


def _slug(topic: str) -> str:
    return re.sub("[^a-z0-9]+", "-", topic.lower()).strip("-")


def night_visitors(
    *conditions: Predicate,
    event: str = "Session Started",
    hours: tuple[int, int] = (20, 24),
    over: Decimal = Decimal("0.5"),
    at_least: int = 3,
    days: int = 30,
    otherwise: str = "UTC",
    name: str = "night-visitors",
) -> Segment:
    """More than this share of the sessions of the last days began at these hours, by the clock where the customer lives.

    The conditions (a device, an app) are those of the sessions that count for it; the share is of all sessions, of which there
    must be a few. `otherwise` is the zone of who has no trait `timezone`.
    """
    all_ = did(event).within(days=days)
    some = all_.where(*conditions) if conditions else all_
    share = some.at_hours(*hours, otherwise=otherwise).count() / all_.count()
    clock = "{:02}:00 to {:02}:00".format(*hours)
    return Segment(name, all_.at_least(at_least) & (share > over), f"Comes mostly from {clock}.")


class Answers(NamedTuple):
    """Which of our messages customers answer; nobody is in both."""

    offer_clickers: Segment
    transactional_only: Segment


def answers(channel: str = "push", *, clicks: int = 1, days: int = 90, name: str = "answers") -> Answers:
    """By what they did with our messages lately: clicked offers so often, or opened nothing but transactional ones."""
    offers, receipts = (messaged(channel=channel, purpose=purpose) for purpose in ("marketing", "transactional"))
    opened, clicked = offers.opened().within(days=days), offers.clicked().within(days=days)
    only = receipts.opened().within(days=days) & ~opened & ~clicked
    return Answers(
        Segment(f"{name}-offers", clicked.at_least(clicks), f"Clicks the offers that come by {channel}."),
        Segment(f"{name}-transactional-only", only, f"By {channel}, opens transactional messages only."),
    )
