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

#: How one product can stand to another (`store/products/offers.py`).
RELATIONS = ("similar", "better", "complementary")
_ORDERED = "Order Completed"
_ADDED, _REMOVED = "Product Added", "Product Removed"


@dataclass(frozen=True, slots=True)
class Wish:
    """What a template asks for: a product of a relation, an open service window; and what it shows to be tapped.

    `to` is what the product goes with: what was bought last, or added to the cart last.
    """

    relation: str | None = None
    free_form: bool = False
    titles: Titles = ()
    to: str = "bought"


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

    def offer(self, who: Customer, wish: Wish, until: datetime, before: str | None) -> dict[str, str] | None:
        """What the ledger would keep of a product for the last purchase or addition; an earlier pick, while it fits."""
        if wish.relation is None:
            return None
        lines = list(_bought(who, until))
        theirs = {product for _, product in lines}
        if wish.to == "added":
            cart = _in_cart(who, until)
            last, theirs = (cart[-1] if cart else None), theirs | {*cart}
        else:
            last = max(lines, key=lambda line: line[0])[1] if lines else None
        others = self.products[last].relations.get(wish.relation, ()) if last in self.products else ()
        picked = next((each for each in _earlier_first(others, before) if self._fits(each, theirs)), None)
        return {"product": picked, wish.to: last} if picked and last else None

    def _fits(self, id_: str, theirs: set[str]) -> bool:
        return id_ in self.products and self.products[id_].available and id_ not in theirs


def _earlier_first(others: Sequence[str], before: str | None) -> Sequence[str]:
    return [before, *others] if before in others and before is not None else others


def _in_cart(who: Customer, until: datetime) -> list[str]:
    """What stands in the cart, the last addition at the end: since the last order, and not taken out again."""
    ordered = max((event.ts for event in who.events.get(_ORDERED, ()) if event.ts <= until), default=None)
    said: dict[str, tuple[Any, ...]] = {}
    for kind in (_ADDED, _REMOVED):
        for event in who.events.get(kind, ()):
            product = event.properties.get("product_id")
            if event.ts > until or (ordered is not None and event.ts <= ordered) or not _is_id(product):
                continue
            when = (event.ts, kind == _REMOVED, event.message_id or "")
            said[str(product)] = max(said.get(str(product), when), when)
    return [product for product, (_, gone, _) in sorted(said.items(), key=lambda each: (each[1][0], each[1][2])) if not gone]


def _bought(who: Customer, until: datetime) -> Iterator[tuple[tuple[Any, ...], str]]:
    """The lines of all orders, each with what sorts it: the newest order, of its lines the dearest, of these the first."""
    for event in who.events.get(_ORDERED, ()):
        told = event.properties.get("products")
        if event.ts <= until and isinstance(told, list):
            for n, line in enumerate(told):
                if isinstance(line, dict) and _is_id(line.get("product_id")):
                    yield (event.ts, event.message_id or "", _price(line), -n), str(line["product_id"])


def _is_id(told: Any) -> bool:
    return isinstance(told, str | int) and not isinstance(told, bool)


def _price(line: Mapping[str, Any]) -> Decimal:
    price = line.get("price")
    return Decimal(str(price)) if type(price) in (int, float, Decimal) else Decimal("-Infinity")
