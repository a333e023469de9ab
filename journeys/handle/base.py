"""What all words of the handle share: the run they speak of, the runtime that does them, and how a run ends.

Promise: the handle keeps no secrets and does no I/O; it turns the author's words into instants, requests and questions, so
that Temporal, the walks and the simulator agree by construction.
"""

from collections.abc import Coroutine, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, Protocol, cast

from typing_extensions import TypeVar

from journeys.actions import Action
from journeys.contexts.context import Context
from journeys.contracts import DeliverRequest, JourneySpec, Plain, Reason, Receipt, RunStart
from journeys.endings import Ending, by_time
from journeys.entering import Entry
from journeys.errors import CatalogueError, NotKnown
from journeys.handle.branch import HERE, Branch
from journeys.heard import Expect, Happened
from journeys.questions import Question
from journeys.rules import Rule
from journeys.services import Service
from segments import Segment

#: The model of the entering event's properties; anything, where the author declares none.
EntryModel = TypeVar("EntryModel", default=Any)

#: Receipts with these reasons mean that the run has no business going on.
ENDING = frozenset(
    {
        *(Reason.GOAL, Reason.OVER, Reason.KILLED, Reason.LEFT, Reason.OPERATOR, Reason.MERGED, Reason.ERASED),
        *(Reason.CEILING, Reason.OTHER_JOURNEY, Reason.RESTARTED, Reason.EXIT),
    }
)


_NEVER = datetime.min.replace(tzinfo=UTC)
#: The least by which one instant is after another, here and in Postgres.
INSTANT = timedelta(microseconds=1)


class RunEnded(BaseException):
    """Unwinds a journey whose run is over; no error, and out of reach of a journey's `except Exception`."""

    def __init__(self, reason: Reason, which: str | None = None) -> None:
        self.reason = reason
        self.which = which
        super().__init__(reason.value)


class Runtime(Protocol):
    """What a handle needs from whatever runs the journey. All but `now` raise `RunEnded` as soon as the run is over."""

    def now(self) -> datetime:
        """Business time."""
        ...

    async def sleep_until(self, at: datetime, summary: str) -> None:
        """Wait for a business time."""
        ...

    async def hold(self, until: datetime, summary: str) -> None:
        """Wait with a deferred message until a business time, or until it may be asked for again."""
        ...

    async def deliver(self, request: DeliverRequest) -> Receipt:
        """Deliver one message."""
        ...

    async def ask(self, question: Question) -> Any:
        """The answer to a question, of the type that the question names."""
        ...

    async def listen(self, expect: Expect, summary: str) -> Happened | None:
        """Wait until the first of what is expected is so; None when its time is over."""
        ...

    async def together(self, branches: Sequence[tuple[Branch, Coroutine[Any, Any, Any]]]) -> list[Any]:
        """Go through branches side by side, each with itself as `HERE`; what they return, when all have ended."""
        ...


class Bounded:
    """A runtime whose run is over at an instant, whatever its journey waits for then."""

    def __init__(self, inner: Runtime, ending: Ending) -> None:
        self._inner = inner
        self._ending = ending

    def now(self) -> datetime:
        """Business time."""
        return self._inner.now()

    async def sleep_until(self, at: datetime, summary: str) -> None:
        """Wait for a business time, or for the end."""
        await self._inner.sleep_until(min(at, self._ending.at), summary)
        self._leave_if_over(at)

    async def hold(self, until: datetime, summary: str) -> None:
        """Wait with a deferred message, or for the end."""
        await self._inner.hold(min(until, self._ending.at), summary)
        self._leave_if_over()

    async def deliver(self, request: DeliverRequest) -> Receipt:
        """Deliver one message, unless it is over."""
        self._leave_if_over()
        return await self._inner.deliver(request)

    async def ask(self, question: Question) -> Any:
        """The answer to a question, unless it is over."""
        self._leave_if_over()
        return await self._inner.ask(question)

    async def listen(self, expect: Expect, summary: str) -> Happened | None:
        """Wait for what is expected, or for the end."""
        self._leave_if_over()
        until = min(expect.until, self._ending.at)
        happened = await self._inner.listen(expect.model_copy(update={"until": until}), summary)
        if happened is None:
            self._leave_if_over(expect.until)
        return happened

    async def together(self, branches: Sequence[tuple[Branch, Coroutine[Any, Any, Any]]]) -> list[Any]:
        """Go through branches side by side; each of them is over then."""
        return await self._inner.together(branches)

    def _leave_if_over(self, waited_for: datetime | None = None) -> None:
        """Whoever has waited until the end, or beyond it, is over, though a clock may show a moment less."""
        if max(self._inner.now(), waited_for or self._inner.now()) >= self._ending.at:
            raise RunEnded(self._ending.reason, self._ending.which)


