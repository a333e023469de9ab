"""What ends a run before its steps do: its goals, and its exits by event, by segment, by date and by age, each by its name.

Promise: pure, by the time at which each came true, so that the first of them is the one that is written down.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from journeys.contracts import JourneySpec, Reason
from journeys.policies import Moves
from journeys.spans import describe
from segments import Predicate


@dataclass(frozen=True, slots=True)
class Ending:
    """Why a run is over: the reason, the name that its author gave it, since when."""

    reason: Reason
    which: str | None
    at: datetime


def by_events(spec: JourneySpec) -> list[tuple[Reason, str | None, Predicate]]:
    """What ends a run by events: its goals, then its exits."""
    goals: list[tuple[str | None, Predicate]] = list(spec.goals.items()) if spec.goals else []
    if not goals and spec.goal is not None:
        goals = [(None, spec.goal)]
    exits = [(Reason.EXIT, name, each) for name, each in spec.exits.items() if isinstance(each, Predicate)]
    return [*((Reason.GOAL, name, goal) for name, goal in goals), *exits]


def by_moves(spec: JourneySpec) -> dict[tuple[str, bool], tuple[Reason, str | None]]:
    """What ends a run by moves, (segment, inside): leaving the entry segment, where that is declared, and its exits."""
    found: dict[tuple[str, bool], tuple[Reason, str | None]] = {
        (each.name, each.inside): (Reason.EXIT, name) for name, each in spec.exits.items() if isinstance(each, Moves)
    }
    return found | ({(spec.entered_by, False): (Reason.LEFT, None)} if spec.ends_on_leave and spec.entered_by else {})


def ended_by_move(entered_at: datetime, moved_at: datetime, *, inside: bool) -> bool:
    """Whether a move ends a run that began then; who enters with the event that brought them in has not moved since."""
    return entered_at < moved_at if inside else entered_at <= moved_at


def by_time(spec: JourneySpec, entered_at: datetime) -> Ending | None:
    """When a run that entered then is over whatever happens."""
    latest = datetime.max.replace(tzinfo=entered_at.tzinfo) - entered_at
    return first(
        Ending(Reason.EXIT, name, entered_at + each if isinstance(each, timedelta) else each)
        for name, each in spec.exits.items()
        if isinstance(each, datetime) or (isinstance(each, timedelta) and each <= latest)  # beyond the calendar: never
    )


def first(endings: Iterator[Ending] | list[Ending]) -> Ending | None:
    """The one that came true first; of equals the goal, then the one that is declared first."""
    return min(endings, key=lambda each: (each.at, each.reason is not Reason.GOAL), default=None)


def said(spec: JourneySpec) -> Mapping[str, str]:
    """All goals and exits in words, by their names."""
    return {which or "goal": f"{predicate}" for _, which, predicate in by_events(spec)} | {
        name: _in_words(each) for name, each in spec.exits.items() if not isinstance(each, Predicate)
    }


def _in_words(each: object) -> str:
    if isinstance(each, datetime):
        return f"at {each:%Y-%m-%d %H:%M %Z}"
    return f"{describe(each)} after entry" if isinstance(each, timedelta) else str(each)
