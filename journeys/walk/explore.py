"""Every way through a journey: each effect answered each way, in a runtime where nothing takes time.

Promise: complete up to the limits named here, and it says when it was not. What lies behind the clock or free values is seen
for some of them only. In a loop an effect is answered each way once and then always as it was.
"""

from collections.abc import Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

from journeys.actions import Action, Call, Called, Hold, SetTraits, StartJourney, Track
from journeys.authoring import JourneyDefinition
from journeys.contexts.context import Context
from journeys.contracts import DeliverRequest, Outcome, Plain, Reason, Receipt, RunStart
from journeys.deadline import TookTooLong, within
from journeys.endings import by_time
from journeys.gate.hours import next_open
from journeys.gate.moment import next_of
from journeys.handle import Journey, RunEnded
from journeys.handle.branch import Branch
from journeys.heard import IT, Expect, Expected, Happened, OfPeople, OfSegment
from journeys.questions import (
    Arm,
    Choosing,
    Chosen,
    Foretells,
    Foretold,
    IsIn,
    Look,
    Looked,
    Opens,
    Question,
    Understand,
    Understood,
    When,
)
from journeys.services import Service
from journeys.walk.dates import Dates
from journeys.walk.details import names_in, of_message, of_moment, of_question, of_wait
from journeys.walk.driving import drive
from journeys.walk.forks import Forks, Within, close
from journeys.walk.place import Place, place
from journeys.walk.samples import Choose, Given, Options, Told, answers_of, entries_of, params_of
from journeys.walk.saying import choosings, comings, outcomes, understood
from segments import Segment

T = TypeVar("T")
#: What is answered: what happens there, since one line may do several things.
Turn = tuple[Place, str]

_SENT, _NOT_SENT = Receipt(outcome=Outcome.SENT), Receipt(outcome=Outcome.SKIPPED, reason=Reason.UNREACHABLE)
_NOBODY = UUID(int=0)
#: Where parameters and entering event come from.
_AT_ENTRY: Place = ()
#: When everybody enters.
ANY_DAY = datetime(2026, 1, 1, tzinfo=UTC)
_FAR_ENOUGH = 200  # effects after which a journey that loops for ever has shown itself
_AT_ONCE = 30  # effects without a wait between them: no journey means that, a loop that forgot its wait does
_ALL = 200  # paths that are walked in every combination; beyond them only what has not been answered so before
_MOST = 1_000
_HIGH = 1_000_000.0  # a score that is over whatever an author asks
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
    starts: StartJourney | None = None
    #: What its author says of it besides what it is, by name (`journeys.walk.details`).
    said: Mapping[str, str] = field(default_factory=dict)
    service: str | None = None
    context: str | None = None
    understands: Understand | None = None
    draws: Arm | None = None
    #: The name of the prediction that it asks.
    foretells: str | None = None
    #: The numbers of the branches that it stands in.
    branch: tuple[int, ...] = ()
    #: The traits and properties that it names, each with its kind.
    names: tuple[tuple[str, str], ...] = ()
    #: How many values had been looked at before it.
    looks: int = 0
    #: How much later it may be where what was waited for before comes late.
    slack: timedelta = timedelta(0)
    #: The date of a trait behind which it stands, and when a walk takes that to come; times count from there.
    dated: tuple[str, timedelta] | None = None

    @property
    def is_span(self) -> bool:
        """Whether it is a wait of a length, which no clock decides."""
        return self.kind == "wait" and (self.what.startswith("wait ") or self.what.endswith(" after entry"))

    @property
    def by_the_clock(self) -> bool:
        """Whether the customer's own clock decides how long it lasts."""
        return self.kind == "wait" and self.what.startswith("until ") and not self.is_span


class Command(NamedTuple):
    """One line of a run's history as replay compares it, with what the steps were answered."""

    kind: str
    what: str
    at: timedelta
    reply: Any


