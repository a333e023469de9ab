"""What goes with what, worked out of what customers have, and written beside what the shop says."""

from datetime import datetime
from statistics import NormalDist

from journeys.products.together import Together
from segments.ask.bought import purchases
from store import Connection
from store.products import relations, rounds

#: The probability that chance alone puts any pair at all among those that are found.
FALSE = 0.05


async def learn(connection: "Connection", what: Together, at: datetime) -> str:
    """One round, inside the caller's transaction; what came of it, in words."""
    await purchases(connection, what.of, at)
    products, people = await relations.sold(connection, what.people)
    await relations.learn(connection, what.apart, what.people, deviations(products), what.lift, what.most)
    pairs = await relations.write(connection, what.by, what.relation, at)
    came = {"people": people, "products": products, "pairs": pairs}
    await rounds.done(connection, what.name, at, came)
    of = f"{products:,} products with {what.people} customers or more, {people:,} customers in all"
    return f"{what.name}: {pairs:,} pairs stand, of {of}"


def deviations(products: int) -> float:
    """Standard deviations of the bound, for all pairs of so many products at once (Bonferroni)."""
    return NormalDist().inv_cdf(1 - FALSE / max(products * (products - 1) / 2, 1))
