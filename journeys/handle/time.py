"""Words of time: wait until so long after entry, or from now; again and again."""

from collections.abc import AsyncIterator
from datetime import timedelta

from journeys.errors import CatalogueError
from journeys.handle.base import EntryModel, Words
from journeys.spans import describe, span_of


class Time(Words[EntryModel]):
    """How a journey lets time pass."""

    async def at(self, *, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0) -> None:
        """Wait until this long after entry. Returns at once when that has passed already."""
        span = span_of("j.at", {"days": days, "hours": hours, "minutes": minutes, "seconds": seconds})
        self._first = False
        await self._runtime.sleep_until(self._start.entered_at + span, f"until {describe(span)} after entry")

    async def wait(self, *, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0) -> None:
        """Wait this long from now."""
        span = span_of("j.wait", {"days": days, "hours": hours, "minutes": minutes, "seconds": seconds})
        # A leading wait has passed already when Temporal held the start back for it (`start_delay`).
        since = self._start.started_at if self._first else self._runtime.now()
        self._first = False
        await self._runtime.sleep_until(since + span, f"wait {describe(span)}")

    async def every(
        self, *, days: float = 0, hours: float = 0, minutes: float = 0, times: int | None = None
    ) -> AsyncIterator[int]:
        """`async for n in j.every(days=7)`: 1 at once, 2 a week later, and so on, without drifting; `times` in all.

        What a turn takes counts: one that begins late makes the next ones no later, and none is skipped.
        """
        span = span_of("j.every", {"days": days, "hours": hours, "minutes": minutes})
        if span <= timedelta(0):
            raise CatalogueError("j.every() does not say how often: write j.every(days=7)")
        began, turn = self.now, 0
        while times is None or turn < times:
            if turn:
                await self._runtime.sleep_until(began + turn * span, f"every {describe(span)}")
            turn += 1
            yield turn
