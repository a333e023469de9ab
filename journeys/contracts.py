"""What crosses the border between workflows, activities and the API: ids, booleans, reasons and instants.

Promise: nothing here can hold personal data, because workflow histories keep it for weeks. Texts about a customer stay in
Postgres and are looked up by run id when a message is rendered.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from typing import Any, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from journeys.arms import HOLDOUT, Experiment, Plan
from journeys.clock import Clock
from journeys.gate.budget import Budget
from journeys.policies import Conversion, Exit, Limits, Moves, PerKey, Reentry, Restart, Topic, Whenever, Window, Within
from journeys.spans import describe
from segments import Predicate, Segment
from segments.language.wire import predicate_from_json

#: A value that a journey may branch on, and that a history may therefore hold.
Plain = bool | int | float | str | None

#: The task queue of the journeys' workflows; each channel's deliveries have one of their own.
WORKFLOW_QUEUE = "journeys"
#: The task queue of the membership watch.
WATCH_QUEUE = "watch"
#: The task queue of calls to the company's services that are not answered at once, so that a slow one holds up nobody else.
CALLS_QUEUE = "calls"
#: The task queue of models: fitted to the past and applied, in a process of its own that needs the extra `predictions`.
TRAIN_QUEUE = "train"


def delivery_queue(channel: "Channel") -> str:
    """The task queue on which a channel's messages are delivered."""
    return f"deliver-{channel.value.replace('_', '-')}"


def longest_attempt(channel: "Channel") -> timedelta:
    """How long one attempt at a message may last: what the channel's protocol allows, twice over, with the wait before it.

    A last resort. A provider's own deadlines are shorter (docs/channels.md), and that a worker died is noticed by the
    missing sign of life, within seconds.
    """
    return _LONGEST_ATTEMPT[channel]


