"""What customers will bring within a time ahead: orders to come times their value, with an interval, and how true that was.

Promise: pure. An interval is of possible futures of the customer, drawn from what the model believes of somebody with their
history: whether they have left, their own rate, and their own mean order. It does not know how sure the model's parameters are,
which of tens of thousands of customers are known to a per cent or two, nor what the model does not: seasons, prices, a rival.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from segments.errors import DefinitionError
from segments.models.card import Match
from segments.models.lifetime import FEWEST, Histories, Orders, Value
from segments.models.stored import Lifetime

Floats = NDArray[np.float64]
Chosen = NDArray[np.bool_]

LOW, HIGH = 0.1, 0.9  # of the futures, four of five lie between
_DRAWS = 100
_AT_ONCE = 10_000  # customers whose futures are drawn together
_UNIT = timedelta(weeks=1) / timedelta(days=1)
_GROUPS = ((1, 1), (2, 2), (3, 4), (5, 9), (10, None))


@dataclass(frozen=True, slots=True)
class Purchases:
    """What is known of customers' orders, a row each.

    Attributes:
        known: Of whom an order stands; the others are nobody's customers by now, and nothing is expected.
        count: How many.
        spent: What they brought.
        histories: Repeated purchases, in weeks, of those of whom an order stands.
    """

    known: Chosen
    count: Floats
    spent: Floats
    histories: Histories

    @classmethod
    def of(cls, columns: Mapping[str, Floats]) -> Self:
        """Of the columns that `LifetimeValue` reads."""
        known = columns["purchases"] > 0
        count, first, last = (columns[name][known] for name in ("purchases", "first", "last"))
        histories = Histories.of(count - 1, np.where(count > 1, first - last, 0.0) / _UNIT, first / _UNIT)
        return cls(known, count, columns["spent"][known], histories)

    def some(self, rows: Chosen | NDArray[np.int64]) -> "Purchases":
        """Some of those of whom an order stands."""
        each = self.histories
        histories = Histories(each.orders[rows], each.last[rows], each.observed[rows])
        count = self.count[rows]
        return Purchases(np.ones(len(count), bool), count, self.spent[rows], histories)

    def __len__(self) -> int:
        return len(self.count)


@dataclass(frozen=True, slots=True)
class Worth:
    """What is expected of each customer of whom an order stands: purchases, whether they are one still, and money."""

    orders: Floats
    alive: Floats
    value: Floats


def fit(seen: Purchases, *, seed: int = 0) -> Lifetime:
    """The model of these customers.

    Raises:
        DefinitionError: too few of them, nobody came again, or their orders differ so much that no mean can be told.
    """
    orders = Orders.fit(seen.histories, seed=seed)
    mean = seen.spent / seen.count
    value = Value.fit(seen.count, mean, seed=seed)
    if value.q <= 1:
        raise DefinitionError("value", "of orders differs so much between customers that no mean can be told; leave out strays")
    return Lifetime(orders, value)


def expected(model: Lifetime, of: Purchases, ahead: timedelta) -> Worth:
    """What each brings within the time ahead, on average over what the model believes."""
    orders = model.orders.expected(of.histories, ahead / timedelta(weeks=1))
    return Worth(orders, model.orders.alive(of.histories), orders * _value(model).expected(of.count, of.spent / of.count))


def interval(model: Lifetime, of: Purchases, ahead: timedelta, *, draws: int = _DRAWS, seed: int = 0) -> tuple[Floats, Floats]:
    """Between which amounts four of five possible futures of each customer lie."""
    dice = np.random.default_rng(seed)
    low, high = np.zeros(len(of)), np.zeros(len(of))
    for first in range(0, len(of), _AT_ONCE):
        some = of.some(np.arange(first, min(first + _AT_ONCE, len(of))))
        drawn = futures(model, some, ahead, draws, dice)
        low[first : first + _AT_ONCE], high[first : first + _AT_ONCE] = np.quantile(drawn, [LOW, HIGH], axis=1)
    return low, high


def futures(model: Lifetime, of: Purchases, ahead: timedelta, draws: int, dice: np.random.Generator) -> Floats:
    """Possible futures of each customer, a row each: what they bring within the time ahead."""
    orders, value, x = model.orders, _value(model), of.histories.orders[:, None]
    shape = (len(of), draws)
    rate = dice.gamma(orders.r + x, 1 / (orders.alpha + of.histories.observed[:, None]), shape)
    would = dice.poisson(rate * (ahead / timedelta(weeks=1)))  # if nobody left
    would[dice.random(shape) >= orders.alive(of.histories)[:, None]] = 0
    row, column = np.nonzero(would)
    leaves = np.clip(dice.beta(orders.a, orders.b + of.histories.orders[row] + 1), 1e-12, 1)
    made = np.minimum(would[row, column], dice.geometric(leaves))  # the n-th is made by who has not left at one before
    per_money = dice.gamma(value.p * of.count[row] + value.q) / (value.v + of.spent[row])
    drawn = np.zeros(shape)
    drawn[row, column] = dice.gamma(value.p * made) / per_money
    return drawn


@dataclass(frozen=True, slots=True)
class Group:
    """Customers with so many purchases before: what was foretold of them on average, and what came."""

    purchases: str
    people: int
    orders: float
    came_orders: float
    value: float
    came_value: float


@dataclass(frozen=True, slots=True)
class Trial:
    """How true a model of an earlier instant was by now, of customers whom it knew.

    Attributes:
        people: How many.
        days: From that instant to now.
        orders, came_orders: Purchases, foretold and came, of all together.
        value, came_value: The same of money.
        off: By how much the money of one customer was foretold wrong: the root of the mean square, which is least at the mean.
        naive: The same of one amount for all, the mean of what came: no other is off by less, and nobody knew it then.
        inside: The share of customers whose money lay in their interval, which is promised of four in five.
        above: Of how many the interval begins above 0.
        inside_above: The share of these whose money lay in it; None where there is nobody.
        inside_zero: The same of the others: it is promised of nine in ten of them, since nobody brings less.
        groups: By purchases before.
    """

    people: int
    days: float
    orders: float
    came_orders: float
    value: float
    came_value: float
    off: float
    naive: float
    inside: float
    above: int
    inside_above: float | None
    inside_zero: float | None
    groups: tuple[Group, ...]

    def to_json(self) -> dict[str, Any]:
        """Numbers by name."""
        return asdict(self)

    @property
    def intervals(self) -> str:
        """How many brought what lies in their interval, apart for who may well bring nothing: they cannot be below it."""
        zero = self.people - self.above
        told = []
        if self.inside_above is not None:
            told.append(
                f"of {self.above:,} whose interval begins above 0, {self.inside_above:.0%} brought what lies in it (80% should)"
            )
        if self.inside_zero is not None:
            told.append(
                f"of {zero:,} whose interval begins at 0, {self.inside_zero:.0%} (90% should: nobody brings less than 0)"
            )
        return "; ".join(told)


def tried(model: Lifetime, of: Purchases, came_orders: Floats, came_value: Floats, ahead: timedelta) -> Trial:
    """A model of customers as they were, against what they did within the time ahead of then."""
    if len(of) < FEWEST:
        raise DefinitionError("prediction", f"has {len(of)} customers who were there before; it needs {FEWEST} to be judged")
    worth = expected(model, of, ahead)
    low, high = interval(model, of, ahead)
    lay, above, groups = (low <= came_value) & (came_value <= high), low > 0, []
    for least, most in _GROUPS:
        rows = (of.count >= least) & (of.count <= (np.inf if most is None else most))
        if rows.any():
            name = f"{least}" if least == most else f"{least}-{most}" if most else f"{least} or more"
            means = [float(each[rows].mean()) for each in (worth.orders, came_orders, worth.value, came_value)]
            groups.append(Group(name, int(rows.sum()), *means))
    return Trial(
        people=len(of),
        days=ahead / timedelta(days=1),
        orders=float(worth.orders.sum()),
        came_orders=float(came_orders.sum()),
        value=float(worth.value.sum()),
        came_value=float(came_value.sum()),
        off=_root(worth.value - came_value),
        naive=_root(came_value.mean() - came_value),
        inside=float(lay.mean()),
        above=int(above.sum()),
        inside_above=float(lay[above].mean()) if above.any() else None,
        inside_zero=None if above.all() else float(lay[~above].mean()),
        groups=tuple(groups),
    )


def compared(new: Lifetime, old: Lifetime, of: Purchases, came_value: Floats, ahead: timedelta) -> Match | None:
    """Two models by the same customers: the square of what the money of each was foretold wrong by.

    None where what the old one says is beyond all numbers.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        off = [(expected(each, of, ahead).value - came_value) ** 2 for each in (new, old)]
        match = Match.of_losses(*off)
    return match if np.isfinite([match.old, match.error]).all() else None


def _root(differences: Floats) -> float:
    return float(np.sqrt(np.mean(differences**2)))


def _value(model: Lifetime) -> Value:
    if model.value is None:
        raise DefinitionError("model", "knows no value of orders; train it again")
    return model.value
