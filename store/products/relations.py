"""What was learnt to go with what, with its numbers.

Promise: the shop's own word on a pair is never replaced; a round replaces what the one before found, whole, in one transaction.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from store.database import Connection, Database, columns
from store.named import queries

_SQL = queries("relations")
By = Literal["orders", "views"]
#: Who has more products than this is a dealer, or a robot.
WIDEST = 200
_LONG = 3600.0


@dataclass(frozen=True, slots=True)
class Learnt:
    """A product that goes with another one.

    Attributes:
        people: Customers who have both.
        lift: How many times as many that is as by chance.
        surely: The least that the lift is, by all that chance allows.
        as_of: What had happened by then.
    """

    relation: str
    other_id: str
    by: By
    people: int
    lift: float
    surely: float
    as_of: datetime


async def sold(connection: Connection, people: int) -> tuple[int, int]:
    """Of the purchases of this transaction: products that so many customers have, and customers."""
    row = await connection.fetchrow(_SQL["sold"], people, timeout=_LONG)
    assert row is not None, "an aggregate always answers"
    return row["products"], row["people"]


@dataclass(frozen=True, slots=True)
class Baskets:
    """What customers had at one time, counted.

    Attributes:
        sizes: By the number of products in a basket: how many such baskets, and how many pairs in all of those.
        holders: Product, size, and in how many baskets of that size it is.
        customers: The sizes of a customer's baskets of two products or more, and how many customers have just these.
        pairs: Two products, and how many customers have both in a basket.
    """

    sizes: Mapping[int, tuple[int, int]]
    holders: Sequence[tuple[str, int, int]]
    customers: Sequence[tuple[Sequence[int], int]]
    pairs: Sequence[tuple[str, str, int]]


async def baskets(connection: Connection, apart: timedelta, people: int) -> Baskets:
    """The baskets of this transaction's purchases, and the pairs that so many customers have."""
    for name in ("make_basket_line", "make_basket", "make_basket_pair", "begin_baskets"):
        await connection.execute(_SQL[name])
    await connection.execute(_SQL["fill_basket_lines"], apart, WIDEST, timeout=_LONG)
    await connection.execute(_SQL["look_at_lines"], timeout=_LONG)
    await connection.execute(_SQL["fill_baskets"], timeout=_LONG)
    await connection.execute(_SQL["look_at_baskets"], timeout=_LONG)
    await connection.execute(_SQL["fill_basket_pairs"], apart, timeout=_LONG)
    sizes = {row["size"]: (row["baskets"], row["pairs"]) for row in await connection.fetch(_SQL["sizes"], timeout=_LONG)}
    holders = [
        (row["product_id"], row["size"], row["baskets"]) for row in await connection.fetch(_SQL["holders"], timeout=_LONG)
    ]
    customers = [(row["sizes"], row["people"]) for row in await connection.fetch(_SQL["customers"], timeout=_LONG)]
    found = await connection.fetch(_SQL["candidates"], people, timeout=_LONG)
    return Baskets(sizes, holders, customers, [(row["one"], row["two"], row["people"]) for row in found])


async def keep(connection: Connection, rows: Sequence[tuple[str, str, int, float, float, int]]) -> None:
    """Hold what was found until it is written: product, other, people, lift, surely, rank."""
    await connection.execute(_SQL["make_learnt"])
    await connection.execute(_SQL["begin_learnt"])
    await connection.execute(_SQL["keep_learnt"], *columns(rows, 6))


async def write(connection: Connection, by: By, relation: str, as_of: datetime) -> int:
    """Write what was found instead of what was found before; returns how many pairs stand, in both directions."""
    await connection.execute(_SQL["lock_products"], by)
    await connection.execute(_SQL["drop_learnt"], by)
    pairs: int = await connection.fetchval(_SQL["write_learnt"], by, relation, as_of)
    return pairs


async def forget(connection: Connection, by: By) -> None:
    """Nobody wants to learn this any more."""
    await connection.execute(_SQL["forget_learnt"], by)


async def learnt_of(database: Database, product: str) -> list[Learnt]:
    """What was learnt of a product, the surest first."""
    return [Learnt(**dict(row)) for row in await database.pool.fetch(_SQL["learnt_of"], product)]
