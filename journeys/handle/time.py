"""Words of time: wait until so long after entry, or from now; until a moment of the customer's own day; again and again."""

from collections.abc import AsyncIterator, Collection
from datetime import date, datetime, timedelta

from journeys.errors import CatalogueError
from journeys.gate.hours import window as window_of
from journeys.gate.moment import moment as moment_of
from journeys.handle.base import EntryModel, Words
from journeys.questions import Opens, When
from journeys.spans import describe, span_of


class Time(Words[EntryModel]):
    """How a journey lets time pass."""

    async def at(
        self, span: timedelta | None = None, /, *, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0
    ) -> None:
        """Wait until this long after entry. Returns at once when that has passed already.

        Example:
            await j.at(hours=1)
            await j.at(days=1)  # a day after entry, not after the first wait
        """
        units = {"days": days, "hours": hours, "minutes": minutes, "seconds": seconds}
        length = span_of("j.at", units, span)
        self._first = False
        await self._runtime.sleep_until(self._start.entered_at + length, f"until {describe(length)} after entry")

    async def wait(
        self, span: timedelta | None = None, /, *, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0
    ) -> None:
        """Wait this long from now; elapsed time, also when the clocks change. What is worked out below nothing is over at once.

        Example:
            await j.wait(days=2, hours=12)
            await j.wait(days(3))
        """
        units = {"days": days, "hours": hours, "minutes": minutes, "seconds": seconds}
        length = span_of("j.wait", units, span)
        # A leading wait has passed already when Temporal held the start back for it (`start_delay`).
        since = self._start.started_at if self._first else self._runtime.now()
        self._first = False
        await self._runtime.sleep_until(since + length, f"wait {describe(length)}")

    async def until(
        self,
        *moment: str | date,
        weekday: str | Collection[str] = (),
        trait: str | None = None,
        before: timedelta = timedelta(0),
        after: timedelta = timedelta(0),
        at: str | None = None,
        yearly: bool = True,
    ) -> bool:
        """Wait for a moment on the customer's own wall clock; False at once, where it comes no more.

        A time of day, with weekdays or a date; or a date in a trait: each year, with `yearly=False` that very date, and then
        without `at=` the instant in the trait. Where their clock stands is looked up when the wait begins.

        Example:
            await j.until("09:30")
            await j.until("09:30", weekday="sat")
            await j.until(date(2026, 12, 24), "10:00")
            await j.until(trait="birthday", before=days(3), at="10:00")
        """
        asked = moment_of(*moment, weekday=weekday, trait=trait, before=before, after=after, at=at, yearly=yearly)
        self._first = False
        question = When(run_id=self._start.run_id, at=self._runtime.now(), moment=asked, zone=self._spec.timezone)
        return await self._reach(await self._runtime.ask(question), f"until {asked}")

    async def window(self, start: str, end: str, *, weekdays: str | Collection[str] = ()) -> bool:
        """Wait until it is between two times of the customer's day; returns at once where it is.

        Example:
            await j.window("09:00", "20:00", weekdays=("mon", "tue", "wed", "thu", "fri"))
        """
        asked = window_of(start, end, weekdays)
        self._first = False
        question = Opens(run_id=self._start.run_id, at=self._runtime.now(), window=asked, zone=self._spec.timezone)
        return await self._reach(await self._runtime.ask(question), f"until it is {asked}")

    async def _reach(self, at: datetime | None, told: str) -> bool:
        if at is not None:
            await self._runtime.sleep_until(at, told)
        return at is not None

    async def every(
        self, *, days: float = 0, hours: float = 0, minutes: float = 0, times: int | None = None
    ) -> AsyncIterator[int]:
        """Again and again, counted from 1: the first at once, and so on without drifting; `times` in all, or without an end.

        What a turn takes counts: one that begins late makes the next ones no later, and none is skipped: after a hold-up
        (a pause, a busy provider) those that have come meanwhile follow at once, unless `useless_after` is shorter than a turn.

        Example:
            async for week in j.every(days=7, times=12):
                await j.email("digest", week=week)
        """
        span = span_of("j.every", {"days": days, "hours": hours, "minutes": minutes})
        if span <= timedelta(0):
            raise CatalogueError("j.every() does not say how often", remedy="write j.every(days=7)")
        if times is not None and (isinstance(times, bool) or not isinstance(times, int) or times < 0):
            raise CatalogueError(f"j.every: times={times!r} is no number of turns", remedy="write times=4")
        began, turn = self.now, 0
        while times is None or turn < times:
            if turn:
                await self._runtime.sleep_until(began + turn * span, f"every {describe(span)}")
            turn += 1
            yield turn
