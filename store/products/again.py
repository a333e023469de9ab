"""When customers are expected to buy again, and who was told.

Promise: once per cycle, which is the purchase before; what a round finds replaces what the one before found, at once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from store.database import Connection, Database, columns
from store.named import queries

_SQL = queries("again")
Standing = Literal["to be told", "told", "bought meanwhile", "too late"]
_LONG = 3600.0


def lead_and_late(lead: timedelta) -> timedelta:
    """How long after its instant somebody is still told: the lead, and as long again, or a day."""
    return lead + max(lead, timedelta(days=1))


@dataclass(frozen=True, slots=True)
class Due:
    """Somebody to be told now, with the product as the shop tells it."""

    profile_id: UUID
    product_id: str
    last_at: datetime
    quantity: Decimal
    gaps: int
    days: float
    low_at: datetime
    due_at: datetime
    high_at: datetime
    name: str | None
    price: Decimal | None
    currency: str | None
    url: str | None
    image_url: str | None


@dataclass(frozen=True, slots=True)
class Expected:
    """When a customer is expected to buy something again, and why.

    Attributes:
        product_id: Empty where it is asked of anything at all.
        gaps: Of the customer's own that it goes by.
        typical: Days that a piece lasts most customers, where enough of them are known.
        days: How long what they have is expected to last.
        remind_at: When they are told; None once it is settled, until they buy again.
    """

    again: str
    product_id: str
    name: str | None
    last_at: datetime
    quantity: Decimal
    gaps: int
    typical: float | None
    days: float
    low_at: datetime
    due_at: datetime
    high_at: datetime
    remind_at: datetime | None
    told_at: datetime | None
    as_of: datetime

    def standing(self, now: datetime) -> Standing:
        """Whether they are told, were, or neither: they have bought it meanwhile, or it is too late."""
        if self.remind_at is None:
            return "bought meanwhile" if self.told_at is None else "told"
        return "to be told" if now < self.remind_at + lead_and_late(self.due_at - self.remind_at) else "too late"


async def expect(connection: Connection, again: str, at: datetime, lead: timedelta, people: int) -> Mapping[str, int]:
    """Work out of this transaction's purchases who is expected when, instead of what was; returns counts."""
    await connection.execute(_SQL["expect"], again, at, lead, people, timeout=_LONG)
    await connection.execute(_SQL["drop_stale"], again, at, timeout=_LONG)
    row = await connection.fetchrow(_SQL["came"], again)
    assert row is not None, "an aggregate always answers"
    return dict(row)


async def forget(connection: Connection, again: str) -> None:
    """The catalogue does not ask this any more."""
    await connection.execute(_SQL["forget"], again)


async def to_remind(connection: Connection, again: str, now: datetime, late: timedelta, most: int) -> list[Due]:
    """Some whose instant is there, and not too long ago; locked."""
    return [Due(**dict(row)) for row in await connection.fetch(_SQL["to_remind"], again, now, late, most)]


async def bought_since(connection: Connection, due: Sequence[Due], type_: str, now: datetime) -> set[int]:
    """The places of those who have bought it since, by events of a type."""
    asked = columns([(each.profile_id, each.product_id, each.last_at) for each in due], 3)
    return {row["n"] - 1 for row in await connection.fetch(_SQL["bought_since"], *asked, type_, now)}


async def settle(connection: Connection, again: str, rows: Sequence[tuple[UUID, str, bool]], now: datetime) -> None:
    """These are done with until they buy again; some of them were told."""
    await connection.execute(_SQL["settle"], again, *columns(rows, 3), now)


async def of_customer(connection: Connection, customer: UUID) -> list[Expected]:
    """When a customer is expected to buy what again, the next first."""
    return [Expected(**dict(row)) for row in await connection.fetch(_SQL["of_customer"], customer)]


async def soon(database: Database, again: str, now: datetime, most: int) -> list[tuple[UUID, Expected]]:
    """Who is told next, of one declaration."""
    found: list[tuple[UUID, Expected]] = []
    for row in await database.pool.fetch(_SQL["soon"], again, now, most):
        plain: dict[str, Any] = dict(row)
        found.append((plain.pop("profile_id"), Expected(**plain)))
    return found