class Contract(BaseModel):
    """Frozen, and strict about its fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @classmethod
    def of_known(cls, **values: Any) -> Self:
        """From values that are of the fields' types already, as our own code makes them; what has a default may be left out.

        What `model_construct` makes, at a fifth of its price and half of that of looking at each value once more: a simulation
        makes three a run. All fields count as set; an empty list or dict is given, like everything that is not for all alike.
        """
        blank, names = _fields(cls)
        made = cls.__new__(cls)
        _put(made, "__dict__", {**blank, **values})
        _put(made, "__pydantic_fields_set__", names)
        _put(made, "__pydantic_extra__", None)
        _put(made, "__pydantic_private__", None)
        return made


_put = object.__setattr__


@cache
def _fields(contract: type[Contract]) -> tuple[dict[str, Any], set[str]]:
    """The fields in their order with their defaults, and their names."""
    fields = contract.model_fields
    return {name: field.default for name, field in fields.items()}, set(fields)


def unset(value: object) -> bool:
    """Whether a field is left out where it is written down."""
    return value is None


class Channel(StrEnum):
    """How a message reaches a customer."""

    PUSH = "push"
    WHATSAPP = "whatsapp"
    EMAIL = "email"
    SMS = "sms"
    WEB_PUSH = "web_push"
    IN_APP = "in_app"
    WALLET = "wallet"


_CALENDARS = {"day": timedelta(days=1), "week": timedelta(days=7), "month": timedelta(days=31)}
_LONGEST_ATTEMPT = {
    Channel.PUSH: timedelta(minutes=30),
    Channel.WHATSAPP: timedelta(minutes=30),
    Channel.EMAIL: timedelta(hours=2),
    Channel.SMS: timedelta(minutes=30),
    Channel.WEB_PUSH: timedelta(minutes=30),
    Channel.IN_APP: timedelta(minutes=5),
    Channel.WALLET: timedelta(minutes=30),
}


class Purpose(StrEnum):
    """Why a message is sent; consent is given per purpose. Transactional is exempt from caps and errs to at least once."""

    MARKETING = "marketing"
    TRANSACTIONAL = "transactional"


class SearchBy(StrEnum):
    """What operators can search runs by in Temporal, all of them keywords: set when a run starts, and never changed."""

    JOURNEY = "Journey"
    CUSTOMER = "CustomerId"
    SEGMENT = "Segment"


class Outcome(StrEnum):
    """What became of a message."""

    SENT = "sent"
    SKIPPED = "skipped"
    DEFERRED = "deferred"
    WITHHELD = "withheld"
    FAILED = "failed"
    UNCONFIRMED = "unconfirmed"


class Reason(StrEnum):
    """Why a message was not sent, or a run ended; one vocabulary for receipts, the ledger, metrics and the UI."""

    KILLED = "journey killed"
    PAUSED = "journey paused"
    OVER = "run over"
    GOAL = "goal reached"
    EXIT = "exit reached"
    NO_CONSENT = "no consent"
    NO_TOPIC = "turned this topic off"
    SUPPRESSED = "address suppressed"
    UNREACHABLE = "no reachable endpoint"
    SERVICE_WINDOW = "outside the service window"
    TEMPLATE_WAITS = "template not approved now"
    TEMPLATE_OFF = "template rejected or disabled"
    CATEGORY = "template of another category"
    NOT_IN_SEGMENT = "not in the segment"
    UNSUITED = "does not suit where they are"
    NO_PRODUCT = "no product to offer"
    HOLDOUT = "holdout"
    GLOBAL_HOLDOUT = "global holdout"
    HELD = "held by another journey"
    QUIET_HOURS = "quiet hours"
    LEGAL_HOURS = "outside legal hours"
    CAPPED = "frequency cap"
    DAY_CEILING = "message ceiling of the day"
    WINDOW = "outside its window"
    HABIT = "a better hour is near"
    OUTRANKED = "a more important message comes first"
    TURN = "a more important journey may be writing"
    BUDGET = "budget spent"
    QUOTA = "the provider's quota of the day"
    WARMING_UP = "the provider is warming up"
    NO_INSTANT = "no allowed instant before its deadline"
    CEILING = "message ceiling of the run"
    EXPIRED = "useless after its deadline"
    REFUSED = "refused by the provider"
    BROKEN_TEMPLATE = "template cannot be rendered"
    AMBIGUOUS = "provider may have accepted it"
    BY_OPERATOR = "settled by an operator"
    # What a service may come to:
    NO_ANSWER = "no answer in time"
    SAID_NO = "refused by the service"
    UNLIKE_DECLARED = "answer not as declared"
    FORBIDDEN = "address not allowed"
    NO_PLACE = "place not known"
    # How runs end, besides the goal:
    FINISHED = "finished"
    LEFT = "left the segment"
    OPERATOR = "ended by an operator"
    OTHER_JOURNEY = "ended by another journey"
    RESTARTED = "restarted by a new entry"
    WAITED = "waited too long to enter"
    MERGED = "merged into another run"
    ERASED = "customer erased"
    PARAMS_UNLIKE = "parameters not as declared"
    # Ends that were nobody's wish:
    TOO_LONG = "history too long for Temporal"
    TIMED_OUT = "timed out in Temporal"
    STOPPED = "stopped by Temporal"
    FAILED = "failed in Temporal"
    UNKNOWN = "unknown to Temporal"


def because(reason: str, journeys: Iterable[str] | None = None) -> str:
    """A reason as people read it, with the journeys whose doing it is: `held by another journey: care`."""
    return f"{reason}: {', '.join(journeys)}" if journeys else reason


def because_of(reason: str, detail: Mapping[str, Any]) -> str:
    """The same, by what the ledger keeps of it: whose doing it is, what left no instant, or its author's word (`climate`)."""
    if detail.get("prediction"):
        return because(f"{reason} of the prediction", [detail["prediction"]])
    return because(reason, doing(detail) or ([detail["because"]] if detail.get("because") else None))


def doing(detail: Mapping[str, Any]) -> Sequence[str]:
    """Of what the ledger keeps of a message: whose doing it is that it waits, or what left no instant before its deadline."""
    return detail.get("journeys") or detail.get("shut_by") or ()


class Receipt(Contract):
    """What a message call returns: what became of it, and why."""

    outcome: Outcome
    reason: Reason | None = None
    retry_at: datetime | None = Field(default=None, description="when a deferred message may be tried again (UTC)")
    # Newer than the first histories: what is unset is not written, so that theirs look as they did.
    segment: str | None = Field(default=None, exclude_if=unset, description="which one the customer is not in, by name")
    product: str | None = Field(default=None, exclude_if=unset, description="the id of the product that the message shows")
    because: str | None = Field(
        default=None, exclude_if=unset, description="why it does not suit, in its author's word: climate"
    )
    ended_by: str | None = Field(
        default=None, exclude_if=unset, description="the goal or exit that the run has reached, by name"
    )
    # Which message it answers, so that no replay takes it for another's:
    step: str | None = Field(default=None, exclude_if=unset)
    occurrence: int | None = Field(default=None, exclude_if=unset)
    # Known to the journey; not in its history:
    purpose: Purpose | None = Field(default=None, exclude_if=unset)

    @property
    def sent(self) -> bool:
        """Whether the provider accepted the message."""
        return self.outcome is Outcome.SENT

    def of_another(self, request: "DeliverRequest") -> bool:
        """Whether it is known to answer another message."""
        return self.step is not None and (self.step, self.occurrence) != (request.step, request.occurrence)

    def __bool__(self) -> bool:
        """A receipt is true when no other channel is needed, so that `await j.push(...) or await j.email(...)` falls back.

        What was withheld counts, so that a holdout walks the way that those walk with whom it is compared. What the provider
        may have counts for marketing, which is sent at most once; a transactional message goes on to the next channel.
        """
        if self.outcome is Outcome.UNCONFIRMED:
            return self.purpose is not Purpose.TRANSACTIONAL
        return self.outcome in (Outcome.SENT, Outcome.WITHHELD)


