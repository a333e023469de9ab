"""Branches on a walk: gone through one after the other, as if each were alone; which of their answers are combined.

Promise: that branches take turns adds no path. What a branch returns may decide what comes after it, so its answers are
combined with those of the others; those of one that returns nothing are not.
"""

from collections.abc import Coroutine, Sequence
from typing import Any

from journeys.handle.branch import HERE, Branch
from journeys.walk.driving import unlooped

#: In which branch of which fork, from the outermost.
Within = tuple[tuple[int, int], ...]


class Forks:
    """Where a walk is, and which branches had nothing to say."""

    def __init__(self) -> None:
        self.within: Within = ()
        self._forks = 0
        self._silent: set[tuple[int, int]] = set()

    @property
    def branch(self) -> tuple[int, ...]:
        """The numbers of the branches that the walk is in."""
        return tuple(n for _, n in self.within)

    def fork(self) -> int:
        """One more fork."""
        self._forks += 1
        return self._forks

    def go(self, fork: int, n: int, branch: Branch, steps: Coroutine[Any, Any, Any]) -> Any:
        """Go through a branch to its end."""
        outer, self.within = self.within, (*self.within, (fork, n))
        before = HERE.set(branch)
        try:
            unlooped(next, iter(steps.__await__()))
        except StopIteration as done:
            self._silent |= {(fork, n)} if done.value is None else set()
            return done.value
        finally:
            HERE.reset(before)
            self.within = outer
        raise RuntimeError("a branch waits for something that is not the handle's")

    def apart(self, one: Within, other: Within) -> bool:
        """Whether two turns stand in branches beside each other, of which the first has nothing to say."""
        parting = next(((a, b) for a, b in zip(one, other, strict=False) if a != b), None)
        return parting is not None and parting[0][0] == parting[1][0] and parting[0] in self._silent


def close(branches: Sequence[tuple[Branch, Coroutine[Any, Any, Any]]]) -> None:
    """Branches that nobody goes through."""
    for _, steps in branches:
        steps.close()
