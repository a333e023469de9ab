"""Whether another version of a journey would have done what a run has done, step by step, from its answers alone.

Promise: pure. What is compared is what each effect was: a message by its channel and template, a question by its words, what
was waited for by its names; not for how long. Where a run stands now is not yet done, and may be anything.
"""

from collections import defaultdict, deque
from collections.abc import Coroutine, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from journeys.contracts import DeliverRequest, Done, Receipt, RunStart
from journeys.deadline import TookTooLong, within
from journeys.entering import reader_of
from journeys.handle import Journey
from journeys.handle.branch import HERE, Branch, Unwound
from journeys.heard import Expect, Happened
from journeys.questions import WHEN, Question
from journeys.walk.driving import drive
from journeys.walk.forks import Forks, close

if TYPE_CHECKING:
    from journeys.authoring import JourneyDefinition

WAITED = "a wait"
_OVER = "is over"
LIMIT = timedelta(seconds=2)  # of processor time, as for each way that `check` walks


def sent(request: DeliverRequest) -> str:
    """What a message was."""
    return f"{request.channel.value} {request.template}"


def listened(expect: Expect) -> str:
    """What was waited for."""
    return f"the first of {', '.join(sorted(expect.expected))}"


def decided(past: Sequence[Done]) -> list[Done]:
    """What a run has done, without when the moment comes that it, or a branch of it, waits for: that may be asked anew."""
    last = {done.branch: n for n, done in enumerate(past)}
    return [done for n, done in enumerate(past) if n != last[done.branch] or not _tells_when(done)]


def _tells_when(done: Done) -> bool:
    return done.what is not None and done.what.startswith(WHEN) and done.answer is not None


def unlike(definition: "JourneyDefinition | None", start: RunStart) -> str | None:
    """Why a run that has done what stands in its `past` could not go on with a journey; None when it can."""
    if definition is None:
        return "there is no such journey"
    again = Again(start.past)
    return does(within(LIMIT, lambda: drive(definition, Journey(start, definition.spec, again))), again)


def does(stop: BaseException | None, again: "Again") -> str | None:
    """What a journey that was left at `stop` does other than its run did."""
    if isinstance(stop, Unlike):
        return str(stop)
    if isinstance(stop, TookTooLong):
        return again.told("does not come to an end")
    if again.left is None and not isinstance(stop, Exception):
        return None
    return again.told(_OVER if stop is None else f"raises {type(stop).__name__}")


class CaughtUp(BaseException):
    """Leaves a journey where its run stands."""


class Unlike(BaseException):
    """Leaves a journey that does not do what its run did."""


class Again:
    """A runtime that gives the answers of a run again, each branch its own, and leaves where they end."""

    def __init__(self, past: Sequence[Done]) -> None:
        self._left: dict[int | None, deque[Done]] = defaultdict(deque)
        for done in past[1:]:
            self._left[done.branch].append(done)
        self._at = past[0].at
        self._last: dict[int | None, str] = {}
        self._forks = Forks()

    @property
    def caught_up(self) -> bool:
        """Whether all that the run did, or the branch at work, has been done again."""
        return not self._mine

    @property
    def left(self) -> Done | None:
        """What the run did that has not been done again."""
        return next((left[0] for left in self._left.values() if left), None)

    def told(self, does: str) -> str:
        """That the code does something else than the run did, in words."""
        last, left = self._last.get(self._here, ""), self._mine[0] if self._mine else self.left
        after = f"after {last}" if last else "at its beginning"
        did = f"the run did {left.what}" if left else "the run stands"
        return f"{after} {did}; the code {does}"

    def now(self) -> datetime:
        """When the last effect came to its answer."""
        return self._at

    async def sleep_until(self, at: datetime, summary: str) -> None:  # noqa: ARG002 - the protocol's
        """It has passed."""
        self._again(WAITED)

    hold = sleep_until

    async def deliver(self, request: DeliverRequest) -> Receipt:
        """The receipt that there was."""
        return self._again(sent(request), Receipt)  # type: ignore[no-any-return]

    async def ask(self, question: Question) -> Any:
        """The answer that there was."""
        return self._again(question.what, question.answer)

    async def listen(self, expect: Expect, summary: str) -> Happened | None:  # noqa: ARG002 - the protocol's
        """What happened then."""
        return self._again(listened(expect), Happened | None)  # type: ignore[no-any-return]

    async def together(self, branches: Sequence[tuple[Branch, Coroutine[Any, Any, Any]]]) -> list[Any]:
        """Each as far as it came; whoever waits for them all stands where one of them does."""
        came, stood, raised, began = [], None, None, self._at
        try:
            for n, (branch, steps) in enumerate(branches):
                self._at = began
                try:
                    came.append(self._forks.go(0, n, branch, steps))
                except CaughtUp as where:
                    stood = where
                except Exception as what:  # noqa: BLE001 - an author's branch may raise anything
                    raised = raised or what
        finally:
            close(branches)
        if raised is not None:
            for branch, _ in branches:
                branch.stop = Unwound()
            raise raised
        if stood is not None:
            raise stood
        return came

    @property
    def _mine(self) -> deque[Done]:
        return self._left[self._here]

    @property
    def _here(self) -> int | None:
        return here.code if (here := HERE.get()) is not None else None

    def _again(self, what: str, kind: Any = None) -> Any:
        if self.caught_up:
            raise CaughtUp
        if self._mine[0].what not in (None, what):
            raise Unlike(self.told(f"does {what}"))
        done = self._mine.popleft()
        self._at = done.at
        self._last[self._here] = self._last[None] = what  # outside of branches: after whatever came last
        return reader_of(kind).validate_python(done.answer)
