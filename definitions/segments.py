"""Who enters the shop's journeys."""

from journeys import Prediction, Segment, days, did, engagement, member_of, prop, purchases, rfm, trait
from segments.library import (
    app_friction,
    cart_doubts,
    high_value,
    night_visitors,
    technical_friction,
    temperature,
    vip_at_risk,
)

abandoned_cart = Segment(
    "abandoned-cart",
    did("Product Added").within(hours=24) & ~purchases.since_last("Product Added"),
    "Put something into the cart within a day, and has not ordered since.",
)

doubting = cart_doubts()

interested_in_the_app = Segment(
    "interested-in-the-app",
    did("Product Viewed").where(prop("platform").in_("ios", "android")).within(hours=4),
    "Has just looked at a product in the app.",
)

left_the_site = Segment(
    "left-the-site",
    did("Product Viewed").within(days=7)
    & ~did("Product Viewed").within(days=1)
    & ~did("Product Added").within(days=7)
    & ~purchases.since_last("Product Viewed"),
    "Looked at products, has been away for a day, and left neither a cart nor an order.",
)

received = Segment(
    "received",
    purchases.within(days=14) & ~purchases.within(days=7),
    "The last order is a week old: it has arrived.",
)

vip = high_value(500)
vip_in_trouble = vip_at_risk(vip)
held_up = technical_friction()
lost_in_the_app = app_friction("Key Action", otherwise="Europe/Madrid")

leads = Segment("leads", did("Pricing Viewed") | did("Quote Requested"), "Has asked what it costs.")
hot, warm = temperature("Pricing Viewed", "Quote Requested", name="lead")[:2]  # a lead that is neither is cold

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

churn = Prediction(
    "churn",
    of=purchases.at_least(2),
    label=~purchases.within(days=60),
    horizon=days(60),
    features=rfm() + engagement(),
    never=frozenset({"sex", "age"}),
    owner="crm",
    description="Who has ordered twice and orders nothing more for two months.",
)
at_risk = Segment(
    "at-risk", churn.crosses(0.7, back_at=0.6), "Foretold to stay away: seven of ten such customers do, until it is below six."
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

at_night_on_an_iphone = night_visitors(prop("device.model").starts_with("iPhone"), otherwise="Europe/Madrid")

laptops_on_saturday = Segment(
    "laptops-on-saturday",
    member_of(at_night_on_an_iphone)
    & did("Products Searched").where(prop("query").contains("laptop")).within(days=30)
    & did("Application Opened").on_days("sat", otherwise="Europe/Madrid").within(hours=4),
    "Looks for a laptop, mostly at night and on an iPhone, and has opened the app this Saturday.",
)

asked_for_news = Segment(
    "asked-for-news",
    did("Subscription Requested").within(hours=12),
    "Has just asked for news, and has not confirmed that yet.",
)

loyalty_members = Segment("loyalty-members", did("Loyalty Joined"), "Has joined the loyalty programme.")
