"""Who enters the shop's journeys."""

from journeys import Segment, did, prop, purchases, trait

abandoned_cart = Segment(
    "abandoned-cart",
    did("Product Added").within(hours=24) & ~purchases.since_last("Product Added"),
    "Put something into the cart within a day, and has not ordered since.",
)

fond_of_electric_cars = Segment(
    "fond-of-electric-cars",
    trait("interests").contains("electric cars"),
    "Says so themselves.",
)

answered_nps = Segment("answered-nps", did("NPS Answered").within(hours=4), "Has just told how likely they recommend us.")

gone_quiet = Segment(
    "gone-quiet",
    purchases.within(days=365) & ~purchases.within(days=120) & ~did("Application Opened").within(days=60),
    "Bought within the year, but not for four months, and has not opened the app for two.",
)

bought_once = Segment(
    "bought-once",
    purchases.exactly(1) & ~purchases.within(days=30),
    "One order, a month ago or longer.",
)

looked_closely = Segment(
    "looked-closely",
    did("Content Viewed").where(prop("intent") == "high").within(hours=24),
    "Looked at what only those look at who mean it.",
)

public_bodies = Segment("public-bodies", trait("customer_type") == "government", "Bodies of the state.")
