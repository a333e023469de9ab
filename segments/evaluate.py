"""What a predicate means, in plain Python: the tests' oracle, the simulator's engine and the clock of transitions.

Promise: pure, and exactly what the SQL of `compiler` answers. The value over time is a step function that is right at
its steps: it can change only at the instant of an event or when an event becomes as old as a window.
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import singledispatch
from operator import eq, ge, gt, le, lt, ne
from typing import Any

from segments.happened import Did
from segments.predicate import All, Compare, Either, Not, Predicate
from segments.values import ISO, kind_of

_ISO = re.compile(ISO.replace(r"\d", "[0-9]").replace("$", r"\Z"))
_TESTS: Mapping[str, Callable[[Any, Any], bool]] = {
    "==": eq,
    "!=": ne,
    "<": lt,
    "<=": le,
    ">": gt,
    ">=": ge,
    "contains": lambda mine, part: isinstance(mine, str) and part in mine,
}
_EVER = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Event:
    """What happened, as far as predicates look at it."""

    type: str
    ts: datetime
    properties: Mapping[str, Any] = field(default_factory=dict)
    message_id: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of one customer: traits, and events by type in the order of their time."""

    traits: Mapping[str, Any]
    events: Mapping[str, Sequence[Event]]

    @classmethod
    def of(cls, traits: Mapping[str, Any], events: Iterable[Event]) -> "Facts":
        """Arrange events that come in any order."""
        by_type: dict[str, list[Event]] = {}
        for event in sorted(events, key=lambda event: event.ts):
            by_type.setdefault(event.type, []).append(event)
        return cls(traits, by_type)

    def until(self, named: str, at: datetime) -> Sequence[Event]:
        """The events of a type that have happened by then."""
        known = self.events.get(named, ())
        return known[: bisect_right(known, at, key=lambda event: event.ts)]


def holds(predicate: Predicate, traits: Mapping[str, Any], events: Iterable[Event], at: datetime) -> bool:
    """Whether the predicate is true at an instant, of a customer with these traits and events."""
    return _holds(predicate, Facts.of(traits, events), at)


def holds_on_nothing(predicate: Predicate) -> bool:
    """Whether it is true of a customer of whom nothing is known."""
    return _holds(predicate, Facts({}, {}), _EVER)


def matches(condition: Predicate | None, properties: Mapping[str, Any]) -> bool:
    """Whether an event's properties meet the condition of a `did`."""
    return condition is None or _holds(condition, Facts(properties, {}), _EVER)


@singledispatch
def _holds(predicate: Predicate, facts: Facts, at: datetime) -> bool:
    raise NotImplementedError(f"no evaluation for {type(predicate).__name__}")


@_holds.register
def _(predicate: All, facts: Facts, at: datetime) -> bool:
    return all(_holds(part, facts, at) for part in predicate.members)


@_holds.register
def _(predicate: Either, facts: Facts, at: datetime) -> bool:
    return any(_holds(part, facts, at) for part in predicate.members)


@_holds.register
def _(predicate: Not, facts: Facts, at: datetime) -> bool:
    return not _holds(predicate.part, facts, at)


@_holds.register
def _(predicate: Compare, facts: Facts, at: datetime) -> bool:  # noqa: ARG001 - one signature for all leaves
    value: Any = facts.traits
    for step in predicate.path:
        value = value.get(step) if isinstance(value, Mapping) else None
    return value is not None and _compare(value, predicate.op, predicate.value)


@_holds.register
def _(predicate: Did, facts: Facts, at: datetime) -> bool:
    counted = counting(predicate, facts, at)
    if counted is None:
        return False
    return predicate.at_least_times <= len(counted) and (predicate.most is None or len(counted) <= predicate.most)


