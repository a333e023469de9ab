"""Why a customer is or is not in a segment: every part of the definition with its own truth, what it saw, and until when.

Promise: pure; the truth of every part is `evaluate`'s, so the explanation cannot disagree with the membership.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from functools import singledispatch
from typing import Any

from segments.evaluate import flipped_at, next_flip, true_of
from segments.facts import Facts
from segments.language.comparing import found_in, items_in
from segments.language.leaf import Leaf
from segments.language.predicate import All, AnyItem, Compare, Either, Not, Predicate, leaves
from segments.leaves.aggregates import Aggregate
from segments.leaves.dates import Age, Anniversary, Near
from segments.leaves.did import Did
from segments.leaves.held import Held
from segments.leaves.listed import ON_IT, Listed
from segments.leaves.measures import Measured
from segments.leaves.people import Bucket, Customers, MemberOf
from segments.leaves.places import Circle, Located, Point, distance
from segments.leaves.provenance import Declared, Origin, Said
from segments.leaves.reach import Consented, Reachable
from segments.leaves.score import Points, Rule, Scored
from segments.leaves.sequences import Outermost
from segments.leaves.top import Top
from segments.leaves.versus import Versus

_COMBINED: Mapping[type, str] = {All: "all", Either: "any", Not: "not", MemberOf: "member_of", Scored: "score"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One part of a definition, for one customer at one instant.

    `saw` is what a leaf looked at (the trait's value; how many events counted, and the last one; how far away, …), None when
    there was nothing; `how` is how `parts` are combined ("all", "any", "not", "member_of", "score"), None when there are none;
    `changes_at` is when time alone, without any further event, next changes its truth.
    """

    text: str
    holds: bool
    saw: Any = None
    changes_at: datetime | None = None
    parts: tuple["Finding", ...] = ()
    how: str | None = None


def why(predicate: Predicate, facts: Facts, at: datetime) -> Finding:
    """The findings of a definition, as a tree of the definition's own shape."""
    parts, how = _parts(predicate, facts, at), _COMBINED.get(type(predicate))
    seen, changes_at = plain(saw(predicate, facts, at)), next_flip(predicate, facts, at)
    return Finding(str(predicate), true_of(predicate, facts, at), seen, changes_at, parts, how)


def _parts(predicate: Predicate, facts: Facts, at: datetime) -> tuple[Finding, ...]:
    if isinstance(predicate, Listed):
        return ()
    found = tuple(why(part, facts, at) for part in predicate.parts)
    if isinstance(predicate, Scored):
        return tuple(_rule(rule, part) for rule, part in zip(predicate.score.rules, found, strict=True))
    return found


def _rule(rule: Rule, found: Finding) -> Finding:
    reason = "" if rule.why == found.text else f"{rule.why}: "
    return replace(found, text=f"{rule.points:+} {reason}{found.text}")


@singledispatch
def saw(predicate: Predicate, facts: Facts, at: datetime) -> Any:  # noqa: ARG001 - one signature for all leaves
    """What a leaf looked at; None for what has nothing to show besides its truth."""
    return None


@saw.register
def _(predicate: Compare, facts: Facts, at: datetime) -> Any:  # noqa: ARG001 - one signature for all leaves
    return _one(list(found_in(facts.traits, predicate.path)))


@saw.register
def _(predicate: AnyItem, facts: Facts, at: datetime) -> Any:  # noqa: ARG001 - one signature for all leaves
    items = list(items_in(facts.traits, predicate.path))
    return {"items": len(items), "meeting": sum(predicate.condition.meets(item) for item in items)}


@saw.register
def _(predicate: Near | Anniversary | Age, facts: Facts, at: datetime) -> Any:  # noqa: ARG001 - one signature for all leaves
    return _one(list(found_in(facts.traits, predicate.path)))


@saw.register
def _(predicate: Declared | Origin, facts: Facts, at: datetime) -> Any:  # noqa: ARG001 - one signature for all leaves
    told = facts.origins.told.get(predicate.trait, {})
    return {name: told[name] for name in ("source", "confidence") if name in told} or None


@saw.register
def _(predicate: Said, facts: Facts, at: datetime) -> Any:  # noqa: ARG001 - one signature for all leaves
    return {"said_at": facts.origins.said_at.get(predicate.trait)}


