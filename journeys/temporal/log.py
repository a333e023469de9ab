"""What a run's effects came to, in order: with it a run that has grown long goes on in a new history where it stood.

Promise: journeys are pure, so their code, given the same answers at the same instants, comes to the same place; nothing is done
a second time. Branches get their answers in the order in which they got them first, each at its turn. What is kept is what a
history may hold anyway.
"""

from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any, NoReturn, TypeVar

from temporalio import workflow

from journeys.contracts import Done
from journeys.entering import reader_of
from journeys.errors import JourneyError
from journeys.handle.branch import HERE

T = TypeVar("T")


class Log:
    """First the answers of the run so far, then those of its runtime, which are written down."""

    def __init__(self, past: Sequence[Done], clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self.done = list(past) or [Done(at=clock())]  # the first: when the run began
        self._past = deque(self.done[1:])
        self._at: datetime | None = self.done[0].at
        self._astray: JourneyError | None = None

    def now(self) -> datetime:
        """Business time: of the last answer while answers are given again, the clock's from the first new effect on."""
        return self._at or self._clock()

    async def effect(self, kind: Any, live: Callable[[], Awaitable[T]], what: str) -> T:
        """What an effect came to, of this type; it is brought about only if it was not before."""
        self.stay()
        here = await self._turn()
        if self._past:
            done = self._past.popleft()
            if done.what not in (None, what):
                self.astray(f"did {done.what}", what)
            self._at = done.at
            found: T = reader_of(kind).validate_python(done.answer)
            return found
        self._at = None
        answer = await live()
        if (branch := HERE.get()) is None or branch.stopped is None:  # one that leaves gets no answer when it is done again
            answered = reader_of(kind).dump_python(answer, mode="json")
            self.done.append(Done(at=self._clock(), answer=answered, what=what, branch=here))
        return answer

    def stay(self) -> None:
        """Fail, once the code has gone astray, whatever it has caught since."""
        if self._astray is not None:
            raise self._astray

    def astray(self, did: str, what: str) -> NoReturn:
        """The code does something else than the run did: no answer of the one is one of the other.

        Raises:
            JourneyError: always, which fails the task, so that nothing is lost; a worker that replays it goes on.
        """
        self._astray = JourneyError(f"the run {did}, and now the code does {what}: its steps are not the same on a replay")
        raise self._astray

    async def _turn(self) -> int | None:
        """Which branch it is whose answer comes next; one that got none before waits until all others have theirs."""
        if (branch := HERE.get()) is None:
            return None
        if self._past:
            await workflow.wait_condition(
                lambda: not self._past or self._past[0].branch == branch.code or branch.stopped is not None
            )
            branch.leave_if_stopped()
        return branch.code
