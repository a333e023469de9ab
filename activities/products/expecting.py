"""Who is expected to buy what again, and when: worked out of what customers have bought."""

from datetime import datetime

from journeys.products.again import Replenishment
from segments.ask.bought import purchases
from store import Connection
from store.products import again, rounds


async def expect(connection: "Connection", what: Replenishment, at: datetime) -> str:
    """One round, inside the caller's transaction; what came of it, in words."""
    await purchases(connection, what.events, at, line=what.line, whole=what.by is None)
    came = await again.expect(connection, what.name, at, what.lead, what.people)
    await rounds.done(connection, what.name, at, came)
    return f"{what.name}: {came['people']:,} customers are expected again, {came['expected']:,} times in all"
