"""How many customers would have two products by chance: all baskets dealt anew, each product at most once into a basket.

The bipartite configuration model: a basket of a given number of products holds a product with the odds x·y, fitted so that
every basket has as many products, and every product is in as many baskets, as they are. It is dealt among baskets of about as
many products, so that what is always bought alone takes no place where pairs are. A customer counts once for a pair.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from math import exp, expm1, log, log1p
from operator import mul

from store.products.relations import Baskets

#: Sizes are taken together until there are so many baskets of them; of fewer, chance would look like what happened.
_ENOUGH = 1_000
#: Rounds of the fit, and the change (of logarithms) at which it is good enough.
_ROUNDS = 100
_STILL = 1e-5
#: Customers whose baskets have as many pairs, to a fifth, are taken together.
_STEP = log(1.2)
_NEVER = 1e-12
#: Odds of what is in every basket need not grow beyond this.
_ALL = 1e9


class Chance:
    """What chance gives, of the baskets that there are."""

    def __init__(self, seen: Baskets) -> None:
        sizes = [size for size in seen.sizes if size > 1]
        self._customers = _alike(seen.customers, sizes)
        self._shares = defaultdict[str, dict[int, float]](dict)
        # Of the pairs of a basket, so many are near enough; and how much of it is free.
        self._pairs: dict[int, tuple[float, float]] = {}
        self._place = {size: place for place, size in enumerate(sizes)}
        for group in _groups(seen.sizes):
            self._deal(seen, group)

    def _deal(self, seen: Baskets, group: frozenset[int]) -> None:
        held = Counter[str]()
        for product, size, baskets in seen.holders:
            if size in group:
                held[product] += baskets
        degrees = Counter(held.values())
        for size, shares in fitted({size: seen.sizes[size][0] for size in group}, degrees).items():
            if size > 1:
                baskets, pairs = seen.sizes[size]
                self._pairs[size] = pairs / (baskets * size * (size - 1) / 2), _free(shares, degrees)
                for product, degree in held.items():
                    self._shares[product][size] = shares[degree]

    def expected(self, one: str, other: str) -> float:
        """Customers who would have both."""
        theirs, others = self._shares[one], self._shares[other]
        # The logarithm of the chance that a basket of a size does not hold both.
        misses = [0.0] * len(self._place)
        for size in theirs.keys() & others.keys():
            near, free = self._pairs[size]
            misses[self._place[size]] = log1p(-min(near * _both(theirs[size], others[size], free), 1 - _NEVER))
        return max(sum(-people * expm1(sum(map(mul, baskets, misses))) for people, baskets in self._customers), _NEVER)


def _groups(sizes: Mapping[int, tuple[int, int]]) -> Iterator[frozenset[int]]:
    """Sizes that are taken together, the largest first; the smallest go with those before where they are too few."""
    left = sorted(sizes, reverse=True)
    while left:
        count = baskets = 0
        while count < len(left) and baskets < _ENOUGH:
            baskets += sizes[left[count]][0]
            count += 1
        if sum(sizes[size][0] for size in left[count:]) < _ENOUGH:
            count = len(left)
        yield frozenset(left[:count])
        left = left[count:]


def fitted(sizes: Mapping[int, int], degrees: Mapping[int, int]) -> dict[int, dict[int, float]]:
    """The chance that a basket of a size holds a product that is in so many baskets; from how many there are of each."""
    total = sum(size * count for size, count in sizes.items()) ** 0.5
    x, y = {size: size / total for size in sizes}, {degree: degree / total for degree in degrees}
    for _ in range(_ROUNDS):
        moved = max(_step(x, y, degrees), _step(y, x, sizes))
        if moved <= _STILL:
            break
    return {size: {degree: _share(a * b) for degree, b in y.items()} for size, a in x.items()}


def _share(odds: float) -> float:
    return odds / (1 + odds)


def _step(mine: dict[int, float], others: Mapping[int, float], counts: Mapping[int, int]) -> float:
    """Move each of mine, by Newton in logarithms, to where it has as many as it is; returns how far the farthest moved."""
    moved = 0.0
    weighed = [(others[each], count) for each, count in counts.items()]
    for wanted, here in mine.items():
        shares = [(_share(here * each), count) for each, count in weighed]
        have = sum(share * count for share, count in shares)
        free = sum(share * (1 - share) * count for share, count in shares)
        step = max(min(log(wanted / have) * have / max(free, _NEVER), 1.0), -1.0)
        mine[wanted] = here * exp(step)
        moved = max(moved, abs(step) if mine[wanted] < _ALL else 0.0)
    return moved


def _free(shares: Mapping[int, float], degrees: Mapping[int, int]) -> float:
    """How much of a basket is left to chance: nothing of what is in every one."""
    return max(sum(count * shares[degree] * (1 - shares[degree]) for degree, count in degrees.items()), _NEVER)


def _both(one: float, other: float, free: float) -> float:
    """The chance of both in a basket whose number of products is given (Hájek): one of them takes a place from the other."""
    return one * other * max(1 - (1 - one) * (1 - other) / free, 0.05)


def _alike(customers: Sequence[tuple[Sequence[int], int]], sizes: Sequence[int]) -> list[tuple[int, list[float]]]:
    """Customers with about as many pairs: how many they are, and how many baskets of each size one of them has."""
    people, baskets = Counter[int](), defaultdict[int, Counter[int]](Counter)
    for theirs, count in customers:
        kind = round(log(sum(size * (size - 1) for size in theirs)) / _STEP)
        people[kind] += count
        for size in theirs:
            baskets[kind][size] += count
    return [(count, [baskets[kind][size] / count for size in sizes]) for kind, count in people.items()]
