"""One simulated run: what the handle works with, and what the world tells it.

Promise: it hears what Temporal's runtime hears, and answers as it does: an end cuts every wait short, a word to ask again a
deferred message's, and what happened the wait that it was waited in.
"""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from journeys.authoring import JourneyDefinition
from journeys.contracts import DeliverRequest, JourneySpec, Outcome, Reason, Receipt, RunStart
from journeys.endings import by_events, by_moves
from journeys.handle import Journey, RunEnded
from journeys.handle.branch import HERE, Branch, Unwound
from journeys.heard import Expect, Happened
from journeys.questions import Question
from journeys.simulate.agenda import Agenda
from journeys.simulate.customers import Customer
from journeys.simulate.messages import Message
from journeys.simulate.services import Again, Told
from journeys.simulate.strand import Fork, Strand, pause
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


#: A reason, the name of the goal or exit, what reaches it, and by which events.
EndedBy = tuple[Reason, str | None, Predicate, frozenset[str]]
#: By segment, and whether one enters it.
EndedByMove = Mapping[tuple[str, bool], tuple[Reason, str | None]]
_NOBODY: Mapping[str, float] = {}
_KNOWN: dict[str, tuple[JourneyDefinition, list[EndedBy], EndedByMove]] = {}


def _endings(definition: JourneyDefinition) -> tuple[list[EndedBy], EndedByMove]:
    """What ends a journey's runs by events, and by moves, worked out once for all of them."""
    if definition.name not in _KNOWN or _KNOWN[definition.name][0] is not definition:
        found = [(reason, which, each, event_types(each)) for reason, which, each in by_events(definition.spec)]
        _KNOWN[definition.name] = definition, found, by_moves(definition.spec)
    return _KNOWN[definition.name][1:]


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
        foretold: Mapping[str, float] = _NOBODY,
    ) -> None:
        self.customer = customer
        self.start = start
        self.key = key
        self.holdout = holdout
        #: The predictions that let its customer in, with the share that each leaves alone.
        self.foretold = foretold
        self.spec: JourneySpec = definition.spec
        #: When its customer entered; a goal counts from here, also where it waited to be let in.
        self.entered_at = start.entered_at
        self.waits_from: datetime = waits[0] if waits else start.entered_at
        self.waits_until: datetime | None = waits[1] if waits else None
        #: What ends it by events, and which events can; and by moves between segments: asked at every message.
        self.endings, self.moves = _endings(definition)
        self.outcome: Reason | None = None
        #: Which goal or exit that was, by its name.
        self.ended_by: str | None = None
        self.ended_at: datetime | None = None
        self.messages: list[Message] = []
        self.calls: list[Told] = []
        #: The numbers of what lets the customer's other journeys wait with their marketing.
        self.holds: frozenset[int] = frozenset()
        self.exit: tuple[Reason, str | None] | None = None
        self._world = world
        self.here = Strand(self, lambda: definition.steps(Journey(self.start, self.spec, self)), self._over)
        #: The journey itself, and its branches.
        self.strands = [self.here]

    @property
    def journey(self) -> str:
        """The journey's name."""
        return self.spec.name

    @property
    def sent(self) -> int:
        """How many messages a provider has accepted."""
        return sum(message.state == Outcome.SENT for message in self.messages)

    @property
    def waiting(self) -> tuple[str, datetime] | None:
        """What it waits for now, in words, and until when: the next of its branches."""
        waiting = [strand.waiting for strand in self.strands if strand.waiting]
        return min(waiting, key=lambda each: each[1], default=None)

    @property
    def expecting(self) -> list[Expect]:
        """What it expects now; the world looks whether it has come true."""
        return [strand.expecting for strand in self.strands if strand.expecting is not None]

    def let_in(self) -> None:
        """It waited to be let in, and is from now on."""
        self.waits_until = None
        self.start = self.start.model_copy(update={"entered_at": self.now(), "started_at": self.now()})

    def go(self) -> None:
        """Begin."""
        self.here.go()

    def due(self, at: datetime, what: Callable[[], None]) -> None:
        """Something is to happen at an instant."""
        self._world.agenda.at(at, self.customer, what)

    def end(self, reason: Reason, which: str | None = None) -> None:
        """End it, from whatever it waits for; `which` is the goal or exit, by its name."""
        if self.outcome is None and self.exit is None:
            self.exit = reason, which
            if self.waits_until is not None:
                self._close(reason, which)
            for strand in list(self.strands):
                if strand.waiting or len(self.strands) == 1:  # which may not have begun
                    strand.go()

    def ask_again(self) -> None:
        """Messages that wait may be asked for again."""
        for strand in [strand for strand in self.strands if strand.held]:
            strand.go()

    def hear(self, happened: Happened) -> None:
        """What it waits for has happened."""
        for strand in self.strands:
            if strand.expecting is not None and strand.expecting.wait == happened.wait:
                strand.happened = happened
                return strand.go()
        return None

    def now(self) -> datetime:
        """Business time."""
        return self._world.agenda.now

    async def sleep_until(self, at: datetime, summary: str) -> None:
        """Wait for a business time."""
        await self._wait(at, summary)

    async def hold(self, until: datetime, summary: str) -> None:
        """Wait with a deferred message."""
        here = self.here
        here.held = True
        await self._wait(until, summary)
        here.held = False

    async def deliver(self, request: DeliverRequest) -> Receipt:
        """Ask the gate and hand over; where a provider is busy, again and again."""
        self._leave_if_over()
        while True:
            decided = self._world.attempt(self, request)
            if isinstance(decided, Receipt):
                return decided
            here = self.here
            here.carried = True
            try:
                await self._wait(decided, f"{request.template}: the provider is busy")
            except RunEnded as ended:
                return Receipt(outcome=Outcome.SKIPPED, reason=ended.reason, ended_by=ended.which)
            except Unwound:
                continue  # what a provider may have is settled
            finally:
                here.carried = False

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
        happened, here = self._world.already(self, expect), self.here
        if happened is None:
            here.expecting = expect
            try:
                await self._wait(expect.until, summary)
            finally:
                here.expecting = None
            happened, here.happened = here.happened, None
        return happened

    async def together(self, branches: Sequence[tuple[Branch, Coroutine[Any, Any, Any]]]) -> list[Any]:
        """Each in a strand of its own."""
        return await Fork(self, branches).joined()

    async def _wait(self, until: datetime, summary: str) -> None:
        if until > self._world.agenda.now:
            self.here.waiting = summary, until
            await pause(until)
        self._leave_if_over()

    def _leave_if_over(self) -> None:
        if self.exit is not None:
            raise RunEnded(*self.exit)
        if (branch := HERE.get()) is not None:
            branch.leave_if_stopped()

    def _over(self, _: Any, ended: BaseException | None) -> None:
        self._close(*((ended.reason, ended.which) if isinstance(ended, RunEnded) else self.exit or (Reason.FINISHED, None)))

    def _close(self, reason: Reason, which: str | None = None) -> None:
        self.outcome, self.ended_by, self.ended_at = reason, which, self._world.agenda.now
        for message in self.messages:
            message.left(self.exit and self.exit[0], self.ended_at)
        if self.spec.limits is not None:
            self._world.over(self)
