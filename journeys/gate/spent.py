"""A budget that has too little left for a message, as one of the constraints that are solved together.

Promise: pure. A budget that is spent is spent until its period ends; in the next one it is asked anew.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from journeys.contracts import Reason
from journeys.gate.budget import Budget
from journeys.gate.stretches import Stretch


@dataclass(frozen=True, slots=True)
class Spent:
    """No message until the period ends, if it ever does."""

    budget: Budget
    until: datetime | None
    reason = Reason.BUDGET

    @property
    def waits(self) -> bool:
        """Whether a message waits for the next period."""
        return self.budget.when_spent == "wait" and self.until is not None

    @property
    def told(self) -> Mapping[str, Any]:
        """The budget, as the ledger keeps it."""
        return {"budget": str(self.budget)}

    def shut(self, start: datetime, end: datetime) -> list[Stretch]:
        """From now on, to the end of the period."""
        until = end if self.until is None else self.until
        return [(start, until)] if start < until else []


def spent(budget: Budget, used: int, price: int, now: datetime, zone: str) -> Spent | None:
    """What shuts a message of this price, where so much of the period's budget has been used: messages, or millionths."""
    return Spent(budget, budget.period(now, zone)[1]) if used + price > budget.limit else None
