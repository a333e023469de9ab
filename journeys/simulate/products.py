"""What a simulated shop sells, what goes with what, and which product a customer is offered next.

Promise: the same pick as the store's (`store/queries/products.sql`): never what was bought, nor what cannot be had.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from journeys.contracts import Channel
from journeys.questions import Titles
from journeys.simulate.customers import Customer

#: How one product can stand to another (`store/products.py`).
RELATIONS = ("similar", "better", "complementary")
_ORDERED = "Order Completed"


@dataclass(frozen=True, slots=True)
class Wish:
    """What a template asks for: a product of a relation, an open service window; and what it shows to be tapped."""

    relation: str | None = None
    free_form: bool = False
    titles: Titles = ()


Wishes = Callable[[Channel, str], Wish]
NOTHING = Wish()


def no_wish(_channel: Channel, _template: str) -> Wish:
    """No template asks for anything."""
    return NOTHING


@dataclass(frozen=True, slots=True)
class Product:
    """What is for sale; `relations` hold the ids of others, best first."""

    id: str
    available: bool = True
    relations: Mapping[str, Sequence[str]] = field(default_factory=dict)


class Shelf:
    """The products by id, and what each template wants of them."""

    def __init__(self, wishes: Wishes) -> None:
        self.wish = wishes
        self.products: dict[str, Product] = {}

    def put(self, product: Product) -> None:
        """One more, or what is known of it now."""
        self.products[product.id] = product

    def offer(self, who: Customer, relation: str | None, until: datetime, before: str | None) -> dict[str, str] | None:
        """What the ledger would keep of the product of a relation to the last purchase; an earlier pick, while it fits."""
        lines = list(_bought(who, until)) if relation else []
        if not lines or relation is None:
            return None
        last, owned = max(lines, key=lambda line: line[0])[1], {product for _, product in lines}
        others = self.products[last].relations.get(relation, ()) if last in self.products else ()
        picked = next((each for each in _earlier_first(others, before) if self._fits(each, owned)), None)
        return {"product": picked, "bought": last} if picked else None

    def _fits(self, id_: str, owned: set[str]) -> bool:
        return id_ in self.products and self.products[id_].available and id_ not in owned


def _earlier_first(others: Sequence[str], before: str | None) -> Sequence[str]:
    return [before, *others] if before in others and before is not None else others


def _bought(who: Customer, until: datetime) -> Iterator[tuple[tuple[Any, ...], str]]:
    """The lines of all orders, each with what sorts it: the newest order, of its lines the dearest, of these the first."""
    for event in who.events.get(_ORDERED, ()):
        told = event.properties.get("products")
        if event.ts <= until and isinstance(told, list):
            for n, line in enumerate(told):
                if isinstance(line, dict) and isinstance(line.get("product_id"), str | int):
                    yield (event.ts, event.message_id or "", _price(line), -n), str(line["product_id"])


def _price(line: Mapping[str, Any]) -> Decimal:
    price = line.get("price")
    return Decimal(str(price)) if type(price) in (int, float, Decimal) else Decimal("-Infinity")
