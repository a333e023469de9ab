"""Changes of products' prices and stock, and how far customers have been told of each.

Promise: a change is written in the transaction that made it, whoever that was (a trigger); those who are told, and how far that
has come, are written together.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from store.database import Connection, Database
from store.named import queries

_SQL = queries("product_changes")
_KEPT = timedelta(days=400)
_NOBODY = UUID(int=0)
_LONG = 600.0


@dataclass(frozen=True, slots=True)
class Change:
    """A change that is being told, with the product as it is now."""

    id: int
    product_id: str
    at: datetime
    price: Decimal | None
    currency: str | None
    was_price: Decimal | None
    was_currency: str | None
    was_available: bool
    told_to: UUID | None
    name: str
    url: str | None
    image_url: str | None
    still_available: bool
    still_costs: bool


@dataclass(frozen=True, slots=True)
class Looker:
    """Somebody who looked at a product, and what they know of its price."""

    profile_id: UUID
    looked_at: datetime
    looked_price: Decimal | None
    lowest_price: Decimal | None
    told_price: Decimal | None
    told_back: bool
    has_bought: bool


@dataclass(frozen=True, slots=True)
class Told:
    """A change, and how many customers were told of it."""

    id: int
    product_id: str
    at: datetime
    price: Decimal | None
    currency: str | None
    available: bool
    was_price: Decimal | None
    was_available: bool
    dropped: int
    back: int
    done_at: datetime | None
    why: str | None


async def let_be(database: Database, now: datetime, why: str) -> None:
    """Nobody is to be told of what changed so far."""
    await database.pool.execute(_SQL["let_be"], now, why)


async def oldest(connection: Connection) -> Change | None:
    """The oldest change of which not everybody has been told, locked."""
    row = await connection.fetchrow(_SQL["oldest"])
    return None if row is None else Change(**dict(row))


async def lookers(
    connection: Connection, change: Change, since: datetime, now: datetime, most: int, events: tuple[str, str]
) -> list[Looker]:
    """The next of those who looked at the product since an instant, up to the change; `events` told them of price and stock."""
    asked = change.product_id, since, change.at, change.currency, change.told_to or _NOBODY, most, change.id, now, *events
    return [Looker(**dict(row)) for row in await connection.fetch(_SQL["lookers"], *asked, timeout=_LONG)]


async def told(connection: Connection, change: Change, to: UUID, dropped: int, back: int, why: str | None) -> None:
    """Write down how far it has come, and why nobody of these was told."""
    await connection.execute(_SQL["told"], change.id, to, dropped, back, why)


async def finish(
    connection: Connection, change: Change, now: datetime, why: str | None = None, *, nobody: str | None = None
) -> None:
    """There is nobody else to tell of a change (`nobody`: why, if nobody was told); what nobody looks back to any more goes."""
    await connection.execute(_SQL["finish"], change.id, now, why, nobody)
    await connection.execute(_SQL["forget"], change.product_id, now - _KEPT)


async def changes(database: Database, product: str | None = None, most: int = 100) -> list[Told]:
    """Changes, the newest first, of one product or of all."""
    return [Told(**dict(row)) for row in await database.pool.fetch(_SQL["list"], product, most)]
