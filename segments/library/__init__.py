"""Ready-made segments, as functions: nothing is active until a catalogue calls one and keeps what it returns.

    from journeys import did
    from segments.library import abandoned_cart, temperature

    dear_cart = abandoned_cart(over=50)
    hot, warm, cold = temperature(did("Product Viewed") | did("Product Added"))

Every cut, event and property is a parameter, and every result is an ordinary `Segment`: take its `.predicate` to build on, or
write your own from scratch. Event names and properties are those of the Segment spec where it has them.
"""

from segments.library.activity import Activity, Temperature, Visits, activity, app_friction, temperature, visits
from segments.library.feedback import Nps, confirmed_subscription, nps, technical_friction, vip_at_risk
from segments.library.interests import Answers, answers, night_visitors, topic_affinity
from segments.library.orders import (
    abandoned_cart,
    best_customers,
    cart_doubts,
    category_buyers,
    discount_buyers,
    high_value,
    location_buyers,
    only_category_buyers,
    product_buyers,
    recent_buyers,
    viewed_not_bought,
)
from segments.library.profiles import Tickets, complete_profiles, customer_type, lead_score, ticket_size
from segments.library.rfm import Rfm, rfm
from segments.library.weather import cold_weather, warm_weather

__all__ = [
    "Activity",
    "Answers",
    "Nps",
    "Rfm",
    "Temperature",
    "Tickets",
    "Visits",
    "abandoned_cart",
    "activity",
    "answers",
    "app_friction",
    "best_customers",
    "cart_doubts",
    "category_buyers",
    "cold_weather",
    "complete_profiles",
    "confirmed_subscription",
    "customer_type",
    "discount_buyers",
    "high_value",
    "lead_score",
    "location_buyers",
    "night_visitors",
    "nps",
    "only_category_buyers",
    "product_buyers",
    "recent_buyers",
    "rfm",
    "technical_friction",
    "temperature",
    "ticket_size",
    "topic_affinity",
    "viewed_not_bought",
    "vip_at_risk",
    "visits",
    "warm_weather",
]
