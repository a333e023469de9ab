"""Customers are told that a product which they looked at costs less, or can be had again: by events of ours, like any other.

Promise: once per drop and customer, whoever dies when: a part of the customers, their events and how far it has come are one
transaction, and one change is told after the other. A price that has moved on meanwhile is told no more.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from journeys.clock import Clock
from journeys.products.changes import BackInStock, PriceDrops, ProductChanges
from segments.language.events import BACK_IN_STOCK, PRICE_DROPPED
from store import Connection, Database, queries
from store.deliveries.feedback import NewEvent, living, store_events
from store.products import changes
from store.products.changes import Change, Looker

#: Seconds from one look to the next, and customers of one transaction.
EVERY = 1.0
AT_ONCE = 2_000
#: A change that is older when its turn comes is told to nobody: it is no news.
_LATE = timedelta(days=1)
SOURCE = "products"


@dataclass(frozen=True)
class Telling:
    """The chore of the watch, and what it works with."""

    database: Database
    clock: Clock
    declared: Mapping[str, ProductChanges]

    @property
    def drops(self) -> PriceDrops | None:
        """What is declared of prices."""
        found = self.declared.get(PriceDrops.name)
        return found if isinstance(found, PriceDrops) else None

    @property
    def back(self) -> BackInStock | None:
        """What is declared of stock."""
        found = self.declared.get(BackInStock.name)
        return found if isinstance(found, BackInStock) else None

    async def tell(self) -> None:
        """Tell everybody of all that has changed."""
        if not self.declared:
            await changes.let_be(self.database, self.clock.now(), "the catalogue declares neither PriceDrops nor BackInStock")
            return
        while await self.some():
            pass

    async def some(self) -> bool:
        """Tell a part of the customers of the oldest change; whether there is more to do."""
        now = self.clock.now()
        async with self.database.transaction() as connection:
            change = await changes.oldest(connection)
            if change is None:
                return False
            if why := self._no_news(change, now):
                await changes.finish(connection, change, now, why)
                return True
            within = max(each.within for each in self.declared.values())
            found = await changes.lookers(connection, change, change.at - within, now, AT_ONCE, (PRICE_DROPPED, BACK_IN_STOCK))
            await self._tell(connection, change, found, now)
            if len(found) < AT_ONCE:
                await changes.finish(connection, change, now, nobody=self._why_nobody(change, found, []))
            return True

    def _no_news(self, change: Change, now: datetime) -> str | None:
        """Why nobody is told any more."""
        if now - change.at > _LATE:
            return "it was older than a day when its turn came"
        if not change.still_available:
            return "it cannot be had any more"
        if not change.still_costs:
            return "its price has moved on"
        return None

    def _why_nobody(self, change: Change, found: list[Looker], who: list[Looker]) -> str:
        """Why nobody of those who were found was told, of whom `who` might have been."""
        falls, returns = self.drops is not None and _falls(change), self.back is not None and not change.was_available
        if not falls and not returns:
            return "the catalogue declares nothing for such a change"
        if not found:
            return "nobody looked at it in the time that the catalogue says"
        if not who:
            return "who looked at it has bought it since"
        if falls and all(each.looked_price is None for each in who):
            return "its price when they looked is not known"
        if falls:
            return "it is not so much less than the price that they know"
        return "they looked too long ago, or know that it is back"

    async def _tell(self, connection: "Connection", change: Change, found: list[Looker], now: datetime) -> None:
        if not found:
            return
        alive = await living(connection, [each.profile_id for each in found])
        who = [each for each in found if alive.get(each.profile_id) == each.profile_id and not each.has_bought]
        dropped = [event for each in who for event in self._dropped(change, each, now)]
        back = [event for each in who for event in self._back(change, each, now)]
        if dropped or back:
            await connection.execute(queries("ingest")["ensure_week"], now)
        new = await store_events(connection, [*dropped, *back], source=SOURCE, at=now)
        count = sum(each.type == PRICE_DROPPED for each in new)
        why = None if new else self._why_nobody(change, found, who)
        await changes.told(connection, change, found[-1].profile_id, count, len(new) - count, why)

    def _dropped(self, change: Change, who: Looker, now: datetime) -> Iterator[NewEvent]:
        drops, price, looked, lowest = self.drops, change.price, who.looked_price, who.lowest_price
        if drops is None or price is None or looked is None or lowest is None or who.looked_at <= change.at - drops.within:
            return
        if _falls(change) and drops.dropped(price, lowest, looked, who.told_price):
            known = looked if who.told_price is None else min(looked, who.told_price)
            more = {"old_price": number(known), "lowest_price": number(lowest)}
            yield _event("price-drop", PRICE_DROPPED, change, who, now, more)

    def _back(self, change: Change, who: Looker, now: datetime) -> Iterator[NewEvent]:
        if self.back is None or change.was_available or who.told_back or who.looked_at <= change.at - self.back.within:
            return
        yield _event("back-in-stock", BACK_IN_STOCK, change, who, now, {})


def _falls(change: Change) -> bool:
    if change.price is None or change.was_price is None:
        return False
    return change.was_currency == change.currency and change.price < change.was_price


def _event(what: str, type_: str, change: Change, who: Looker, now: datetime, more: Mapping[str, Any]) -> NewEvent:
    told = {"product_id": change.product_id, "name": change.name, "price": number(change.price), "currency": change.currency}
    told |= {"url": change.url, "image_url": change.image_url, "change_id": f"{change.product_id}/{change.id}"}
    properties = {name: value for name, value in {**told, **more}.items() if value is not None}
    return NewEvent(who.profile_id, f"{what}/{change.id}/{who.profile_id}", type_, now, properties)


def number(price: Decimal | None) -> int | float | None:
    """As events of the Segment spec tell an amount."""
    return None if price is None else int(price) if price == price.to_integral() else float(price)
