"""What combinations bring as a sum of terms: each option, each two options together, and each option in each context.

Promise: a ridge regression in the standard library; what few have had is taken for average, so that two options are said to
belong together only by those who had both. Li, Chu, Langford, Schapire, *A contextual-bandit approach* (WWW 2010) for bounds;
Agrawal, Goyal, *Thompson sampling for contextual bandits with linear payoffs* (ICML 2013) for the guesses.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from random import Random

from journeys.deciding.options import Choice, together

#: How large a term may be, before anything is seen, as a part of the reward's standard deviation: alone, and of two together.
_ONE, _TWO = 0.5, 0.35
#: How far beyond what is known a bound looks, in standard errors.
_BEYOND = 1.5


@dataclass(frozen=True)
class Fitted:
    """Terms with their values, and the factor of what is known of them (lower triangle of the precision)."""

    terms: Sequence[str]
    means: Sequence[float]
    factor: Sequence[Sequence[float]]
    choice: Choice
    places: Mapping[str, int]

    @property
    def effects(self) -> dict[str, float]:
        """What each term adds to the reward."""
        return dict(zip(self.terms, self.means, strict=True))

    def bounds(self, flags: frozenset[str]) -> list[list[float]]:
        """Of each combination in a context, what it may bring at most: one row."""
        found = []
        for each in self.choice.combinations:
            at = [self.places[term] for term in terms_of(self.choice, flags, each)]
            ones = [0.0] * len(self.terms)
            for n in at:
                ones[n] = 1.0
            known = sqrt(sum(part * part for part in _down(self.factor, ones)))
            found.append(sum(self.means[n] for n in at) + _BEYOND * known)
        return [found]

    def guesses(self, cells: Mapping[str, frozenset[str]], rows: int, chance: Random) -> dict[str, list[list[float]]]:
        """Of each combination in each context, what it brings by one guess of all terms; so many guesses."""
        at = {
            cell: [[self.places[term] for term in terms_of(self.choice, flags, each)] for each in self.choice.combinations]
            for cell, flags in cells.items()
        }
        found: dict[str, list[list[float]]] = {cell: [] for cell in cells}
        for _ in range(rows):
            moved = _up(self.factor, [chance.gauss(0, 1) for _ in self.terms])
            guess = [mean + by for mean, by in zip(self.means, moved, strict=True)]
            for cell, places in at.items():
                found[cell].append([sum([guess[n] for n in each]) for each in places])
        return found


def terms_of(choice: Choice, flags: frozenset[str], combination: Sequence[str]) -> list[str]:
    """The terms whose sum a combination brings in a context, by their names."""
    alone = [f"{of}: {name}" for of, name in zip(choice.dimensions, combination, strict=True)]
    here = [name for name in choice.context if name in flags]
    return [*here, *alone, *together(alone), *(f"{term} for {name}" for name in here for term in alone)]


def fit(
    choice: Choice, seen: Iterable[tuple[frozenset[str], int, int, float, float]], average: float, variance: float
) -> Fitted:
    """The terms, by what so many people brought in sum in each context by each combination (by its place)."""
    terms = _terms(choice)
    places = {term: n for n, term in enumerate(terms)}
    precision = [[0.0] * len(terms) for _ in terms]
    for n, term in enumerate(terms):
        size = _TWO if " with " in term or " for " in term else _ONE
        precision[n][n] = 1 / (size * size * variance)
    weighed = [0.0] * len(terms)
    for flags, combination, people, total, _ in seen:
        at = sorted(places[term] for term in terms_of(choice, flags, choice.combinations[combination]))
        by, sum_ = people / variance, (total - people * average) / variance
        for n, row in enumerate(at):
            weighed[row] += sum_
            line = precision[row]
            for column in at[: n + 1]:
                line[column] += by
    factor = _factor(precision)
    means = _up(factor, _down(factor, weighed))
    return Fitted(terms, means, factor, choice, places)


def _terms(choice: Choice) -> list[str]:
    """All terms, each once."""
    everything = frozenset(choice.context)
    found: dict[str, None] = {}
    for each in choice.combinations:
        found |= dict.fromkeys(terms_of(choice, everything, each))
    return list(found)


def _factor(matrix: Sequence[Sequence[float]]) -> list[list[float]]:
    """Cholesky's: the lower triangle whose product with its transpose is the matrix."""
    factor: list[list[float]] = []
    for n, given in enumerate(matrix):
        row: list[float] = []
        for m, above in enumerate(factor):
            row.append((given[m] - sum(map(float.__mul__, row, above))) / above[m])
        row.append(sqrt(given[n] - sum(map(float.__mul__, row, row))))
        factor.append(row)
    return factor


def _down(factor: Sequence[Sequence[float]], right: Sequence[float]) -> list[float]:
    """What the factor times it is this."""
    found: list[float] = []
    for row, value in zip(factor, right, strict=True):
        found.append((value - sum(map(float.__mul__, row, found))) / row[-1])
    return found


def _up(factor: Sequence[Sequence[float]], right: Sequence[float]) -> list[float]:
    """What the factor's transpose times it is this."""
    left = list(right)
    for n in range(len(factor) - 1, -1, -1):
        row = factor[n]
        value = left[n] = left[n] / row[n]
        for m in range(n):
            left[m] -= row[m] * value
    return left
