"""Admission: which transitions become runs. Re-entry, lateness and one run at a time are decided here, in one transaction.

Promise: a transition dispatched twice, or two entries in the same instant, open one run; an entry that opens none is
recorded with its reason. One that cannot be decided, by whatever error, is set aside under its journey's name, alone.
"""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog

from activities.dispatch.passing import kind_and_place, passes
from activities.metrics import ENTRIES
from activities.versions import Served
from journeys.contracts import JourneySpec
from journeys.entering import UnlikeDeclared, accepted
from journeys.entry import ALREADY_RUNNING, UNDECIDED, Entry, NewRun, Refused, entry_key, is_told, let_in
from journeys.policies import Restart
from segments import Segment
from segments.ask.declared import leaves_alone
from segments.dating import trigger_types
from segments.load.stored import last_loaded
from store import Connection
from store.runs import entries, switches
from store.runs.entries import Refusal, Standing
from store.runs.rows import OutboxRow
from store.runs.switches import EVERYTHING

log = structlog.get_logger(__name__)

#: Looks whether workflows that are open here are over in Temporal, writes that down, and says whether any was.
Look = Callable[[list[str]], Awaitable[bool]]


@dataclass(frozen=True, slots=True)
class Candidate:
    """One journey that one transition might enter."""

    entry: Entry
    transition: OutboxRow

    @property
    def place(self) -> tuple[str, UUID, str, bool]:
        """What can be entered once at a time."""
        return self.entry.spec.name, self.transition.profile_id, self.entry.key, self.entry.spec.keyed


async def admit(connection: Connection, served: Served, transitions: Sequence[OutboxRow], at: datetime, look: Look) -> None:
    """Open a run for every transition that may enter a journey, and record why the others may not.

    Where that fails, all is undone and done again in halves, down to the one entry into the one journey at which it fails.
    """
    try:
        async with connection.transaction():
            return await _admit(connection, served, transitions, at, look)
    except Exception as error:  # a bug stops one entry, and nobody else's
        if passes(error):
            raise
        entered = [spec for spec in served.specs.values() if spec.entered_by in {t.segment for t in transitions}]
        if len(transitions) == 1 and len(entered) == 1:
            return await _set_aside(connection, served, entered[0], transitions[0], error, at)
        if len(transitions) > 1:
            half = len(transitions) // 2
            parts = [(served, transitions[:half]), (served, transitions[half:])]
        elif entered:
            parts = [(replace(served, specs={spec.name: spec}), transitions) for spec in entered]
        else:
            raise
    for each, some in parts:
        await admit(connection, each, some, at, look)
    return None


async def _set_aside(
    connection: Connection, served: Served, spec: JourneySpec, transition: OutboxRow, error: Exception, at: datetime
) -> None:
    """Refuse an entry that cannot be decided, until the next version is asked again (`activities.dispatch.undecided`)."""
    kind = type(error).__name__
    log.error(
        "an entry is set aside: it cannot be decided", journey=spec.name, transition=transition.id, **kind_and_place(error)
    )
    why = Refusal(
        spec.name, transition.profile_id, "", "segment", UNDECIDED, at, transition.id, {"error": kind}, served.version
    )
    await entries.insert_refusals(connection, [why])
    ENTRIES.labels(spec.name, UNDECIDED).inc()


async def _admit(connection: Connection, served: Served, transitions: Sequence[OutboxRow], at: datetime, look: Look) -> None:
    """Open a run for every transition that may enter a journey, and record why the others may not.

    One that another run has just come before is asked again, with that run in its way.
    """
    waiting = await _candidates(connection, served, transitions)
    while waiting:
        now, later = _one_by_one(waiting)
        lost = await _decide(connection, now, at, look)
        waiting = [*lost, *later]


async def _decide(connection: Connection, candidates: Sequence[Candidate], at: datetime, look: Look) -> list[Candidate]:
    """Those that may enter do; returns those whose place somebody else has just taken."""
    opened: dict[UUID, tuple[Candidate, NewRun]] = {}
    told: list[Refusal] = []
    taken: set[tuple[str, UUID, str]] = set()
    for candidate, standing in zip(candidates, await _standings(connection, candidates, look), strict=True):
        place = (candidate.entry.spec.name, standing.profile_id, candidate.entry.key)
        decided = let_in(candidate.entry, standing, at) if place not in taken else Refused(ALREADY_RUNNING)
        if isinstance(decided, Refused):
            if is_told(decided.reason, standing.runs, again=candidate.transition.kind == "repeated"):
                told.append(_refusal(candidate, standing, decided, at))
        else:
            taken.add(place)
            opened[decided.id] = candidate, decided
    inserted = await entries.open_runs(connection, [run for _, run in opened.values()])
    await entries.insert_refusals(connection, told)
    _count([run for _, run in opened.values() if run.id in inserted], told)
    return [candidate for id_, (candidate, _) in opened.items() if id_ not in inserted]


