"""How lately and how often customers come: states that are disjoint and cover everyone, and change by time alone.

Ages count in whole days, as people say them: somebody seen 7 days and 5 hours ago was seen "7 days ago". So "up to 7" and
"8 to 90" meet without a gap, and everybody is in exactly one state at every instant.
"""

from functools import reduce
from operator import or_
from typing import NamedTuple

from segments import Predicate, Segment, did

#: What a session begins with.
OPENED = "Application Opened"


class Temperature(NamedTuple):
    """How warm customers are to buying."""

    hot: Segment
    warm: Segment
    cold: Segment


def temperature(*intent: str, hot_days: int = 7, warm_days: int = 90, name: str = "temperature") -> Temperature:
    """By the last event of high intent: up to 7 days ago, 8 to 90, longer ago or never."""
    hot, warm, cold = _by_age(intent or ("Product Added", "Checkout Started"), hot_days, warm_days)
    return Temperature(
        Segment(f"{name}-hot", hot, f"Showed intent to buy in the last {hot_days} days."),
        Segment(f"{name}-warm", warm, f"Showed intent to buy {hot_days + 1} to {warm_days} days ago."),
        Segment(f"{name}-cold", cold, f"Has shown no intent to buy for more than {warm_days} days, or never."),
    )


class Activity(NamedTuple):
    """How long customers have been away."""

    active: Segment
    dormant: Segment
    expired: Segment


def activity(*events: str, active_days: int = 30, dormant_days: int = 180, name: str = "activity") -> Activity:
    """By the last sign of life: up to 30 days ago, 31 to 180, longer ago or never."""
    active, dormant, expired = _by_age(events or (OPENED, "Page Viewed"), active_days, dormant_days)
    return Activity(
        Segment(f"{name}-active", active, f"Seen in the last {active_days} days."),
        Segment(f"{name}-dormant", dormant, f"Last seen {active_days + 1} to {dormant_days} days ago."),
        Segment(f"{name}-expired", expired, f"Not seen for more than {dormant_days} days, or never."),
    )


def app_friction(
    key: str, *, visit: str = OPENED, at_least: int = 5, otherwise: str = "UTC", name: str = "app-friction"
) -> Segment:
    """Came so often in the calendar week where they live, and has not once done what the app is for."""
    often = did(visit).at_least(at_least).this_week(otherwise=otherwise)
    return Segment(name, often & ~did(key).this_week(otherwise=otherwise), f"{at_least} visits this week, and no {key}.")


class Visits(NamedTuple):
    """How often customers have come."""

    new: Segment
    returning: Segment
    frequent: Segment


def visits(event: str = OPENED, *, frequent: int = 4, days: int = 7, name: str = "visitors") -> Visits:
    """New (their first visit so far), returning (more than one), frequent (so often in the last days)."""
    return Visits(
        Segment(f"{name}-new", did(event).exactly(1), "On the first visit."),
        Segment(f"{name}-returning", did(event).at_least(2), "Came back at least once."),
        Segment(f"{name}-frequent", did(event).at_least(frequent).within(days=days), f"{frequent} visits in {days} days."),
    )


def _by_age(events: tuple[str, ...], first: int, second: int) -> tuple[Predicate, Predicate, Predicate]:
    young, middle = (_within(events, days + 1) for days in (first, second))
    return young, middle & ~young, ~middle


def _within(events: tuple[str, ...], days: int) -> Predicate:
    leaves: list[Predicate] = [did(event).within(days=days) for event in events]
    return reduce(or_, leaves)
