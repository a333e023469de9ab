"""The activity that calls a service for a run: decided, tried, settled; under one id, whatever attempts and workers it takes.

Promise: nobody is told anything for a run that is over, or that has reached its goal or an exit; a call that came to something
is never made again. A service that is told twice (an attempt whose answer was lost) hears the same id twice.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.calling import functions
from activities.calling.body import Unlike, answer_of, body_of
from activities.calling.lines import Lines, NoPlace, Request
from activities.channels.errors import Ambiguous, ChannelError, Forbidden, Refused, TryLater
from activities.deliver.patience import alive, patiently
from activities.gate.goals import ending_of
from activities.gate.terms import last_words
from activities.metrics import CALLS
from activities.versions import Served, Versions
from journeys.actions import Call, Called
from journeys.contracts import Reason
from journeys.entering import branchable
from journeys.entry import withheld
from journeys.services import Service, next_attempt
from store import Connection, Database
from store.runs import calls
from store.runs.calls import CallFacts, CallKey, Settled
from store.runs.rows import OpenRun

#: An attempt that Temporal is asked to make again at once would find the instant not yet come.
_DAY = timedelta(days=1)
_SOON = timedelta(milliseconds=50)


@dataclass(frozen=True, slots=True)
class _Attempt:
    """One attempt: which one it is, with what is known of run and customer."""

    call: Call
    service: Service[Any]
    facts: CallFacts
    number: int


@dataclass(frozen=True, slots=True)
class _Later:
    """Nothing comes of it now; when the next attempt may be (business time)."""

    detail: str
    at: datetime


@dataclass(frozen=True)
class Calling:
    """The activity and what it works with; `clock` tells the business time of an attempt, which runs `speed` times ours."""

    database: Database
    versions: Versions
    lines: Lines
    clock: Callable[[Call], datetime]
    speed: float = 1.0

    @activity.defn(name=Call.activity)
    async def call(self, asked: Call) -> Called:
        """Call a service, or say why not.

        Raises:
            ApplicationError: it is to be tried again; Temporal does.
        """
        async with alive():
            decided = await self._decided(asked)
            if isinstance(decided, _Attempt):
                decided = await self._tried(decided)
        if isinstance(decided, _Later):
            pause = (decided.at - self.clock(asked)) / self.speed
            raise ApplicationError(decided.detail, type="TryLater", next_retry_delay=max(pause, _SOON))
        CALLS.labels(asked.service, decided.reason.value if decided.reason else "answered").inc()
        return decided

    async def _decided(self, asked: Call) -> "_Attempt | _Later | Called":
        served, now = await self.versions.of(asked.version), self.clock(asked)
        service = served.services.get(asked.service)
        if service is None:
            missing = f"no service '{asked.service}' in this worker's catalogue; deploy the one that has it"
            raise ApplicationError(missing, type="UnknownService")
        async with self.database.transaction() as connection:
            facts = await calls.facts(connection, asked.run_id, asked.number)
            if facts is None:
                return Called(reason=Reason.ERASED)
            if facts.settled_at is not None:
                return _known(service, facts)
            no = await self._forbids(connection, asked, served, facts, now)
            if no is not None:
                await calls.settle(connection, _key(asked), Settled(no.reason and no.reason.value, None, None, now))
                return no
            if facts.retry_at is not None and facts.retry_at > now:
                return _Later(f"{asked.service}: not before its time", facts.retry_at)
            if any(path.startswith("reply.") for path in service.sends):
                facts = replace(facts, reply=await last_words(connection, facts.profile_id, asked.run_id))
            number = await calls.take(connection, _key(asked))
            return _Attempt(asked, service, facts, number or facts.attempts)

    async def _forbids(
        self, connection: Connection, asked: Call, served: Served, facts: CallFacts, now: datetime
    ) -> Called | None:
        """Why a call is not made (any more): what the gate asks of a message's run, and whether it is too late."""
        if facts.control == "killed":
            return Called(reason=Reason.KILLED)
        if facts.exit_reason is not None or facts.ended_at is not None:
            return Called(reason=Reason(facts.exit_reason) if facts.exit_reason else Reason.OVER)
        run = OpenRun(asked.run_id, facts.journey, facts.profile_id, facts.entered_at, asked.version)
        if ending := await ending_of(connection, served, run, facts.in_since, now):
            return Called(reason=ending.reason, ended_by=ending.which)
        if now >= asked.until:
            return Called(reason=Reason.NO_ANSWER)
        service = served.services[asked.service]
        if service.per_day is not None and await calls.lately(connection, _key(asked), now - _DAY) >= service.per_day:
            return Called(reason=Reason.BUDGET)
        spec, company = served.specs.get(facts.journey), self.versions.own.holdout
        why = None if asked.fetch or spec is None else withheld(spec, company, facts.drawn_as, holdout=facts.holdout)
        return Called(reason=why) if why else None

    async def _tried(self, attempt: _Attempt) -> "_Later | Called":
        call, facts = attempt.call, attempt.facts
        if facts.control == "paused" and not call.fetch:
            return await self._again(attempt, TryLater(f"{call.service}: the journey is paused"))
        at_once = activity.in_activity() and activity.info().is_local
        request = Request(call.service, call.id, body_of(call, attempt.service, facts), facts.traceparent, at_once)
        try:
            inside = partial(functions.answer, attempt.service) if attempt.service.function else None
            answer = await self.lines.ask(request, inside)
            found = answer_of(attempt.service, answer) if call.fetch else None
        except (TryLater, Ambiguous) as error:
            return await self._again(attempt, error)
        except Refused as error:
            return await self._settled(attempt, _reason(error), getattr(error, "status", None), None, error.detail)
        return await self._settled(attempt, None, answer.status_code, found)

    async def _again(self, attempt: _Attempt, error: ChannelError) -> "_Later | Called":
        call, now = attempt.call, self.clock(attempt.call)
        wanted = error.retry_after if isinstance(error, TryLater) else None
        at = next_attempt(now, call.until, attempt.number, wanted, self.speed)
        if at is None:
            return await self._settled(attempt, Reason.NO_ANSWER, None, None, error.detail)
        tried = attempt.number - isinstance(error, NoPlace)
        await patiently(partial(calls.put_off, self.database, _key(call), at, tried))
        return _Later(error.detail, at)

    async def _settled(
        self, attempt: _Attempt, reason: Reason | None, status: int | None, answer: dict[str, Any] | None, why: str = ""
    ) -> Called:
        if reason is not None:
            activity.logger.warning("a call came to nothing", extra={"service": attempt.call.service, "why": why})
        settled = Settled(reason.value if reason else None, status, answer, self.clock(attempt.call))
        await patiently(partial(self._settle, _key(attempt.call), settled))
        return Called(reason=reason, status=status, values=branchable(attempt.service.model, answer or {}))

    async def _settle(self, key: CallKey, settled: Settled) -> None:
        async with self.database.transaction() as connection:
            await calls.settle(connection, key, settled)


def _key(asked: Call) -> CallKey:
    return CallKey(asked.run_id, asked.number, asked.service, asked.event, asked.at)


def _known(service: Service[Any], facts: CallFacts) -> Called:
    """What an earlier attempt, whose answer Temporal never heard, came to."""
    reason = Reason(facts.reason) if facts.reason else None
    return Called(reason=reason, status=facts.status, values=branchable(service.model, facts.answer or {}))


def _reason(error: Refused) -> Reason:
    if isinstance(error, Forbidden):
        return Reason.FORBIDDEN
    return Reason.UNLIKE_DECLARED if isinstance(error, Unlike) else Reason.SAID_NO