class Done(Contract):
    """What an effect of a run came to, as JSON, and when; `what` tells the effect from any other of its journey."""

    at: datetime
    answer: Any = None
    what: str | None = Field(default=None, exclude_if=unset)
    branch: int | None = Field(default=None, exclude_if=unset, description="which branch of the run had it, if any")


def _nothing(value: list[Done]) -> bool:
    return not value


def _never(value: int) -> bool:
    return value == 0


class RunStart(Contract):
    """The argument of a run's workflow."""

    run_id: UUID
    customer_id: UUID
    segment: str | None = None
    entered_at: datetime
    started_at: datetime = Field(description="business time at which Temporal is asked to start it")
    start_delay: timedelta = timedelta(0)
    params: dict[str, Plain] = Field(default_factory=dict)
    entry: dict[str, Plain] = Field(default_factory=dict, description="what the journey may know of the entering event")
    clock: Clock = Clock()
    version: str | None = Field(default=None, exclude_if=unset, description="the catalogue's, whose steps the run walks")
    past: list[Done] = Field(default_factory=list, exclude_if=_nothing, description="of a run that goes on in a new history")
    changes: list[str] | None = Field(
        default=None, exclude_if=unset, description="which changes of the code it began with; None: all that there are"
    )
    moves: int = Field(default=0, exclude_if=_never, description="how often it was moved to another version on purpose")


class SoFar(Contract):
    """What a run has done, and with which version it goes on: what it would begin a new history with. The answer to a query."""

    start: RunStart
    stays: int | None = Field(default=None, description="the number of the last move that did not fit what it has done")
    why: str | None = None


class RunOver(Contract):
    """The result of a run's workflow."""

    outcome: Reason
    sent: int = 0
    skipped: int = 0
    ended_by: str | None = Field(default=None, exclude_if=unset, description="which goal or exit, by name")


class Suits(Contract):
    """Where a message suits: what a context has to be like, and the word by which it is told that it is not."""

    context: str
    because: str
    where: dict[str, Any] = Field(description="a condition on the fields of what the context's provider tells")

    def holds(self, answer: Mapping[str, Any]) -> bool:
        """Whether what a provider tells, or what is so otherwise, is as it has to be."""
        return predicate_from_json(self.where).meets(answer)

    def __str__(self) -> str:
        return f"{self.context} where {predicate_from_json(self.where)} (else: {self.because})"


class DeliverRequest(Contract):
    """One message of one run. The idempotency key is run / step / occurrence."""

    run_id: UUID
    journey: str
    step: str
    occurrence: int = Field(ge=1)
    channel: Channel
    template: str
    purpose: Purpose
    params: dict[str, Plain] = Field(default_factory=dict)
    due_at: datetime
    useless_after: datetime
    only: str | None = Field(default=None, exclude_if=unset, description="the segment to be in at the moment of the send")
    suits: Suits | None = Field(default=None, exclude_if=unset, description="what it has to be like where they are, then")
    # Where a message says otherwise than its journey:
    priority: int | None = Field(default=None, exclude_if=unset)
    window: Window | None = Field(default=None, exclude_if=unset)
    send_time: timedelta | None = Field(default=None, exclude_if=unset, description="so long after it is due, at its best hour")
    version: str | None = Field(default=None, exclude_if=unset, description="the run's, of the catalogue")
    repeat: int | None = Field(default=None, exclude_if=unset, description="the number of this attempt, which was asked for")

    @property
    def key(self) -> str:
        """The idempotency key, stable over retries."""
        return f"{self.run_id}/{self.step}/{self.occurrence}"


class WatchShard(Contract):
    """Which part of the customers one watch looks after."""

    shard: int = Field(default=0, ge=0)
    shards: int = Field(default=1, ge=1)


class AudienceTurn(Contract):
    """What one turn told the destination of an audience, and whether there is more to tell."""

    added: int
    removed: int
    more: bool


class PredictionRound(Contract):
    """One training or scoring of a prediction of the catalogue's, and the instant at which it began (ours)."""

    prediction: str
    at: datetime