class Params:
    """The run's parameters that a journey may branch on: numbers, flags, ids and choices."""

    def __init__(self, values: dict[str, Plain], journey: str) -> None:
        self._values = values
        self._journey = journey

    def __getattr__(self, name: str) -> Any:
        """The value of a parameter.

        Raises:
            AttributeError: there is no such parameter, or it is free text, which stays out of histories.
        """
        try:
            return self._values[name]
        except KeyError:
            raise NotKnown(
                f"no parameter '{name}' to branch on in journey {self._journey}",
                "declare it there (a journey that it calls reads these params, not its own); "
                f"free text stays in Postgres: use it in a template as params.{name}, or declare that it is an id, {name}: Id",
            ) from None


class Words(Generic[EntryModel]):
    """What every kind of word works with.

    `conditions`, `services` and `contexts` are the segments, services and contexts that the journey has named so far; they
    are checked when the catalogue is loaded.
    """

    def __init__(self, start: RunStart, spec: JourneySpec, runtime: Runtime) -> None:
        self._start = start
        self._spec = spec
        ending = by_time(spec, start.entered_at) if spec.exits else None
        self._runtime = Bounded(runtime, ending) if ending else runtime
        self._first = True
        self._params = Params(start.params, spec.name)
        self._root = Branch()
        #: When it last said itself that something has happened.
        self._said_at = _NEVER
        #: What it has heard by a clock ahead of its own: when, and of when that was.
        self._ahead: list[tuple[datetime, datetime]] = []
        #: What holds the customer's other journeys, by its number, and the branch that does.
        self._holding: dict[int, Branch] = {}
        self.conditions: dict[str, Segment] = {}
        self.services: dict[str, Service[Any]] = {}
        self.contexts: dict[str, Context[Any]] = {}
        #: Whether it has asked which code its run began with: it is walked both ways then.
        self.asks_of_changes: set[str] = set()
        #: What ended its run before its steps did, by the author's name where there is one; as a walk has seen it.
        self.over_by = ""

    @property
    def _here(self) -> Branch:
        """The branch at work, which numbers what is done."""
        return HERE.get() or self._root

    @property
    def params(self) -> Params:
        """What the run was started with: numbers, flags, ids (`UUID`, `Id`) and choices; free text is for templates only.

        Who enters by the segment brings nothing, and gets the defaults of the model. A journey that is called,
        `await other(j)`, reads the params of the run that it is called in: that journey declares them.

        Example:
            if j.params.discount == "10%":
                await j.whatsapp("ten-percent")
        """
        return self._params

    @property
    def entry(self) -> EntryModel:
        """What is known of the entering event: numbers, flags, choices, ids (`UUID`, `Id`), instants of the declared model.

        Example:
            if j.entry.score >= 9:
                await j.push("review-us")
        """
        return cast("EntryModel", Entry(self._start.entry, self._spec.entry_model))

    @property
    def entered_at(self) -> datetime:
        """When the customer entered (business time, UTC).

        Example:
            if j.entered_at.month == 12:
                await j.email("happy-holidays")
        """
        return self._start.entered_at

    @property
    def now(self) -> datetime:
        """Business time now, the same on every replay (UTC).

        Example:
            if j.now - j.entered_at < days(1):
                await j.push("still-fresh")
        """
        self._first = False
        return self._moment()

    def changed(self, change: str) -> bool:
        """Whether this run began with code that has the change; False for whoever began before, also once they are moved.

        Only steps that lie behind somebody need it, for `journeys move` or a fix to reach them; what lies ahead may be
        written anew. Its name stands there as a text, and goes when nobody is left who began before.

        Example:
            if j.changed("greets-by-push"):
                await j.push("welcome")
            await j.at(days=3)
        """
        self.asks_of_changes.add(change)
        return self._start.changes is None or change in self._start.changes

    async def _do(self, kind: type[Action], number: int | None = None, **what: Any) -> Any:
        """What an action came to, by the next number or by one that it has got."""
        self._first = False
        number = number or self._here.next("action")
        asked = kind(run_id=self._start.run_id, at=self._moment(), number=number, **what)
        return await self._runtime.ask(asked)

    def _moment(self) -> datetime:
        """Business time now: never before what the journey itself has said."""
        return max(self._runtime.now(), self._said_at)

    def _around(self, context: Context[Any]) -> str:
        """A context's name: all that goes through Temporal. The worker finds the context in its catalogue."""
        if self.contexts.setdefault(context.name, context) != context:
            raise CatalogueError(
                f"two different contexts are called '{context.name}'", remedy="rename one", rule=Rule.TWO_OF_A_NAME
            )
        return context.name

    def _named(self, word: str, segment: Segment | str) -> str:
        """The segment's name: all that goes through Temporal. The worker finds the segment in its catalogue."""
        if isinstance(segment, str) and segment:
            return segment
        if not isinstance(segment, Segment):
            raise CatalogueError(
                f"{word} takes a Segment(…) or the name of one, not {type(segment).__name__}",
                remedy='name what you ask: Segment("…", …)',
            )
        if self.conditions.setdefault(segment.name, segment) != segment:
            raise CatalogueError(
                f"two different segments are called '{segment.name}'", remedy="rename one", rule=Rule.TWO_OF_A_NAME
            )
        return segment.name
