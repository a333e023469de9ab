"""Customers who are expected to buy again are told in time, by an event of ours, like any other.

Promise: once per cycle, whoever dies when: the event and that they were told are one transaction. Whoever has bought it
meanwhile, by whatever order is known by then, is not told.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from activities.products.telling import SOURCE, number
from journeys.clock import Clock
from journeys.products.again import Replenishment
from segments.language.events import AHEAD, PURCHASE_DUE, REPLENISHMENT_DUE
from store import Connection, Database, queries
from store.deliveries.feedback import NewEvent, living, store_events
from store.products import again
from store.products.again import Due

#: Seconds from one look to the next, and customers of one transaction.
EVERY = 1.0
AT_ONCE = 500


@dataclass(frozen=True)
class Reminding:
    """The chore of the watch, and what it works with."""

    database: Database
    clock: Clock
    declared: Mapping[str, Replenishment]

    async def remind(self) -> None:
        """Tell everybody whose instant is there."""
        for what in self.declared.values():
            while await self.some(what):
                pass

    async def some(self, what: Replenishment) -> bool:
        """Tell some of them; whether there may be more."""
        now = self.clock.now()
        async with self.database.transaction() as connection:
            due = await again.to_remind(connection, what.name, now, again.lead_and_late(what.lead), AT_ONCE)
            if due:
                await self._remind(connection, what, due, now)
        return len(due) == AT_ONCE

    async def _remind(self, connection: "Connection", what: Replenishment, due: list[Due], now: datetime) -> None:
        alive = await living(connection, [each.profile_id for each in due])
        bought = await again.bought_since(connection, due, what.of.type, now + AHEAD)
        told = [alive.get(each.profile_id) == each.profile_id and n not in bought for n, each in enumerate(due)]
        await connection.execute(queries("ingest")["ensure_week"], now)
        events = [_event(what, each, now) for each, is_told in zip(due, told, strict=True) if is_told]
        await store_events(connection, events, source=SOURCE, at=now)
        rows = [(each.profile_id, each.product_id, is_told) for each, is_told in zip(due, told, strict=True)]
        await again.settle(connection, what.name, rows, now)


def _event(what: Replenishment, due: Due, now: datetime) -> NewEvent:
    cycle = f"{what.name}/{due.product_id}/{due.last_at.isoformat()}"
    told: dict[str, Any] = {"again": what.name, "cycle": cycle, "days": round(due.days, 1), "gaps": due.gaps}
    told |= {name: getattr(due, name).isoformat() for name in ("last_at", "low_at", "due_at", "high_at")}
    told |= {"product_id": due.product_id or None, "quantity": number(due.quantity), "price": number(due.price)}
    told |= {name: getattr(due, name) for name in ("name", "currency", "url", "image_url")}
    kind = PURCHASE_DUE if what.by is None else REPLENISHMENT_DUE
    properties = {name: value for name, value in told.items() if value is not None}
    return NewEvent(due.profile_id, f"again/{cycle}/{due.profile_id}", kind, now, properties)
