"""A message of a simulated run, as the ledger would have it."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from journeys.contracts import DeliverRequest, Reason
from journeys.simulate.customers import Customer


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
    put_off: tuple[Reason, ...] = ()
    #: The other journeys that kept it back, each time it was asked for, and why.
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
