"""Carts and orders: who left what behind, who bought what, how much and with which discount."""

from datetime import timedelta
from decimal import Decimal

from segments import Predicate, Segment, any_item, did, prop, top, trait

Money = int | Decimal
ADDED, BOUGHT, VIEWED = "Product Added", "Order Completed", "Product Viewed"


def abandoned_cart(*, over: Money | None = None, hours: float = 24, name: str = "abandoned-cart") -> Segment:
    """Put something into the cart lately (one product of more than `over`, if given), and has not ordered since.

    The price is that of one product, not of the cart: two of 30 are not one of more than 50. An order after the dear product
    was put in took it along, whatever was put in later.
    """
    added = did(ADDED).within(timedelta(hours=hours))
    left = added & ~did(BOUGHT).since_last(ADDED) if over is None else added.where(prop("price") > over).without(BOUGHT)
    return Segment(name, left, "Left something in the cart.")


def cart_doubts(
    *, asked: str = "Agent Asked", by: str = "topic", topic: str = "returns", hours: float = 24, name: str = "cart-doubts"
) -> Segment:
    """Left something in the cart lately, and has asked about a topic since: on the web, in a chat, of an agent."""
    doubt = did(asked).where(prop(by) == topic).since_last(ADDED)
    return Segment(name, abandoned_cart(hours=hours).predicate & doubt, f"A cart, and a question about {topic}.")


def viewed_not_bought(*, days: int = 7, name: str = "viewed-not-bought") -> Segment:
    """Looked at a product lately, and has not ordered since."""
    return Segment(name, did(VIEWED).within(days=days) & ~did(BOUGHT).since_last(VIEWED), "Looked, did not buy.")


def recent_buyers(*, days: int = 30, name: str = "recent-buyers") -> Segment:
    """Ordered in the last days."""
    return Segment(name, did(BOUGHT).within(days=days), f"Ordered in the last {days} days.")


def high_value(amount: Money, *, days: int = 365, total: str = "total", name: str = "high-value") -> Segment:
    """Ordered for at least this amount in all, in the last days."""
    spent = did(BOUGHT).within(days=days).total(total)
    return Segment(name, spent >= amount, f"Spent at least {amount} in {days} days.")


def best_customers(
    percent: int | Decimal = 10, *, days: int = 365, total: str = "total", name: str = "best-customers"
) -> Segment:
    """The best so many per cent of who ordered in the last days, by what they spent; the threshold is renewed at 00:00 UTC."""
    spent = did(BOUGHT).within(days=days).total(total)
    return Segment(name, top(percent, spent), f"The top {percent} % by what they spent in {days} days.")


def product_buyers(product: str, *, name: str = "product-buyers") -> Segment:
    """Ever bought a product, by `product_id`."""
    return Segment(name, _bought(prop("product_id") == product), f"Bought {product}.")


def category_buyers(category: str, *, name: str = "category-buyers") -> Segment:
    """Ever bought something of a category."""
    return Segment(name, _bought(prop("category") == category), f"Bought something of {category}.")


def only_category_buyers(category: str, *, name: str = "only-category-buyers") -> Segment:
    """Bought something of a category, and never anything else (a product without a category is something else)."""
    of_it = prop("category") == category
    return Segment(name, _bought(of_it) & ~_bought(~of_it), f"Bought nothing but {category}.")


def discount_buyers(*, at_least: int = 1, days: int = 365, name: str = "discount-buyers") -> Segment:
    """Ordered with a discount or a coupon, at least so often in the last days."""
    cheaper = did(BOUGHT).where((prop("discount") > 0) | prop("coupon").filled())
    return Segment(name, cheaper.at_least(at_least).within(days=days), "Buys with discounts.")


def location_buyers(*cities: str, days: int = 365, name: str = "location-buyers") -> Segment:
    """Ordered in the last days, and lives in one of these cities."""
    return Segment(name, did(BOUGHT).within(days=days) & trait("address.city").in_(*cities), "Buyers of a place.")


def _bought(what: Predicate) -> Predicate:
    return did(BOUGHT).where(any_item("products", what))
