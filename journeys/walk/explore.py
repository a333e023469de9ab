"""Every way through a journey: each effect answered each way, in a runtime where nothing takes time.

Promise: complete up to the limits named here, and it says when it was not. What lies behind the clock or free values is seen
for some of them only. In a loop an effect is answered each way once and then always as it was.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

from journeys.actions import Action, Call, Called, Hold, SetTraits, StartJourney
from journeys.authoring import JourneyDefinition
from journeys.contracts import DeliverRequest, Outcome, Plain, Reason, Receipt, RunStart
from journeys.deadline import TookTooLong, is_authors, within
from journeys.gate.hours import next_open
from journeys.gate.moment import next_of
from journeys.handle import Journey
from journeys.heard import Expect, Expected, Happened, OfPeople, OfSegment
from journeys.questions import Arm, IsIn, Opens, Question, Reached, When
from journeys.services import Service
from journeys.walk.driving import drive
from journeys.walk.samples import entries, fetched, samples
from segments import Segment
from segments.language.wire import predicate_from_json

T = TypeVar("T")
#: Where the author's code is: file, line and instruction, the innermost first.
Place = tuple[tuple[str, int, int], ...]
#: What is answered: what happens there, since one line may do several things.
Turn = tuple[Place, str]

_SENT, _NOT_SENT = Receipt(outcome=Outcome.SENT), Receipt(outcome=Outcome.SKIPPED, reason=Reason.UNREACHABLE)
_CARRIED: dict[type[Question], str] = {Arm: "shares", SetTraits: "traits", StartJourney: "params"}
_NOBODY = UUID(int=0)
#: When everybody enters.
ANY_DAY = datetime(2026, 1, 1, tzinfo=UTC)
_FAR_ENOUGH = 200  # effects after which a journey that loops for ever has shown itself
_AT_ONCE = 30  # effects without a wait between them: no journey means that, a loop that forgot its wait does
_ALL = 200  # paths that are walked in every combination; beyond them only what has not been answered so before
_MOST = 1_000
#: A journey's steps take microseconds of processor time; what is not through by then hangs.
WALK = timedelta(seconds=2)


@dataclass(frozen=True, slots=True)
class Effect:
    """One effect on a path: what it was, where the author's code was, when since entry, and how it was answered.

    A wait lasts so long, at most where it is for something.
    """

    kind: str
    what: str
    place: Place
    at: timedelta
    answer: str = ""
    request: DeliverRequest | None = None
    segments: tuple[str, ...] = ()
    lasts: timedelta = timedelta(0)
    expected: tuple[Expected, ...] = ()
    #: What it carries besides its name: params of a message, shares of an experiment, values of traits.
    carries: str = ""
    service: str | None = None


class Command(NamedTuple):
    """One line of a run's history as replay compares it, with what the steps were answered."""

    kind: str
    what: str
    at: timedelta
    reply: Any


@dataclass(frozen=True, slots=True)
class Path:
    """One way through: with which parameters and entering event, its effects in order, and what stopped it, if anything did.

    `segments` and `services` are those that it names.
    """

    params: dict[str, Any]
    entry: dict[str, Any]
    effects: tuple[Effect, ...]
    segments: dict[str, Segment]
    services: dict[str, Service[Any]] = field(default_factory=dict)
    stop: BaseException | None = None
    #: Whether nothing of ours could be given for the parameters or the entering event.
    unknown: bool = False
    commands: tuple[Command, ...] = ()


@dataclass
class Explored:
    """All ways that were walked; `complete`: every combination of answers was."""

    paths: list[Path] = field(default_factory=list)
    complete: bool = True


class Enough(BaseException):
    """Leaves a journey that has shown enough."""


class Refused(BaseException):
    """Leaves a journey that does what none may."""


def explore(definition: JourneyDefinition, limit: timedelta = WALK) -> Explored:
    """Walk a journey every way, with each choice of its parameters and of its entering event."""
    found = Explored()
    answered: set[tuple[Turn, int]] = set()
    for params, entry in product(samples(definition), entries(definition)):
        waiting: list[tuple[int, ...]] = [()]
        while waiting:
            if len(found.paths) >= _MOST:
                found.complete = False
                return found
            walk = Walk(waiting.pop(), definition)
            stop, handle = _walk(definition, walk, params or {}, entry or {}, limit)
            unknown = None in (params, entry)
            named, commands = (handle.conditions, handle.services), tuple(walk.commands)
            done = Path(params or {}, entry or {}, tuple(walk.effects), *named, stop, unknown, commands)
            found.paths.append(done)
            if isinstance(stop, TookTooLong):
                found.complete = False
                return found
            turns = list(walk.other_ways(answered, every=len(found.paths) < _ALL))
            found.complete &= len(found.paths) < _ALL
            waiting += reversed(turns)
    return found


