"""Where a run stands, and what comes next: its steps walked with what is on record, and from there on every way.

Promise: only the journey's pure steps are executed. What is not on record is tried each way, and ways that the record
contradicts are left out; a moment of the customer's clock is reckoned with what is known of them now. Each way is walked twice:
what may happen in a wait comes at once, and at its end; so what follows has a range.
"""

from collections import defaultdict
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

from journeys.actions import Call, Called, Hold
from journeys.authoring import JourneyDefinition
from journeys.contracts import DeliverRequest, Purpose, Reason, Receipt, RunStart
from journeys.entering import branchable
from journeys.gate.hours import next_open
from journeys.gate.moment import next_of
from journeys.handle import Journey
from journeys.handle.branch import Branch
from journeys.heard import Expect, Happened
from journeys.questions import Arm, Choosing, Chosen, Opens, Question, When
from journeys.walk.driving import drive
from journeys.walk.explore import Effect, Enough, Turn, Walk
from journeys.walk.forks import Within
from journeys.walk.place import Place

_MOST = 200  # walks
_FAR_ENOUGH = 20  # effects beyond the record
_RELEASE = Hold(run_id=UUID(int=0), at=datetime.min.replace(tzinfo=UTC), number=1, lets_go=1).summary
_TOLD = ("message", "first", "question", "action")


class Told(NamedTuple):
    """What the ledger says of a message: the receipt that its run has, if any, since when, and when it is tried again."""

    receipt: Receipt | None
    at: datetime
    retry_at: datetime | None = None


class Asked(NamedTuple):
    """What is on record of a call to a service: since when it is settled, or when it is tried again; what it came to."""

    settled_at: datetime | None
    retry_at: datetime | None = None
    reason: Reason | None = None
    status: int | None = None
    answer: Mapping[str, Any] | None = None


class Waited(NamedTuple):
    """What is on record of a wait: until when it lasts at most, and what happened."""

    until: datetime
    happened: Happened | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """What is on record of a run: messages by step and occurrence, waits, calls and choices by number, arms; zones, traits."""

    messages: Mapping[tuple[str, int], Told] = field(default_factory=dict)
    waits: Mapping[int, Waited] = field(default_factory=dict)
    arms: Mapping[str, str] = field(default_factory=dict)
    choices: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    zones: tuple[str, ...] = ("UTC",)
    traits: Mapping[str, Any] = field(default_factory=dict)
    calls: Mapping[int, Asked] = field(default_factory=dict)
    #: Until when another journey holds the customer's marketing back: at the earliest, and at the latest.
    held: tuple[datetime, datetime] | None = None


@dataclass(frozen=True, slots=True)
class Stop:
    """What a run is at: a wait, a wait for something, a message, a call; and until when, if that is known."""

    kind: str
    what: str
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Ahead:
    """Something that comes, or may come (`sure` is false: only on some of the ways)."""

    kind: str
    what: str
    earliest: datetime
    latest: datetime
    sure: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a run stands, each of several where the record allows that, and what is ahead of it, the soonest first."""

    stops: tuple[Stop, ...]
    ahead: tuple[Ahead, ...]

    @property
    def releases(self) -> tuple[datetime, datetime] | None:
        """When a run that holds the customer's other journeys back lets them go, by its code or by its end, as far as known."""
        lets_go = [each for each in self.ahead if each.what == _RELEASE]
        ends = [] if any(each.sure for each in lets_go) else [each for each in self.ahead if each.kind == "end"]
        found = [*lets_go, *ends]
        return (min(each.earliest for each in found), max(each.latest for each in found)) if found else None


