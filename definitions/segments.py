"""Who enters the shop's journeys."""

from journeys import Segment, did, purchases

abandoned_cart = Segment(
    "abandoned-cart",
    did("Product Added").within(hours=24) & ~purchases.since_last("Product Added"),
    "Put something into the cart within a day, and has not ordered since.",
)
