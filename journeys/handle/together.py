"""Words of several things at once: branches that go on side by side within one run."""

import inspect
from collections.abc import Coroutine
from typing import Any, TypeVar

from journeys.actions import Hold
from journeys.errors import CatalogueError
from journeys.handle.base import EntryModel, Words
from journeys.keepable import check_name

T = TypeVar("T")
_LONGEST_NAME = 100  # characters


class Together(Words[EntryModel]):
    """How a journey does several things at once."""

    async def together(self, *branches: Coroutine[Any, Any, T]) -> list[T]:
        """Go through several branches side by side; on it goes when all have ended, with what they returned, in order.

        Each waits and sends for itself. The end of the run, also one that a branch's message finds, ends all of them. What a
        branch raises ends the others, too, and is raised here; a message that is at a provider then is still settled, and whom
        they held (`j.hold_others()`) is let go.

        Example:
            async def tips(j: Journey) -> None:
                async for n in j.every(days=7, times=4):
                    await j.email("tip", n=n)

            async def survey(j: Journey) -> bool:
                await j.wait(days=10)
                await j.push("survey")
                return await j.wait_for(j.replied(), timeout=days(5)) is not None

            _, answered = await j.together(tips(j), survey(j))
        """
        self._first = False
        if not branches:
            return []
        if not all(map(inspect.iscoroutine, branches)):
            _never_awaited(branches)
            _never_awaited(tuple(each for some in branches if isinstance(some, list | tuple) for each in some))
            raise CatalogueError("j.together(…) takes steps that are not awaited yet: await j.together(tips(j), survey(j))")
        try:
            names = [getattr(steps, "__name__", "") for steps in branches]
            for name in names:
                check_name("what a branch is called", name, _LONGEST_NAME, "give its function another name")
            forked = self._here.fork(names)
        except CatalogueError:
            _never_awaited(branches)
            raise
        try:
            return await self._runtime.together(list(zip(forked, branches, strict=True)))
        except Exception:
            await self._release_those_who_left()
            raise

    async def _release_those_who_left(self) -> None:
        """A branch that leaves because another one has raised can do nothing any more; what it held is let go for it."""
        for number in [number for number, branch in self._holding.items() if branch.stopped is not None]:
            del self._holding[number]
            await self._do(Hold, lets_go=number)


def _never_awaited(branches: tuple[object, ...]) -> None:
    for steps in branches:
        if inspect.iscoroutine(steps):
            steps.close()