def entered(params: dict[str, Any], entry: dict[str, Any]) -> RunStart:
    """A run of nobody's, to walk a journey with."""
    return RunStart(run_id=_NOBODY, customer_id=_NOBODY, entered_at=ANY_DAY, started_at=ANY_DAY, params=params, entry=entry)


def _walk(
    definition: JourneyDefinition, walk: "Walk", params: dict[str, Any], entry: dict[str, Any], limit: timedelta
) -> tuple[BaseException | None, Journey[Any]]:
    handle: Journey[Any] = Journey(entered(params, entry), definition.spec, walk)
    try:
        stop = within(limit, lambda: drive(definition, handle))
    except TookTooLong as late:
        stop = late
    return stop, handle


class Walk:
    """A runtime in which no time passes but what is waited, and every effect is answered as prescribed; then the first way."""

    def __init__(
        self,
        prescribed: Sequence[int],
        definition: JourneyDefinition,
        began: datetime = ANY_DAY,
        zones: tuple[str, ...] = ("UTC",),
    ) -> None:
        self.began = began
        self.zones = zones
        self.effects: list[Effect] = []
        self.commands: list[Command] = []
        self._prescribed = prescribed
        self._definition = definition
        self._turns: list[tuple[Turn, int, int]] = []  # where, the way taken, how many ways there are
        self._taken: dict[Turn, int] = {}
        self._now = began
        self._at_once = 0

    def other_ways(self, answered: set[tuple[Turn, int]], *, every: bool) -> Iterator[tuple[int, ...]]:
        """Prescriptions that turn off this walk where it went by itself: all, or only into what was not answered so before."""
        new = range(len(self._prescribed), len(self._turns))
        answered.update(self._turns[n][:2] for n in new)
        for n in new:
            turn, taken, ways = self._turns[n]
            before = tuple(way for _, way, _ in self._turns[:n])
            for way in range(ways):
                if way != taken and (every or (turn, way) not in answered):
                    answered.add((turn, way))
                    yield (*before, way)

    def now(self) -> datetime:
        """Business time, which passes by waits only."""
        return self._now

    async def sleep_until(self, at: datetime, summary: str) -> None:
        """Time passes."""
        if at > self._now:
            self._at_once = 0
        lasts = max(at - self._now, timedelta(0))
        self._add(Effect("wait", summary, _author(), self._at, lasts=lasts))
        if lasts:
            self._command("timer", summary, None)
        self._now = max(self._now, at)

    hold = sleep_until

    async def deliver(self, request: DeliverRequest) -> Receipt:
        """A message: sent, and not."""
        place = _author()
        way = self._way((place, request.step), 2)
        only = (request.only,) if request.only else ()
        told, answer = f"{request.channel.value} {request.template}", ("sent", "not sent")[way]
        receipt = _SENT if way == 0 else _NOT_SENT
        self._add(Effect("message", told, place, self._at, answer, request, only, carries=_named(request.params)))
        return self._command("deliver", told, receipt)

    async def ask(self, question: Question) -> Any:
        """Each answer that there may be."""
        place = _author()
        if isinstance(question, When | Opens):
            return self._command(question.activity, question.summary, self._coming(question, place))
        if isinstance(question, Call):
            return self._command(question.activity, question.summary, self._called(question, place))
        answers: list[Any] = list(question.shares) if isinstance(question, Arm) else [False, True]
        if isinstance(question, SetTraits | Hold):
            answers = [True]
        answer = answers[self._way((place, question.summary), len(answers))]
        told = "" if len(answers) == 1 else answer if isinstance(answer, str) else "yes" if answer else "no"
        kind = "action" if isinstance(question, Action) else "question"
        named = (question.segment,) if isinstance(question, IsIn) else ()
        carries = _named(getattr(question, _CARRIED.get(type(question), ""), {}))
        self._add(Effect(kind, _asked(question), place, self._at, told, segments=named, carries=carries))
        return self._command(question.activity, question.summary, answer)

    def _called(self, call: Call, place: Place) -> Called:
        """A service has taken it, or given each of its choices; or it has refused, not answered, or given something else."""
        ways = list(_outcomes(call, self._definition))
        told, called = ways[self._way((place, call.summary), len(ways))]
        kind, carries = "question" if call.fetch else "action", _named(call.params)
        self._add(Effect(kind, call.summary, place, self._at, told, service=call.service, carries=carries))
        return called

    def _coming(self, question: When | Opens, place: Place) -> datetime | None:
        """A moment comes, as a clock in Greenwich shows it; a date that may be missing or over also does not."""
        if isinstance(question, Opens):
            return next_open(question.window, self.zones, self._now)
        asked = question.moment
        if asked.trait is None and asked.day is None:
            return next_of(asked, self.zones, self._now)
        comes = self._way((place, question.summary), 2) == 0
        self._add(Effect("question", question.summary, place, self._at, "it comes" if comes else "never"))
        known = next_of(asked, self.zones, self._now, {asked.trait: self._now.isoformat()} if asked.trait else None)
        return (known or self._now + timedelta(days=1)) if comes else None

    async def listen(self, expect: Expect, summary: str) -> Happened | None:
        """Each of what is waited for, and in vain."""
        place = _author()
        ways = list(_comings(expect))
        way = self._way((place, summary), len(ways) + 1)
        self._at_once = 0
        named = tuple(each.segment for each in expect.expected.values() if isinstance(each, OfSegment))
        answer = ways[way][0] if way < len(ways) else "in vain"
        lasts, expected = expect.until - self._now, tuple(expect.expected.values())
        happened = (
            Happened(wait=expect.wait, which=ways[way][1], at=self._now, answer=ways[way][2]) if way < len(ways) else None
        )
        self._add(Effect("first", summary, place, self._at, answer, segments=named, lasts=lasts, expected=expected))
        if happened is None:
            self._now = max(self._now, expect.until)
        return self._command(Expect.activity, summary, happened)

    def _way(self, turn: Turn, ways: int) -> int:
        """The way to go on: as prescribed, as before at this turn, else the first."""
        if turn in self._taken:
            return min(self._taken[turn], ways - 1)
        n = len(self._turns)
        way = self._prescribed[n] if n < len(self._prescribed) else 0
        self._taken[turn] = way
        self._turns.append((turn, way, ways))
        return way

    def _command(self, kind: str, what: str, reply: T) -> T:
        self.commands.append(Command(kind, what, self._at, reply))
        return reply

    @property
    def _at(self) -> timedelta:
        return self._now - self.began

    def _add(self, effect: Effect) -> None:
        self.effects.append(effect)
        self._at_once += 1
        if self._at_once > _AT_ONCE:
            raise Refused(f"{_AT_ONCE} steps follow each other here without a wait")
        if len(self.effects) > _FAR_ENOUGH:
            raise Enough


