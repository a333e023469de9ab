"""What all ways through a journey show of it: its messages, the segments that it names, and what is wrong with it."""

import re
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar
from weakref import ref

from journeys.actions import StartJourney
from journeys.authoring import JourneyDefinition
from journeys.contexts.context import Context
from journeys.contracts import DeliverRequest
from journeys.deadline import TookTooLong
from journeys.errors import CatalogueError, Problem
from journeys.questions import Arm, Understand
from journeys.rules import Rule
from journeys.services import Service
from journeys.telling import problem_of
from journeys.walk.explore import WALK, Effect, Explored, Path, Refused, explore
from segments import Segment

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Call:
    """A message on some path, and where the journey sends it."""

    request: DeliverRequest
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class Start:
    """A start of another journey on some path, and where it is."""

    asked: StartJourney
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class Asked:
    """A question on some path, with what its answers may be, and where it is."""

    asked: Understand
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class Drawn:
    """An arm that is drawn on some path, and where."""

    asked: Arm
    file: str
    line: int


@dataclass
class Seen:
    """What a journey does: messages and starts, each once, the segments and services that it names, and what is wrong."""

    calls: dict[tuple[object, ...], Call] = field(default_factory=dict)
    conditions: dict[str, tuple[Segment, str, int]] = field(default_factory=dict)
    starts: dict[tuple[object, ...], Start] = field(default_factory=dict)
    asked: dict[tuple[object, ...], Asked] = field(default_factory=dict)
    draws: dict[tuple[object, ...], Drawn] = field(default_factory=dict)
    services: dict[str, tuple[Service[Any], str, int]] = field(default_factory=dict)
    contexts: dict[str, tuple[Context[Any], str, int]] = field(default_factory=dict)
    #: Where it asks which predictions, by name.
    foretells: dict[str, tuple[str, int]] = field(default_factory=dict)
    #: Where it names which traits and properties, by kind and name.
    names: dict[tuple[str, str], tuple[str, int]] = field(default_factory=dict)
    problems: dict[tuple[str, int], Problem] = field(default_factory=dict)

    def found(self, *problems: Problem) -> None:
        """One problem a place: other paths come by there, too."""
        for problem in problems:
            self.problems.setdefault((problem.file, problem.line), problem)


#: What was seen of the journeys there are, by the address of each: those that are equal need not stand in one place.
_SEEN: dict[int, tuple[ref[JourneyDefinition], Seen]] = {}


def look_through(definition: JourneyDefinition, limit: timedelta = WALK) -> Seen:
    """What the ways through a journey show; what lies behind the clock or free values is checked when it is sent.

    Looked for once: as it starts, a process asks several times what is wrong, who sends what, and for which experiments.
    """
    if limit != WALK:
        return _looked_through(definition, limit)
    at = id(definition)
    if at not in _SEEN:
        _SEEN[at] = ref(definition, lambda _: _SEEN.pop(at)), _looked_through(definition, limit)
    return _SEEN[at][1]


def _looked_through(definition: JourneyDefinition, limit: timedelta) -> Seen:
    seen = Seen()
    explored, forgotten = _watched(lambda: explore(definition, limit))
    seen.found(*forgotten)
    _keep(seen, explored)
    for path in explored.paths:
        stop = path.stop
        expected = path.unknown and isinstance(stop, AttributeError)
        if isinstance(stop, TookTooLong | Refused | Exception) and not expected:
            seen.found(*_told(stop, definition))
    return seen


def message_calls(definition: JourneyDefinition) -> list[DeliverRequest]:
    """The messages of a journey, each call once."""
    return [call.request for call in look_through(definition).calls.values()]


def _keep(seen: Seen, explored: Explored) -> None:
    for path in explored.paths:
        for effect in path.effects:
            file, line, _ = effect.place[0] if effect.place else ("", 0, 0)
            _keep_names(seen, path, effect, file, line)
            if effect.kind == "wait" and (below := effect.what.removeprefix("wait -")) != effect.what:
                told = f"waits -{below}, which is over before it begins"
                advice = "write max(0, …) around what is worked out, if it may be"
                seen.found(Problem(file, line, 1, told, remedy=advice, rule=Rule.WORD))
            if (asked := effect.starts) is not None:
                seen.starts.setdefault((line, asked.journey, repr(asked.params)), Start(asked, file, line))
            if (question := effect.understands) is not None:
                seen.asked.setdefault((line, question.step, question.choices), Asked(question, file, line))
            if (drawn := effect.draws) is not None:
                seen.draws.setdefault((line, drawn.experiment), Drawn(drawn, file, line))
            if (request := effect.request) is not None:
                key = (request.channel, request.template, request.purpose, request.occurrence, tuple(sorted(request.params)))
                seen.calls.setdefault(key, Call(request, file, line))


def _keep_names(seen: Seen, path: Path, effect: Effect, file: str, line: int) -> None:
    """What it names: segments, a service, a context, a prediction, traits and properties."""
    for name in effect.segments:
        if name in path.segments:
            seen.conditions.setdefault(name, (path.segments[name], file, line))
    if effect.service is not None:
        seen.services.setdefault(effect.service, (path.services[effect.service], file, line))
    if effect.context is not None:
        seen.contexts.setdefault(effect.context, (path.contexts[effect.context], file, line))
    if effect.foretells is not None:
        seen.foretells.setdefault(effect.foretells, (file, line))
    for named in effect.names:
        seen.names.setdefault(named, (file, line))


def _told(stop: BaseException, definition: JourneyDefinition) -> tuple[Problem, ...]:
    if isinstance(stop, Refused):
        advice = "put one into the loop: await j.wait(hours=1)"
        stop = CatalogueError(str(stop), remedy=advice, rule=Rule.ENDLESS).with_traceback(stop.__traceback__)
    return problem_of(stop, f"journey {definition.name}")


_UNAWAITED = re.compile(r"coroutine '(?:\w+\.)*(\w+)' was never awaited(?:.*File \"([^\"]+)\", line (\d+))?", re.DOTALL)


def _watched(work: Callable[[], T]) -> tuple[T, Iterator[Problem]]:
    """Work, and the steps that it forgot to await, which Python tells by a warning when it throws them away."""
    depth = sys.get_coroutine_origin_tracking_depth()
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", RuntimeWarning)
        sys.set_coroutine_origin_tracking_depth(1)
        try:
            done = work()
        finally:
            sys.set_coroutine_origin_tracking_depth(depth)
    return done, (_forgotten(match) for each in told if (match := _UNAWAITED.match(str(each.message))))


def _forgotten(match: re.Match[str]) -> Problem:
    name, file, line = match.groups()
    text = f"{name}(…) does nothing without await"
    return Problem(file or "", int(line or 0), 1, text, remedy=f"write await {name}(…)", rule=Rule.AWAIT)