@saw.register
def _(predicate: Aggregate, facts: Facts, at: datetime) -> Any:
    return {predicate.measured.measure: predicate.amount(facts, at)}


@saw.register
def _(predicate: Versus, facts: Facts, at: datetime) -> Any:
    left, right = predicate.amounts(facts, at)
    both = {"left": {predicate.left.measure: left}, "right": {predicate.right.measure: right}}
    return both | ({"ratio": left / right if left is not None and right else None} if predicate.divided else {})


@saw.register
def _(predicate: Top, facts: Facts, at: datetime) -> Any:
    standing = [each for each in facts.thresholds.get(predicate.ranking, ()) if each[0] <= at]
    as_of, value = standing[-1] if standing else (None, None)
    renewed = {"as_of": as_of, "renewed_next": predicate.renewed_at(at) + predicate.every}
    threshold = {"threshold": value, **renewed}
    if predicate.total is None:
        return {"count": len(predicate.of.counting(facts, at) or ())} | threshold
    return {"total": Measured(predicate.of, "total", (predicate.total,)).amount(facts, at)} | threshold


@saw.register
def _(predicate: Consented, facts: Facts, at: datetime) -> Any:  # noqa: ARG001 - one signature for all leaves
    state = facts.person.consents.get((predicate.channel, predicate.purpose), "unknown")
    return {"state": state} | _since(predicate, facts)


@saw.register
def _(predicate: Reachable, facts: Facts, at: datetime) -> Any:  # noqa: ARG001 - one signature for all leaves
    return {"reachable_by": sorted(facts.person.channels)} | _since(predicate, facts)


@saw.register
def _(predicate: Customers, facts: Facts, at: datetime) -> Any:  # noqa: ARG001 - one signature for all leaves
    return {"user_ids": sorted(facts.person.user_ids)}


@saw.register
def _(predicate: Bucket, facts: Facts, at: datetime) -> Any:  # noqa: ARG001 - one signature for all leaves
    return {"number": predicate.number(facts), "in_below": predicate.percent}


@saw.register
def _(predicate: MemberOf, facts: Facts, at: datetime) -> Any:
    since = flipped_at(predicate, facts, at)
    return None if since is None else {"since": since}


@saw.register
def _(predicate: Located, facts: Facts, at: datetime) -> Any:
    found = [(ts, point, _metres(predicate, point)) for ts, point in predicate.positions(facts, at)]
    if not found:
        return None
    ts, (lat, lon), metres = min(found, key=lambda each: each[2] or 0.0)
    away = {} if metres is None else {"metres": round(metres, 1)}
    return away | {"lat": round(lat, 6), "lon": round(lon, 6)} | ({} if ts is None else {"at": ts})


@saw.register
def _(predicate: Outermost, facts: Facts, at: datetime) -> Any:
    known = facts.until(predicate.type, at)
    if not known:
        return None
    event = known[0 if predicate.which == "first" else -1]
    asked = (
        [] if predicate.condition is None else [leaf.path for leaf in leaves(predicate.condition) if isinstance(leaf, Compare)]
    )
    return {"at": event.ts} | {".".join(path): _one(list(found_in(event.properties, path))) for path in asked}


@saw.register
def _(predicate: Did, facts: Facts, at: datetime) -> Any:
    counted = predicate.counting(facts, at)
    if counted is None:
        return {"count": 0, "since_last": "never"}
    return {"count": len(counted), "last_at": counted[-1].ts if counted else None}


@saw.register
def _(predicate: Scored, facts: Facts, at: datetime) -> Any:
    truths = [true_of(part, facts, at) for part in predicate.parts]
    points: dict[str, Points] = {}
    for rule, true in zip(predicate.score.rules, truths, strict=True):
        points[rule.why] = points.get(rule.why, 0) + (rule.points if true else 0)
    return {"score": predicate.sum(truths), "points": points}


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
    return {"listed": events[-1].properties.get(ON_IT) is True, "since": events[-1].ts} if events else None


def _since(leaf: Leaf, facts: Facts) -> dict[str, datetime]:
    since = facts.person.dates.get(str(leaf.dated_by))
    return {} if since is None else {"since": since}


def _metres(predicate: Located, point: Point) -> float | None:
    area = predicate.area
    return distance((float(area.lat), float(area.lon)), point) if isinstance(area, Circle) else None


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
