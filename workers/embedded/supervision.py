"""Watching over running parts: one that dies is started again, one that keeps dying ends the stack with a sentence."""

import asyncio
import time
from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from workers.embedded.errors import ServerFailed
from workers.embedded.parts import Part

_LOOK = timedelta(seconds=0.5)
_TOO_OFTEN = 5  # deaths
_WITHIN = timedelta(minutes=1)


@dataclass(slots=True)
class Supervision:
    """Restarts parts that died by themselves; those that were stopped on request stay down."""

    parts: Mapping[str, Part]
    say: Callable[[str, str], None]
    _deaths: dict[str, deque[float]] = field(default_factory=lambda: defaultdict(lambda: deque(maxlen=_TOO_OFTEN)))

    async def watch(self) -> None:
        """Look after the parts until cancelled.

        Raises:
            ServerFailed: a part died five times within a minute.
        """
        while True:
            await self.look()
            await asyncio.sleep(_LOOK.total_seconds())

    async def look(self) -> None:
        """One round: start again what died since the last one; raises as `watch`."""
        for name, part in list(self.parts.items()):
            if part.child is not None and not part.child.running:
                await self._restart(name, part)

    async def _restart(self, name: str, part: Part) -> None:
        assert part.child is not None
        died = f"ended unexpectedly (exit code {part.child.process.returncode})"
        last_words, log = part.child.tail(), part.child.log
        if self._too_often(name):
            raise ServerFailed(f"{name} {died}, {_TOO_OFTEN} times within a minute; {log} ends with: {last_words}")
        self.say(name, f"{died}; starting it again")
        await asyncio.to_thread(part.stop)  # also ends what it left behind in its process group
        try:
            await asyncio.to_thread(part.start)
        except ServerFailed as error:
            self.say(name, str(error))

    def _too_often(self, name: str) -> bool:
        deaths = self._deaths[name]
        deaths.append(time.monotonic())
        return len(deaths) == _TOO_OFTEN and deaths[-1] - deaths[0] < _WITHIN.total_seconds()
