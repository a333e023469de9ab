"""Credit by the paths of channels that customers went, by Shapley's value and by a Markov chain, for who has time to think.

Promise: pure and exact, in fractions: what is given adds up to what there was, and no credit hangs on chance. What has no
touch at all is no path, and given to nobody.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

#: Where every path begins, and where it comes to an order or to nothing.
_START, _ORDER, _NOTHING = 0, 1, 2
_INNER = 3  # the first number of a channel


@dataclass(frozen=True, slots=True)
class Path:
    """Channels in the order in which they touched, how often they were gone that way, and to how many orders and what money.

    Of `times` customers or orders, `orders` came to an order; `value` is what these brought together.
    """

    channels: tuple[str, ...]
    times: int
    orders: int = 0
    value: Fraction = Fraction(0)


def shapley(paths: Iterable[Path]) -> dict[str, Fraction]:
    """What each channel brings on average over all orders in which channels could join, where a path needs all of its own.

    The worth of a set of channels is the value of the paths that need no other. Its Shapley value is, without any sum over
    sets, each path's value in equal parts to the channels on it: every path is a game that is won by all of them only.
    """
    given: dict[str, Fraction] = defaultdict(Fraction)
    for path in paths:
        needed = set(path.channels)
        for channel in needed:
            given[channel] += path.value / len(needed)
    return dict(given)


def chance(paths: Sequence[Path], without: str | None = None) -> Fraction:
    """The chance that a walk from touch to touch, as the paths went on, comes to an order; never through `without`."""
    went, numbers = _chain(paths)
    gone = numbers.get(without) if without is not None else None
    inner = [_START, *(number for number in numbers.values() if number != gone)]
    rows = []
    for number in inner:
        all_of_it = sum(went[number].values())
        on = {to: Fraction(times, all_of_it) for to, times in went[number].items()} if all_of_it else {}
        rows.append([Fraction(number == to) - on.get(to, Fraction(0)) for to in inner] + [on.get(_ORDER, Fraction(0))])
    return _solved(rows)[0]


def removal(paths: Sequence[Path]) -> dict[str, Fraction]:
    """By which part the chance of an order falls where a channel is closed, and whoever came to it leaves for good."""
    whole = chance(paths)
    channels = sorted({channel for path in paths for channel in path.channels})
    return {channel: 1 - chance(paths, channel) / whole if whole else Fraction(0) for channel in channels}


def markov(paths: Sequence[Path]) -> dict[str, Fraction]:
    """The value of all paths in the proportion of the channels' removal effects, in a chain that remembers one touch."""
    effects = removal(paths)
    value, together = sum((path.value for path in paths if path.channels), Fraction(0)), sum(effects.values())
    return {channel: value * effect / together if together else Fraction(0) for channel, effect in effects.items()}


def _chain(paths: Sequence[Path]) -> tuple[Mapping[int, Mapping[int, int]], dict[str, int]]:
    """How often a walk went from where to where, and the number of each channel."""
    names = sorted({channel for path in paths for channel in path.channels})
    numbers = {name: number for number, name in enumerate(names, _INNER)}
    went: dict[int, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    for path in paths:
        if not path.channels:
            continue
        steps = [_START, *(numbers[channel] for channel in path.channels)]
        for start, to in pairwise(steps):
            went[start][to] += path.times
        went[steps[-1]][_ORDER] += path.orders
        went[steps[-1]][_NOTHING] += path.times - path.orders
    return went, numbers


def _solved(rows: list[list[Fraction]]) -> list[Fraction]:
    """The solution of a system of linear equations, each with its right side last; by elimination, exactly."""
    size = len(rows)
    for at in range(size):
        pivot = next(row for row in range(at, size) if rows[row][at])
        rows[at], rows[pivot] = rows[pivot], rows[at]
        rows[at] = [each / rows[at][at] for each in rows[at]]
        for row in range(size):
            if row != at and (factor := rows[row][at]):
                rows[row] = [mine - factor * theirs for mine, theirs in zip(rows[row], rows[at], strict=True)]
    return [row[-1] for row in rows]
