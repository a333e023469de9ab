"""Who enters a simulated journey, and why others do not: the rules of `journeys.entry`, as the dispatcher asks them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from typing import Any
from uuid import UUID

from journeys.authoring import JourneyDefinition
from journeys.catalogue import Catalogue
from journeys.contracts import PerKey, Plain, RunStart
from journeys.entering import UnlikeDeclared, accepted
from journeys.entry import KILLED, UNLIKE_DECLARED, Past, entry_key, is_held_out, refusal, short_key
from journeys.simulate.customers import Customer
from journeys.simulate.membership import Transition
from journeys.simulate.run import Run, Surroundings
from journeys.simulate.runs import Runs
from segments import Segment
from segments.dating import trigger_types

_NEVER = Past(running=False, runs=0, last_ended_at=None)


@dataclass(frozen=True, slots=True)
class Refused:
    """Somebody who did not enter, and why."""

    journey: str
    customer: Customer
    key: str
    reason: str
    at: datetime


class Admission:
    """Opens runs, and keeps who was refused."""

    def __init__(
        self, world: Surroundings, catalogue: Catalogue, segments: Mapping[str, Segment], controls: Mapping[str, str]
    ) -> None:
        self.runs = Runs()
        self.refused: list[Refused] = []
        self._world = world
        self._catalogue = catalogue
        self._segments = segments
        self._controls = controls
        self._numbers = count(1)

    def by_hand(self, definition: JourneyDefinition, who: Customer, params: dict[str, Plain], key: str) -> Run | str:
        """A start over the API or by another journey, or why not; one that is paused lets nobody in that way."""
        spec, now = definition.spec, self._world.agenda.now
        key = short_key(key) if isinstance(spec.reentry, PerKey) else ""
        state = self._controls.get(spec.name, "live")
        reason = f"journey {state}" if state != "live" else refusal(spec, key, self._past(definition, who, key), now, now)
        return reason or self._open(definition, who, now, key=key, params=params)

    def admitted(self, who: Customer, move: Transition) -> Iterator[Run]:
        """The runs that a transition opens."""
        for definition in self._catalogue.entered_by(move.segment):
            spec = definition.spec
            if move.kind == "repeated" and not isinstance(spec.reentry, PerKey):
                continue
            entry = self._entry(who, move, spec.entry)
            key = entry_key(spec, dict(entry))
            reason = (
                KILLED
                if self._controls.get(spec.name) == "killed"
                else refusal(spec, key, self._past(definition, who, key), move.at, self._world.agenda.now)
            )
            try:
                known = accepted(spec.entry_model, entry) if spec.entry_model else {}
            except UnlikeDeclared:
                known, reason = {}, reason or UNLIKE_DECLARED
            if reason is None:
                yield self._open(definition, who, move.at, key=key, segment=move.segment, entry=known)
            elif move.kind != "repeated":
                self.refuse(definition, who, key, reason)

    def _entry(self, who: Customer, move: Transition, segment: Segment | str | None) -> Mapping[str, Any]:
        """The properties of the event behind an entry: the newest that speaks for the segment, or the one that decided."""
        at_hand = segment if isinstance(segment, Segment) else self._segments[move.segment]
        events = [event for kind in trigger_types([at_hand]) for event in who.events.get(kind, ()) if event.ts <= move.at]
        decided = move.cause.get("message_id")
        behind = [event for event in events if decided in (None, event.message_id)]
        return max(behind, key=lambda event: event.ts).properties if behind else {}

    def _past(self, definition: JourneyDefinition, who: Customer, key: str) -> Past:
        keyed = isinstance(definition.spec.reentry, PerKey)
        if not self.runs.of(who):
            return _NEVER
        runs = [run for run in self.runs.of(who) if run.journey == definition.name and (not keyed or run.key == key)]
        ended = [run.ended_at for run in runs if run.ended_at is not None]
        return Past(len(ended) < len(runs), len(runs), max(ended, default=None))

    def _open(
        self,
        definition: JourneyDefinition,
        who: Customer,
        entered_at: datetime,
        *,
        key: str = "",
        segment: str | None = None,
        params: dict[str, Plain] | None = None,
        entry: dict[str, Plain] | None = None,
    ) -> Run:
        start = RunStart(
            run_id=UUID(int=next(self._numbers)),
            customer_id=who.id,
            segment=segment,
            entered_at=entered_at,
            started_at=self._world.agenda.now,
            params=params or {},
            entry=entry or {},
        )
        run = Run(
            self._world,
            definition,
            who,
            start,
            key=key,
            holdout=bool(definition.spec.holdout) and is_held_out(definition.spec, who.id),
        )
        self.runs.add(run)
        return run

    def refuse(self, definition: JourneyDefinition, who: Customer, key: str, reason: str) -> Refused:
        """Keep that somebody did not enter, and why."""
        refused = Refused(definition.name, who, key, reason, self._world.agenda.now)
        self.refused.append(refused)
        return refused
