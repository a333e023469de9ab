"""From evaluation to log lines: who entered and left, dated by their own events, and who did again what brought them in."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from segments.dating import caused_by, flip, speaks_for, trigger_types
from segments.facts import Event, Facts, Person, Thresholds
from segments.language.predicate import Predicate
from segments.language.segment import Segment
from segments.watch.interest import interest
from segments.watch.look import Look, blaming
from segments.watch.thresholds import recorded, used
from segments.watch.transitions import (
    Kind,
    Transition,
    memory,
    read_event,
    read_facts,
    read_json,
    read_person,
)
from store import queries

_SQL = queries("segments")
_EVENTS_PER_PROFILE = 2_000
_BEGINNING = datetime(1, 1, 1, tzinfo=UTC)
_Membership = tuple[Segment, UUID]


async def changes(look: Look, keyed: AbstractSet[str]) -> list[Transition]:
    """Everything that has to be logged: flips of membership, then repetitions in the `keyed` segments."""
    changed: list[_Membership] = []
    inside: dict[str, set[UUID]] = {}
    for segment in (each.segment for each in look.live if look.candidates.get(each.segment.name)):
        now = inside[segment.name] = await look.evaluate(segment)
        was = look.candidates[segment.name] & look.inside(segment.name).keys()
        changed += [(segment, profile) for profile in sorted(now ^ was)]
    flips = await _flips(look, changed, inside) if changed else []
    return flips + await _repetitions(look, {name: inside[name] for name in keyed & inside.keys()}, flips)


async def _flips(look: Look, changed: Sequence[_Membership], inside: Mapping[str, set[UUID]]) -> list[Transition]:
    thresholds = await recorded(look.connection, {segment.name: segment for segment, _ in changed}.values())
    known, incomplete = await _facts(look, changed, thresholds)
    floors = await _floors(look, changed)
    found = []
    for segment, profile in changed:
        if profile in known:  # else it was merged meanwhile, and its survivor is marked
            floor, marks = floors[segment.name, profile], look.changed.get(profile, frozenset())
            with blaming(segment):
                dated = _undated(look.at) if profile in incomplete else flip(segment, known[profile], look.at, floor, marks)
            at, cause = dated[0], dated[1] | used(segment, thresholds, look.at)
            kind: Kind = "entered" if profile in inside[segment.name] else "left"
            traceparent = look.traceparent(profile, interest(segment).types)
            found.append(Transition(segment.name, profile, kind, at, cause, traceparent))
    return found


async def since(look: Look, predicate: Predicate, after: Mapping[UUID, datetime]) -> dict[UUID, datetime]:
    """Since when a predicate has been true of customers of whom something changed, dated as a segment's members are.

    Never before the instant that is given for each.
    """
    segment = Segment("expected", predicate)
    known, incomplete = await _facts(look, [(segment, who) for who in after], await recorded(look.connection, [segment]))
    return {
        who: look.at if who in incomplete else flip(segment, facts, look.at, after[who], look.changed[who])[0]
        for who, facts in known.items()
    }


def _undated(at: datetime) -> tuple[datetime, dict[str, Any]]:
    """How somebody with more events than are read is dated."""
    return at, {"profile": "changed"}


async def _facts(
    look: Look, changed: Sequence[_Membership], thresholds: Thresholds
) -> tuple[dict[UUID, Facts], AbstractSet[UUID]]:
    """What is known of those who changed, and who of them has more events than are read."""
    segments = {segment.name: segment for segment, _ in changed}.values()
    rows = await look.connection.fetch(_SQL["lock_facts"], sorted({profile for _, profile in changed}))
    events, incomplete = await _deciding(look, changed)
    people = await _people(look, segments, [row["id"] for row in rows])
    return {
        who: read_facts(row, events.get(who, []), people.get(who) or Person(who), thresholds)
        for who, row in ((row["id"], row) for row in rows)
    }, incomplete


async def _deciding(look: Look, changed: Iterable[_Membership]) -> tuple[dict[UUID, list[Event]], set[UUID]]:
    """The events that date these flips, by customer, and the customers who have more than are read.

    Of each customer only the types and the stretch of time that their own segments look at.
    """
    wanted: dict[tuple[UUID, str], datetime] = {}
    reach = {segment.name: memory([segment], look.since, look.at) for segment in {segment for segment, _ in changed}}
    for segment, profile in changed:
        for kind in interest(segment).types:
            wanted[profile, kind] = min(reach[segment.name], wanted.get((profile, kind), look.at))
    rows = [(profile, kind, since) for (profile, kind), since in wanted.items()]
    columns = zip(*rows, strict=True) if rows else ((), (), ())
    events: dict[UUID, list[Event]] = {}
    counted: Counter[tuple[UUID, str]] = Counter()
    for row in await look.connection.fetch(_SQL["deciding_events"], *columns, look.at, _EVENTS_PER_PROFILE):
        events.setdefault(row["profile_id"], []).append(read_event(row))
        counted[row["profile_id"], row["type"]] += 1
    return events, {profile for (profile, _), count in counted.items() if count == _EVENTS_PER_PROFILE}


async def _people(look: Look, segments: Iterable[Segment], profiles: Sequence[UUID]) -> dict[UUID, Person]:
    """Names, consents and addresses, where a segment asks for them."""
    if not any(segment.predicate.marks for segment in segments):
        return {}
    return {row["profile_id"]: read_person(row) for row in await look.connection.fetch(_SQL["facts_people"], profiles)}


async def _floors(look: Look, changed: Sequence[_Membership]) -> dict[tuple[str, UUID], datetime]:
    """Before which instant no transition may be dated: the entry of who leaves, the last exit of who enters, the change."""
    names, profiles = zip(*{(segment.name, profile) for segment, profile in changed}, strict=True)
    rows = await look.connection.fetch(_SQL["last_left"], names, profiles)
    left = {(row["segment"], row["profile_id"]): row["at"] for row in rows}
    since = {each.segment.name: each.since or _BEGINNING for each in look.live}
    return {
        (name, who): max(since[name], look.inside(name).get(who) or left.get((name, who), _BEGINNING))
        for name, who in zip(names, profiles, strict=True)
    }


async def _repetitions(look: Look, inside: Mapping[str, set[UUID]], flips: Iterable[Transition]) -> list[Transition]:
    """New events that speak for a segment, of customers who are in it; not the one by which they came in."""
    staying = {name: profiles for name, profiles in inside.items() if profiles}
    segments = [each.segment for each in look.live if each.segment.name in staying]
    fresh = await _fresh_events(look, segments, set().union(*staying.values())) if staying else []
    logged = await _logged(look, list(staying), fresh) if fresh else set()
    traits = await _traits(look, segments, {profile for profile, _ in fresh})
    entries = {(t.segment, t.profile_id): t for t in flips if t.kind == "entered"}
    return [
        _repetition(look, segment, profile, event)
        for segment in segments
        for profile, event in fresh
        if profile in staying[segment.name] and speaks_for(segment, event, traits.get(profile, {}), look.at)
        if (segment.name, event.message_id) not in logged
        if _is_another(event, entries.get((segment.name, profile)))
    ]


async def _fresh_events(look: Look, segments: Sequence[Segment], profiles: AbstractSet[UUID]) -> list[tuple[UUID, Event]]:
    types = sorted(trigger_types(segments))
    marks = [(mark.profile_id, mark.written_by) for mark in look.dirty if mark.profile_id in profiles]
    marked, written_by = zip(*marks, strict=True) if marks else ((), ())
    low = memory(segments, look.since, look.at)
    bounds = (list(profiles), types, low, look.at, marked, written_by, look.since)
    rows = await look.connection.fetch(_SQL["fresh_events"], *bounds)
    return [(row["profile_id"], read_event(row)) for row in rows]


async def _traits(look: Look, segments: Sequence[Segment], profiles: AbstractSet[UUID]) -> Mapping[UUID, Mapping[str, Any]]:
    """The traits of these profiles, where what an event says depends on the customer's zone."""
    if not any(leaf.traits for segment in segments for leaf in segment.predicate.triggers()):
        return {}
    rows = await look.connection.fetch(_SQL["traits_of"], sorted(profiles))
    return {row["id"]: read_json(row["traits"]) for row in rows}


async def _logged(look: Look, names: Sequence[str], fresh: Sequence[tuple[UUID, Event]]) -> AbstractSet[tuple[str, str]]:
    ids = [event.message_id for _, event in fresh]
    rows = await look.connection.fetch(_SQL["logged"], list({profile for profile, _ in fresh}), names, ids)
    return {(row["segment"], row["message_id"]) for row in rows}


def _is_another(event: Event, entry: Transition | None) -> bool:
    return entry is None or (event.ts >= entry.at and event.message_id != entry.cause.get("message_id"))


def _repetition(look: Look, segment: Segment, profile: UUID, event: Event) -> Transition:
    traceparent = look.traceparent(profile, frozenset({event.type}))
    return Transition(segment.name, profile, "repeated", event.ts, caused_by(event), traceparent)
