"""What a journey does besides messages: traits of its customer, other journeys; each once, by one line of its history.

Promise: as all contracts, nothing here holds what is known of a customer; what an author writes out, and what may enter a
history anyway, are all that is set or handed on.
"""

from typing import Any

from pydantic import Field

from journeys.contracts import Plain
from journeys.questions import Question


class Action(Question):
    """Something to be done once, however often it is asked for: `number` is the run's n-th action, from 1."""

    answer = bool

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
