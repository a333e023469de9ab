"""A customer's habits, looked up for a message that wants to go in their best hour; and those of all, kept beside it.

Promise: no other message pays for it, and a shop without such messages keeps nothing.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from journeys.clock import Clock
from journeys.contracts import DeliverRequest, JourneySpec
from journeys.gate.habits import Habits
from journeys.gate.learning import ACTIVITY, FEWEST_HOURS, MACHINE, SINCE, best_hour_until, habits_of
from segments.time.zones import Whereabouts
from store import Connection, Database
from store.customers import habits as stored
from store.deliveries.ledger import RunFacts

#: How old the shares of all customers may become.
RENEWED = timedelta(days=1)


async def habits(
    connection: Connection, request: DeliverRequest, spec: JourneySpec, facts: RunFacts, where: Whereabouts, now: datetime
) -> Habits | None:
    """The customer's habits, where the message waits for its best hour and enough is known of them."""
    until = best_hour_until(request, spec, now)
    if until is None:
        return None
    moments, shares = await stored.active(connection, facts.profile_id, ACTIVITY, now - SINCE, now, MACHINE)
    if shares is None:
        await stored.want_population(connection)
    return habits_of(moments, where, spec.timezone, until, shares)


@dataclass(frozen=True, slots=True)
class Population:
    """The habits of all customers."""

    database: Database
    clock: Clock

    async def renew(self) -> None:
        """Take them anew, if somebody asks for them and a day has passed."""
        now = self.clock.now()
        await stored.renew_population(self.database, ACTIVITY, now - SINCE, now, now - RENEWED, MACHINE, FEWEST_HOURS)
