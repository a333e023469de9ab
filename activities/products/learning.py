"""What goes with what, worked out of what customers have, and written beside what the shop says."""

import asyncio
from collections import defaultdict
from datetime import datetime
from statistics import NormalDist

from activities.products.chance import Chance
from journeys.products.together import Together
from segments.ask.bought import purchases
from store import Connection
from store.products import relations, rounds
from store.products.relations import Baskets

#: The probability that chance alone puts any pair at all among those that are found.
FALSE = 0.05


async def learn(connection: "Connection", what: Together, at: datetime) -> str:
    """One round, inside the caller's transaction; what came of it, in words."""
    await purchases(connection, what.of, at)
    products, people = await relations.sold(connection, what.people)
    seen = await relations.baskets(connection, what.apart, what.people)
    # In a thread: of a large shop it takes seconds of Python.
    await relations.keep(connection, await asyncio.to_thread(found, seen, deviations(products), what))
    pairs = await relations.write(connection, what.by, what.relation, at)
    came = {"people": people, "products": products, "pairs": pairs}
    await rounds.done(connection, what.name, at, came)
    of = f"{products:,} products with {what.people} customers or more, {people:,} customers in all"
    return f"{what.name}: {pairs:,} pairs stand, of {of}"


def found(seen: Baskets, bound: float, what: Together) -> list[tuple[str, str, int, float, float, int]]:
    """The pairs that more customers have than by chance, both ways: product, other, people, lift, surely, rank."""
    chance = Chance(seen)
    others = defaultdict[str, list[tuple[float, str, int, float]]](list)
    for one, two, people in seen.pairs:
        lift = people / chance.expected(one, two)
        surely = lift * least(people, bound)
        if surely >= what.lift:
            others[one].append((-surely, two, people, lift))
            others[two].append((-surely, one, people, lift))
    return [
        (product, other, people, lift, -surely, rank)
        for product, theirs in others.items()
        for rank, (surely, other, people, lift) in enumerate(sorted(theirs)[: what.most], 1)
    ]


def least(count: int, deviations: float) -> float:
    """The share of a Poisson count that is the least its expectation may be (Byar)."""
    return float(max(1 - 1 / (9 * count) - deviations / (3 * count**0.5), 0) ** 3)


def deviations(products: int) -> float:
    """Standard deviations of the bound, for all pairs of so many products at once (Bonferroni)."""
    return NormalDist().inv_cdf(1 - FALSE / max(products * (products - 1) / 2, 1))
