"""When customers are expected to buy something again, and how long before that they are reminded.

Promise: pure; `next_purchase` asks the same of anything at all.
"""

import hashlib
import re
from dataclasses import dataclass
from datetime import timedelta
from json import dumps
from typing import Any

from journeys.errors import CatalogueError
from segments import Predicate
from segments.language.documents import check_fields
from segments.leaves.did import Did

_DAY = timedelta(days=1)
_NAME = re.compile(r"[a-z][a-z0-9-]{0,62}")
_FEWEST_PEOPLE = 5
_LONGEST = timedelta(days=2 * 365)
PRODUCT = "product_id"


@dataclass(frozen=True, eq=False)
class Replenishment:
    """`Replenishment Due`, once per cycle of a customer and a product, so long before they are expected to buy it again.

    Args:
        name: Lower case, with hyphens.
        of: The purchases: `did("Order Completed")`, narrowed by `.where(…)` or `.within(…)`; else those of two years.
        by: What is bought again: "product_id", each product for itself; None: anything at all (`next_purchase`).
        lead: How long before the expected date they are told.
        line: Which products: `prop("category") == "coffee"`, asked of each line of `products`.
        people: So many customers have to have bought a product again before others are expected to as they did.
        every: How often it is worked out anew.

    Example:
        coffee = Replenishment("coffee-again", of=did("Order Completed"), line=prop("category") == "coffee", lead=days(3))
    """

    name: str
    of: Did
    by: str | None = PRODUCT
    lead: timedelta = timedelta(days=3)
    line: Predicate | None = None
    people: int = 10
    every: timedelta = _DAY

    def __post_init__(self) -> None:
        whose = f"Replenishment({self.name!r})"
        if not isinstance(self.name, str) or not _NAME.fullmatch(self.name):
            raise CatalogueError(f"{whose} is no name", remedy='write it in lower case: Replenishment("coffee-again", …)')
        if not isinstance(self.of, Did) or self.of.counted or self.of.since is not None or self.of.then_ is not None:
            raise CatalogueError(f"{whose}: of are events, not how often they happened", remedy='write did("Order Completed")')
        if self.by not in (PRODUCT, None):
            raise CatalogueError(
                f"{whose}: what is bought again is a product", remedy='write by="product_id", or next_purchase(…)'
            )
        if not isinstance(self.lead, timedelta) or not timedelta(0) <= self.lead <= timedelta(days=90):
            raise CatalogueError(f"{whose}: lead is a span of up to 90 days", remedy="write lead=days(3)")
        if type(self.people) is not int or self.people < _FEWEST_PEOPLE:
            raise CatalogueError(f"{whose}: people is a number, {_FEWEST_PEOPLE} or more", remedy="write people=10")
        if not isinstance(self.every, timedelta) or self.every < timedelta(hours=1):
            raise CatalogueError(f"{whose}: every is a span of an hour or more", remedy="write every=days(1)")
        if self.line is not None:
            check_fields(f"{whose}, line", self.line)

    @property
    def events(self) -> Did:
        """The purchases that are looked at."""
        return self.of if self.of.window is not None else self.of.within(_LONGEST)

    @property
    def version(self) -> str:
        """A stable hash of what it means."""
        line = None if self.line is None else self.line.to_json()
        meant: list[Any] = [self.of.to_json(), self.by, self.lead.total_seconds(), line, self.people]
        return hashlib.sha256(dumps(meant, sort_keys=True).encode()).hexdigest()[:16]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Replenishment) and (self.name, self.version) == (other.name, other.version)

    def __hash__(self) -> int:
        return hash((self.name, self.version))


def next_purchase(
    name: str, of: Did, lead: timedelta = timedelta(0), *, people: int = 10, every: timedelta = _DAY
) -> Replenishment:
    """`Next Purchase Due`, so long before a customer is expected to buy anything again.

    Example:
        back_soon = next_purchase("back-soon", of=did("Order Completed"), lead=days(2))
    """
    return Replenishment(name, of, by=None, lead=lead, people=people, every=every)
