"""Where a run stands in a version of its journey, and which message comes next for it, when: from its answers alone.

Promise: pure. Ahead of where it stands each wait passes in vain, and what is asked is answered the first way, as
`journeys.walk.explore` does; what really comes may be decided otherwise.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from journeys.authoring import JourneyDefinition
from journeys.contracts import DeliverRequest, Receipt, RunStart
from journeys.deadline import within
from journeys.handle import Journey
from journeys.heard import Expect, Happened
from journeys.questions import Opens, Question, When
from journeys.walk.again import LIMIT, WAITED, Again, CaughtUp, does, listened, sent
from journeys.walk.driving import drive
from journeys.walk.explore import first_answer

_FAR_ENOUGH = 200  # effects without a message: nothing is known then


@dataclass(frozen=True, slots=True)
class Onward:
    """Where a run stands, which message comes next, and when; or why it could not go on with this version."""

    stands: str = ""
    message: str = ""
    at: datetime | None = None
    why_not: str | None = None


def onward(definition: JourneyDefinition | None, start: RunStart) -> Onward:
    """What a version would do next with a run that has done what stands in its `past`."""
    if definition is None:
        return Onward(why_not="there is no such journey")
    ahead = _Ahead(start, definition)
    why = does(within(LIMIT, lambda: drive(definition, Journey(start, definition.spec, ahead))), ahead)
    if why is not None:
        return Onward(why_not=why)
    return Onward(ahead.stands or "its end", ahead.message or "nothing more", ahead.at if ahead.message else ahead.now())


class _Ahead(Again):
    """A runtime that gives the answers of a run again, and then goes on until the next message."""

    def __init__(self, start: RunStart, definition: JourneyDefinition) -> None:
        super().__init__(start.past)
        self._definition = definition
        self.stands = self.message = ""
        self.at = self._at
        self._steps = 0

    async def sleep_until(self, at: datetime, summary: str) -> None:
        if self.caught_up:
            self._stand(summary)
            self._at = max(self._at, at)
        else:
            self._again(WAITED)

    hold = sleep_until

    async def deliver(self, request: DeliverRequest) -> Receipt:
        if not self.caught_up:
            return self._again(sent(request), Receipt)  # type: ignore[no-any-return]
        self._stand(sent(request))
        if not self.message or self._at < self.at:
            self.message, self.at = sent(request), self._at
        raise CaughtUp

    async def ask(self, question: Question) -> Any:
        if not self.caught_up:
            return self._again(question.what, question.answer)
        if not isinstance(question, When | Opens):  # it stands in the wait for that
            self._stand(question.summary)
        return await first_answer(question, self._definition, self._at)

    async def listen(self, expect: Expect, summary: str) -> Happened | None:
        if not self.caught_up:
            return self._again(listened(expect), Happened | None)  # type: ignore[no-any-return]
        self._stand(summary)
        self._at = max(self._at, expect.until)
        return None

    def _stand(self, what: str) -> None:
        self.stands = self.stands or what
        self._steps += 1
        if self._steps > _FAR_ENOUGH:
            raise CaughtUp
