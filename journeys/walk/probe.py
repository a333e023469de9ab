"""Looking into a journey without running it: its leading wait, and what it does on its plain paths.

A journey's steps are plain Python over the handle, so a runtime in which nothing takes time walks them in microseconds.
"""

import re
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any
from uuid import UUID

from journeys.authoring import JourneyDefinition
from journeys.contracts import DeliverRequest, Outcome, Receipt, RunStart
from journeys.deadline import TookTooLong, is_authors, within
from journeys.errors import CatalogueError, Problem
from journeys.handle import Journey, RunEnded
from journeys.heard import Expect, Happened, OfSegment
from journeys.questions import Arm, IsIn, Question
from journeys.telling import problem_of
from journeys.walk.samples import entries, samples
from segments import Segment

_NOBODY = UUID(int=0)
_ANY_DAY = datetime(2026, 1, 1, tzinfo=UTC)
_FAR_ENOUGH = 500  # effects after which a journey that loops for ever has shown its messages
_AT_ONCE = 30  # effects without a wait between them: no journey means that, a loop that forgot its wait does
#: A journey's steps take microseconds of processor time; what is not through by then hangs.
WALK = timedelta(seconds=2)


class _Stop(BaseException):
    """Leaves a journey that has shown enough."""

    def __init__(self, until: datetime | None = None) -> None:
        self.until = until


class _Refused(BaseException):
    """Leaves a journey that does what none may."""


class _FirstEffect:
    """A runtime that stops a journey at its first effect and tells whether that was a wait."""

    def now(self) -> datetime:
        raise _Stop

    async def sleep_until(self, at: datetime, summary: str) -> None:  # noqa: ARG002 - the protocol's signature
        raise _Stop(at)

    async def hold(self, until: datetime, summary: str) -> None:  # noqa: ARG002 - the protocol's signature
        raise _Stop

    async def deliver(self, request: DeliverRequest) -> Receipt:  # noqa: ARG002 - the protocol's signature
        raise _Stop

    async def ask(self, question: Question) -> object:  # noqa: ARG002 - the protocol's signature
        raise _Stop

    async def listen(self, expect: Expect, summary: str) -> Happened | None:  # noqa: ARG002 - the protocol's signature
        raise _Stop


@dataclass(frozen=True, slots=True)
class Call:
    """A message on a plain path, and where the journey sends it."""

    request: DeliverRequest
    file: str
    line: int


class _PlainPath:
    """A runtime in which no time passes, every message meets the same fate and every question gets the same answer."""

    def __init__(self, outcome: Outcome, *, reached: bool) -> None:
        self.calls: list[Call] = []
        self.named: dict[str, tuple[str, int]] = {}
        self._outcome = outcome
        self._reached = reached
        self._now = _ANY_DAY
        self._effects = 0
        self._at_once = 0

    def now(self) -> datetime:
        return self._now

    async def sleep_until(self, at: datetime, summary: str) -> None:  # noqa: ARG002 - the protocol's signature
        if at > self._now:
            self._at_once = 0
        self._count()
        self._now = max(self._now, at)

    hold = sleep_until

    async def deliver(self, request: DeliverRequest) -> Receipt:
        self._count()
        call = Call(request, *_author())
        self.calls.append(call)
        if request.only is not None:
            self.named.setdefault(request.only, (call.file, call.line))
        return Receipt(outcome=self._outcome)

    async def ask(self, question: Question) -> object:
        self._count()
        if isinstance(question, IsIn):
            self.named.setdefault(question.segment, _author())
        return next(iter(question.shares)) if isinstance(question, Arm) else self._reached

    async def listen(self, expect: Expect, summary: str) -> Happened | None:  # noqa: ARG002 - the protocol's signature
        self._at_once = 0
        self._count()
        for expected in expect.expected.values():
            if isinstance(expected, OfSegment):
                self.named.setdefault(expected.segment, _author())
        self._now = max(self._now, expect.until)
        return Happened(wait=expect.wait, which=next(iter(expect.expected)), at=self._now) if self._reached else None

    def _count(self) -> None:
        self._effects += 1
        self._at_once += 1
        if self._at_once > _AT_ONCE:
            raise _Refused(
                f"{_AT_ONCE} steps follow each other here without a wait; put one into the loop: await j.wait(hours=1)"
            )
        if self._effects > _FAR_ENOUGH:
            raise _Stop


