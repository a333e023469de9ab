"""What is learned of rewards each hour: tables of scores, drawn from what is known, by which customers are given options.

Promise: the same totals and seed give the same table, and each row of a table is one guess of how good everything is. How often
an option is the best of a row is the chance with which it is drawn, so that the propensity of each choice is exact.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from math import sqrt
from random import Random
from typing import Any, NamedTuple, Self

from journeys.deciding.linear import fit
from journeys.deciding.options import Choice, Method

#: Guesses of one table: of options that stand alone, and of combinations, which there are more of.
_ALONE, _TOGETHER = 400, 100
_DIGITS = 6
#: Chances that are kept: customers of one context to whom the same is allowed have the same.
_KEPT = 1_000
#: In which part of one table's rows nothing is told apart.
_EVEN: tuple[()] = ()


class Seen(NamedTuple):
    """How many got something, the sum of what came of it, and the sum of its squares."""

    people: int = 0
    total: float = 0.0
    squares: float = 0.0

    def plus(self, other: "Seen") -> "Seen":
        """Both together."""
        return Seen(self.people + other.people, self.total + other.total, self.squares + other.squares)

    @property
    def mean(self) -> float:
        """What came of one of them."""
        return self.total / self.people if self.people else 0.0

    @property
    def variance(self) -> float:
        """Around the mean."""
        return max(self.squares / self.people - self.mean**2, 0.0) if self.people else 0.0


#: By the context's name, and by the place of the combination.
Totals = Mapping[tuple[str, int], Seen]


@dataclass(frozen=True)
class Allocation:
    """By what one hour's customers are given options: for each context rows of scores, one score for each combination.

    `effects`: what each term is taken to add to the reward, in the reward's unit. Without rows everything is as likely.
    """

    version: int = 0
    rows: Mapping[str, Sequence[Sequence[float]]] = field(default_factory=dict)
    effects: Mapping[str, float] = field(default_factory=dict)
    _known: dict[tuple[str, tuple[int, ...]], list[float]] = field(default_factory=dict, compare=False, repr=False)

    def chances(self, cell: str, allowed: Sequence[int]) -> list[float]:
        """With which chance each of the allowed combinations is drawn where the floor does not draw."""
        key = cell, tuple(allowed)
        if key not in self._known:
            if len(self._known) > _KEPT:
                self._known.clear()
            self._known[key] = self._counted(cell, allowed)
        return self._known[key]

    def _counted(self, cell: str, allowed: Sequence[int]) -> list[float]:
        """How often each is the best of the allowed ones, of all guesses."""
        best = [0] * len(allowed)
        rows = self.rows.get(cell, _EVEN)
        for row in rows:
            scores = [row[each] for each in allowed]
            best[scores.index(max(scores))] += 1
        return [each / len(rows) for each in best] if rows else [1 / len(allowed)] * len(allowed)

    def to_json(self) -> dict[str, Any]:
        """As it is kept while it is in use."""
        rows = {cell: [[round(each, _DIGITS) for each in row] for row in rows] for cell, rows in self.rows.items()}
        return {"rows": rows, "effects": {term: round(each, _DIGITS) for term, each in self.effects.items()}}

    @classmethod
    def from_json(cls, version: int, plain: Mapping[str, Any] | None) -> Self:
        """What `to_json` wrote."""
        return cls(version, plain["rows"], plain["effects"]) if plain else cls(version)


def allocate(choice: Choice, totals: Totals, version: int) -> Allocation:
    """The next hour's allocation, by all rewards that are ripe. Where none is, everything stays as likely as it was."""
    seen = reduce(Seen.plus, totals.values(), Seen())
    if not seen.people:
        return Allocation(version)
    chance = Random(f"{choice.name}/{choice.digest}/{version}")  # noqa: S311 - guesses that are the same when made again
    if len(choice.dimensions) == 1 and not choice.context and choice.method == Method.THOMPSON:
        return _alone(choice, totals, seen, version, chance)
    fitted = fit(choice, ((flags_of(cell), n, *each) for (cell, n), each in totals.items()), seen.mean, _spread(seen, choice))
    cells = _cells(choice)
    if choice.method == Method.LINUCB:
        rows = {cell: fitted.bounds(flags_of(cell)) for cell in cells}
    else:
        rows = fitted.guesses({cell: flags_of(cell) for cell in cells}, _TOGETHER, chance)
    return Allocation(version, rows, fitted.effects)


def flags_of(cell: str) -> frozenset[str]:
    """What holds in a context."""
    return frozenset(cell.split(" + ")) if cell else frozenset()


def cell_of(flags: Iterable[str]) -> str:
    """What a context is called in which these hold, in the order of their declaration."""
    return " + ".join(flags)


def shares(choice: Choice, allocation: Allocation, people: Mapping[str, int]) -> dict[str, float]:
    """What each combination's share of the customers is who may have all of them, over contexts as common as they were."""
    everything, total = range(len(choice.combinations)), sum(people.values())
    found: dict[str, float] = defaultdict(float)
    for cell, n in people.items() if total else [("", 1)]:
        for name, chance in zip(choice.names, allocation.chances(cell, everything), strict=True):
            even = choice.floor / len(choice.combinations)
            found[name] += (even + (1 - choice.floor) * chance) * n / (total or 1)
    return dict(found)


def _alone(choice: Choice, totals: Totals, seen: Seen, version: int, chance: Random) -> Allocation:
    """Options that have nothing to do with each other: Beta of what comes or does not, normal of amounts."""
    each = [totals.get(("", n), Seen()) for n in range(len(choice.combinations))]
    guess = _amount if choice.counts_money else _rate
    rows = [[guess(one, seen, chance) for one in each] for _ in range(_ALONE)]
    effects = {name: one.mean - seen.mean for name, one in zip(choice.names, each, strict=True) if one.people}
    return Allocation(version, {"": rows}, effects)


def _rate(one: Seen, _: Seen, chance: Random) -> float:
    return chance.betavariate(1 + one.total, 1 + one.people - one.total)


def _amount(one: Seen, seen: Seen, chance: Random) -> float:
    """A mean, as if one more customer had brought the average of all; by the larger of its own variance and that of all.

    Its own alone is nothing where nobody has bought yet, and such an option would never be given again (`MEASURE`, A2).
    """
    mean = (one.total + seen.mean) / (one.people + 1)
    return chance.gauss(mean, sqrt(max(one.variance, seen.variance) / (one.people + 1)))


def _spread(seen: Seen, choice: Choice) -> float:
    """The variance of one reward; of what comes or does not, never that of something certain."""
    rate = (seen.total + 1) / (seen.people + 2)
    return max(seen.variance, 1e-9 if choice.counts_money else rate * (1 - rate))


def _cells(choice: Choice) -> list[str]:
    """Every context, by its name."""
    found: list[tuple[str, ...]] = [()]
    for name in choice.context:
        found += [(*each, name) for each in found]
    return [cell_of(each) for each in found]
