"""The product that a template asks for: `product: {relation: complementary, to: last purchase}`, or `to: last added`.

Promise: what it asks for is known when the catalogue is loaded; which product that is for a customer, the store says when the
message is claimed.
"""

from dataclasses import dataclass

from activities.templating.errors import Problem
from activities.templating.source import Source, Text
from store.products.offers import RELATIONS, Anchor

#: What a product can be related to.
ANCHORS: dict[str, Anchor] = {"last purchase": "bought", "last added": "added"}
_FORM = f"product: {{relation: {', '.join(RELATIONS[:-1])} or {RELATIONS[-1]}, to: {' or '.join(ANCHORS)}}}"


@dataclass(frozen=True, slots=True)
class ProductWish:
    """One product of this relation to the last one that the customer bought, or put into the cart."""

    relation: str
    to: Anchor = "bought"


def wish_of(source: Source) -> tuple[ProductWish | None, list[Problem]]:
    """What a template asks for, and what is wrong with that."""
    field = source.fields.get("product")
    if field is None:
        return None, []
    told = {name: text.value for name, text in source.mapped("product").items()} if isinstance(field, dict) else {}
    if set(told) == {"relation", "to"} and told["relation"] in RELATIONS and told["to"] in ANCHORS:
        return ProductWish(told["relation"], ANCHORS[told["to"]]), []
    first = next(iter(field.values()), None) if isinstance(field, dict) else field
    return None, [Problem(source.file, first.line if isinstance(first, Text) else 1, f"it must say {_FORM}")]
