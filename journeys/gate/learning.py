"""When a customer is at it: the weights of the hours of their week, learned from what they did themselves.

Promise: pure and recomputable. In the last 13 weeks, an hour of a day in which somebody did anything counts once. Each hour of
the day gets its share of these, drawn towards that of the shop's customers as if they were twelve hours more; each hour of the
week weighs the hours counted in it and twelve times that share. Whoever was active in fewer than five hours, or on fewer than
three days, has no habits: their message is held back for nobody else's.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from journeys.contracts import DeliverRequest, JourneySpec, Purpose
from journeys.gate.habits import Habits
from segments.language.events import MESSAGE_CLICKED, MESSAGE_READ, MESSAGE_REPLIED, PAGE_VIEWED, SCREEN_VIEWED
from segments.time.calendar import rules_of
from segments.time.zones import Whereabouts

#: What customers do with their own hands: answers to messages, and Segment's spec of apps, pages and shops. An event with
#: `machine: true` (an open by a mail proxy, as far as whoever sends it can tell) does not count.
ACTIVITY = frozenset(
    {
        *(MESSAGE_READ, MESSAGE_CLICKED, MESSAGE_REPLIED, PAGE_VIEWED, SCREEN_VIEWED),
        *("Application Opened", "Push Notification Tapped", "Deep Link Opened"),
        *("Products Searched", "Product List Viewed", "Product Clicked", "Product Viewed", "Product Added", "Product Removed"),
        *("Cart Viewed", "Checkout Started", "Product Added to Wishlist", "Order Completed"),
    }
)
#: What a machine did in a customer's name, by a property of the event.
MACHINE = "machine"
#: So far back it is looked: each day of the week occurs as often as the others.
SINCE = timedelta(weeks=13)
FEWEST_HOURS, FEWEST_DAYS = 5, 3
#: How many hours of evidence the shares of all customers, and those of all days for one day, are worth.
PRIOR = 12.0
_DAY = 24
_EVENLY = (1 / _DAY,) * _DAY


def best_hour_until(request: DeliverRequest, spec: JourneySpec, now: datetime) -> datetime | None:
    """Until when a message may wait for its customer's best hour; None where it does not, or no longer."""
    said = request.send_time if request.send_time is not None else spec.send_time and spec.send_time.span
    if not said or request.purpose is not Purpose.MARKETING:
        return None
    until = min(request.due_at + said, request.useless_after)
    return until if now < until else None


def habits_of(
    moments: Iterable[datetime], where: Whereabouts, home: str, until: datetime, shares: Sequence[float] | None = None
) -> Habits | None:
    """A customer's habits, in the likeliest of their zones: it shows again what it showed when they were learned."""
    zone = where.likely(home)
    weights = learned(moments, zone, shares)
    return Habits(weights, (zone,), until, {"zone": zone, "until": until.isoformat()}) if weights else None


def learned(moments: Iterable[datetime], zone: str, shares: Sequence[float] | None = None) -> tuple[float, ...] | None:
    """The weights of the 168 hours of a week, from Monday, 00:00; None where too little is known.

    `moments` are those of the customer's own activity, `shares` those of each hour of the day among all customers.
    """
    walls = (at.astimezone(rules_of(zone)) for at in moments)
    active = {(wall.date(), wall.hour) for wall in walls}
    if len(active) < FEWEST_HOURS or len({day for day, _ in active}) < FEWEST_DAYS:
        return None
    by_hour = Counter(hour for _, hour in sorted(active))
    by_day = Counter((day.weekday(), hour) for day, hour in sorted(active))
    usual = [(by_hour[hour] + PRIOR * share) / (len(active) + PRIOR) for hour, share in enumerate(shares or _EVENLY)]
    return tuple(by_day[day, hour] + PRIOR * usual[hour] for day in range(7) for hour in range(_DAY))
