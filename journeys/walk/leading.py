"""How long a run waits before its first effect, so that Temporal can hold its start back."""

from collections.abc import Coroutine, Sequence
from datetime import datetime, timedelta
from typing import Any

from journeys.authoring import JourneyDefinition
from journeys.contracts import DeliverRequest, Receipt, RunStart
from journeys.deadline import TookTooLong, within
from journeys.handle import Journey
from journeys.handle.branch import Branch
from journeys.heard import Expect, Happened
from journeys.questions import Question
from journeys.walk.driving import drive
from journeys.walk.forks import close

#: Of processor time, in whatever thread. Who takes longer is begun at once, and fails in the run's own workflow.
_LIMIT = timedelta(milliseconds=250)


class _First(BaseException):
    """Leaves a journey at its first effect; `until`: it was a wait."""

    def __init__(self, until: datetime | None = None) -> None:
        self.until = until


class _FirstEffect:
    """A runtime that stops a journey at its first effect and tells whether that was a wait."""

    def now(self) -> datetime:
        raise _First

    async def sleep_until(self, at: datetime, summary: str) -> None:  # noqa: ARG002 - the protocol's signature
        raise _First(at)

    async def hold(self, until: datetime, summary: str) -> None:  # noqa: ARG002 - the protocol's signature
        raise _First

    async def deliver(self, request: DeliverRequest) -> Receipt:  # noqa: ARG002 - the protocol's signature
        raise _First

    async def ask(self, question: Question) -> Any:  # noqa: ARG002 - the protocol's signature
        raise _First

    async def listen(self, expect: Expect, summary: str) -> Happened | None:  # noqa: ARG002 - the protocol's signature
        raise _First

    async def together(self, branches: Sequence[tuple[Branch, Coroutine[Any, Any, Any]]]) -> list[Any]:
        close(branches)
        raise _First


def leading_wait(definition: JourneyDefinition, start: RunStart) -> timedelta:
    """The leading wait of a run, in business time; zero where the journey does something else first, or takes too long."""
    try:
        stop = within(_LIMIT, lambda: drive(definition, Journey(start, definition.spec, _FirstEffect())))
    except TookTooLong:
        return timedelta(0)
    until = stop.until if isinstance(stop, _First) else None
    return max(until - start.started_at, timedelta(0)) if until else timedelta(0)
