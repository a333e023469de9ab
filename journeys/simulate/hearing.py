"""What simulated runs hear: that their goal is reached, or that something they wait for is so.

Promise: what is so already is the answer to beginning to wait; after that, of all that comes true the first by its own time,
of equals the one that its author wrote first.
"""

import json
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime
from functools import lru_cache, partial
from typing import Any

from journeys.endings import Ending, by_time, first
from journeys.heard import Expect, Expected, Happened, OfCustomer, OfEvents, OfMessages, OfSegment
from journeys.simulate.customers import Customer
from journeys.simulate.membership import Transition
from journeys.simulate.run import Run
from journeys.simulate.runs import Runs
from segments import Predicate, Segment
from segments.dating import flip
from segments.evaluate import reached_at
from segments.language.events import AHEAD
from segments.language.moves import event_types
from segments.language.wire import predicate_from_json

_Moved = Mapping[tuple[str, bool], datetime]


@lru_cache(4_096)
def _read(text: str) -> tuple[Predicate, frozenset[str]]:
    predicate = predicate_from_json(json.loads(text))
    return predicate, event_types(predicate)


def goal_reached(
    goal: Predicate, who: Customer, since: datetime, at: datetime, types: frozenset[str] | None = None
) -> datetime | None:
    """When a customer reached a goal, counting from an instant; `types` are its events', where they are known."""
    types = types or event_types(goal)
    if types.isdisjoint(who.events):
        return None
    known = [who.events[kind] for kind in types if kind in who.events]
    until = at + AHEAD
    happened = [event for events in known if events[-1].ts >= since for event in events if since <= event.ts <= until]
    return reached_at(goal, happened, since, until) if happened else None


def ending_of(run: Run, now: datetime, marks: Collection[str] | None = None) -> Ending | None:
    """The first goal or exit that a run has reached by events: any, or those that events of these kinds may have reached."""
    happened = run.customer.events
    found = [
        Ending(reason, which, at)
        for reason, which, predicate, types in run.endings
        if not types.isdisjoint(happened if marks is None else marks)
        if (at := goal_reached(predicate, run.customer, run.entered_at, now, types))
    ]
    return first(found) if found else None


def over_by(run: Run, now: datetime, segments: Mapping[str, Segment]) -> Ending | None:
    """What ends a run as of now, also what nobody has looked at yet: an event, a move between segments, or its time."""
    found = [by_event] if run.endings and (by_event := ending_of(run, now)) else []
    if run.spec.exits and (timed := by_time(run.spec, run.start.entered_at)) and timed.at <= now:
        found.append(timed)
    for (name, inside), (reason, which) in run.moves.items():
        segment, was_in = segments.get(name), name in run.customer.inside
        if segment and was_in is not inside and segment.predicate.holds(run.customer.facts, now) is inside:
            found.append(Ending(reason, which, now))
    return first(found) if found else None


class Hearing:
    """Looks at what changed for the runs that it may concern."""

    def __init__(self, runs: Runs, segment: Callable[[str], Segment], now: Callable[[], datetime]) -> None:
        self._runs = runs
        self._segment = segment
        self._now = now
        #: The types of events that runs have asked about, besides the catalogue's own segments and goals.
        self.wanted: set[str] = set()

    def predicate(self, plain: Mapping[str, Any]) -> Predicate:
        """A predicate as the handle wrote it down, read once for all runs."""
        predicate, types = _read(json.dumps(plain, sort_keys=True))
        self.wanted |= types
        return predicate

    def listens(self, who: Customer, mark: str) -> bool:
        """Whether an event of this type can end a run of theirs, or a wait of one."""
        runs = self._runs.open(who)
        return any(run.expecting or any(mark in types for *_, types in run.endings) for run in runs)

    def already(self, run: Run, expect: Expect) -> Happened | None:
        """The first of what a wait waits for that is so."""
        return _first(expect, lambda expected: self._so(run, expected))

    def news(self, who: Customer, marks: Collection[str], moves: Iterable[Transition]) -> list[tuple[Run, Happened]]:
        """The waits of a customer's runs that what changed has made so."""
        moved = {(each.segment, each.kind == "entered"): each.at for each in moves if each.kind != "repeated"}
        found: list[tuple[Run, Happened]] = []
        for run in self._runs.open(who):
            for expect in run.expecting:
                if expect.until > self._now():
                    came = _first(expect, partial(self._came, run, frozenset(marks), moved, expect.at))
                    found += [(run, came)] if came else []
        return found

    def endings(self, who: Customer, marks: Collection[str]) -> dict[Run, Ending]:
        """The runs that are over, because an event of these kinds reached their goal, or an exit."""
        found = {run: ending_of(run, self._now(), marks) for run in self._runs.open(who) if run.endings}
        return {run: ending for run, ending in found.items() if ending is not None}

    def _so(self, run: Run, expected: Expected) -> datetime | None:
        """Since when it is so: events by their own time, what is true of the customer as of now."""
        match expected:
            case OfEvents():
                return goal_reached(self.predicate(expected.predicate), run.customer, expected.since, self._now())
            case OfCustomer():
                return self._now() if self.predicate(expected.predicate).holds(run.customer.facts, self._now()) else None
            case OfSegment():
                inside = self._segment(expected.segment).predicate.holds(run.customer.facts, self._now())
                return self._now() if inside is expected.inside else None
            case OfMessages():
                return _came_back(run, expected)
        return None

    def _came(self, run: Run, marks: frozenset[str], moved: _Moved, begun_at: datetime, expected: Expected) -> datetime | None:
        """Since when what has changed makes it so: what is true of the customer is dated as a segment's members are."""
        if isinstance(expected, OfSegment):
            return _moved(expected, moved)
        so = self._so(run, expected) if marks else None
        if so is not None and isinstance(expected, OfCustomer):
            segment = Segment("expected", self.predicate(expected.predicate))
            return flip(segment, run.customer.facts, so, begun_at, marks)[0]
        return so


def _came_back(run: Run, expected: OfMessages) -> datetime | None:
    """When something became of a run's own messages, of all or of one."""
    for event in run.customer.events.get(expected.event, ()):
        told = event.properties
        if event.ts < expected.since or told.get("run_id") != str(run.start.run_id):
            continue
        if expected.step in (None, told["step"]) and expected.occurrence in (None, told["occurrence"]):
            return event.ts
    return None


def _moved(expected: OfSegment, moved: _Moved) -> datetime | None:
    return moved.get((expected.segment, expected.inside))


def _first(expect: Expect, since: Callable[[Expected], datetime | None]) -> Happened | None:
    found = [(name, at) for name, expected in expect.expected.items() if (at := since(expected)) is not None]
    which, at = min(found, key=lambda each: each[1], default=(None, None))
    return Happened(wait=expect.wait, which=which, at=at) if which is not None and at is not None else None
