"""Branches of a run: which one is at work, and what each has counted.

Promise: a number says where in the journey something stands, never who came first, so that the keys of messages, waits and
actions are the same however the branches take turns.
"""

from collections.abc import Sequence
from contextvars import ContextVar
from typing import Self

from journeys.errors import CatalogueError

#: A number in decimal: for each fork on the way four digits for the fork and two for the branch, then four for the count.
_COUNTS, _FORKS, _BRANCHES = 10_000, 10_000, 100
_LARGEST = 2**63


class Unwound(BaseException):
    """Leaves a branch because another one has raised."""


class Branch:
    """What goes on by itself within a run: the journey, or one of several that go on together."""

    def __init__(self, code: int = 0, name: str = "", parent: Self | None = None) -> None:
        self.code = code
        #: What its steps are called, for people; of several with one name the second is `name 2`.
        self.name = name
        #: What makes it leave off: the run is over, or another branch has raised.
        self.stop: BaseException | None = None
        self._parent = parent
        self._counted: dict[str, int] = {}
        self._forks = 0

    def next(self, what: str) -> int:
        """The number of the next such thing, from 1; in a branch the digits before it tell which one.

        Raises:
            CatalogueError: there are more of them than numbers.
        """
        self._counted[what] = count = self._counted.get(what, 0) + 1
        if not self.code:
            return count
        if count >= _COUNTS:
            raise CatalogueError(f"a branch does the same thing at most {_COUNTS - 1:,} times")
        return self.code * _COUNTS + count

    def fork(self, names: Sequence[str]) -> list["Branch"]:
        """Branches of this one, by what their steps are called.

        Raises:
            CatalogueError: there are more of them than numbers.
        """
        self._forks += 1
        first = (self.code * _FORKS + self._forks) * _BRANCHES + 1
        if len(names) >= _BRANCHES or self._forks >= _FORKS or (first + len(names)) * _COUNTS >= _LARGEST:
            raise CatalogueError(
                "j.together(…) takes at most 99 branches; or branches are forked too often or nested too deep here"
            )
        times = [names[: n + 1].count(name) for n, name in enumerate(names)]
        called = [f"{name} {often}" if often > 1 else name for name, often in zip(names, times, strict=True)]
        return [Branch(first + n, name, self) for n, name in enumerate(called)]

    @property
    def stopped(self) -> BaseException | None:
        """Why it has to leave off, or one that it is within."""
        return self.stop or (self._parent.stopped if self._parent is not None else None)

    def leave_if_stopped(self) -> None:
        """Raise what makes it leave off, if anything does."""
        if (why := self.stopped) is not None:
            raise why


#: The branch at work, in runs that have branches; None: the journey itself.
HERE: ContextVar[Branch | None] = ContextVar("branch", default=None)


def in_branch(what: str) -> str:
    """What is done, for people; with the name of the branch that does it, if any."""
    here = HERE.get()
    return f"{here.name}: {what}" if here is not None and here.name else what
