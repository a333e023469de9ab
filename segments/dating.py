"""When exactly a customer entered or left, and why: the event, the window's edge or the trait that decided.

Promise: pure. The time is that of the flip in event time, whenever it is found out; it never lies after the evaluation and
never before the customer's previous transition.
"""

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Any

from segments.evaluate import flipped_at, matches
from segments.facts import Event, Facts, Person
from segments.language.events import TRAITS_CHANGED
from segments.language.leaf import Leaf
from segments.language.moves import leaves, trait_names
from segments.language.predicate import Trigger
from segments.language.segment import Segment
from segments.language.steps import edges_of
from segments.language.words import to_plain
from segments.leaves.origin import OfTrait


def flip(
    segment: Segment, facts: Facts, at: datetime, floor: datetime, marks: AbstractSet[str] = frozenset()
) -> tuple[datetime, dict[str, Any]]:
    """Since when the segment's predicate has been for this customer what it is at `at`, and the cause.

    The instant lies in `[floor, at]`: a late event may tell of a flip before the previous transition, and is then dated
    with that. A customer of whom nothing dates the flip is new.
    Without a mark (of `marks`) that says so, neither traits nor consent, addresses or names decided, whatever their dates.
    """
    by_event = flipped_at(segment.predicate, facts, at)
    if by_event is not None and not any(mark.startswith("$") for mark in marks):
        return max(floor, by_event), _cause(segment, facts, by_event)
    by_trait = max((min(said, at) for said in _said(segment, facts)), default=None)  # a fast clock is held back
    mark, by_mark = _marked_at(segment, facts.person, at)
    dated = [instant for instant in (by_event, by_trait, by_mark) if instant is not None and instant <= at]
    if not dated:
        return max(floor, min(facts.created_at, at)), {"profile": "changed"}
    instant = max(dated)
    if instant == by_event:
        return max(floor, instant), _cause(segment, facts, instant)
    return max(floor, instant), {"event": TRAITS_CHANGED if instant == by_trait else mark}


def _said(segment: Segment, facts: Facts) -> Iterator[datetime]:
    """Since when its traits are what they are; where it asks where one comes from, when that was last said."""
    yield from (facts.since[name] for name in trait_names(segment.predicate) if name in facts.since)
    asked = {leaf.trait for leaf in leaves(segment.predicate) if isinstance(leaf, OfTrait)}
    yield from (instant for name, instant in facts.origins.said_at.items() if name in asked)


def _marked_at(segment: Segment, person: Person, at: datetime) -> tuple[str, datetime | None]:
    """The newest change of consent, addresses or names that the segment looks at, with its mark (a fast clock is held back)."""
    asked = [leaf for leaf in leaves(segment.predicate) if isinstance(leaf, Leaf) and leaf.dated_by in person.dates]
    dated = [(min(person.dates[str(leaf.dated_by)], at), mark) for leaf in asked for mark in leaf.marks]
    instant, mark = max(dated, default=(None, ""))
    return mark, instant


def _cause(segment: Segment, facts: Facts, instant: datetime) -> dict[str, Any]:
    """The event at this instant, one that speaks for the segment first; else the edge of a window."""
    edges = edges_of(segment.predicate)
    kinds = sorted({edge.type for edge in edges})
    if happened := [event for kind in kinds for event in facts.at(kind, instant)]:
        return caused_by(min(happened, key=lambda event: not speaks_for(segment, event, facts.traits)))
    for edge in sorted(edges):
        if any(facts.at(edge.type, instant - edge.window)):
            return {"edge": edge.type, "window": to_plain(edge.window)}
    clocks = sorted(segment.predicate.clocks, key=repr)
    return next((dict(clock.cause) for clock in clocks if instant in set(clock.steps(facts, instant))), {})


def caused_by(event: Event) -> dict[str, Any]:
    """An event as the cause of a transition."""
    return {"event": event.type, "message_id": event.message_id}


def speaks_for(segment: Segment, event: Event, traits: Mapping[str, Any], at: datetime | None = None) -> bool:
    """Whether the event counts for a `did` that the segment asks for (and not against); at an instant, or at its own."""
    return any(_counts(leaf, event, traits, at or event.ts) for leaf in segment.predicate.triggers())


def _counts(leaf: Trigger, event: Event, traits: Mapping[str, Any], at: datetime) -> bool:
    return leaf.type == event.type and leaf.fits(event.ts, traits, at) and matches(leaf.condition, event.properties)


def trigger_types(segments: Iterable[Segment]) -> frozenset[str]:
    """The event types that can speak for one of these segments."""
    return frozenset(leaf.type for segment in segments for leaf in segment.predicate.triggers())
