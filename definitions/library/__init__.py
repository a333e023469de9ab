"""Ready-made segments, as functions: nothing is active until a catalogue calls one and keeps what it returns.

    from definitions.library import abandoned_cart, temperature

    dear_cart = abandoned_cart(over=50)
    hot, warm, cold = temperature(did("Product Viewed") | did("Product Added"))

Every cut, event and property is a parameter, and every result is an ordinary `Segment`: take its `.predicate` to build on, or
write your own from scratch. Event names and properties are those of the Segment spec where it has them.
"""

from definitions.library.activity import Activity, Temperature, Visits, activity, temperature, visits
from definitions.library.feedback import Nps, nps, technical_friction, vip_at_risk
from definitions.library.interests import Answers, answers, night_visitors, topic_affinity
from definitions.library.orders import (
    abandoned_cart,
    best_customers,
    category_buyers,
    discount_buyers,
    high_value,
    location_buyers,
    only_category_buyers,
    product_buyers,
    recent_buyers,
    viewed_not_bought,
)
from definitions.library.profiles import Tickets, complete_profiles, customer_type, lead_score, persona, ticket_size
from definitions.library.rfm import Rfm, rfm
from definitions.library.weather import cold_weather, warm_weather

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
    "best_customers",
    "category_buyers",
    "cold_weather",
    "complete_profiles",
    "customer_type",
    "discount_buyers",
    "high_value",
    "lead_score",
    "location_buyers",
    "night_visitors",
    "nps",
    "only_category_buyers",
    "persona",
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
