"""Whom another version of a journey would fit: at which of its steps a run could go on with that version's code.

Promise: judges by what replay compares: the order and kind of steps, and which message it is. Each way through the old version
is walked on the new one with the answers that it got.
"""

from collections.abc import Coroutine, Sequence
from datetime import datetime
from typing import Any, cast

from journeys.authoring import JourneyDefinition
from journeys.contracts import DeliverRequest, Receipt
from journeys.handle import Journey
from journeys.handle.branch import Branch
from journeys.heard import Expect, Happened
from journeys.questions import Question
from journeys.walk.driving import drive
from journeys.walk.explore import ANY_DAY, Command, Path, entered
from journeys.walk.forks import Forks, close


def fits(path: Path, definition: JourneyDefinition) -> int:
    """How many steps of this way a run may have done, at most, and still go on with another version; all, where it fits."""
    again = _Again(path.commands)
    drive(definition, Journey(entered(path.params, path.entry, [*(path.changes or ())]), definition.spec, again))
    return again.matched


class _Done(BaseException):
    """All steps of the way were walked, or one is another."""


class _Again:
    """A runtime that answers as the old version was answered, as long as the same is asked."""

    def __init__(self, commands: Sequence[Command]) -> None:
        self._commands = commands
        self._now = ANY_DAY
        self._forks = Forks()
        self.matched = 0

    def now(self) -> datetime:
        return self._now

    async def sleep_until(self, at: datetime, summary: str) -> None:  # noqa: ARG002 - the protocol's signature
        if at > self._now:
            self._next("timer")

    hold = sleep_until

    async def deliver(self, request: DeliverRequest) -> Receipt:
        return cast("Receipt", self._next("deliver", f"{request.channel.value} {request.template}"))

    async def ask(self, question: Question) -> Any:
        return self._next(question.activity)

    async def listen(self, expect: Expect, summary: str) -> Happened | None:  # noqa: ARG002 - the protocol's signature
        return cast("Happened | None", self._next(expect.activity))

    async def together(self, branches: Sequence[tuple[Branch, Coroutine[Any, Any, Any]]]) -> list[Any]:
        try:
            return [self._forks.go(0, n, branch, steps) for n, (branch, steps) in enumerate(branches)]
        finally:
            close(branches)

    def _next(self, kind: str, what: str | None = None) -> Any:
        done = self._commands[self.matched] if self.matched < len(self._commands) else None
        if done is None or done.kind != kind or what not in (None, done.what):
            raise _Done
        self.matched += 1
        if self.matched < len(self._commands):  # a history's clock is that of its events
            self._now = ANY_DAY + self._commands[self.matched].at
        return self._commands[self.matched - 1].reply
