"""One simulated run: a journey's coroutine, driven from wait to wait without an event loop.

Promise: it hears what Temporal's runtime hears, and answers as it does: an end cuts every wait short, a word to ask again a
deferred message's, and what happened the wait that it was waited in.
"""

from collections.abc import Generator
from datetime import datetime
from functools import lru_cache
from typing import Any, Protocol

from journeys.authoring import JourneyDefinition
from journeys.contracts import DeliverRequest, JourneySpec, Outcome, Reason, Receipt, RunStart
from journeys.handle import Journey, RunEnded
from journeys.heard import Expect, Happened
from journeys.questions import Question
from journeys.simulate.agenda import Agenda
from journeys.simulate.customers import Customer
from journeys.simulate.messages import Message
from journeys.simulate.services import Again, Told
from segments import Predicate
from segments.language.moves import event_types


class Surroundings(Protocol):
    """What a run asks of the world around it."""

    agenda: Agenda

    def attempt(self, run: "Run", request: DeliverRequest) -> Receipt | datetime:
        """One attempt at a message: a receipt, or when to try again."""
        ...

    def answer(self, run: "Run", question: Question) -> Any:
        """What a journey asks before it goes on."""
        ...

    def already(self, run: "Run", expect: Expect) -> Happened | None:
        """The first of what a wait waits for that is so."""
        ...

    def over(self, run: "Run") -> None:
        """A run has ended."""
        ...


class _Pause:
    """What a journey gives back while it waits: until when."""

    __slots__ = ("until",)

    def __init__(self, until: datetime) -> None:
        self.until = until

    def __await__(self) -> Generator["_Pause", None, None]:
        yield self


@lru_cache(1_024)
def _goal_types(goal: Predicate | None) -> frozenset[str]:
    return event_types(goal) if goal is not None else frozenset()


class Run:
    """A run and all that became of it. As a `Runtime`, it is what the handle works with."""

    def __init__(
        self,
        world: Surroundings,
        definition: JourneyDefinition,
        customer: Customer,
        start: RunStart,
        *,
        key: str,
        holdout: bool,
        waits: tuple[datetime, datetime] | None = None,
    ) -> None:
        self.customer = customer
        self.start = start
        self.key = key
        self.holdout = holdout
        self.spec: JourneySpec = definition.spec
        #: When its customer entered; a goal counts from here, also where it waited to be let in.
        self.entered_at = start.entered_at
        self.waits_from: datetime = waits[0] if waits else start.entered_at
        self.waits_until: datetime | None = waits[1] if waits else None
        #: The events that can reach its goal: asked at every message.
        self.goal_types = _goal_types(definition.spec.goal)
        self.outcome: Reason | None = None
        self.ended_at: datetime | None = None
        self.messages: list[Message] = []
        self.calls: list[Told] = []
        #: What it waits for now, in words, and until when.
        self.waiting: tuple[str, datetime] | None = None
        #: What it expects now; the world looks whether it has come true.
        self.expecting: Expect | None = None
        self.held = False
        #: Whether the customer's other journeys wait with their marketing.
        self.holds_others = False
        self.exit: Reason | None = None
        self._world = world
        self._happened: Happened | None = None
        self._turn = 0
        self._definition = definition
        self._steps: Generator[_Pause, None, None] | None = None

    @property
    def journey(self) -> str:
        """The journey's name."""
        return self.spec.name

    @property
    def sent(self) -> int:
        """How many messages a provider has accepted."""
        return sum(message.state == Outcome.SENT for message in self.messages)

    def let_in(self) -> None:
        """It waited to be let in, and is from now on."""
        self.waits_until = None
        self.start = self.start.model_copy(update={"entered_at": self.now(), "started_at": self.now()})

    def go(self) -> None:
        """Go on until the next wait, or to the end."""
        self._turn += 1
        self.waiting = None
        if self._steps is None:
            self._steps = self._definition.steps(Journey(self.start, self.spec, self)).__await__()
        try:
            pause = next(self._steps)
        except StopIteration:
            self._end(self.exit or Reason.FINISHED)
        except RunEnded as ended:
            self._end(ended.reason)
        else:
            turn = self._turn
            self._world.agenda.at(pause.until, self.customer, lambda: self._due(turn))

    def end(self, reason: Reason) -> None:
        """End it, from whatever it waits for."""
        if self.outcome is None and self.exit is None:
            self.exit = reason
            if self.waits_until is None:
                self.go()
            else:
                self._end(reason)

    def ask_again(self) -> None:
        """A message that waits may be asked for again."""
        if self.held:
            self.go()

    def hear(self, happened: Happened) -> None:
        """What it waits for has happened."""
        if self.expecting is not None and self.expecting.wait == happened.wait:
            self._happened = happened
            self.go()

    def now(self) -> datetime:
        """Business time."""
        return self._world.agenda.now

    async def sleep_until(self, at: datetime, summary: str) -> None:
        """Wait for a business time."""
        await self._wait(at, summary)

    async def hold(self, until: datetime, summary: str) -> None:
        """Wait with a deferred message."""
        self.held = True
        await self._wait(until, summary)
        self.held = False

    async def deliver(self, request: DeliverRequest) -> Receipt:
        """Ask the gate and hand over; where a provider is busy, again and again."""
        self._leave_if_over()
        while True:
            decided = self._world.attempt(self, request)
            if isinstance(decided, Receipt):
                return decided
            try:
                await self._wait(decided, f"{request.template}: the provider is busy")
            except RunEnded as ended:
                return Receipt(outcome=Outcome.SKIPPED, reason=ended.reason)

    async def ask(self, question: Question) -> Any:
        """The answer, from what the world knows; where a service gives none yet, again and again."""
        self._leave_if_over()
        answer = self._world.answer(self, question)
        while isinstance(answer, Again):
            await self._wait(answer.at, f"{question.summary}: no answer yet")
            answer = self._world.answer(self, question)
        return answer

    async def listen(self, expect: Expect, summary: str) -> Happened | None:
        """What is so already, or the first of it to come true in time."""
        self._leave_if_over()
        happened = self._world.already(self, expect)
        if happened is None:
            self.expecting = expect
            try:
                await self._wait(expect.until, summary)
            finally:
                self.expecting = None
            happened, self._happened = self._happened, None
        return happened

    async def _wait(self, until: datetime, summary: str) -> None:
        if until > self._world.agenda.now:
            self.waiting = summary, until
            await _Pause(until)
        self._leave_if_over()

    def _leave_if_over(self) -> None:
        if self.exit is not None:
            raise RunEnded(self.exit)

    def _due(self, turn: int) -> None:
        if self._turn == turn and self.outcome is None:
            self.go()

    def _end(self, reason: Reason) -> None:
        self.outcome, self.ended_at = reason, self._world.agenda.now
        if self.spec.limits is not None:
            self._world.over(self)