def retrace(definition: JourneyDefinition, start: RunStart, known: Known, now: datetime) -> Standing | None:
    """Where a run stands; None where its code cannot be walked with what is on record.

    Whether it began before a change (`j.changed`) is not on record: if it cannot have begun with them all, it began before.
    """
    walks = [walk for late in (False, True) for walk in _walks(definition, start, known, now, late=late)]
    fitting = [walk for walk in walks if not walk.strange]
    if not fitting:
        asks = start.changes is None and any(walk.handle.asks_of_changes for walk in walks)
        return retrace(definition, start.model_copy(update={"changes": []}), known, now) if asks else None
    stops = dict.fromkeys(stop for walk in fitting for stop in walk.stops)
    return Standing(tuple(stops), tuple(_ahead(fitting)))


def _walks(definition: JourneyDefinition, start: RunStart, known: Known, now: datetime, *, late: bool) -> Iterator["Retrace"]:
    waiting: list[tuple[int, ...]] = [()]
    answered: set[Any] = set()
    for n in range(_MOST):
        if not waiting:
            return
        walk = Retrace(waiting.pop(), definition, start, known, now, late=late)
        walk.strange = _driven(definition, start, walk)
        yield walk
        waiting += walk.other_ways(answered, every=n < _MOST // 2)


def _driven(definition: JourneyDefinition, start: RunStart, walk: "Retrace") -> bool:
    """Whether the steps did what they do not do in a run: raise, or contradict what is on record."""
    walk.handle = Journey(start, definition.spec, walk)
    stop = drive(definition, walk.handle)
    walk.through = stop is None
    return isinstance(stop, Exception | Contradicted) or not walk.explains


class Contradicted(BaseException):
    """Leaves a way that cannot have been the run's."""


class Retrace(Walk):
    """A runtime that answers what is on record, notes where that ends, and then goes on as the explorer does."""

    def __init__(
        self,
        prescribed: Sequence[int],
        definition: JourneyDefinition,
        start: RunStart,
        known: Known,
        now: datetime,
        *,
        late: bool = False,
    ) -> None:
        super().__init__(prescribed, definition, start.entered_at, known.zones)
        self._now = max(start.entered_at, start.started_at)
        self._known = known
        self._real = now
        self._late = late
        self._beyond = False  # the record, in this branch
        self._outer: list[tuple[bool, int]] = []
        self._used = 0
        self.stops: list[Stop] = []
        self.coming: list[Effect] = []
        self.handle: Journey
        self.strange = False
        self.through = False

    @property
    def over_at(self) -> datetime:
        """When it was through."""
        return self._now

    @property
    def explains(self) -> bool:
        """Whether all that is on record has its place on this way."""
        return self._used == len(self._known.messages) + len(self._known.waits) + len(self._known.calls)

    async def sleep_until(self, at: datetime, summary: str) -> None:
        """It stands in the first wait that is not over."""
        if not self._beyond and at > self._real:
            self._stands("wait", summary, at)
        await super().sleep_until(at, summary)

    async def hold(self, until: datetime, summary: str) -> None:
        """A wait as any."""
        await self.sleep_until(until, summary)

    async def deliver(self, request: DeliverRequest) -> Receipt:
        """As the ledger says; it stands at the first message that has no answer yet."""
        told = self._known.messages.get((request.step, request.occurrence)) if not self._beyond else None
        self._used += told is not None
        if told is not None and told.receipt is not None:
            self._now = max(self._now, told.at)
            return told.receipt
        held = self._held(request)
        if not self._beyond:
            until = max(filter(None, (told.retry_at if told else None, held)), default=None)
            self._stands("message", f"{request.channel.value} {request.template}", until)
        self._now = max(self._now, held or self._now)
        return await super().deliver(request)

    def _held(self, request: DeliverRequest) -> datetime | None:
        """Until when another journey keeps a message back, which waits no longer than it is of use."""
        if self._known.held is None or request.purpose is not Purpose.MARKETING:
            return None
        return min(self._known.held[self._late], request.useless_after)

    async def ask(self, question: Question) -> Any:
        """Arms as they are drawn, moments by the customer's clock; all else each way."""
        match question:
            case Arm(experiment=name) if name in self._known.arms:
                return self._known.arms[name]
            case Choosing(number=number) if number in self._known.choices:
                return Chosen(options=self._known.choices[number])
            case When():
                return next_of(question.moment, self.zones, self._now, self._known.traits)
            case Opens():
                return next_open(question.window, self.zones, self._now)
            case Call() if not self._beyond:
                return self._recorded(question)
        return await super().ask(question)

    def _recorded(self, call: Call) -> Called:
        """What it came to, as far as that is on record; it stands at the first call that has come to nothing yet."""
        asked = self._known.calls.get(call.number)
        self._used += asked is not None
        if asked is None or asked.settled_at is None:
            self._stands("call", call.summary, asked.retry_at if asked else None)
            return self._called(call, self._author())
        self._now = max(self._now, asked.settled_at)
        return Called(reason=asked.reason, status=asked.status, values=branchable(call.gives, asked.answer or {}))

    async def listen(self, expect: Expect, summary: str) -> Happened | None:
        """What happened, or in vain; it stands in the first wait that is neither."""
        waited = self._known.waits.get(expect.wait) if not self._beyond else None
        self._used += waited is not None
        self._at_once = 0
        if waited is not None and (waited.happened or waited.until <= self._real):
            self._now = max(self._now, waited.happened.at if waited.happened else waited.until)
            return waited.happened
        if not self._beyond:
            self._stands("first", summary, waited.until if waited else None)
        happened = await super().listen(expect, summary)
        if happened is not None and self._late:
            self._now = max(self._now, waited.until if waited else expect.until)
            return happened.model_copy(update={"at": self._now})
        return happened

    async def together(self, branches: Sequence[tuple[Branch, Coroutine[Any, Any, Any]]]) -> list[Any]:
        """Each branch has its own place; the run is beyond its record where one of them is."""
        self._outer.append((self._beyond, len(self.stops)))
        try:
            return await super().together(branches)
        finally:
            beyond, stops = self._outer.pop()
            self._beyond = beyond or len(self.stops) > stops

    def _mark(self, kind: str, what: str, place: Place) -> None:
        if kind == "branch":
            self._beyond = self._outer[-1][0]
        super()._mark(kind, what, place)

    def _stands(self, kind: str, what: str, until: datetime | None) -> None:
        if not self._outer and not self.explains:
            raise Contradicted
        self.stops.append(Stop(kind, what, until))
        self._beyond = True
        self._now = max(self._now, self._real, until or self._real) if kind == "message" else max(self._now, self._real)

    def _way(self, turn: Turn, ways: int, within: Within | None = None) -> int:
        """What was asked twice may have been answered differently."""
        return super()._way(turn if self._beyond else (turn[0], f"{turn[1]} {len(self._turns)}"), ways, within)

    def _add(self, effect: Effect) -> None:
        super()._add(effect)
        here = self.stops and self.stops[-1].what == effect.what and effect.kind == "first" and not self.coming
        if self._beyond and effect.kind in _TOLD and not here:
            self.coming.append(effect)
        if len(self.coming) > _FAR_ENOUGH:
            raise Enough


def _ahead(walks: Sequence[Retrace]) -> list[Ahead]:
    met: dict[tuple[str, str], list[datetime]] = defaultdict(list)
    often: dict[tuple[str, str], set[int]] = defaultdict(set)
    for n, walk in enumerate(walks):
        ends = [("end", walk.handle.over_by or Reason.FINISHED.value, walk.over_at)] if walk.through else []
        for kind, what, at in [*((each.kind, each.what, walk.began + each.at) for each in walk.coming), *ends]:
            met[kind, what].append(at)
            often[kind, what].add(n)
    found = [Ahead(*key, min(at), max(at), len(often[key]) == len(walks)) for key, at in met.items()]
    return sorted(found, key=lambda each: (each.earliest, each.kind == "end"))