class ProductRound(Contract):
    """One round of what is worked out of products, and the instant at which it began (ours)."""

    name: str
    at: datetime


class SourceReading(Contract):
    """One reading of a source of the catalogue's, and the instant at which it began (ours)."""

    source: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Cap:
    """At most `messages` marketing messages to a customer in any `within`, or in each `calendar` day, week or month of theirs.

    It counts those of all journeys, on one `channel` or on all, and holds back those of the journey that declares it: another
    journey's go, unless that declares a cap of its own. It counts marketing; with `purpose=None` all messages, of which it
    still holds back marketing only. `Cap(1, timedelta(hours=4))` is the least time between two messages.
    """

    messages: int
    within: timedelta | None = None
    calendar: Literal["day", "week", "month"] | None = None
    channel: Channel | str | None = None
    purpose: Purpose | None = Purpose.MARKETING

    @property
    def longest(self) -> timedelta:
        """For how long it may hold a message back."""
        return self.within if self.within is not None else _CALENDARS[str(self.calendar)]

    def __str__(self) -> str:
        often = f"a {self.calendar}" if self.calendar else f"in {describe(self.longest)}"
        return f"{self.messages} {often}{f' by {self.channel}' if self.channel else ''}"


@dataclass(frozen=True, slots=True)
class Ceilings:
    """How much is too much, whatever a journey says: a net under mistakes such as a loop without a wait.

    `per_run` counts the messages that a run asks for, sent or not, and ends it; a journey may set its own (`most=`).
    `per_day` counts the marketing messages of a customer in any 24 hours, over all journeys, and lets the next one wait.
    """

    per_run: int = 100
    per_day: int = 20


USUAL_CEILINGS = Ceilings()


@dataclass(frozen=True, slots=True)
class QuietHours:
    """No marketing between two wall-clock times of the customer's zone, `HH:MM`; may span midnight."""

    start: str
    end: str


@dataclass(frozen=True, slots=True)
class JourneySpec:
    """What a journey declares; everything but its steps."""

    name: str
    entry: Segment | str | None
    goal: Predicate | None
    reentry: Reentry
    purpose: Purpose
    ends_on_leave: bool
    max_lateness: timedelta
    useless_after: timedelta
    holdout: float
    quiet_hours: QuietHours | None
    caps: tuple[Cap, ...]
    timezone: str
    most: int | None = None
    window: Window | None = None
    send_time: Within | None = None
    priority: int = 0
    budget: Budget | None = None
    #: What its marketing is about; customers can turn that off by itself.
    topic: Topic | None = None
    #: When it takes customers in, and how many; None: at any time, all of them.
    limits: Limits | None = None
    #: Its goals by name, where it declares several; `goal` is any of them.
    goals: Mapping[str, Predicate] = field(default_factory=dict)
    exits: Mapping[str, Exit] = field(default_factory=dict)
    #: What it is measured by, where that is not its goal.
    kpi: Predicate | None = None
    #: How it is told whether it works; None: as `Conversion()` says.
    conversion: Conversion | None = None
    #: When its holdout is read, and what it is to find.
    plan: Plan | None = None
    about: str = field(default="", compare=False)
    #: What `Journey[…]` declares of the entering event's properties.
    entry_model: type[BaseModel] | None = field(default=None, compare=False)

    @property
    def entered_by(self) -> str | None:
        """The name of the entry segment, whether its definition is at hand or somebody writes it through the API."""
        return self.entry.name if isinstance(self.entry, Segment) else self.entry

    @property
    def measured(self) -> Conversion | None:
        """The rule that it is measured by; None where it declares nothing that could be reached."""
        declared = self.conversion or Conversion()
        by = next((each for each in (declared.by, self.kpi, self.goal) if each is not None), None)
        return None if by is None else replace(declared, by=by)

    @property
    def held_out(self) -> Experiment | None:
        """Its holdout, as an experiment; None where it has none."""
        return Experiment.of_holdout(f"{HOLDOUT}/{self.name}", self.holdout, self.plan) if self.holdout else None

    @property
    def named(self) -> list[Segment]:
        """The segments that it names with their definitions: to enter by, and to end by."""
        ends = [each.segment for each in self.exits.values() if isinstance(each, Moves)]
        return [each for each in (self.entry, *ends) if isinstance(each, Segment)]

    @property
    def keyed(self) -> bool:
        """Whether a customer may be in it several times at once, each time under a key."""
        return isinstance(self.reentry, PerKey)

    @property
    def entered_anew(self) -> bool:
        """Whether who is in the segment already enters by doing again what brought them in."""
        return isinstance(self.reentry, PerKey | Restart | Whenever)
