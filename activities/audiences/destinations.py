"""What all destinations have in common: they are told a batch of people at a time, who was added or who is to be forgotten.

Promise: whatever goes wrong is one error, whose message holds codes and names of settings, never an id of anybody. Telling a
destination twice does what telling it once does.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from store.audiences import Entry

#: What a setting holds.
Setting = Callable[[str], str | None]


class CannotTell(Exception):
    """A destination cannot be told now; `later` is what it asks to be waited."""

    def __init__(self, detail: str, later: timedelta | None = None) -> None:
        super().__init__(detail)
        self.detail, self.later = detail, later


@dataclass(frozen=True, slots=True)
class Batch:
    """Some people of an audience; `number` grows with each batch, `at` is when it is told (business time)."""

    audience: str
    number: int
    at: datetime
    entries: Sequence[Entry]


class Destination(Protocol):
    """One, opened. `whole`: what it was told before is replaced by telling it everybody again."""

    @property
    def whole(self) -> bool:
        """Whether it is."""
        ...

    async def add(self, batch: Batch) -> int:
        """Tell it who was added; how many entries it could not read."""
        ...

    async def remove(self, batch: Batch) -> int:
        """Tell it whom to forget; how many entries it could not read."""
        ...

    async def again(self, pages: AsyncIterator[Batch]) -> int:
        """Tell it everybody who is there again; how many entries it could not read. There is a page, also of nobody."""
        ...


def setting(settings: Setting, name: str) -> str:
    """What a setting holds.

    Raises:
        CannotTell: nothing.
    """
    held = settings(name)
    if not held:
        raise CannotTell(f"{name} is not set where this worker runs")
    return held
