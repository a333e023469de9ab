"""What is learnt to go with what: products that the same customers buy together, or look at one after the other.

Promise: a pair stands only where more customers have both than chance gives, by a bound that holds for all pairs at once, and
never instead of what the shop itself says.
"""

import hashlib
from dataclasses import astuple, dataclass
from datetime import timedelta
from typing import ClassVar, Literal

from journeys.errors import CatalogueError
from segments import did
from segments.leaves.did import Did

_DAY = timedelta(days=1)
#: Fewer would tell of somebody.
_FEWEST_PEOPLE = 5
_MOST = 50
_LONGEST = timedelta(days=2 * 365)


@dataclass(frozen=True)
class Together:
    """Products that customers have together.

    Args:
        within: How far back it is looked.
        apart: Two products of a customer count as a pair where no more than this lies between them.
        people: So many customers at least have to have both.
        lift: So many times as many as by chance, at the least that chance allows.
        most: So many others of each product, the surest first.
        every: How often it is worked out anew.
    """

    name: ClassVar[str]
    relation: ClassVar[Literal["complementary", "similar"]]
    by: ClassVar[Literal["orders", "views"]]
    event: ClassVar[str]

    within: timedelta = timedelta(days=180)
    apart: timedelta = _DAY
    people: int = 10
    lift: float = 1.2
    most: int = 10
    every: timedelta = _DAY

    def __post_init__(self) -> None:
        whose = type(self).__name__
        if not isinstance(self.within, timedelta) or not _DAY <= self.within <= _LONGEST:
            raise CatalogueError(f"{whose}: within is from a day to two years", remedy="write within=days(180)")
        if not isinstance(self.apart, timedelta) or not timedelta(0) <= self.apart <= self.within:
            raise CatalogueError(f"{whose}: apart is a span, no longer than within", remedy="write apart=days(1)")
        if type(self.people) is not int or self.people < _FEWEST_PEOPLE:
            raise CatalogueError(f"{whose}: people is a number, {_FEWEST_PEOPLE} or more", remedy="write people=10")
        if isinstance(self.lift, bool) or not isinstance(self.lift, int | float) or not self.lift >= 1:
            raise CatalogueError(f"{whose}: lift is a number, 1 (chance) or more", remedy="write lift=1.2")
        if type(self.most) is not int or not 1 <= self.most <= _MOST:
            raise CatalogueError(f"{whose}: most is a number from 1 to {_MOST}", remedy="write most=10")
        if not isinstance(self.every, timedelta) or self.every < timedelta(hours=1):
            raise CatalogueError(f"{whose}: every is a span of an hour or more", remedy="write every=days(1)")

    @property
    def of(self) -> Did:
        """The events that say who has what."""
        return did(self.event).within(self.within)

    @property
    def version(self) -> str:
        """A stable hash of what it means."""
        return hashlib.sha256(repr((self.name, astuple(self))).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class BoughtTogether(Together):
    """What goes with a product (`complementary`): bought by the same customers, in one order or soon after, and kept.

    Example:
        goes_together = BoughtTogether(within=days(180), people=10)
    """

    name = "bought-together"
    relation = "complementary"
    by = "orders"
    event = "Order Completed"


@dataclass(frozen=True)
class SeenTogether(Together):
    """What is like a product (`similar`): looked at by the same customers within the hour.

    Example:
        alike = SeenTogether(within=days(60))
    """

    name = "seen-together"
    relation = "similar"
    by = "views"
    event = "Product Viewed"

    apart: timedelta = timedelta(hours=1)