def counting(leaf: Did, facts: Facts, at: datetime) -> list[Event] | None:
    """The events that count for a leaf at an instant, oldest first; None when its `since_last` never happened."""
    events = [event for event in facts.until(leaf.type, at) if leaf.window is None or at - event.ts < leaf.window]
    if leaf.since is not None:
        anchors = facts.until(leaf.since, at)
        if not anchors:
            return None
        events = [event for event in events if event.ts >= anchors[-1].ts]
    return [event for event in events if matches(leaf.condition, event.properties)]


def flips(
    predicate: Predicate, traits: Mapping[str, Any], events: Iterable[Event], after: datetime, until: datetime
) -> list[tuple[datetime, bool]]:
    """The instants in `(after, until]` at which the value changes, each with the value it changes to."""
    facts = Facts.of(traits, events)
    value = _holds(predicate, facts, after)
    found = []
    for instant in (step for step in _steps(predicate, facts) if after < step <= until):
        if _holds(predicate, facts, instant) is not value:
            value = not value
            found.append((instant, value))
    return found


def flipped_at(predicate: Predicate, facts: Facts, at: datetime) -> datetime | None:
    """The instant since which the value has been what it is at `at`; None if events never changed it."""
    value = _holds(predicate, facts, at)
    since = None
    for instant in reversed([step for step in _steps(predicate, facts) if step <= at]):
        if _holds(predicate, facts, instant) is not value:
            return since
        since = instant
    return None if _holds(predicate, Facts(facts.traits, {}), at) is value else since


def reached_at(goal: Predicate, events: Iterable[Event], since: datetime, at: datetime) -> datetime | None:
    """When a goal was reached, counting only events from `since` to `at`; None if it was not.

    The time is that of the event that decided it: of the n-th for a count, of the first part for `|`, of the last for
    `&`, and `at` for what only an absence decides.
    """
    return _moment(goal, Facts.of({}, [event for event in events if event.ts >= since]), at)


def _moment(goal: Predicate, facts: Facts, at: datetime) -> datetime | None:
    if not _holds(goal, facts, at):
        return None
    if isinstance(goal, Did) and goal.at_least_times > 0 and goal.most is None:
        return (counting(goal, facts, at) or [])[goal.at_least_times - 1].ts
    moments = [moment for part in goal.parts if (moment := _moment(part, facts, at)) is not None]
    if isinstance(goal, Either):
        return min(moments)
    return max(moments) if isinstance(goal, All) else at


def _steps(predicate: Predicate, facts: Facts) -> list[datetime]:
    steps = {_later(event.ts, edge.window) for edge in predicate.edges for event in facts.events.get(edge.type, ())}
    return sorted(step for step in steps if step is not None)


def _later(ts: datetime, window: timedelta) -> datetime | None:
    try:
        return ts + window
    except OverflowError:  # after the year 9999 nothing changes any more
        return None


def _compare(value: Any, op: str, operand: Any) -> bool:
    if op == "exists":
        return True
    if op == "in":
        return any(_compare(value, "==", choice) for choice in operand)
    if op == "contains" and isinstance(value, list):
        return any(_compare(element, "==", operand) for element in value)
    kind = kind_of("", operand)
    mine, theirs = _as_kind(kind, value), _as_kind(kind, operand)
    return mine is not None and _TESTS[op](mine, theirs)


def _as_kind(kind: str, value: Any) -> Any:
    match kind, value:
        case "boolean", bool():
            return value
        case "number", bool():
            return None
        case "number", int() | float() | Decimal():
            return Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
        case "text", str():
            return value
        case "instant", _:
            return as_instant(value)
    return None


def as_instant(value: object) -> datetime | None:
    """A date or time, or an ISO text of one, as an aware datetime; without an offset UTC; None if it is neither."""
    if isinstance(value, str):
        value = _from_iso(value)
    if isinstance(value, datetime):
        return value if value.tzinfo is not None else value.replace(tzinfo=UTC)
    return datetime.combine(value, time(), UTC) if isinstance(value, date) else None


def _from_iso(text: str) -> datetime | None:
    if not _ISO.match(text):
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:  # the 30th of February, the year 0
        return None
