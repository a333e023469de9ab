"""What the home page shows on top, for whom (SEG-39, CH-10)."""

from definitions.cart_abandonment import cart_abandonment
from journeys import Place, Show
from segments.library import visits

visitors = visits("Session Started")

home_hero = Place(
    "home-hero",
    Show("your-cart", running=cart_abandonment, after="push:cart-reminder"),
    Show("first-steps", when=~visitors.returning.predicate),
    Show(experiment="home-look", arms={"regulars-plain": 0.5, "regulars-film": 0.5}, when=visitors.frequent),
    Show("welcome-back"),
)
