"""Days of experiments by lot, fast enough in plain Python for thousands of experiments: exact draws, no approximation."""

from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from math import exp, lgamma, log
from random import Random

from journeys.experiments import Sums

LOOKS = 28
#: All sums so far of an arm, at each of so many looks.
Arm = Callable[[int], Iterator[Sums]]


def conversions(rng: Random, a_day: int, rate: float) -> Callable[[int], list[int]]:
    """How many of so many customers convert, of whom each does with this chance, on each of so many days."""

    def chance(i: int) -> float:
        ways = lgamma(a_day + 1) - lgamma(i + 1) - lgamma(a_day - i + 1)
        return exp(ways + i * log(rate) + (a_day - i) * log(1 - rate))

    # What comes less than once in 10^20 days never does.
    numbers = [i for i in range(a_day + 1) if chance(i) > 1e-20]
    weights = list(accumulate(map(chance, numbers)))
    return lambda days: rng.choices(numbers, cum_weights=weights, k=days)


def converting(rng: Random, a_day: int, rate: float) -> Arm:
    """An arm with so many customers a day, of whom each converts with this chance."""
    drawn = conversions(rng, a_day, rate)
    return lambda looks: (Sums.of_rate(a_day * day, so_far) for day, so_far in enumerate(accumulate(drawn(looks)), 1))


def of_days(rng: Random, days: Sequence[Sums]) -> Arm:
    """An arm each of whose days is one of these."""
    return lambda looks: accumulate(rng.choices(days, k=looks))


def in_parts(rng: Random, small: Sequence[Sums], parts: int) -> list[Sums]:
    """Days of so many small ones each, with exactly the mean of the small ones: each of theirs is in as many of them."""
    days = []
    for _ in range(-(-2_000 * parts // len(small))):
        shuffled = rng.sample(small, len(small))
        rest = len(small) % parts
        days += [sum(shuffled[at : at + parts], Sums()) for at in range(0, len(small) - rest, parts)]
    return days


def buying(rng: Random, customers: int, days: int, rate: float = 0.03, more: float = 1.0) -> Iterator[Sums]:
    """Days of customers of whom each buys with this chance, for a lognormal amount: few large ones carry much of the sum."""
    buyers = conversions(rng, customers, rate)
    for number in buyers(days):
        spent = [more * rng.lognormvariate(3, 1.2) for _ in range(number)]
        yield Sums(customers, sum(spent), sum([each * each for each in spent]), nonzero=number)
