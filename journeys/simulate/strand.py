"""What goes on by itself within a simulated run: the journey's coroutine, and one for each branch; and where branches part.

Promise: a strand is driven from wait to wait without an event loop; what a branch comes to reaches the strand that waits for
it as it does on Temporal: the end of one is the end of all.
"""

from collections.abc import Awaitable, Callable, Coroutine, Generator, Sequence
from contextvars import Context, copy_context
from datetime import datetime
from functools import partial
from types import coroutine
from typing import Any, Protocol

from journeys.contracts import Reason
from journeys.handle import RunEnded
from journeys.handle.branch import HERE, Branch, Unwound
from journeys.heard import Expect, Happened
from journeys.walk.driving import unlooped


@coroutine
def pause(until: datetime | None) -> Generator[datetime | None, None, None]:
    """Give back, while a strand waits, until when; None: until its branches have ended."""
    yield until


class Stranded(Protocol):
    """A run, as its strands see it: which one is at work, all of them, and what is to happen later."""

    here: "Strand"
    strands: list["Strand"]
    outcome: Reason | None

    def due(self, at: datetime, what: Callable[[], None]) -> None:
        """Something is to happen at an instant."""
        ...


class Strand:
    """One coroutine, and what it waits for."""

    __slots__ = (
        "_begin",
        "_context",
        "_over",
        "_run",
        "_steps",
        "_turn",
        "branch",
        "carried",
        "expecting",
        "happened",
        "held",
        "waiting",
    )

    def __init__(
        self,
        run: Stranded,
        steps: Callable[[], Awaitable[Any]],
        over: Callable[[Any, BaseException | None], None],
    ) -> None:
        self.branch: Branch | None = None
        #: In words, and until when.
        self.waiting: tuple[str, datetime] | None = None
        self.expecting: Expect | None = None
        self.happened: Happened | None = None
        #: It waits with a deferred message; or until a busy provider is asked again.
        self.held = self.carried = False
        self._context: Context | None = None
        self._over = over
        self._run = run
        self._begin = steps
        self._steps: Generator[Any, None, Any] | None = None
        self._turn = 0

    def of(self, branch: Branch) -> "Strand":
        """It is a branch, which its steps see as theirs."""
        self.branch, self._context = branch, copy_context()
        self._context.run(HERE.set, branch)
        return self

    def go(self) -> None:
        """Go on until the next wait, or to the end."""
        run, self._turn, self.waiting = self._run, self._turn + 1, None
        before, run.here = run.here, self
        if self._steps is None:
            self._steps = self._begin().__await__()
        try:
            until = unlooped(self._on, self._steps)
        except StopIteration as done:
            self._over(done.value, None)
        except RunEnded as ended:
            self._over(None, ended)
        except (Exception, Unwound) as raised:
            if self.branch is None:
                raise
            self._over(None, raised)
        else:
            if until is not None:
                run.due(until, partial(self._due, self._turn))
        finally:
            run.here = before

    def _on(self, steps: Generator[Any, None, Any]) -> datetime | None:
        until: datetime | None = next(steps) if self._context is None else self._context.run(next, steps)
        return until

    def _due(self, turn: int) -> None:
        if self._turn == turn and self._run.outcome is None:
            self.go()


class Fork:
    """Where a strand waits for its branches."""

    def __init__(self, run: Stranded, branches: Sequence[tuple[Branch, Coroutine[Any, Any, Any]]]) -> None:
        self._run = run
        self._parent = run.here
        self._branches = [branch for branch, _ in branches]
        self._came: dict[Branch, Any] = {}
        self._raised: BaseException | None = None
        self._parked = False
        for branch, steps in branches:
            strand = Strand(run, lambda s=steps: s, lambda came, raised, b=branch: self._over(b, came, raised))  # type: ignore[misc]
            run.strands.append(strand.of(branch))

    async def joined(self) -> list[Any]:
        """What the branches return, as soon as all have ended; or what one has raised."""
        for strand in [each for each in self._run.strands if each.branch in self._branches]:
            strand.go()
        if not self._is_over:
            self._parked = True
            await pause(None)
        if self._raised is not None:
            raise self._raised
        return [self._came[branch] for branch in self._branches]

    @property
    def _is_over(self) -> bool:
        fault = self._raised is not None and not isinstance(self._raised, RunEnded)
        return fault or len(self._came) == len(self._branches)

    def _over(self, branch: Branch, came: Any, raised: BaseException | None) -> None:
        self._run.strands = [each for each in self._run.strands if each.branch is not branch]
        was, self._came[branch] = self._is_over, came
        if raised is not None and self._raised is None:
            self._raised = raised
            self._unwind(raised)
        if self._parked and self._is_over and not was:
            self._parked = False
            self._parent.go()

    def _unwind(self, raised: BaseException) -> None:
        """The other branches leave off, from whatever they wait for; a message that a provider has is settled first."""
        ended = isinstance(raised, RunEnded)
        for branch in self._branches:
            branch.stop = raised if ended else Unwound()
        for strand in list(self._run.strands):
            if strand.waiting and strand.branch and strand.branch.stopped and (ended or not strand.carried):
                strand.go()