def _asked(question: Question) -> str:
    return f"{predicate_from_json(question.predicate)}?" if isinstance(question, Reached) else question.summary


def _named(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())


def _outcomes(call: Call, definition: JourneyDefinition) -> Iterator[tuple[str, Called]]:
    """Each way in which a call may end, in words."""
    given = fetched(definition, call.gives) if call.gives else [{}]
    for values in given:
        chosen = ", ".join(f"{name}={value}" for name, value in values.items() if value != given[0].get(name))
        yield chosen or ("answered" if call.fetch else "done"), Called(values=values, status=200)
    yield Reason.NO_ANSWER.value, Called(reason=Reason.NO_ANSWER)
    yield Reason.SAID_NO.value, Called(reason=Reason.SAID_NO, status=404)
    if call.fetch:
        yield Reason.UNLIKE_DECLARED.value, Called(reason=Reason.UNLIKE_DECLARED)


def _comings(expect: Expect) -> Iterator[tuple[str, str, dict[str, Plain]]]:
    """Each way in which a wait may end well: in words, by name, and with each outcome of a task."""
    for name, expected in expect.expected.items():
        choices = expected.choices if isinstance(expected, OfPeople) else ()
        for choice in choices:
            yield f"{name}: {choice}", name, {"outcome": choice}
        if not choices:
            yield name, name, {}


def _author() -> Place:
    """Where the author's code is that led here."""
    found: list[tuple[str, int, int]] = []
    frame = sys._getframe(2)  # noqa: SLF001 - the only way to ask who calls
    while frame is not None:
        if is_authors(frame.f_code.co_filename):
            found.append((frame.f_code.co_filename, frame.f_lineno, frame.f_lasti))
        elif found:  # who drives us
            break
        frame = frame.f_back  # type: ignore[assignment]
    return tuple(found)
