"""A shop whose true probabilities are known."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Planted:
    """Features by name, the true probability of each row, and what came of it."""

    table: dict[str, Floats]
    truth: Floats
    came: Floats

    def rows(self, first: int, last: int) -> "Planted":
        cut = slice(first, last)
        return Planted({name: values[cut] for name, values in self.table.items()}, self.truth[cut], self.came[cut])


def planted(count: int, seed: int, *, season: float = 0.0) -> Planted:
    """Curved, capped, unknown and crossed effects, and three features that say nothing."""
    dice = np.random.default_rng(seed)
    days = dice.exponential(40, count)
    orders = dice.poisson(3, count) + 1.0
    mean = dice.lognormal(3.5, 0.8, count)
    opens = dice.poisson(dice.gamma(1, 4, count)).astype(np.float64)
    age = dice.normal(45, 14, count)
    since_ticket = np.where(dice.random(count) < 0.3, dice.exponential(10, count), np.nan)
    lean = -1.2 + 1.3 * np.tanh((days - 45) / 25) - 0.5 * np.log(orders) - 0.15 * np.minimum(opens, 12) + 0.3 * np.sin(age / 8)
    lean += 1.2 * np.where(np.isnan(since_ticket), 0, np.exp(-since_ticket / 7)) + 0.25 * ((mean > 60) & (days > 50)) + season
    truth = 1 / (1 + np.exp(-lean))
    table = {"days": days, "orders": orders, "mean": mean, "opens": opens, "age": age, "since_ticket": since_ticket}
    table |= {f"nothing_{n}": dice.normal(size=count) for n in range(3)}
    return Planted(table, truth, (dice.random(count) < truth).astype(np.float64))
