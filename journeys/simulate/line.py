"""The line before simulated journeys with limits: the rules of `journeys.room`, as the dispatcher asks them.

Promise: who has waited longest is let in at the instant at which there is room, and who has waited too long goes.
"""

from bisect import bisect_right, insort
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from journeys.contracts import JourneySpec, Reason
from journeys.room import Counts, look_again, rate_of, room_in
from journeys.simulate.agenda import Agenda
from journeys.simulate.run import Run

_NEXT = timedelta(microseconds=1)


class Line:
    """Who waits to be let in, by journey; `start` lets a run begin, and `late` hears of who waited too long."""

    def __init__(self, agenda: Agenda, start: Callable[[Run], None], late: Callable[[Run], None]) -> None:
        self._agenda = agenda
        self._start = start
        self._late = late
        self._waiting: dict[str, list[Run]] = defaultdict(list)
        self._inside: dict[str, list[Run]] = defaultdict(list)
        self._entered: dict[str, list[datetime]] = defaultdict(list)
        self._looks: dict[str, datetime] = {}

    def join(self, run: Run) -> None:
        """Somebody waits from now on, and is let in at once if there is room."""
        insort(self._waiting[run.journey], run, key=lambda each: (each.waits_from, each.start.run_id.int))
        self._agenda.at(self._agenda.now, run.customer, partial(self.move, run.spec))

    def over(self, run: Run) -> None:
        """A run has ended: there may be room, and it waits no more."""
        if self._waiting[run.journey]:
            self._agenda.at(self._agenda.now, run.customer, partial(self.move, run.spec))

    def move(self, spec: JourneySpec) -> None:
        """Let in whoever has room now, and put down when to look again."""
        now = self._agenda.now
        line = self._waiting[spec.name]
        line[:] = [run for run in line if not self._is_late(run, now)]
        ready = [run for run in line if run.waits_from <= now]
        places = room_in(spec, self._counts(spec, now), now).places
        for run in ready if places is None else ready[:places]:
            line.remove(run)
            run.let_in()
            self._inside[spec.name].append(run)
            self._entered[spec.name].append(now)
            self._agenda.at(now, run.customer, partial(self._start, run))
        if line:
            self._look_again(spec, line)

    def _is_late(self, run: Run, now: datetime) -> bool:
        if run.outcome is None and run.waits_until is not None and run.waits_until < now:
            run.end(Reason.WAITED)
            self._late(run)
        return run.outcome is not None

    def _counts(self, spec: JourneySpec, now: datetime) -> Counts:
        self._inside[spec.name] = inside = [run for run in self._inside[spec.name] if run.outcome is None]
        rate = rate_of(spec, now)
        entered = self._entered[spec.name]
        recent = entered[bisect_right(entered, now - rate.per) :] if rate else []
        return Counts(len(inside), len(recent), recent[0] if recent else None)

    def _look_again(self, spec: JourneySpec, line: list[Run]) -> None:
        """At the next instant at which time alone lets somebody in, or sends somebody away."""
        now = self._agenda.now
        late = min(run.waits_until for run in line if run.waits_until is not None) + _NEXT
        turns = [
            late,
            look_again(spec, self._counts(spec, now), now),
            next((r.waits_from for r in line if r.waits_from > now), None),
        ]
        when = min(turn for turn in turns if turn is not None)
        if self._looks.get(spec.name) != when:
            self._looks[spec.name] = when
            self._agenda.at(when, line[0].customer, partial(self.move, spec))
