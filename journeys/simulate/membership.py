"""Who is in which segment, in a simulation: looked at when something changes, and when time alone may have moved somebody.

Promise: transitions are dated by what decided them, as the watch dates them; it is asked of the predicates themselves when
time will next change them, so nobody is looked at in vain.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from types import MappingProxyType
from typing import Any, Literal

from journeys.simulate.agenda import Agenda
from journeys.simulate.customers import Customer
from segments import Segment
from segments.dating import caused_by, flip, speaks_for
from segments.evaluate import next_flip
from segments.facts import Event
from segments.language.moves import changed_by, event_types, moves_by_time

_NO_EVENT: Mapping[str, Any] = MappingProxyType({})
_BEGINNING = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Transition:
    """A customer entered or left a segment, or did again what brought them in."""

    segment: str
    kind: Literal["entered", "left", "repeated"]
    at: datetime
    cause: Mapping[str, Any]


class Membership:
    """All segments and who is in them; `moved` hears of what only time does."""

    def __init__(
        self,
        segments: Iterable[Segment],
        keyed: AbstractSet[str],
        agenda: Agenda,
        moved: Callable[[Customer, list[Transition]], None],
    ) -> None:
        self._keyed = keyed
        self._agenda = agenda
        self._moved = moved
        self._segments: list[Segment] = []
        self._by_mark: dict[str, list[Segment]] = defaultdict(list)
        self._timed: set[str] = set()
        #: By segment, what can lower it and what can raise it.
        self._ways: dict[str, tuple[frozenset[str], frozenset[str]]] = {}
        for segment in segments:
            self.add(segment)

    def add(self, segment: Segment) -> None:
        """Watch one more segment."""
        self._segments.append(segment)
        self._ways[segment.name] = _ways(segment, up=False), _ways(segment, up=True)
        for mark in changed_by(segment.predicate):
            self._by_mark[mark].append(segment)
        if moves_by_time(segment.predicate):
            self._timed.add(segment.name)

    def watches(self, mark: str) -> bool:
        """Whether such a change can move anybody."""
        return mark in self._by_mark

    def enters(self, segment: Segment, who: Customer) -> list[Transition]:
        """Where a customer stands in a segment that is new."""
        found = self._flip(segment, who, frozenset())
        return [found] if found and segment.announce else []

    def look(self, who: Customer, marks: Collection[str], event: Event | None = None, *, new: bool = False) -> list[Transition]:
        """What a change did to a customer: flips first, then repetitions in the segments that are entered per key."""
        concerned = self._concerned(marks, new=new)
        moved = concerned if new else [segment for segment in concerned if self._can_move(segment, who, marks)]
        flips = [found for segment in moved if (found := self._flip(segment, who, frozenset(marks)))]
        return [*flips, *(self._repeated(concerned, who, event, flips) if event else ())]

    def _concerned(self, marks: Collection[str], *, new: bool) -> list[Segment]:
        if new:
            return self._segments
        if len(marks) == 1:
            return self._by_mark.get(next(iter(marks)), [])
        touched = {segment.name for mark in marks for segment in self._by_mark.get(mark, ())}
        return [segment for segment in self._segments if segment.name in touched]

    def _can_move(self, segment: Segment, who: Customer, marks: Collection[str]) -> bool:
        """Whether such a change can move somebody who stands there; if not, time moves them no earlier than expected."""
        ways = self._ways[segment.name][segment.name not in who.inside]
        return not ways.isdisjoint(marks)

    def _flip(self, segment: Segment, who: Customer, marks: frozenset[str], *, due: bool = False) -> Transition | None:
        """Whether somebody has entered or left; what time was to do now (`due`) it does now, and by itself."""
        at, name = self._agenda.now, segment.name
        inside, was = segment.predicate.holds(who.facts, at), who.inside.get(name)
        if name in self._timed:
            self._expect(segment, who, inside)
        if inside == (was is not None):
            return None
        floor = was or who.left.get(name) or _BEGINNING
        when, cause = (at, _NO_EVENT) if due and not inside else flip(segment, who.facts, at, floor, marks)
        if inside:
            who.inside[name] = when
        else:
            who.left[name] = when
            del who.inside[name]
        return Transition(name, "entered" if inside else "left", when, cause)

    def _repeated(
        self, concerned: Iterable[Segment], who: Customer, event: Event, flips: Collection[Transition]
    ) -> list[Transition]:
        entries = {each.segment: each for each in flips if each.kind == "entered"}
        return [
            Transition(segment.name, "repeated", event.ts, caused_by(event))
            for segment in concerned
            if segment.name in self._keyed and segment.name in who.inside
            if speaks_for(segment, event, who.traits, self._agenda.now) and _is_another(event, entries.get(segment.name))
        ]

    def _expect(self, segment: Segment, who: Customer, inside: bool) -> None:
        """Put down when time alone will next move the customer; what was put down before no longer counts."""
        turn = next_flip(segment.predicate, who.facts, self._agenda.now, inside)
        if who.turns.get(segment.name) != turn:
            who.turns[segment.name] = turn
            if turn is not None:
                self._agenda.at(turn, who, partial(self._turn, segment, who, turn))

    def _turn(self, segment: Segment, who: Customer, turn: datetime) -> None:
        if who.turns.get(segment.name) == turn and (found := self._flip(segment, who, frozenset(), due=True)):
            self._moved(who, [found])


def _ways(segment: Segment, *, up: bool) -> frozenset[str]:
    """The marks that can move a customer in, or out; what is no event can do both."""
    events = {each.type for each in segment.predicate.leanings if each.up is up}
    return frozenset(events) | (changed_by(segment.predicate) - event_types(segment.predicate))


def _is_another(event: Event, entry: Transition | None) -> bool:
    return entry is None or (event.ts >= entry.at and event.message_id != entry.cause.get("message_id"))
