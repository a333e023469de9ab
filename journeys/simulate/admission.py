"""Who enters a simulated journey, and why others do not: the rules of `journeys.entry`, as the dispatcher asks them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from typing import Any, Literal
from uuid import UUID

from journeys.authoring import JourneyDefinition
from journeys.catalogue import Catalogue
from journeys.contracts import JourneySpec, Reason, RunStart
from journeys.entering import UnlikeDeclared, accepted, check_entry
from journeys.entry import STARTS_WITHIN, Entry, Past, entry_key, in_line, is_left_alone, is_told, short_key, why_refused
from journeys.entry import Refused as Why
from journeys.simulate.customers import Customer, Earlier
from journeys.simulate.membership import Transition
from journeys.simulate.run import Run, Surroundings
from journeys.simulate.runs import Runs
from segments import Segment
from segments.dating import trigger_types
from segments.predictions.prediction import left_alone

_NOTHING: Mapping[str, Any] = {}
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
        self._started: dict[UUID, list[datetime]] = {}

    def by_hand(
        self,
        definition: JourneyDefinition,
        who: Customer,
        params: Mapping[str, Any],
        key: str,
        by: Literal["api", "journey"],
        brought: Mapping[str, Any] = _NOTHING,
        foretold: Mapping[str, float] = _NOTHING,
    ) -> Run | Refused:
        """A start over the API or by another journey, or why not; one that is paused lets nobody in over the API.

        Raises:
            InvalidParams: the journey does not take these parameters, or not what is brought in an event's place.
        """
        spec, now = definition.spec, self._world.agenda.now
        check_entry(spec.entry_model, brought)
        started = self._lately_started(who, now) if by == "journey" else []
        entry = Entry(
            spec=spec,
            by=by,
            at=now,
            key=short_key(key) if spec.keyed else "",
            control=self._control(spec),
            params=definition.branchable(definition.accept(dict(params))),
            properties=accepted(spec.entry_model, brought) if spec.entry_model else {},
            started=len(started),
            foretold=foretold,
        )
        decided = self._decide(definition, who, entry)
        if isinstance(decided, Run):
            started.append(now)
        return decided

    def _lately_started(self, who: Customer, now: datetime) -> list[datetime]:
        """When journeys started journeys of a customer, as far as it counts."""
        self._started[who.id] = lately = [at for at in self._started.get(who.id, ()) if at > now - STARTS_WITHIN]
        return lately

    def admitted(self, who: Customer, move: Transition) -> Iterator[Run]:
        """The runs that a transition opens."""
        for definition in self._catalogue.entered_by(move.segment):
            spec = definition.spec
            if move.kind == "repeated" and not spec.entered_anew:
                continue
            looks = spec.keyed or spec.entry_model
            properties = dict(self._entry(who, move, spec.entry)) if looks else {}
            entry = self._by_segment(definition, move, properties)
            decided = self._decide(definition, who, entry, again=move.kind == "repeated")
            if isinstance(decided, Run):
                yield decided

    def _by_segment(self, definition: JourneyDefinition, move: Transition, properties: dict[str, Any]) -> Entry:
        spec = definition.spec
        known, unlike = {}, {}
        try:
            known = accepted(spec.entry_model, properties) if spec.entry_model else {}
        except UnlikeDeclared as error:
            unlike = error.fields
        return Entry(
            spec=spec,
            by="segment",
            at=move.at,
            key=entry_key(spec, properties),
            control=self._control(spec),
            segment=move.segment,
            foretold=self._leaves_alone(move.segment),
            params=definition.branchable(definition.accept({})),
            properties=known,
            unlike=unlike,
        )

    def _leaves_alone(self, segment: str) -> Mapping[str, float]:
        """The predictions that let customers in by a segment and leave some of them alone."""
        predictions = self._catalogue.predictions
        return left_alone(self._segments[segment].predicate, predictions) if predictions else _NOTHING

    def _decide(self, definition: JourneyDefinition, who: Customer, entry: Entry, *, again: bool = False) -> Run | Refused:
        runs = self._earlier(definition, who, entry.key)
        past = self._past(definition, who, entry.key, runs)
        why = why_refused(entry, past, self._world.agenda.now)
        if why is not None:
            return self._refuse(who, entry, why, tells=is_told(why.reason, past.runs, again=again))
        waits = in_line(entry, who.id, self._world.agenda.now) if entry.spec.limits is not None else None
        if isinstance(waits, Why):
            return self._refuse(who, entry, waits, tells=is_told(waits.reason, past.runs, again=again))
        for run in runs:
            run.end(Reason.RESTARTED)
        return self._open(definition, who, entry, waits)

    def _control(self, spec: JourneySpec) -> str:
        return self._controls.get(spec.name, "live")

    def _entry(self, who: Customer, move: Transition, segment: Segment | str | None) -> Mapping[str, Any]:
        """The properties of the event behind an entry: the newest that speaks for the segment, or the one that decided."""
        at_hand = segment if isinstance(segment, Segment) else self._segments[move.segment]
        events = [event for kind in trigger_types([at_hand]) for event in who.events.get(kind, ()) if event.ts <= move.at]
        decided = move.cause.get("message_id")
        behind = [event for event in events if decided in (None, event.message_id)]
        return max(behind, key=lambda event: event.ts).properties if behind else {}

    def _earlier(self, definition: JourneyDefinition, who: Customer, key: str) -> list[Run]:
        runs, keyed = self.runs.of(who), definition.spec.keyed
        own = (run for run in runs if run.journey == definition.name and (not keyed or run.key == key))
        return [run for run in own if run.outcome is not Reason.WAITED] if runs else []

    def _past(self, definition: JourneyDefinition, who: Customer, key: str, runs: list[Run]) -> Past:
        """What was before, those from before the simulation among them."""
        own = (each for each in who.earlier if each.journey == definition.name)
        before = [each for each in own if not definition.spec.keyed or each.key == key] if who.earlier else []
        if not runs and not before:
            return _NEVER
        every: list[Run | Earlier] = [*runs, *before]
        now, ends = self._world.agenda.now, [each.ended_at for each in every]
        ended = [at for at in ends if at is not None and at <= now]
        waiting = any(run.waits_until is not None and run.outcome is None for run in runs)
        began = max(each.entered_at for each in every)
        return Past(len(ended) < len(ends), len(ends), max(ended, default=None), began, waiting)

    def _open(self, definition: JourneyDefinition, who: Customer, entry: Entry, waits: tuple[datetime, datetime] | None) -> Run:
        start = RunStart.of_known(
            run_id=UUID(int=next(self._numbers)),
            customer_id=who.id,
            segment=entry.segment,
            entered_at=entry.at,
            started_at=self._world.agenda.now,
            params=entry.params,
            entry=entry.properties,
            past=[],
        )
        spec = definition.spec
        held_out = bool(spec.holdout or entry.foretold) and is_left_alone(spec, entry.foretold, who.id)
        run = Run(self._world, definition, who, start, key=entry.key, holdout=held_out, waits=waits, foretold=entry.foretold)
        self.runs.add(run)
        return run

    def _refuse(self, who: Customer, entry: Entry, why: Why, *, tells: bool) -> Refused:
        """Keep that somebody did not enter, and why."""
        refused = Refused(entry.spec.name, who, entry.key, why.reason, self._world.agenda.now)
        self.refused += [refused] if tells else []
        return refused

    def waited_too_long(self, run: Run) -> None:
        """Keep that somebody was never let in."""
        self.refused.append(Refused(run.journey, run.customer, run.key, Reason.WAITED.value, self._world.agenda.now))
