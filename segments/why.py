"""Why a customer is or is not in a segment: every part of the definition with its own truth, what it saw, and until when.

Promise: pure; the truth of every part is `evaluate`'s, so the explanation cannot disagree with the membership.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from functools import singledispatch
from typing import Any

from segments.aggregates import Aggregate
from segments.comparing import found_in, items_in
from segments.dates import Age, Anniversary, Near
from segments.evaluate import Facts, counting, flipped_at, next_flip, true_of
from segments.happened import Did
from segments.held import Held
from segments.listed import Listed
from segments.predicate import AnyItem, Compare, Predicate
from segments.ranking import Top
from segments.reach import Consented
from segments.scoring import Scored
from segments.versus import Versus


@dataclass(frozen=True, slots=True)
class Finding:
    """One part of a definition, for one customer at one instant.

    `saw` is what a leaf looked at (the trait's value; how many events counted, and the last one); `changes_at` is when time
    alone, without any further event, next changes its truth.
    """

    text: str
    holds: bool
    saw: Any = None
    changes_at: datetime | None = None
    parts: tuple["Finding", ...] = ()


def why(predicate: Predicate, facts: Facts, at: datetime) -> Finding:
    """The findings of a definition, as a tree of the definition's own shape."""
    parts = () if isinstance(predicate, Listed) else tuple(why(part, facts, at) for part in predicate.parts)
    seen = plain(saw(predicate, facts, at))
    return Finding(str(predicate), true_of(predicate, facts, at), seen, next_flip(predicate, facts, at), parts)


@singledispatch
def saw(predicate: Predicate, facts: Facts, at: datetime) -> Any:  # noqa: ARG001 - one signature for all leaves
    """What a leaf looked at; None for what has nothing to show besides its truth."""
    return None


@saw.register
def _(predicate: Compare, facts: Facts, at: datetime) -> Any:  # noqa: ARG001 - one signature for all leaves
    return _one(list(found_in(facts.traits, predicate.path)))


@saw.register
def _(predicate: AnyItem, facts: Facts, at: datetime) -> Any:  # noqa: ARG001 - one signature for all leaves
    return {"items": sum(1 for _ in items_in(facts.traits, predicate.path))}


@saw.register
def _(predicate: Near | Anniversary | Age, facts: Facts, at: datetime) -> Any:  # noqa: ARG001 - one signature for all leaves
    return _one(list(found_in(facts.traits, predicate.path)))


@saw.register
def _(predicate: Aggregate, facts: Facts, at: datetime) -> Any:
    return {predicate.measure: predicate.amount(facts, at)}


@saw.register
def _(predicate: Versus, facts: Facts, at: datetime) -> Any:
    left, right = predicate.amounts(facts, at)
    both = {"left": {predicate.left.measure: left}, "right": {predicate.right.measure: right}}
    return both | ({"ratio": left / right if left is not None and right else None} if predicate.divided else {})


@saw.register
def _(predicate: Top, facts: Facts, at: datetime) -> Any:
    standing = [value for as_of, value in facts.thresholds.get(predicate.ranking, ()) if as_of <= at]
    threshold = {"threshold": standing[-1] if standing else None}
    if predicate.total is None:
        return {"count": len(counting(predicate.of, facts, at) or ())} | threshold
    return {"total": Aggregate(predicate.of, "total", (predicate.total,), ">=", 0).amount(facts, at)} | threshold


@saw.register
def _(predicate: Consented, facts: Facts, at: datetime) -> Any:  # noqa: ARG001 - one signature for all leaves
    return facts.person.consents.get((predicate.channel, predicate.purpose), "unknown")


@saw.register
def _(predicate: Did, facts: Facts, at: datetime) -> Any:
    counted = counting(predicate, facts, at)
    if counted is None:
        return {"count": 0, f'last "{predicate.since}"': None}
    return {"count": len(counted), "last_at": counted[-1].ts if counted else None}


@saw.register
def _(predicate: Scored, facts: Facts, at: datetime) -> Any:
    truths = [true_of(part, facts, at) for part in predicate.parts]
    earned = {rule.why: rule.points for rule, true in zip(predicate.score.rules, truths, strict=True) if true}
    return {"score": predicate.sum(truths), "points": earned}


@saw.register
def _(predicate: Held, facts: Facts, at: datetime) -> Any:
    """Since when it has been true, by its events and its traits; null where it was never false."""
    if not true_of(predicate.inner, facts, at):
        return None
    known = [flipped_at(predicate.inner, facts, at), facts.known_since(predicate.traits) if predicate.traits else None]
    return {"true_since": max((instant for instant in known if instant is not None), default=None)}


@saw.register
def _(predicate: Listed, facts: Facts, at: datetime) -> Any:
    events = facts.until(predicate.last.type, at)
    return {"since": events[-1].ts} if events else None


def plain(value: Any) -> Any:
    """Exact numbers as JSON has them."""
    match value:
        case Decimal() | Fraction():
            return int(value) if value == int(value) else float(value)
        case Mapping():
            return {name: plain(each) for name, each in value.items()}
        case list() | tuple():
            return [plain(each) for each in value]
    return value


def _one(values: list[Any]) -> Any:
    return values[0] if len(values) == 1 else values or None
