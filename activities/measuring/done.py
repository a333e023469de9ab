"""What customers did at which their rules look, and how an order among it was told before.

Promise: an order that is told again is as old as its first telling, as far back as events are known; of everything else only
what was done from an instant on is read.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from uuid import UUID

from activities.measuring.values import orders_of
from journeys.policies import TAKE_BACK, Conversion
from segments.facts import Event
from store import Connection
from store.measuring import values
from store.measuring.values import Done

#: Before all events.
BEGINNING = datetime.min.replace(tzinfo=UTC)


async def done(
    connection: Connection, rules: Mapping[UUID, Collection[Conversion]], since: datetime, known_from: datetime
) -> dict[UUID, list[Event]]:
    """What customers did from an instant on, by their rules, and how an order among it was told since `known_from`."""
    types = frozenset[str]().union(TAKE_BACK, *(rule.types for some in rules.values() for rule in some))
    did = {who: _events(rows) for who, rows in (await values.done(connection, list(rules), sorted(types), since)).items()}
    orders = {(who, *order) for who, events in did.items() for rule in rules[who] for order in orders_of(rule, events)}
    told = await values.told_before(connection, orders, known_from, since)
    return {who: [*_events(told.get(who, ())), *did.get(who, ())] for who in rules}


def _events(rows: Iterable[Done]) -> list[Event]:
    return [Event(each.type, each.ts, each.properties, each.message_id) for each in rows]
