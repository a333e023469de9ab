"""The handle `j`: all that a journey can do, over whichever runtime runs it.

Promise: the handle keeps no secrets and does no I/O; it turns the author's words into instants and requests, so that
Temporal, the probe and later the simulator agree by construction.
"""

from collections import Counter
from datetime import datetime
from typing import Any, Protocol

from journeys.contracts import (
    Channel,
    DeliverRequest,
    JourneySpec,
    Outcome,
    Plain,
    Purpose,
    Reason,
    Receipt,
    RunStart,
)
from journeys.errors import CatalogueError
from journeys.spans import describe, span_of
from segments import Predicate, Segment

#: Receipts with these reasons mean that the run has no business going on.
ENDING = frozenset(
    {
        *(Reason.GOAL, Reason.OVER, Reason.KILLED, Reason.LEFT, Reason.OPERATOR, Reason.MERGED, Reason.ERASED),
        Reason.CEILING,
    }
)


class RunEnded(BaseException):
    """Unwinds a journey whose run is over; no error, and out of reach of a journey's `except Exception`."""

    def __init__(self, reason: Reason) -> None:
        self.reason = reason
        super().__init__(reason.value)


class Runtime(Protocol):
    """What a handle needs from whatever runs the journey."""

    def now(self) -> datetime:
        """Business time."""
        ...

    async def sleep_until(self, at: datetime, summary: str) -> None:
        """Wait for a business time; raises `RunEnded` as soon as the run is over."""
        ...

    async def hold(self, until: datetime, summary: str) -> None:
        """Wait with a deferred message until a business time, or until it may be asked for again; raises as `sleep_until`."""
        ...

    async def deliver(self, request: DeliverRequest) -> Receipt:
        """Deliver one message; raises `RunEnded` when the run is over."""
        ...

    async def reached(self, predicate: Predicate) -> bool:
        """Whether events have happened since entry, or another predicate is true of the customer now."""
        ...


class Params:
    """The run's parameters that a journey may branch on: numbers, flags, ids and choices."""

    def __init__(self, values: dict[str, Plain]) -> None:
        self._values = values

    def __getattr__(self, name: str) -> Any:
        """The value of a parameter.

        Raises:
            AttributeError: there is no such parameter, or it is free text, which stays out of histories.
        """
        try:
            return self._values[name]
        except KeyError:
            raise AttributeError(
                f"no parameter '{name}' to branch on; free text stays in Postgres: use it in a template as params.{name}"
            ) from None


class Journey:
    """What a journey's author works with. Every effect goes through here.

    `conditions` are the segments that messages were sent `only` to so far; they are checked when the catalogue is loaded.
    """

    def __init__(self, start: RunStart, spec: JourneySpec, runtime: Runtime) -> None:
        self._start = start
        self._spec = spec
        self._runtime = runtime
        self._occurrences: Counter[str] = Counter()
        self._first = True
        self.params = Params(start.params)
        self.conditions: dict[str, Segment] = {}

    @property
    def entered_at(self) -> datetime:
        """When the customer entered (business time, UTC)."""
        return self._start.entered_at

    @property
    def now(self) -> datetime:
        """Business time now, the same on every replay (UTC)."""
        self._first = False
        return self._runtime.now()

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

    async def push(
        self, template: str, *, transactional: bool = False, only: Segment | None = None, **params: Plain
    ) -> Receipt:
        """Send a push notification; `only` to who is in a segment at that moment."""
        return await self._send(Channel.PUSH, template, transactional, only, params)

    async def whatsapp(
        self, template: str, *, transactional: bool = False, only: Segment | None = None, **params: Plain
    ) -> Receipt:
        """Send a WhatsApp template message; `only` to who is in a segment at that moment."""
        return await self._send(Channel.WHATSAPP, template, transactional, only, params)

    async def email(
        self, template: str, *, transactional: bool = False, only: Segment | None = None, **params: Plain
    ) -> Receipt:
        """Send an email; `only` to who is in a segment at that moment."""
        return await self._send(Channel.EMAIL, template, transactional, only, params)

    async def reached(self, goal: Predicate | None = None) -> bool:
        """Whether the goal, or whatever else is asked, is so; for journeys that branch on it.

        `did(…)`, alone or combined, as a goal may be: whether it has come true since entry, counting only what happened since
        then. Everything else (traits, buckets, other segments, consent, …): whether it is true of the customer now, with all
        that is known of them.
        """
        self._first = False
        predicate = goal if goal is not None else self._spec.goal
        if predicate is None:
            raise CatalogueError("j.reached(): the journey declares no goal; pass one, j.reached(did(…)), or declare goal=")
        return await self._runtime.reached(predicate)

    async def _send(
        self, channel: Channel, template: str, transactional: bool, only: Segment | None, params: dict[str, Plain]
    ) -> Receipt:
        self._first = False
        check_message(channel, template, params)
        request = self._request(channel, template, transactional, params)
        if only is not None:
            request = request.model_copy(update={"only": self._condition(template, only)})
        receipt = await self._runtime.deliver(request)
        while receipt.outcome is Outcome.DEFERRED and receipt.retry_at and receipt.retry_at <= request.useless_after:
            await self._runtime.hold(receipt.retry_at, f"{template} deferred: {receipt.reason}")
            receipt = await self._runtime.deliver(request)
        if receipt.reason in ENDING:
            raise RunEnded(receipt.reason)
        return receipt.model_copy(update={"purpose": request.purpose})

    def _condition(self, template: str, only: Segment) -> str:
        """The segment's name: all that goes through Temporal. The worker finds the segment in its catalogue."""
        if not isinstance(only, Segment):
            raise CatalogueError(f"{template} goes only= to a Segment(…), not {type(only).__name__}")
        if self.conditions.setdefault(only.name, only) != only:
            raise CatalogueError(f"two different segments are called '{only.name}'; rename one")
        return only.name

    def _request(self, channel: Channel, template: str, transactional: bool, params: dict[str, Plain]) -> DeliverRequest:
        step = f"{channel.value}:{template}"
        self._occurrences[step] += 1
        due_at = self._runtime.now()
        return DeliverRequest(
            run_id=self._start.run_id,
            journey=self._spec.name,
            step=step,
            occurrence=self._occurrences[step],
            channel=channel,
            template=template,
            purpose=Purpose.TRANSACTIONAL if transactional else self._spec.purpose,
            params=params,
            due_at=due_at,
            useless_after=due_at + self._spec.useless_after,
        )


def check_message(channel: Channel, template: object, params: dict[str, Plain]) -> None:
    """Refuse what is no message; a history and a template take plain values only.

    Raises:
        CatalogueError: the template is no name, or a param is neither a number, a flag nor a text.
    """
    if not isinstance(template, str):
        raise CatalogueError(f'j.{channel.value} takes the name of a template, j.{channel.value}("…"), not {template!r}')
    for name, value in params.items():
        if not isinstance(value, bool | int | float | str | None):
            kind = type(value).__name__
            raise CatalogueError(
                f"j.{channel.value}: {name}= is a number, a flag or a text, not a {kind}; a template shows no more"
            )
