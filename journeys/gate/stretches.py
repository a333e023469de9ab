"""Sets of instants as stretches of time: two joined, and what is left of one without another.

Promise: pure. A set is a list of stretches in order, each from an instant up to but without another, none touching the next.
"""

from collections.abc import Iterable
from datetime import datetime

Stretch = tuple[datetime, datetime]


def joined(stretches: Iterable[Stretch]) -> list[Stretch]:
    """All of them as a set, in whatever order they come and however they overlap; empty ones vanish."""
    found: list[Stretch] = []
    for start, end in sorted(stretches):
        if found and start <= found[-1][1]:
            found[-1] = found[-1][0], max(end, found[-1][1])
        elif start < end:
            found.append((start, end))
    return found


def without(these: Iterable[Stretch], those: list[Stretch]) -> list[Stretch]:
    """What is in one set and not in the other."""
    return [left for start, end in these for left in _rest(start, end, those)]


def _rest(start: datetime, end: datetime, shut: list[Stretch]) -> list[Stretch]:
    met = [each for each in shut if each[0] < end and each[1] > start]
    edges = [start, *(edge for each in met for edge in each), end]
    return [(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if a < b]
