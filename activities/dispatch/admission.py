"""Admission: which transitions become runs. Re-entry, lateness and one run at a time are decided here, in one transaction.

Promise: a transition dispatched twice, or two entries in the same instant, open one run; an entry that opens none is
recorded with its reason.
"""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from uuid_utils.compat import uuid7

from activities.metrics import ENTRIES
from activities.versions import Served
from journeys.contracts import JourneySpec, PerKey
from journeys.entering import UnlikeDeclared, accepted
from journeys.entry import ALREADY_RUNNING, KILLED, UNLIKE_DECLARED, Past, entry_key, is_held_out, refusal, workflow_id
from segments import Segment
from segments.dating import trigger_types
from segments.load.stored import last_loaded
from store import Connection
from store.runs import rows as runs
from store.runs import switches
from store.runs.rows import NewRun, OutboxRow, Refusal, Standing
from store.runs.switches import EVERYTHING

log = structlog.get_logger(__name__)

Specs = Mapping[str, JourneySpec]
#: Looks whether workflows that are open here are over in Temporal, writes that down, and says whether any was.
Look = Callable[[list[str]], Awaitable[bool]]


@dataclass(frozen=True, slots=True)
class Candidate:
    """One journey that one transition might enter."""

    spec: JourneySpec
    transition: OutboxRow
    entry: dict[str, Any]

    @property
    def key(self) -> str:
        """The value of the re-entry property, or nothing."""
        return entry_key(self.spec, self.entry)

    @property
    def keyed(self) -> bool:
        """Whether it enters once per key."""
        return isinstance(self.spec.reentry, PerKey)


async def admit(connection: Connection, served: Served, transitions: Sequence[OutboxRow], at: datetime, look: Look) -> None:
    """Open a run for every transition that may enter a journey, and record why the others may not."""
    candidates = await _candidates(connection, served.specs, transitions)
    killed = await switches.killed(connection) if candidates else frozenset()
    opened: list[NewRun] = []
    refused: list[Refusal] = []
    taken: set[tuple[str, UUID, str]] = set()
    for candidate, standing in zip(candidates, await _standings(connection, candidates, look), strict=True):
        place = (candidate.spec.name, standing.profile_id, candidate.key)
        past = Past(standing.open_id is not None or place in taken, standing.runs, standing.last_ended_at)
        reason = refusal(candidate.spec, candidate.key, past, candidate.transition.at, at)
        if not killed.isdisjoint((candidate.spec.name, EVERYTHING)):
            reason = KILLED
        if reason is None and not _as_declared(candidate):
            reason = UNLIKE_DECLARED
        if reason is None:
            taken.add(place)
            opened.append(_new_run(candidate, standing, served.version, at))
        elif candidate.transition.kind != "repeated":  # a further event of a known cart is no entry that was refused
            refused.append(_refusal(candidate, standing, reason, at))
    inserted = await runs.insert_runs(connection, opened)
    await runs.insert_refusals(connection, refused)
    _count(opened, inserted, refused)


async def _standings(connection: Connection, candidates: Sequence[Candidate], look: Look) -> list[Standing]:
    keys = [(c.spec.name, c.transition.profile_id, c.key, c.keyed) for c in candidates]
    found = await runs.standings(connection, keys)
    in_the_way = sorted({s.open_workflow_id for s in found if s.open_workflow_id})
    if in_the_way and await look(in_the_way):
        return await runs.standings(connection, keys)
    return found


async def _candidates(connection: Connection, specs: Specs, transitions: Sequence[OutboxRow]) -> list[Candidate]:
    by_segment: dict[str, list[OutboxRow]] = defaultdict(list)
    for transition in transitions:
        by_segment[transition.segment].append(transition)
    found: list[Candidate] = []
    for segment, group in by_segment.items():
        entering = [spec for spec in specs.values() if spec.entered_by == segment]
        entries = await _entries(connection, entering, group)
        found += [
            Candidate(spec, transition, entries.get(n, {}))
            for n, transition in enumerate(group)
            for spec in entering
            if _enters(spec, transition)
        ]
    return sorted(found, key=lambda c: c.transition.id)


async def _entries(
    connection: Connection, entering: Sequence[JourneySpec], group: Sequence[OutboxRow]
) -> dict[int, dict[str, Any]]:
    if not entering:
        return {}
    at_hand = next((spec.entry for spec in entering if isinstance(spec.entry, Segment)), None)
    segment = at_hand or await last_loaded(connection, group[0].segment)
    if segment is None:
        return {}
    wanted = [(t.profile_id, t.at, t.cause.get("message_id")) for t in group]
    return await runs.entry_events(connection, wanted, sorted(trigger_types([segment])))


def _enters(spec: JourneySpec, transition: OutboxRow) -> bool:
    return transition.kind == "entered" or (transition.kind == "repeated" and isinstance(spec.reentry, PerKey))


def _new_run(candidate: Candidate, standing: Standing, version: str | None, at: datetime) -> NewRun:
    spec, transition, run_id = candidate.spec, candidate.transition, UUID(str(uuid7()))
    return NewRun(
        id=run_id,
        journey=spec.name,
        profile_id=standing.profile_id,
        entry_key=candidate.key,
        entered_by="segment",
        entered_at=transition.at,
        workflow_id=workflow_id(spec.name, standing.profile_id, run_id),
        created_at=at,
        segment=transition.segment,
        transition_id=transition.id,
        entry=candidate.entry,
        holdout=is_held_out(spec, standing.drawn_as),
        traceparent=transition.traceparent,
        version=version,
    )


def _as_declared(candidate: Candidate) -> bool:
    """Whether the entering event fits the model that the journey declares of it."""
    if candidate.spec.entry_model is None:
        return True
    try:
        accepted(candidate.spec.entry_model, candidate.entry)
    except UnlikeDeclared as unlike:
        log.warning("an entering event is not as its journey declares", journey=candidate.spec.name, fields=unlike.fields)
        return False
    return True


def _refusal(candidate: Candidate, standing: Standing, reason: str, at: datetime) -> Refusal:
    return Refusal(candidate.spec.name, standing.profile_id, candidate.key, candidate.transition.id, reason, at)


def _count(opened: list[NewRun], inserted: set[UUID], refused: list[Refusal]) -> None:
    for run in opened:
        ENTRIES.labels(run.journey, "entered" if run.id in inserted else ALREADY_RUNNING).inc()
    for entry in refused:
        ENTRIES.labels(entry.journey, entry.reason).inc()
