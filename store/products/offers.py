"""What is for sale, what goes with what, and which product a customer is offered next.

Promise: an offer is never what the customer has bought already, nor what cannot be had; the same facts give the same product.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from asyncpg import Record

from store.audit import note
from store.database import Connection, Database, columns
from store.named import queries

_SQL = queries("products")

#: How one product can stand to another: like it, better of its kind (upsell), or to go with it (cross-sell).
RELATIONS = ("similar", "better", "complementary")
#: What a product is offered for: what the customer bought last, or put into the cart last.
Anchor = Literal["bought", "added"]


@dataclass(frozen=True, slots=True)
class Product:
    """A product as the shop describes it.

    `relations` hold the ids of others, best first; a relation that is absent stays as it was told before.
    """

    id: str
    name: str
    price: Decimal | None = None
    currency: str | None = None
    url: str | None = None
    image_url: str | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)
    available: bool = True
    relations: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Told:
    """A product as it is kept, by whom it was told, and when."""

    product: Product
    by: str
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Offer:
    """A product for a customer, and what it is offered for; `fits` is false once they have it or it cannot be had."""

    product: Product
    to: Anchor
    to_id: str
    to_name: str | None
    fits: bool = True

    @property
    def told(self) -> dict[str, str]:
        """What the ledger keeps of it: enough for a retry to carry the same product."""
        return {"product": self.product.id, self.to: self.to_id}

    @property
    def goes_with(self) -> dict[str, str | None]:
        """What it is offered for, as templates name it."""
        return {"id": self.to_id, "name": self.to_name}


async def put_products(connection: Connection, products: Sequence[Product], by: str, at: datetime) -> int:
    """Keep these products and their relations, each id once, instead of what was known; returns how many are new."""
    if not products:
        return 0
    names = ("id", "name", "price", "currency", "url", "image_url", "attributes", "available")
    values = [[getattr(product, name) for product in products] for name in names]
    told = [(product.id, relation) for product in products for relation in product.relations]
    # Products first, in the order of their ids: their rows keep two writers of one product's relations apart.
    new: int = await connection.fetchval(_SQL["put_products"], *values, by, at)
    await connection.execute(_SQL["drop_relations"], *columns(told, 2))
    await connection.execute(_SQL["put_relations"], *columns(_rows(products), 4))
    await note(connection, "tell", "products", became={"products": len(products), "new": new})
    return new


async def unknown(connection: Connection, ids: Sequence[str]) -> list[str]:
    """Which of these ids no product has (yet), sorted."""
    return [row["id"] for row in await connection.fetch(_SQL["unknown"], sorted(set(ids)))]


async def product_by_id(database: Database, id_: str) -> Told | None:
    """A product with what goes with it."""
    row = await database.pool.fetchrow(_SQL["product"], id_)
    return Told(_product(row, row["relations"], available=row["available"]), row["by"], row["updated_at"]) if row else None


async def offer(
    connection: Connection, profile_id: UUID, relation: str, until: datetime, to: Anchor = "bought"
) -> Offer | None:
    """The product of this relation to what the customer bought or added last, by an instant; None when there is none."""
    return _offer(await connection.fetchrow(_SQL[f"offer_{to}"], profile_id, relation, until), to)


async def offered(
    connection: Connection, profile_id: UUID, product: str, to_id: str, until: datetime, to: Anchor = "bought"
) -> Offer | None:
    """The product that an earlier attempt picked, as it is now."""
    return _offer(await connection.fetchrow(_SQL[f"offered_{to}"], profile_id, product, to_id, until), to)


def _rows(products: Sequence[Product]) -> list[tuple[Any, ...]]:
    return [
        (product.id, relation, other, rank)
        for product in products
        for relation, others in product.relations.items()
        for rank, other in enumerate(others, 1)
    ]


def _offer(row: Record | None, to: Anchor) -> Offer | None:
    return Offer(_product(row), to, row["to_id"], row["to_name"], row["fits"]) if row else None


def _product(row: Record, relations: Mapping[str, Sequence[str]] | None = None, *, available: bool = True) -> Product:
    told = {name: row[name] for name in ("id", "name", "price", "currency", "url", "image_url", "attributes")}
    return Product(**told, available=available, relations=relations or {})
