"""Looking into a journey without running it: its leading wait, and the messages on its plain paths with their conditions.

A journey's steps are plain Python over the handle, so a runtime in which nothing takes time walks them in microseconds.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import product
from uuid import UUID

from journeys.authoring import JourneyDefinition
from journeys.contracts import DeliverRequest, Outcome, Receipt, RunStart
from journeys.errors import CatalogueError
from journeys.handle import Journey, RunEnded
from segments import Predicate, Segment

_NOBODY = UUID(int=0)
_ANY_DAY = datetime(2026, 1, 1, tzinfo=UTC)
_FAR_ENOUGH = 500  # effects after which a journey that loops for ever has shown its messages


class _Stop(BaseException):
    """Leaves a journey that has shown enough."""

    def __init__(self, until: datetime | None = None) -> None:
        self.until = until


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

    async def reached(self, predicate: Predicate) -> bool:  # noqa: ARG002 - the protocol's signature
        raise _Stop


class _PlainPath:
    """A runtime in which no time passes, every message meets the same fate and every question gets the same answer."""

    def __init__(self, outcome: Outcome, *, reached: bool) -> None:
        self.calls: list[DeliverRequest] = []
        self._outcome = outcome
        self._reached = reached
        self._now = _ANY_DAY
        self._effects = 0

    def now(self) -> datetime:
        return self._now

    async def sleep_until(self, at: datetime, summary: str) -> None:  # noqa: ARG002 - the protocol's signature
        self._count()
        self._now = max(self._now, at)

    hold = sleep_until

    async def deliver(self, request: DeliverRequest) -> Receipt:
        self._count()
        self.calls.append(request)
        return Receipt(outcome=self._outcome)

    async def reached(self, predicate: Predicate) -> bool:  # noqa: ARG002 - the protocol's signature
        self._count()
        return self._reached

    def _count(self) -> None:
        self._effects += 1
        if self._effects > _FAR_ENOUGH:
            raise _Stop


def leading_wait(definition: JourneyDefinition, start: RunStart) -> timedelta:
    """How long a run waits before its first effect, in business time, so that Temporal can hold the start back."""
    stop = _walk(definition, Journey(start, definition.spec, _FirstEffect()))
    until = stop.until if isinstance(stop, _Stop) else None
    return max(until - start.started_at, timedelta(0)) if until else timedelta(0)


def message_calls(definition: JourneyDefinition) -> list[DeliverRequest]:
    """The messages on the plain paths of a journey: all sent or none, everything reached or nothing; each call once.

    What lies behind a parameter or the clock is not seen; it is checked when it is sent.

    Raises:
        CatalogueError: a message is sent only to something that is no segment, or to two of one name.
    """
    calls: dict[tuple[object, ...], DeliverRequest] = {}
    for path, _ in _plain_paths(definition):
        for call in path.calls:
            calls.setdefault((call.channel, call.template, call.occurrence, tuple(sorted(call.params))), call)
    return list(calls.values())


def conditions(definition: JourneyDefinition) -> dict[str, Segment]:
    """The segments, by name, to whose members only some message on a plain path is sent; errors as in `message_calls`."""
    return {name: segment for _, handle in _plain_paths(definition) for name, segment in handle.conditions.items()}


def _plain_paths(definition: JourneyDefinition) -> Iterator[tuple[_PlainPath, Journey]]:
    for outcome, reached in product((Outcome.SENT, Outcome.SKIPPED), (False, True)):
        path = _PlainPath(outcome, reached=reached)
        start = RunStart(run_id=_NOBODY, customer_id=_NOBODY, entered_at=_ANY_DAY, started_at=_ANY_DAY)
        handle = Journey(start, definition.spec, path)
        if isinstance(stop := _walk(definition, handle), CatalogueError):
            raise stop
        yield path, handle


def _walk(definition: JourneyDefinition, handle: Journey) -> BaseException | None:
    steps = definition.steps(handle).__await__()
    try:
        next(iter(steps))
    except (_Stop, RunEnded, Exception) as stop:  # noqa: BLE001 - a journey that raises does so visibly in its workflow
        return stop
    return None