@dataclass(frozen=True, slots=True)
class Path:
    """One way through: with which parameters and entering event, its effects in order, and what stopped it, if anything did.

    `segments`, `services` and `contexts` are those that it names.
    """

    params: dict[str, Any]
    entry: dict[str, Any]
    effects: tuple[Effect, ...]
    segments: dict[str, Segment]
    services: dict[str, Service[Any]] = field(default_factory=dict)
    contexts: dict[str, Context[Any]] = field(default_factory=dict)
    stop: BaseException | None = None
    #: Whether nothing of ours could be given for the parameters or the entering event.
    unknown: bool = False
    commands: tuple[Command, ...] = ()
    #: The changes that its code asks about, where whoever goes this way began with them; none: they began before.
    changes: tuple[str, ...] | None = ()
    #: What ended it before its steps did: an exit, by its name.
    over_by: str = ""
    #: What its code has looked at of parameters, entering event and answers, by name: `entry.score`, `credit.limit`.
    looked: Mapping[str, Plain] = field(default_factory=dict)
    #: Which of them it was begun with.
    begun: Mapping[Turn, int] = field(default_factory=dict)


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
    """Walk a journey every way, with each choice of its parameters and of its entering event that its code looks at.

    Where that is too much, each answer is given once; and then once with each choice, as far as the limits allow.
    """
    found = Explored()
    models = params_of(definition), entries_of(definition)
    if _explored(found, definition, models, limit, {}) and not found.complete:
        begun = {tuple(path.begun.items()): path.begun for path in found.paths}
        for each in begun.values() if len(begun) > 1 else ():
            _explored(found, definition, models, limit, each)
    return found


def _explored(
    found: Explored,
    definition: JourneyDefinition,
    models: tuple[Options, Options],
    limit: timedelta,
    begun: Mapping[Turn, int],
) -> bool:
    """Walk, with what was chosen so already; false where that must stop."""
    asks = False
    answered: set[tuple[Turn, int]] = set()
    both: tuple[list[str] | None, ...] = (None, [])
    for changes in both:
        waiting: list[tuple[int, ...]] = [()] if changes is None or asks else []
        while waiting:
            if len(found.paths) >= _MOST:
                found.complete = False
                return False
            walk = Walk(waiting.pop(), definition, taken=begun)
            path, asking = _path(definition, walk, models, changes, limit)
            asks |= asking
            found.paths.append(path)
            if isinstance(path.stop, TookTooLong):
                found.complete = False
                return False
            turns = list(walk.other_ways(answered, every=len(found.paths) < _ALL))
            found.complete &= len(found.paths) < _ALL
            waiting += reversed(turns)
    return True


def _path(
    definition: JourneyDefinition, walk: "Walk", models: tuple[Options, Options], changes: list[str] | None, limit: timedelta
) -> tuple[Path, bool]:
    """One way, and whether its code asks with which changes it began."""
    params, entry = (walk.given(which, options) for which, options in zip(("params", "entry"), models, strict=True))
    start = entered({}, {}, changes).model_copy(update={"params": params, "entry": entry})
    handle: Journey[Any] = Journey(start, definition.spec, walk)
    try:
        stop = within(limit, lambda: drive(definition, handle))
    except TookTooLong as late:
        stop = late
    walk.over = True
    path = Path(
        params=dict(params),
        entry=dict(entry),
        effects=tuple(walk.effects),
        segments=handle.conditions,
        services=handle.services,
        contexts=handle.contexts,
        stop=stop,
        unknown=any(options.first is None for options in models),
        commands=tuple(walk.commands),
        changes=tuple(handle.asks_of_changes) if changes is None else None,
        over_by=handle.over_by,
        looked=walk.looked,
        begun=walk.begun,
    )
    return path, bool(handle.asks_of_changes)


def entered(params: dict[str, Any], entry: dict[str, Any], changes: list[str] | None = None) -> RunStart:
    """A run of nobody's, to walk a journey with."""
    given = {"params": params, "entry": entry, "changes": changes}
    return RunStart(run_id=_NOBODY, customer_id=_NOBODY, entered_at=ANY_DAY, started_at=ANY_DAY, **given)


async def first_answer(question: Question, definition: JourneyDefinition, now: datetime) -> Any:
    """What a question is answered first on a walk."""
    return await Walk((), definition, now).ask(question)


