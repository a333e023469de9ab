"""RFM: recency, frequency and money in five classes each, by cuts taken from all customers at a date.

The cuts are part of the definition, so a membership says by which numbers it was decided, and the same cuts give the same
classes for ever. `segments.ask.quantiles.cuts` takes them from the orders as they were known at a date.
"""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import NamedTuple

from segments import Predicate, Segment, did

#: Four cuts between five classes.
CUTS = 4


class Rfm(NamedTuple):
    """The segments of one class each, from 1 (worst) to 5 (best), in this order."""

    recency: tuple[Segment, ...]
    frequency: tuple[Segment, ...]
    money: tuple[Segment, ...]

    def at_least(self, recency: int, frequency: int, money: int) -> Predicate:
        """In these classes or better ones: `segments.at_least(4, 4, 4)` are the champions."""
        wanted = ((self.recency, recency), (self.frequency, frequency), (self.money, money))
        first, *rest = (_any_of(classes[lowest - 1 :]) for classes, lowest in wanted)
        for each in rest:
            first = first & each
        return first


def rfm(
    recency: Sequence[timedelta],
    frequency: Sequence[int],
    money: Sequence[int | Decimal],
    *,
    days: int = 365,
    order: str = "Order Completed",
    total: str = "total",
    name: str = "rfm",
) -> Rfm:
    """The fifteen classes of who ordered in the last days.

    Four cuts each, as `segments.ask.quantiles.cuts` gives them: what the best of the classes 1 to 4 have. Who has more (or a
    younger last order) is in a better class; who has the same is in the same.
    """
    ordered = did(order).within(days=days)
    young = [did(order).within(age) for age in recency]
    often = [ordered.more_than(count) for count in frequency]
    much = [ordered.total(total) > amount for amount in money]
    return Rfm(
        _classes(f"{name}-recency", ordered, [cut & ordered for cut in young]),
        _classes(f"{name}-frequency", ordered, list(often)),
        _classes(f"{name}-money", ordered, [cut & ordered for cut in much]),
    )


def _classes(name: str, everyone: Predicate, above: Sequence[Predicate]) -> tuple[Segment, ...]:
    if len(above) != CUTS:
        raise ValueError(f"{name} needs {CUTS} cuts for five classes, not {len(above)}")
    lows, highs = [everyone, *above], [*above, None]
    bounds = zip(lows, highs, strict=True)
    return tuple(
        Segment(f"{name}-{n}", low if high is None else low & ~high, f"Class {n} of 5.")
        for n, (low, high) in enumerate(bounds, 1)
    )


def _any_of(classes: Sequence[Segment]) -> Predicate:
    first, *rest = (segment.predicate for segment in classes)
    for each in rest:
        first = first | each
    return first
