"""What a run waits for, and the one kind of signal that it hears: an end, to ask again, what happened, to move.

Promise: as all contracts, nothing here can hold personal data: of what people say of a task only what its author declared. A
wait is written down as expectations in Postgres; whoever sees one come true (the watch, the API) tells the run, and what has
come true already is the answer to writing it down.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, ClassVar, Literal
from uuid import UUID

from pydantic import Field

from journeys.contracts import Contract, Plain, Reason, RunStart, unset
from journeys.keepable import SAID, flaws

#: The only signal of a run: its argument is a `Heard`.
HEARD = "heard"
#: The only query: its answer is a `SoFar`.
SO_FAR = "so far"
#: A version of the catalogue, as `journeys.versions.archive` makes its id.
VERSION = "^[0-9a-f]{16}$"
#: The name of what is waited for, where that is one thing and its author gave it none.
IT = "it"


class Exit(Contract):
    """The run has to end now."""

    heard: Literal["exit"] = "exit"
    reason: Reason
    which: str | None = Field(
        default=None, exclude_if=unset, description="the goal or exit, by the name that its author gave it"
    )


class AskAgain(Contract):
    """A message that waits may be asked for again: what it waited for may be over."""

    heard: Literal["ask again"] = "ask again"


class Happened(Contract):
    """Something that the run waits for came true: the first of what one wait waits for; the rest is withdrawn."""

    heard: Literal["happened"] = "happened"
    wait: int = Field(ge=1, description="which of the run's waits, counted from 1")
    which: str = Field(description="the name that the author gave it")
    at: datetime = Field(description="by the event that decided it, in business time")
    answer: dict[str, Plain] = Field(default_factory=dict, description="what a human task came to: choices, numbers, flags")

    @property
    def outcome(self) -> Plain:
        """What a human task came to, one of its choices; None of everything else."""
        return self.answer.get("outcome")


class GoOn(Contract):
    """The run shall go on with another version of the catalogue, from its next wait on, if that fits what it has done."""

    heard: Literal["go on"] = "go on"
    version: str = Field(pattern=VERSION)
    number: int = Field(ge=1, description="which of the run's moves, counted from 1")


class Fits(Contract):
    """Whether another version of the catalogue would have done what a run has done: the answer to a move, in its history."""

    activity: ClassVar[str] = "fits"
    queue: ClassVar[str | None] = None
    longest: ClassVar[timedelta] = timedelta(seconds=30)

    journey: str
    start: RunStart = Field(description="as its new history would begin, with the other version")
    version: str | None = Field(default=None, exclude_if=unset, description="the run's, of the catalogue")


Heard = Annotated[Exit | AskAgain | Happened | GoOn, Field(discriminator="heard")]


class OfEvents(Contract):
    """Events have happened since an instant, as in a goal."""

    kind: Literal["events"] = "events"
    predicate: dict[str, Any]
    since: datetime


class OfCustomer(Contract):
    """A predicate is true of the customer, whatever time it came true at."""

    kind: Literal["customer"] = "customer"
    predicate: dict[str, Any]


class OfSegment(Contract):
    """The customer is in a segment that is watched (or out of it)."""

    kind: Literal["segment"] = "segment"
    segment: str
    inside: bool = True


class OfMessages(Contract):
    """Something became of this run's messages, of all or of one: delivered, opened, clicked, replied, failed."""

    kind: Literal["messages"] = "messages"
    event: str
    since: datetime
    step: str | None = None
    occurrence: int | None = None


def _none(value: tuple[str, ...]) -> bool:
    return not value


class OfPeople(Contract):
    """Somebody of the company does something and says how it went, over the API."""

    kind: Literal["people"] = "people"
    title: str
    to: str
    by: datetime | None = None
    escalate: str | None = None
    choices: tuple[str, ...] = ()
    values: tuple[str, ...] = Field(default=(), exclude_if=_none)

    def unlike(self, outcome: str | None, values: Mapping[str, Plain]) -> tuple[str, str] | None:
        """Where, and how, what somebody says is not what the task declares; no name that is not declared is repeated."""
        if self.choices and outcome not in self.choices:
            return "/outcome", f"the outcome is one of {', '.join(self.choices)}"
        if not values.keys() <= set(self.values):
            return "/values", f"the values are {', '.join(self.values)}" if self.values else "the task declares no values"
        found = next(iter(flaws(values).items()), None)
        return ("/values/" + "/".join(found[0]), SAID[found[1]]) if found else None

    def told(self, outcome: str | None, values: Mapping[str, Plain]) -> dict[str, Plain]:
        """What its run hears of it: a choice and values that are declared; where there are no choices, that it is done."""
        return {**values, "outcome": outcome} if outcome is not None and self.choices else dict(values)


Expected = Annotated[OfEvents | OfCustomer | OfSegment | OfMessages | OfPeople, Field(discriminator="kind")]


class Expect(Contract):
    """Write down what a wait waits for, by the names that its author gave; answered at once by what is so already."""

    activity: ClassVar[str] = "expect"
    queue: ClassVar[str | None] = None
    longest: ClassVar[timedelta] = timedelta(seconds=30)

    run_id: UUID
    wait: int = Field(ge=1)
    at: datetime = Field(description="business time now")
    until: datetime
    expected: dict[str, Expected]
    version: str | None = Field(default=None, exclude_if=unset, description="the run's, of the catalogue")
