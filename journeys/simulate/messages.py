"""A message of a simulated run, as the ledger would have it."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from journeys.contracts import DeliverRequest, Outcome, Reason
from journeys.simulate.customers import Customer

#: How a message stands that is still to be tried again.
WAITING = ("deferred", "released")


@dataclass(slots=True)
class Message:
    """One message: what was asked for, and what became of it; `at` is when that was last decided."""

    request: DeliverRequest
    customer: Customer
    state: str
    at: datetime
    reason: Reason | None = None
    detail: dict[str, Any] = field(default_factory=dict)
    retry_at: datetime | None = None
    copies: int = 0
    #: Why it had to wait, and the other journeys that kept it back, with why: each once, however often it was asked for.
    put_off: tuple[Reason, ...] = ()
    met: tuple[tuple[str, Reason], ...] = ()
    attempts: int = 0

    @property
    def step(self) -> str:
        """Channel and template, as the journey says them: `push:hello`."""
        return self.request.step

    @property
    def told(self) -> dict[str, Any]:
        """What an event says about it; ids and names only, as our own events do."""
        request = self.request
        return {
            "journey": request.journey,
            "run_id": str(request.run_id),
            "step": request.step,
            "occurrence": request.occurrence,
            "template": request.template,
            "purpose": request.purpose.value,
            "channel": request.channel.value,
        }

    def left(self, exit_reason: Reason | None, at: datetime) -> None:
        """Its run is over: what was still to be tried again never will be; what may be at a provider stays in doubt."""
        if self.state == "claimed":
            self.state, self.reason, self.at = Outcome.UNCONFIRMED, Reason.AMBIGUOUS, at
        elif self.state in WAITING:
            self.state, self.reason, self.at = Outcome.SKIPPED, exit_reason or self.reason or Reason.OVER, at
