"""A shop whose products move customers (JRN-14): what goes with what was added, costs less, is back, or is used up."""

from journeys import (
    BackInStock,
    BoughtTogether,
    Journey,
    PriceDrops,
    Properties,
    Replenishment,
    Segment,
    after,
    days,
    did,
    journey,
    per_key,
    prop,
    purchases,
    whenever,
)

goes_together = BoughtTogether()
adding = Segment("adding", did("Product Added").within(hours=1))


@journey(entry=adding, goal=purchases, reentry=whenever())
async def goes_with(j: Journey) -> None:
    """An hour after something was put into the cart, what goes with the last that was; no word where there is nothing."""
    await j.wait(hours=1)
    await j.push("goes-with-it")


price_drops = PriceDrops(least=0.1, within=days(30))
back_in_stock = BackInStock(within=days(30))
cheaper = Segment("cheaper", did("Product Price Dropped").within(hours=1))
back = Segment("back", did("Product Back In Stock").within(hours=1))
coffee_again = Replenishment("coffee-again", of=did("Order Completed"), line=prop("category") == "coffee", lead=days(3))
running_out = Segment("running-out", did("Replenishment Due").within(hours=1))
spent = did("Order Completed").within(days=365).total("total")
vip_away = Segment("vip-away", (spent >= 500) & ~did("Order Completed").within(days=60))
names = Properties("old_price", "change_id", "cycle", "due_at")


@journey(entry=cheaper, goal=purchases, reentry=per_key("change_id"))
async def price_drop(j: Journey) -> None:
    """Each product that costs less, once per drop."""
    await j.push("costs-less")


@journey(entry=back, goal=purchases, reentry=per_key("change_id"))
async def in_stock(j: Journey) -> None:
    """Each product that can be had again."""
    await j.push("is-back")


@journey(entry=running_out, goal=purchases, reentry=per_key("cycle"))
async def replenish(j: Journey) -> None:
    """Three days before the coffee is used up; a word on the day itself where none was bought."""
    await j.push("running-out")
    await j.wait(days=3)
    await j.push("used-up")


@journey(entry=vip_away, goal=purchases, reentry=after(days=180))
async def reward(j: Journey) -> None:
    """Who spent much and stays away gets something for coming back."""
    await j.push("we-miss-you", reward="20 %")
