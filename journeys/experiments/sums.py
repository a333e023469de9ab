"""What is kept of an arm: the sums from which means, ratios and their errors follow, so that no customer is looked at again.

Promise: sums add, in any order and however the customers were divided, and no field says who somebody is.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Sums:
    """Of the customers of one arm: how many, and the sums of y, y², x, x² and xy, one y and x for each customer.

    y is what is measured (1 or 0, money, a number of orders); x is the same customer's value from before the experiment, or
    the denominator of a ratio. `nonzero` is how many customers have a y other than 0: the buyers, of money.

    A day's sums may be *changes*: a second order that makes a customer's y 50 after 20 adds 30 to `y`, 50² - 20² to `yy`, and
    nobody to `nonzero`; a full refund takes everything back. So no field need be positive before the days are added.
    """

    people: int = 0
    y: float = 0.0
    yy: float = 0.0
    x: float = 0.0
    xx: float = 0.0
    xy: float = 0.0
    nonzero: int = 0

    def __add__(self, other: Self) -> Self:
        return type(self)(
            self.people + other.people,
            self.y + other.y,
            self.yy + other.yy,
            self.x + other.x,
            self.xx + other.xx,
            self.xy + other.xy,
            self.nonzero + other.nonzero,
        )

    @classmethod
    def of_rate(cls, people: int, converted: int) -> Self:
        """Of a rate: y is 1 for who converted, else 0."""
        return cls(people, converted, converted, nonzero=converted)

    @classmethod
    def of(cls, values: Iterable[float | tuple[float, float]], *, cap: float | None = None) -> Self:
        """Of a y, or of y and x, for each customer; a `cap` counts what is above it, in y and in x, as the cap."""
        most = float("inf") if cap is None else cap
        total = cls()
        for value in values:
            y, x = (min(each, most) for each in (value if isinstance(value, tuple) else (value, 0.0)))
            total += cls(1, y, y * y, x, x * x, x * y, int(y != 0))
        return total
