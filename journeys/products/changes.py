"""Which changes of products are told to the customers who looked at them: a lower price, and that it can be had again.

Promise: pure; what counts as a drop for a customer is decided here, by what the product cost since they looked.
"""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import ClassVar

from journeys.errors import CatalogueError

_DAY = timedelta(days=1)
_LONGEST = timedelta(days=365)


@dataclass(frozen=True)
class ProductChanges:
    """Whom a change of a product concerns: who viewed it, put it into the cart or saved it within a span.

    Args:
        within: How far back; up to a year.
    """

    name: ClassVar[str]

    within: timedelta = timedelta(days=30)

    def __post_init__(self) -> None:
        if not isinstance(self.within, timedelta) or not timedelta(hours=1) <= self.within <= _LONGEST:
            raise CatalogueError(f"{type(self).__name__}: within is from an hour to a year", remedy="write within=days(30)")


@dataclass(frozen=True)
class PriceDrops(ProductChanges):
    """`Product Price Dropped`, once per drop, to who looked at a product that costs less now than ever since.

    Args:
        within: How far back they looked at it.
        least: By which share it has to be below what it cost when they looked, or what they were told since.

    Example:
        price_drops = PriceDrops(least=0.1, within=days(30))
    """

    name = "price-drops"

    least: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.least, bool) or not isinstance(self.least, int | float) or not 0 < self.least < 1:
            raise CatalogueError("PriceDrops: least is a share between 0 and 1", remedy="write least=0.1")

    def dropped(self, price: Decimal, lowest: Decimal, looked: Decimal, told: Decimal | None = None) -> bool:
        """Whether a price is a drop: below the `lowest` since they looked, and far enough below what they know."""
        known = looked if told is None else min(looked, told)
        return price < lowest and price <= known * (1 - Decimal(str(self.least)))


@dataclass(frozen=True)
class BackInStock(ProductChanges):
    """`Product Back In Stock`, once since they looked, to who looked at a product that can be had again.

    Example:
        back = BackInStock(within=days(60))
    """

    name = "back-in-stock"