class Walk:
    """A runtime in which no time passes but what is waited, and every effect is answered as prescribed; then the first way."""

    def __init__(
        self,
        prescribed: Sequence[int],
        definition: JourneyDefinition,
        began: datetime = ANY_DAY,
        zones: tuple[str, ...] = ("UTC",),
        taken: Mapping[Turn, int] | None = None,
    ) -> None:
        self.began = began
        self.zones = zones
        self.effects: list[Effect] = []
        self.commands: list[Command] = []
        self._prescribed = prescribed
        self._definition = definition
        self._turns: list[tuple[Turn, int, int]] = []  # where, the way taken, how many ways there are
        self._taken: dict[Turn, int] = dict(taken or {})
        #: What was looked at so far of all that was given, by name, in order.
        self.looked: dict[str, Plain] = {}
        #: Whether nothing is chosen any more.
        self.over = False
        self._where: list[Within] = []
        self._forks = Forks()
        self._outside: Place = ()
        self._dates = Dates()
        self._ends_by_time = by_time(definition.spec, began) is not None
        self._slack = timedelta(0)
        self._date: str | None = None
        self._dated: tuple[str, timedelta] | None = None
        self._now = began
        self._at_once = 0

    def other_ways(self, answered: set[tuple[Turn, int]], *, every: bool) -> Iterator[tuple[int, ...]]:
        """Prescriptions that turn off this walk where it went by itself: all, or only into what was not answered so before."""
        new = range(len(self._prescribed), len(self._turns))
        answered.update(self._turns[n][:2] for n in new)
        for n in new:
            turn, taken, ways = self._turns[n]
            if any(way and self._forks.apart(self._where[m], self._where[n]) for m, (_, way, _) in enumerate(self._turns[:n])):
                continue  # seen where the branch beside it goes its first way
            before = tuple(way for _, way, _ in self._turns[:n])
            for way in range(ways):
                if way != taken and (every or (turn, way) not in answered):
                    answered.add((turn, way))
                    yield (*before, way)

    @property
    def begun(self) -> dict[Turn, int]:
        """What was chosen of parameters and entering event."""
        return {turn: way for turn, way in self._taken.items() if turn[0] == _AT_ENTRY}

    def given(self, whose: str, options: Options, place: Place = _AT_ENTRY) -> Given:
        """Values of which each is chosen when the code first looks at it."""
        return Given(options, self._chooses(whose, place))

    def _chooses(self, whose: str, place: Place) -> Choose:
        within = self._forks.within if place != _AT_ENTRY else ()

        def choose(name: str, values: Sequence[Plain]) -> int:
            if self.over:
                return 0
            way = self._way((place, f"{whose}.{name}"), len(values), within)
            self.looked[f"{whose}.{name}"] = values[way]
            return way

        return choose

    def now(self) -> datetime:
        """Business time, which passes by waits only."""
        return self._now

    async def sleep_until(self, at: datetime, summary: str) -> None:
        """Time passes."""
        if at > self._now:
            self._at_once = 0
        lasts = max(at - self._now, timedelta(0))
        self._add(Effect("wait", summary, self._author(), self._at, lasts=lasts))
        if lasts:
            self._command("timer", summary, None)
        self._now = max(self._now, at)
        if summary.endswith(" after entry") or summary.startswith("every "):  # counted from before what came late
            self._slack = max(self._slack - lasts, timedelta(0))
        if self._date is not None and summary == f"until {self._date}":
            self._dated, self._date = (self._date, self._at), None

    hold = sleep_until

    async def deliver(self, request: DeliverRequest) -> Receipt:
        """A message: sent, and not."""
        place = self._author()
        way = self._way((place, request.step), 2)
        only = (request.only,) if request.only else ()
        told, answer = f"{request.channel.value} {request.template}", ("sent", "not sent")[way]
        receipt = _SENT if way == 0 else _NOT_SENT
        said, context = of_message(request, self._definition.spec), request.suits.context if request.suits else None
        self._add(Effect("message", told, place, self._at, answer, request, only, said=said, context=context))
        return self._command("deliver", told, receipt)

    async def ask(self, question: Question) -> Any:
        """Each answer that there may be."""
        place = self._author()
        others: tuple[tuple[Any, Any], ...] = (
            (When | Opens, self._coming),
            (Call, self._called),
            (Look, self._looked),
            (Understand, self._understood),
            (Choosing, self._chosen),
            (Foretells, self._foretold),
        )
        found = next((answers for kind, answers in others if isinstance(question, kind)), None)
        if found is not None:
            return self._command(question.activity, question.summary, found(question, place))
        what = question.summary
        answers: list[Any] = list(question.shares) if isinstance(question, Arm) else [False, True]
        if isinstance(question, SetTraits | Hold | Track):
            answers = [True]
        answer = answers[self._way((place, what), len(answers))]
        told = "" if len(answers) == 1 else answer if isinstance(answer, str) else "yes" if answer else "no"
        kind = "action" if isinstance(question, Action) else "question"
        named = (question.segment,) if isinstance(question, IsIn) else ()
        starts = question if isinstance(question, StartJourney) else None
        draws = question if isinstance(question, Arm) else None
        said, names = of_question(question), tuple(names_in(question))
        self._add(Effect(kind, what, place, self._at, told, segments=named, starts=starts, draws=draws, said=said, names=names))
        return self._command(question.activity, what, answer)

    def _understood(self, asked: Understand, place: Place) -> Understood:
        """Each choice, numbers, and other words."""
        ways = list(understood(asked))
        told, answer = ways[self._way((place, asked.summary), len(ways))]
        self._add(Effect("question", asked.summary, place, self._at, told, understands=asked, said=of_question(asked)))
        return answer

    def _chosen(self, asked: Choosing, place: Place) -> Chosen:
        """Each way to choose, or, where there are many, each option of everything once; of several things also none."""
        ways = list(choosings(asked.dimensions))
        way = self._way((place, asked.summary), len(ways))
        told = ", ".join(ways[way]) or "nothing"
        self._add(
            Effect("question", asked.summary, place, self._at, told, said=of_question(asked), names=tuple(names_in(asked)))
        )
        return Chosen(options=ways[way])

    def _foretold(self, asked: Foretells, place: Place) -> Foretold:
        """Nothing; else each of what it may sort into, or a score that is none and one that is as high as any."""
        scores = [("low", Foretold(score=0.0)), ("high", Foretold(score=_HIGH))]
        labels = [(each, Foretold(score=0.0, label=each)) for each in asked.labels or ()]
        ways = [("nothing", Foretold()), *(scores if asked.labels is None else labels)]
        told, answer = ways[self._way((place, asked.summary), len(ways))]
        said = of_question(asked)
        self._add(Effect("question", asked.summary, place, self._at, told, said=said, foretells=asked.prediction))
        return answer if not answer else answer.model_copy(update={"version": 1, "as_of": self._now})

    def _called(self, call: Call, place: Place) -> Called:
        """A service has taken it, or given each of its choices; or it has refused, not answered, or given something else."""
        ways = list(outcomes(call))
        told, called = ways[self._way((place, call.summary), len(ways))]
        if called and call.gives is not None:
            values = self.given(call.service, answers_of(self._definition.steps, call.gives), place)
            called = called.model_copy(update={"values": values})
        kind = "question" if call.fetch else "action"
        self._add(Effect(kind, call.summary, place, self._at, told, service=call.service, said=of_question(call)))
        return called

    def _looked(self, look: Look, place: Place) -> Looked:
        """Each of what a provider may tell; or it does not, and it is as declared."""
        way = self._way((place, look.summary), 2)
        values = (
            dict(look.otherwise) if way else self.given(look.context, answers_of(self._definition.steps, look.gives), place)
        )
        looked = Looked(reason=Reason.NO_ANSWER if way else None).model_copy(update={"values": values})
        answer = Reason.NO_ANSWER.value if way else "answered"
        self._add(Effect("question", look.summary, place, self._at, answer, context=look.context))
        return looked

    def _coming(self, question: When | Opens, place: Place) -> datetime | None:
        """A moment comes, as a clock in Greenwich shows it; a date that may be missing or over also does not.

        Where the run is over at some time anyway, a date comes before that, and later.
        """
        if isinstance(question, Opens):
            return next_open(question.window, self.zones, self._now)
        asked = question.moment
        if asked.trait is None and asked.day is None:
            return next_of(asked, self.zones, self._now)
        way = self._way((place, question.summary), 3 if self._ends_by_time else 2)
        told, said, names = "never" if way == 1 else "it comes", of_moment(asked), tuple(names_in(question))
        self._add(Effect("question", question.summary, place, self._at, told, said=said, names=names))
        self._date = str(asked) if asked.trait else None
        return None if way == 1 else self._dates.comes(asked, self.zones, self._now, otherwise=way > 1)

    async def listen(self, expect: Expect, summary: str) -> Happened | None:
        """Each of what is waited for, and in vain."""
        place = self._author()
        ways = list(comings(expect))
        way = self._way((place, summary), len(ways) + 1)
        self._at_once = 0
        named = tuple(each.segment for each in expect.expected.values() if isinstance(each, OfSegment))
        answer = ways[way][0] if way < len(ways) else "in vain"
        lasts, expected = expect.until - self._now, tuple(expect.expected.values())
        happened = self._happened(expect, *ways[way][1:], place) if way < len(ways) else None
        waits: dict[str, Any] = {"segments": named, "lasts": lasts, "expected": expected}
        said, names = of_wait(expect, self.began), tuple(names_in(expect))
        self._add(Effect("first", summary, place, self._at, answer, said=said, names=names, **waits))
        if happened is None:
            self._now = max(self._now, expect.until)
        else:
            self._slack += lasts
        return self._command(Expect.activity, summary, happened)

    def _happened(self, expect: Expect, which: str, outcome: str | None, place: Place) -> Happened:
        """What happened, with what somebody tells of it."""
        asked = expect.expected[which]
        happened = Happened(wait=expect.wait, which=which, at=self._now)
        if not isinstance(asked, OfPeople):
            return happened
        whose = asked.title if which == IT else which
        told = Told(outcome, asked.values, self._definition.steps, self._chooses(whose, place))
        return happened.model_copy(update={"answer": told})

    async def together(self, branches: Sequence[tuple[Branch, Coroutine[Any, Any, Any]]]) -> list[Any]:
        """One after the other, each from the same instant; what stops one stops all, once each has shown what it does."""
        place, outside, fork = self._author(), self._outside, self._forks.fork()
        self._add(Effect("fork", f"{len(branches)} at once", place, self._at))
        began, ends, came, self._outside = (self._now, self._at_once, self._slack, self._dated), [], [], place
        stops: list[tuple[datetime, BaseException]] = []
        try:
            for n, (branch, steps) in enumerate(branches):
                self._now, self._at_once, self._slack, self._dated = began
                self._mark("branch", branch.name, place)
                try:
                    came.append(self._forks.go(fork, n, branch, steps))
                except (Exception, RunEnded) as stop:  # noqa: BLE001 - an author's branch may raise anything
                    stops.append((self._now, stop))
                ends.append((self._now, self._at_once, self._slack, self._dated))
        finally:
            close(branches)
            self._outside = outside
        if stops:
            self._now, first = min(stops, key=itemgetter(0))
            raise first
        self._now, self._at_once, self._slack, self._dated = max(ends, key=itemgetter(slice(3)))
        self._mark("join", "all have ended", place)
        return came

    def _mark(self, kind: str, what: str, place: Place) -> None:
        self.effects.append(Effect(kind, what, place, self._at, branch=self._forks.branch, looks=len(self.looked)))

    def _author(self) -> Place:
        return place() + self._outside

    def _way(self, turn: Turn, ways: int, within: Within | None = None) -> int:
        """The way to go on: as prescribed, as before at this turn, else the first."""
        within = self._forks.within if within is None else within
        turn = (turn[0], "/".join([turn[1], *(str(n) for _, n in within)]))
        if turn in self._taken:
            return min(self._taken[turn], ways - 1)
        n = len(self._turns)
        way = self._prescribed[n] if n < len(self._prescribed) else 0
        self._taken[turn] = way
        self._turns.append((turn, way, ways))
        self._where.append(within)
        return way

    def _command(self, kind: str, what: str, reply: T) -> T:
        self.commands.append(Command(kind, what, self._at, reply))
        return reply

    @property
    def _at(self) -> timedelta:
        return self._now - self.began

    def _add(self, effect: Effect) -> None:
        branch, looks = self._forks.branch, len(self.looked)
        self.effects.append(replace(effect, branch=branch, looks=looks, slack=self._slack, dated=self._dated))
        self._at_once += 1
        if self._at_once > _AT_ONCE:
            raise Refused(f"{_AT_ONCE} steps follow each other here without a wait")
        if len(self.effects) > _FAR_ENOUGH:
            raise Enough
