"""What was learnt to go with what, with its numbers.

Promise: the shop's own word on a pair is never replaced; a round replaces what the one before found, whole, in one transaction.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from store.database import Connection, Database
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


async def learn(connection: Connection, apart: timedelta, people: int, deviations: float, lift: float, most: int) -> None:
    """Find the pairs of this transaction's purchases that more customers have than by chance."""
    await connection.execute(_SQL["make_learnt"])
    await connection.execute(_SQL["begin_learnt"])
    await connection.execute(_SQL["learn"], apart, people, deviations, lift, most, WIDEST, timeout=_LONG)


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
