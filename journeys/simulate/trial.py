"""One made-up customer and a timetable of what they do, played through a catalogue: what is sent when, and why not.

Promise: nothing but the catalogue's own code is executed, and of what is told nothing is kept. Chance falls by the customer's
lot alone, so the same trial has the same outcome. Left out: templates are not rendered, and no offer is chosen for them.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Self
from uuid import NAMESPACE_OID, uuid5

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from journeys.catalogue import Catalogue
from journeys.contracts import Channel, Reason, doing
from journeys.deadline import TookTooLong, within
from journeys.entering import UnlikeDeclared, read
from journeys.errors import JourneyError
from journeys.simulate.backcast import Backcast, Call
from journeys.simulate.customers import BY_PHONE, WITHOUT_ADDRESS
from journeys.simulate.errors import SimulationError
from journeys.simulate.messages import Message
from journeys.simulate.run import Run
from journeys.telling import problem_of
from segments import Segment
from segments.language.events import TRAITS_CHANGED

LONGEST = timedelta(days=400)
_MOST = 1_000  # messages that are told
_PATIENCE = timedelta(seconds=5)  # of processor time
_WHO = "trial"
_PHONE = "+34600000001"  # where the traits have none
_Seconds = Annotated[float, Field(ge=-LONGEST.total_seconds(), le=LONGEST.total_seconds())]
_Plain = Annotated[dict[str, Any], Field(max_length=100)]
_EARLIEST, _LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


def _in_reach(at: datetime) -> datetime:
    """An instant from which a journey can go on for as long as it likes, and still be in the calendar."""
    if not _EARLIEST <= at <= _LATEST:
        raise ValueError(f"must be from {_EARLIEST:%Y-%m-%d} to {_LATEST:%Y-%m-%d}")
    return at


_Instant = Annotated[AwareDatetime, AfterValidator(_in_reach)]
_Name = Annotated[str, Field(min_length=1, max_length=200)]


class _Told(BaseModel):
    """A misspelt field is refused."""

    model_config = ConfigDict(extra="forbid")


class MadeUp(_Told):
    """The customer, as they are when it begins."""

    traits: _Plain = Field(default={}, examples=[{"firstName": "Ana", "plan": "family", "timezone": "Europe/Madrid"}])
    subscribed: list[Channel] = Field(
        default=list(Channel),
        description="channels on which they have an address and said yes to marketing; all",
    )
    lot: int = Field(default=0, ge=0, le=10_000, description="another number is somebody else to chance: holdouts, experiments")


class Does(_Told):
    """Something that they do, or that becomes known of them."""

    after: _Seconds | None = Field(default=None, description="seconds since the beginning; negative: before it", examples=[60])
    at: _Instant | None = Field(default=None, description="in place of `after`: the instant")
    event: _Name | None = Field(default=None, examples=["Product Added"])
    properties: _Plain = Field(default={}, examples=[{"product_id": "p-1", "price": 12.5}])
    traits: _Plain = Field(default={}, description="in place of an event: what changes in their traits")
    message: _Name | None = Field(
        default=None, description="the event is about the last message of this step", examples=["push:cart-reminder"]
    )

    @model_validator(mode="after")
    def _one_of_each(self) -> Self:
        if (self.after is None) is (self.at is None):
            raise ValueError("say when by exactly one of after and at")
        if (self.event is None) is (not self.traits):
            raise ValueError("say what by exactly one of event and traits")
        return self

    def when(self, began: datetime) -> datetime:
        """The instant."""
        return self.at or began + timedelta(seconds=self.after or 0)


class LetIn(_Told):
    """A start by hand when it begins, as over the API."""

    params: _Plain = {}
    key: str = Field(default="", max_length=200)
    entry: _Plain = Field(default={}, description="what the entering event brings along")


class TrialRun(_Told):
    """Who, what they do, and how long it is played."""

    began: _Instant | None = Field(default=None, description="when it begins; now")
    days: float = Field(default=30, gt=0, le=LONGEST.days, description="how long it is played from there")
    customer: MadeUp = Field(default_factory=MadeUp)
    does: list[Does] = Field(default=[], max_length=200)
    start: LetIn | None = Field(default=None, description="they are let in by hand; without it by what they do alone")
    contexts: dict[_Name, _Plain] = Field(
        default={},
        max_length=20,
        description="what it is like where they are, as providers of contexts tell it; without it, as declared otherwise",
        examples=[{"weather": {"rain": 2, "temperature": 9}}],
    )


@dataclass(frozen=True, slots=True)
class Sending:
    """A message: when it was asked for, how it stands since when and why, and what it waited for or what shut every instant."""

    journey: str
    step: str
    due_at: datetime
    at: datetime
    state: str
    reason: str | None
    put_off: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Being:
    """A run: since when, how it ended and when, or what it waits for."""

    journey: str
    entered_at: datetime
    ended_at: datetime | None
    outcome: str | None
    ended_by: str | None
    waits_for: str | None
    waits_until: datetime | None


@dataclass(frozen=True, slots=True)
class NotIn:
    """Who was not let in, and why."""

    journey: str
    at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Played:
    """What came of it, in the order of time; of other journeys, too, which share caps with this one."""

    journey: str
    began: datetime
    until: datetime
    messages: tuple[Sending, ...]
    runs: tuple[Being, ...]
    refused: tuple[NotIn, ...]
    #: Where they never came near the journey, why; empty otherwise.
    lacking: str
    #: Which of what they do was about a message that had not gone out.
    unheard: tuple[str, ...]
    #: False: there were more messages than are told.
    complete: bool


def play(catalogue: Catalogue, journey: str, trial: TrialRun, now: datetime, segments: Iterable[Segment] = ()) -> Played:
    """What comes of a trial; `segments` are those that the catalogue does not hold.

    Raises:
        SimulationError: it cannot be played, or not within five seconds of processor time; the message says what to do.
    """
    definition = catalogue.journey(journey)
    try:
        return within(_PATIENCE, lambda: _played(_Stage(catalogue, journey, trial, trial.began or now, segments)))
    except TookTooLong as late:
        told = f"it is not over after {_PATIENCE.seconds} s of processor time (in line {late.line}); play fewer days"
        raise SimulationError(told) from None
    except JourneyError:
        raise
    except Exception as error:  # an author's code may raise anything
        problem = problem_of(error)[0]
        told = f"{definition.name} raises {type(error).__name__} in line {problem.line}; perhaps it expects something else"
        raise SimulationError(told) from error


class _Stage:
    """A world with the customer in it."""

    def __init__(
        self, catalogue: Catalogue, journey: str, trial: TrialRun, began: datetime, segments: Iterable[Segment]
    ) -> None:
        self.journey, self.trial, self.began = journey, trial, began
        self.definition = catalogue.journey(journey)
        self.until = began + timedelta(days=trial.days)
        self.unheard: list[str] = []
        self._inside: frozenset[str] = frozenset()
        does = sorted(trial.does, key=lambda each: each.when(began))
        self._before = [each for each in does if each.when(began) < began]
        self._then = [each for each in does if began <= each.when(began) <= self.until]
        self._cast = Backcast(catalogue, began, segments=segments)
        self._cast.ids = {_WHO: uuid5(NAMESPACE_OID, f"{_WHO} {trial.customer.lot}")}
        self.world, self.who = self._cast.world, self._cast.meet(_WHO)
        for name, answer in trial.contexts.items():
            self._around(name, answer)

    def go(self) -> None:
        """Play it."""
        first = self._before[0].when(self.began) if self._before else self.began
        self.who.created_at = first
        self._cast.knew(self._introduced(first))
        for each in self._before:
            self._cast.knew(self._call(each, None))
        self._cast.settle()
        self._inside = frozenset(self.who.inside)
        if (start := self.trial.start) is not None:
            self.world.begin(self.journey, self.who, start.params, start.key, start.entry)
        for each in self._then:
            for _ in self.world.passes(each.when(self.began)):
                pass
            about = self._last(each.message) if each.message else None
            if each.message and about is None:
                self.unheard.append(f"{each.event} of {each.message}")
            else:
                self._cast.take(self._call(each, about))
        self._cast.finish(self.until - self.world.now)

    def _around(self, name: str, answer: dict[str, Any]) -> None:
        known = self.world.contexts.known
        if name not in known:
            raise SimulationError(f"no context '{name}' in the catalogue; there are: {', '.join(sorted(known)) or 'none'}")
        try:
            read(known[name].model, answer)
        except UnlikeDeclared as error:
            raise SimulationError(f"context '{name}' does not tell such an answer: {error}") from None
        self.world.contexts.will(name, answer, {})

    def _introduced(self, at: datetime) -> Call:
        told = self.trial.customer
        addresses = [(channel, self._address(channel)) for channel in told.subscribed if channel not in WITHOUT_ADDRESS]
        yes = [(channel, None, "granted") for channel in told.subscribed]
        return Call(at, at, TRAITS_CHANGED, _WHO, traits=told.traits, addresses=tuple(addresses), choices=tuple(yes))

    def _address(self, channel: Channel) -> str:
        traits = self.trial.customer.traits
        if channel in BY_PHONE:
            return str(traits.get("phone") or _PHONE)
        return str(traits.get("email") or f"{_WHO}@example.com") if channel is Channel.EMAIL else f"{channel}-{_WHO}"

    def _call(self, does: Does, about: Message | None) -> Call:
        at = does.when(self.began)
        properties = {**(about.told if about else {}), **does.properties}
        return Call(at, at, does.event or TRAITS_CHANGED, _WHO, properties=properties, traits=does.traits)

    def _last(self, step: str) -> Message | None:
        """The last message of this step that has gone out."""
        every = (message for run in self.world.runs.of(self.who) for message in run.messages)
        sent = [each for each in every if each.step == step and each.state == "sent"]
        return max(sent, key=lambda each: each.at, default=None)

    @property
    def lacking(self) -> str:
        """Why they never came near the journey."""
        spec = self.definition.spec
        if any(run.journey == self.journey for run in self.world.runs) or self._turned_away:
            return ""
        if spec.entered_by is None:
            return "it is entered by no segment: give `start`"
        if spec.entered_by in self._inside:
            return f"they were in the segment {spec.entered_by} from the beginning, and only who enters it comes in"
        return f"they never entered the segment {spec.entered_by}: see what it asks for, and let that happen in `does`"

    @property
    def _turned_away(self) -> bool:
        return any(each.journey == self.journey for each in self.world.refused)


def _played(stage: _Stage) -> Played:
    stage.go()
    runs = sorted(stage.world.runs, key=lambda run: run.entered_at)
    messages = sorted(_messages(runs), key=lambda each: (each.at, each.due_at))
    return Played(
        stage.journey,
        stage.began,
        stage.until,
        tuple(messages[:_MOST]),
        tuple(map(_being, runs)),
        tuple(NotIn(each.journey, each.at, each.reason) for each in stage.world.refused),
        stage.lacking,
        tuple(stage.unheard),
        complete=len(messages) <= _MOST,
    )


def _messages(runs: Iterable[Run]) -> Iterator[Sending]:
    for run in runs:
        for each in run.messages:
            shut = doing(each.detail) if each.reason is Reason.NO_INSTANT else ()
            put_off = tuple(dict.fromkeys((*(reason.value for reason in each.put_off), *shut)))
            reason = each.reason.value if each.reason else None
            yield Sending(run.journey, each.step, each.request.due_at, each.at, str(each.state), reason, put_off)


def _being(run: Run) -> Being:
    waits_for, until = run.waiting or (None, None)
    if run.waits_until is not None and run.outcome is None:
        waits_for, until = "to be let in", run.waits_until
    outcome = run.outcome.value if run.outcome else None
    return Being(run.journey, run.entered_at, run.ended_at, outcome, run.ended_by, waits_for, until)