def _one_by_one(waiting: Sequence[Candidate]) -> tuple[list[Candidate], list[Candidate]]:
    """Where each entry begins anew, one of a customer's at a time: the next finds the run of the one before it."""
    seen: set[tuple[str, UUID, str, bool]] = set()
    now: list[Candidate] = []
    later: list[Candidate] = []
    for candidate in waiting:
        again = candidate.place in seen and isinstance(candidate.entry.spec.reentry, Restart)
        (later if again else now).append(candidate)
        seen.add(candidate.place)
    return now, later


async def _standings(connection: Connection, candidates: Sequence[Candidate], look: Look) -> list[Standing]:
    keys = [candidate.place for candidate in candidates]
    found = await entries.standings(connection, keys)
    in_the_way = sorted({s.open_workflow_id for s in found if s.open_workflow_id})
    if in_the_way and await look(in_the_way):
        return await entries.standings(connection, keys)
    return found


async def _candidates(connection: Connection, served: Served, transitions: Sequence[OutboxRow]) -> list[Candidate]:
    by_segment: dict[str, list[OutboxRow]] = defaultdict(list)
    for transition in transitions:
        by_segment[transition.segment].append(transition)
    found: list[Candidate] = []
    killed: frozenset[str] | None = None
    for segment, group in by_segment.items():
        entering = [spec for spec in served.specs.values() if spec.entered_by == segment]
        definition = await _definition(connection, entering, segment)
        events = await _entries(connection, definition, group)
        foretold = await leaves_alone(connection, served.predictions, definition)
        killed = await switches.killed(connection) if entering and killed is None else killed
        for n, transition in enumerate(group):
            for spec in entering:
                if _enters(spec, transition):
                    control = "live" if (killed or frozenset()).isdisjoint((spec.name, EVERYTHING)) else "killed"
                    entry = _entry(spec, transition, events.get(n, {}), control, served)
                    found.append(Candidate(replace(entry, foretold=foretold) if foretold else entry, transition))
    return sorted(found, key=lambda c: c.transition.id)


async def _definition(connection: Connection, entering: Sequence[JourneySpec], name: str) -> Segment | None:
    """The segment by which these journeys are entered; None where there are none, or it cannot be read."""
    if not entering:
        return None
    at_hand = next((spec.entry for spec in entering if isinstance(spec.entry, Segment)), None)
    return at_hand or await last_loaded(connection, name)


async def _entries(connection: Connection, segment: Segment | None, group: Sequence[OutboxRow]) -> dict[int, dict[str, Any]]:
    if segment is None:
        return {}
    wanted = [(t.profile_id, t.at, t.cause.get("message_id")) for t in group]
    return await entries.entry_events(connection, wanted, sorted(trigger_types([segment])))


def _enters(spec: JourneySpec, transition: OutboxRow) -> bool:
    return transition.kind == "entered" or (transition.kind == "repeated" and spec.entered_anew)


def _entry(spec: JourneySpec, transition: OutboxRow, properties: dict[str, Any], control: str, served: Served) -> Entry:
    return Entry(
        spec=spec,
        by="segment",
        at=transition.at,
        key=entry_key(spec, properties),
        control=control,
        segment=transition.segment,
        transition_id=transition.id,
        params=served.accept[spec.name]({}),
        properties=properties,
        traceparent=transition.traceparent,
        version=served.version,
        unlike=_unlike(spec, properties),
    )


def _unlike(spec: JourneySpec, properties: dict[str, Any]) -> Mapping[str, str]:
    """In which fields the entering event does not fit the model that the journey declares of it."""
    if spec.entry_model is None:
        return {}
    try:
        accepted(spec.entry_model, properties)
    except UnlikeDeclared as unlike:
        log.warning("an entering event is not as its journey declares", journey=spec.name, fields=unlike.fields)
        return unlike.fields
    return {}


def _refusal(candidate: Candidate, standing: Standing, refused: Refused, at: datetime) -> Refusal:
    entry, id_ = candidate.entry, candidate.transition.id
    return Refusal(entry.spec.name, standing.profile_id, entry.key, entry.by, refused.reason, at, id_, refused.told)


def _count(opened: list[NewRun], refused: list[Refusal]) -> None:
    for run in opened:
        ENTRIES.labels(run.journey, "entered").inc()
    for entry in refused:
        ENTRIES.labels(entry.journey, entry.reason).inc()
