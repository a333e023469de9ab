"""Quantiles over all customers as of a date: the numbers by which "the best fifth" and "the top ten per cent" are decided.

Promise: reproducible. Only orders that had happened and had been received by that date count, so asking again for the same
date gives the same numbers; amounts that are no numbers are not counted, and merged profiles are one customer.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from segments.errors import SegmentError
from store import Database, queries

_SQL = queries("quantiles")
FIFTHS: Final = (0.2, 0.4, 0.6, 0.8)
_LEAST_AGE = timedelta(microseconds=1)
_YEAR = timedelta(days=365)


class NobodyOrdered(SegmentError):
    """Nobody ordered in the window, so there are no quantiles; choose a longer window or a later date."""


@dataclass(frozen=True, slots=True)
class Cuts:
    """What parts the customers who ordered in the window: for each share, the value that this share of them does not exceed.

    `recency` holds ages of the last order, oldest first. Pass them to `segments.library.rfm`.
    """

    as_of: datetime
    window: timedelta
    customers: int
    recency: tuple[timedelta, ...]
    frequency: tuple[int, ...]
    money: tuple[Decimal, ...]


async def cuts(
    database: Database,
    as_of: datetime,
    shares: tuple[float, ...] = FIFTHS,
    *,
    window: timedelta = _YEAR,
    order: str = "Order Completed",
    total: str = "total",
) -> Cuts:
    """The cuts of recency, frequency and money at these shares (0 to 1), as of a date; by default between fifths.

    Nearest rank: each cut is a value that some customer has. For the top ten per cent take the share 0.9 and `>`.

    Raises:
        NobodyOrdered: there is nothing to divide.
    """
    row = await database.pool.fetchrow(_SQL["cuts"], order, as_of - window, as_of, total, list(shares))
    assert row is not None, "an aggregate always answers"
    if not row["customers"]:
        raise NobodyOrdered(f"nobody did {order!r} in the {window.days} days before {as_of:%Y-%m-%d}")
    ages = tuple(max(as_of - last, _LEAST_AGE) for last in row["recency"])
    return Cuts(as_of, window, row["customers"], ages, tuple(row["frequency"]), tuple(row["money"]))
