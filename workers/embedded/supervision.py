"""Watching over running parts: one that dies is started again, one that keeps dying ends the stack with a sentence.

Without one of the `spare` parts all others can go on: it stays down where it keeps dying.
"""

import asyncio
import time
from collections import defaultdict, deque
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from workers.embedded.errors import ServerFailed
from workers.embedded.parts import Part

_LOOK = timedelta(seconds=0.5)
_TOO_OFTEN = 5  # deaths
_WITHIN = timedelta(minutes=1)
#: Without it journeys go on: no new model is trained, and no score becomes newer.
SPARE = frozenset({"trainer"})


@dataclass(slots=True)
class Supervision:
    """Restarts parts that died by themselves; those that were stopped on request stay down."""

    parts: Mapping[str, Part]
    say: Callable[[str, str], None]
    spare: Collection[str] = SPARE
    _given_up: set[str] = field(default_factory=set)
    _down: set[str] = field(default_factory=set)
    _deaths: dict[str, deque[float]] = field(default_factory=lambda: defaultdict(lambda: deque(maxlen=_TOO_OFTEN)))

    async def watch(self) -> None:
        """Look after the parts until cancelled.

        Raises:
            ServerFailed: a part that is needed died five times within a minute.
        """
        while True:
            await self.look()
            await asyncio.sleep(_LOOK.total_seconds())

    async def look(self) -> None:
        """One round: start again what died since the last one; raises as `watch`."""
        for name, part in list(self.parts.items()):
            if name in self._given_up:
                continue
            if part.child is not None and not part.child.running:
                died = f"ended unexpectedly (exit code {part.child.process.returncode})"
                await self._restart(name, part, died, f"; {part.child.log} ends with: {part.child.tail()}")
            elif part.child is None and name in self._down:
                await self._restart(name, part, "did not come up again", "")

    async def _restart(self, name: str, part: Part, died: str, last_words: str) -> None:
        if self._too_often(name):
            await self._give_up(name, part, f"{died}, {_TOO_OFTEN} times within a minute{last_words}")
            return
        self.say(name, f"{died}; starting it again")
        await asyncio.to_thread(part.stop)  # also ends what it left behind in its process group
        try:
            await asyncio.to_thread(part.start)
        except ServerFailed as error:
            self._down.add(name)
            self.say(name, str(error))
        else:
            self._down.discard(name)

    async def _give_up(self, name: str, part: Part, why: str) -> None:
        """Leave it down where the others can do without it."""
        if name not in self.spare:
            raise ServerFailed(f"{name} {why}")
        self._given_up.add(name)
        await asyncio.to_thread(part.stop)
        self.say(name, f"{why}; all else goes on without it until this is started anew")

    def _too_often(self, name: str) -> bool:
        deaths = self._deaths[name]
        deaths.append(time.monotonic())
        return len(deaths) == _TOO_OFTEN and deaths[-1] - deaths[0] < _WITHIN.total_seconds()