@dataclass
class Seen:
    """What a journey does on its plain paths: messages, the segments that it names, and what is wrong with it."""

    calls: dict[tuple[object, ...], Call] = field(default_factory=dict)
    conditions: dict[str, tuple[Segment, str, int]] = field(default_factory=dict)
    problems: dict[tuple[str, int], Problem] = field(default_factory=dict)

    def found(self, *problems: Problem) -> None:
        """One problem a place: other paths come by there, too."""
        for problem in problems:
            self.problems.setdefault((problem.file, problem.line), problem)


def leading_wait(definition: JourneyDefinition, start: RunStart) -> timedelta:
    """How long a run waits before its first effect, in business time, so that Temporal can hold the start back."""
    stop = _walk(definition, Journey(start, definition.spec, _FirstEffect()))
    until = stop.until if isinstance(stop, _Stop) else None
    return max(until - start.started_at, timedelta(0)) if until else timedelta(0)


def look_through(definition: JourneyDefinition, limit: timedelta = WALK) -> Seen:
    """A journey's plain paths: all sent or none, everything reached or nothing, with each choice of its parameters.

    What lies behind the clock or free parameters is not seen; it is checked when it is sent.
    """
    seen = Seen()
    given = product(samples(definition), entries(definition))
    for (params, entry), outcome, reached in product(given, (Outcome.SENT, Outcome.SKIPPED), (False, True)):
        path = _PlainPath(outcome, reached=reached)
        known = {"params": params or {}, "entry": entry or {}}
        start = RunStart(run_id=_NOBODY, customer_id=_NOBODY, entered_at=_ANY_DAY, started_at=_ANY_DAY, **known)
        handle = Journey(start, definition.spec, path)
        stop, forgotten = _watched(lambda handle=handle: within(limit, lambda: _walk(definition, handle)))  # type: ignore[misc]
        seen.found(*forgotten)
        _keep(seen, path, handle)
        if isinstance(stop, TookTooLong | _Refused | Exception) and (
            None not in (params, entry) or not isinstance(stop, AttributeError)
        ):
            seen.found(*_told(stop, definition))
        if isinstance(stop, TookTooLong):
            break
    return seen


def message_calls(definition: JourneyDefinition) -> list[DeliverRequest]:
    """The messages on the plain paths of a journey, each call once."""
    return [call.request for call in look_through(definition).calls.values()]


def _keep(seen: Seen, path: _PlainPath, handle: Journey[Any]) -> None:
    for call in path.calls:
        request = call.request
        seen.calls.setdefault((request.channel, request.template, request.occurrence, tuple(sorted(request.params))), call)
    for name, segment in handle.conditions.items():
        seen.conditions.setdefault(name, (segment, *path.named[name]))


def _told(stop: BaseException, definition: JourneyDefinition) -> tuple[Problem, ...]:
    if isinstance(stop, _Refused):
        stop = CatalogueError(str(stop)).with_traceback(stop.__traceback__)
    return problem_of(stop, f"journey {definition.name}")


def _walk(definition: JourneyDefinition, handle: Journey[Any]) -> BaseException | None:
    steps = definition.steps(handle).__await__()
    try:
        next(iter(steps))
    except (_Stop, _Refused, RunEnded, TookTooLong, Exception) as stop:  # noqa: BLE001 - told at load, or seen in its workflow
        return None if isinstance(stop, StopIteration) else stop
    return None


def _author() -> tuple[str, int]:
    """Where the author's code is that led here."""
    frame = sys._getframe()  # noqa: SLF001 - the only way to ask who calls
    while frame is not None and not is_authors(frame.f_code.co_filename):
        frame = frame.f_back  # type: ignore[assignment]
    return (frame.f_code.co_filename, frame.f_lineno) if frame is not None else ("", 0)


_UNAWAITED = re.compile(r"coroutine '(?:\w+\.)*(\w+)' was never awaited(?:.*File \"([^\"]+)\", line (\d+))?", re.DOTALL)


def _watched(work: Callable[[], BaseException | None]) -> tuple[BaseException | None, Iterator[Problem]]:
    """Work, and the steps that it forgot to await, which Python tells by a warning when it throws them away."""
    depth = sys.get_coroutine_origin_tracking_depth()
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", RuntimeWarning)
        sys.set_coroutine_origin_tracking_depth(1)
        try:
            stop = work()
        finally:
            sys.set_coroutine_origin_tracking_depth(depth)
    return stop, (_forgotten(match) for each in told if (match := _UNAWAITED.match(str(each.message))))


def _forgotten(match: re.Match[str]) -> Problem:
    name, file, line = match.groups()
    return Problem(file or "", int(line or 0), 1, f"{name}(…) does nothing without await: write await {name}(…)")
