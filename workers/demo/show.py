"""The show: play the shop's calls, follow the journey until nobody is in it any more, and judge what is left."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from rich.console import Console

from journeys.clock import Clock
from store import Database, report
from store.report import Progress
from workers.demo.playback import Playback
from workers.demo.screen import Look, Screen
from workers.demo.words import counted
from workers.embedded.stack import EmbeddedStack
from workers.embedded.supervision import Supervision

JOURNEY, SEGMENT = "cart_abandonment", "abandoned-cart"
_LAST_STEP = timedelta(days=3)
_LOOK_EVERY = 0.5  # real seconds
#: Real time that a slow machine gets beyond the hour at which everything should be over.
_PATIENCE = timedelta(seconds=60)
_STILL = 3  # looks in a row that found nothing left to do
#: Real time after which a due message without a row is a lost one, not a late one.
_LATE = timedelta(seconds=5)


@dataclass(frozen=True)
class Show:
    """What it works with."""

    stack: EmbeddedStack
    database: Database
    clock: Clock
    playback: Playback
    console: Console

    async def run(self) -> None:
        """Play everything, and follow the journey until it is over for everyone, or should have been.

        Raises:
            DemoStuck: the API did not take the shop's calls.
            ServerFailed: a part of the stack keeps dying.
        """
        screen = Screen(self.console, f"{JOURNEY} · an hour lasts {3600 / self.clock.speed:.3g} s")
        supervision = Supervision(self.stack.parts, lambda part, said: self.console.print(f"! {part} {said}"))
        still = 0
        async with self._playing() as playing:
            with screen.open():
                while still < _STILL and self.clock.now() < self._closes_at + self.clock.speed * _PATIENCE:
                    await supervision.look()
                    progress = await report.progress(self.database, JOURNEY, SEGMENT)
                    screen.show(self._look(progress))
                    still = still + 1 if self._nothing_left(progress) else 0
                    if playing.done():
                        playing.result()
                    await asyncio.sleep(_LOOK_EVERY)

    @property
    def lasts(self) -> timedelta:
        """How long it takes, in real time."""
        return self.clock.duration(self._closes_at - self.clock.now())

    async def problems(self) -> list[str]:
        """What is not as it must be, in sentences; empty after a good show."""
        unended = await report.unended(self.database, JOURNEY)
        failed = (await report.endings(self.database, JOURNEY)).get("failed", 0)
        unsettled = await report.unsettled(self.database, JOURNEY)
        missing = await report.missing(self.database, JOURNEY, self.clock.now(), self.clock.speed * _LATE)
        answered = self.playback.sent - self.playback.duplicates - self.playback.refused
        stored = await report.stored(self.database, [line.call["messageId"] for line in self.playback.lines])
        told = {
            f"{counted(len(unended), 'run')} never ended: {_some(unended)}": unended,
            f"{counted(len(unsettled), 'message')} unsettled: {_some(unsettled)}": unsettled,
            f"{counted(len(missing), 'due message')} without a row in the ledger: {_some(missing)}": missing,
            f"{counted(failed, 'run')} failed; the Temporal UI says why": failed,
            "not one message fell due": not await report.steps(self.database, JOURNEY),
            f"{answered:,} calls were accepted, but {stored:,} are stored": answered != stored,
            "not all calls were sent": not self.playback.over,
        }
        return [sentence for sentence, wrong in told.items() if wrong]

    @asynccontextmanager
    async def _playing(self) -> AsyncIterator["asyncio.Task[None]"]:
        task = asyncio.create_task(self.playback.play(self.stack.api_url, self.stack.keys.ingest))
        try:
            yield task
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    def _nothing_left(self, progress: Progress) -> bool:
        return self.playback.over and not progress.open_runs and not progress.backlog

    def _look(self, progress: Progress) -> Look:
        now, begins_at = self.clock.now(), self.playback.begins_at
        share = (now - begins_at) / (self._closes_at - begins_at)
        return Look(now, self.playback.sent, len(self.playback.lines), share, progress)

    @property
    def _closes_at(self) -> datetime:
        """When the last cart's last message is out, and the last call sent."""
        return max(self.playback.ends_at, self.playback.last_of("Product Added") + _LAST_STEP)


def _some(found: Sequence[str | tuple[str, ...]]) -> str:
    shown = [one if isinstance(one, str) else " ".join(one) for one in found[:3]]
    return ", ".join(shown) + (" …" if len(found) > len(shown) else "")
