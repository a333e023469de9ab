"""What a journey does besides messages: traits of its customer, other journeys; each once, by one line of its history.

Promise: as all contracts, nothing here holds what is known of a customer; what an author writes out, and what may enter a
history anyway, are all that is set or handed on.
"""

from datetime import datetime, timedelta
from typing import Any, ClassVar

from pydantic import BaseModel, Field

from journeys.contracts import CALLS_QUEUE, Contract, Plain, Reason, unset
from journeys.questions import Question


def _nothing(value: dict[str, Plain]) -> bool:
    return not value


class Action(Question):
    """Something to be done once, however often it is asked for: `number` is the run's n-th action, from 1."""

    answer: ClassVar[Any] = bool

    number: int = Field(ge=1)

    @property
    def key(self) -> str:
        """Its idempotency key."""
        return f"run/{self.run_id}/{self.number}"


class SetTraits(Action):
    """Set traits of the customer, as an identify call of a server would."""

    activity = "set_traits"

    traits: dict[str, Plain]

    @property
    def summary(self) -> str:
        """With their names."""
        return f"set {', '.join(self.traits)}"


class Track(Action):
    """Store an event of the customer, as a track call of a server would."""

    activity = "track"

    event: str
    properties: dict[str, Plain] = Field(default_factory=dict, exclude_if=_nothing)

    @property
    def summary(self) -> str:
        """With its name."""
        return f"track {self.event}"


class StartJourney(Action):
    """Let the customer into another journey, as its own rules allow; answered by whether it did."""

    activity = "start_journey"

    journey: str
    params: dict[str, Any]

    @property
    def summary(self) -> str:
        """With the journey's name."""
        return f"start {self.journey}"


class EndJourney(Action):
    """End the customer's runs of another journey; answered by whether there were any."""

    activity = "end_journey"

    journey: str

    @property
    def summary(self) -> str:
        """With the journey's name."""
        return f"end {self.journey}"


class Hold(Action):
    """Let marketing of the customer's other journeys wait, or let go what an earlier one holds."""

    activity = "hold"

    lets_go: int | None = Field(default=None, description="the number of the action that holds them")

    @property
    def summary(self) -> str:
        """What becomes of the others."""
        return "hold other journeys" if self.lets_go is None else "release other journeys"


class Called(Contract):
    """What a call to a service came to: true where it has worked, and `reason` says why not."""

    reason: Reason | None = Field(default=None, description="why there is no answer; None where there is one")
    status: int | None = Field(
        default=None, exclude_if=unset, description="the last HTTP status, such as 404, where there was one"
    )
    values: dict[str, Plain] = Field(default_factory=dict, exclude_if=_nothing)
    ended_by: str | None = Field(
        default=None, exclude_if=unset, description="the goal or exit that the run has reached, by name"
    )

    def __bool__(self) -> bool:
        """What was withheld counts, so that a holdout walks the way that those walk with whom it is compared."""
        return self.reason in (None, Reason.HOLDOUT, Reason.GLOBAL_HOLDOUT)


class Call(Action):
    """Tell a service of the company something about the customer, or ask it; under one id, whatever attempts it takes."""

    activity = "call"
    answer = Called
    queue = CALLS_QUEUE
    longest = timedelta(minutes=1)

    service: str
    event: str
    fetch: bool = Field(description="whether an answer is wanted, in the shape that the service declares")
    params: dict[str, Plain] = Field(default_factory=dict, exclude_if=_nothing)
    until: datetime = Field(description="when to give up, in business time")
    #: Known to the journey; not in its history.
    gives: type[BaseModel] | None = Field(default=None, exclude=True, repr=False)

    @property
    def id(self) -> str:
        """The id of the webhook, and the idempotency key: the same at every attempt."""
        return f"msg_{self.run_id.hex}_{self.number}"

    @property
    def summary(self) -> str:
        """With the names of the service and of what it is told."""
        return f"fetch {self.service}" if self.fetch else f"webhook {self.service} {self.event}"
