"""What services answer in a simulation: their sample, unless the test has said otherwise, for whom and how often."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from journeys.actions import Call, Called
from journeys.contracts import Reason
from journeys.entering import UnlikeDeclared, accepted
from journeys.services import Service, next_attempt
from journeys.simulate.customers import Customer
from journeys.walk.samples import sample


class Reply(StrEnum):
    """The answers that a call knows apart."""

    ANSWERS = "answers"
    REFUSES = "refuses"
    LATER = "asks for another try"
    SILENT = "no answer"


@dataclass(frozen=True, slots=True)
class ServiceReply:
    """One answer; `after` is when a busy service wants to be asked again."""

    kind: Reply
    body: Mapping[str, Any] = field(default_factory=dict)
    status: int | None = None
    after: timedelta | None = None


@dataclass(slots=True)
class _Rule:
    reply: ServiceReply
    service: str
    customer: Customer | None
    left: int | None


@dataclass(frozen=True, slots=True)
class Again:
    """Not answered yet: asked again then."""

    at: datetime


@dataclass(slots=True)
class Told:
    """A call of a run, and what it came to."""

    call: Call
    called: Called | None = None
    attempts: int = 0
    at: datetime | None = None


class Services:
    """What each is told to answer: once said for some times, then what was said last for good, else its sample."""

    def __init__(self, services: Mapping[str, Service[Any]]) -> None:
        self._services = services
        self._rules: list[_Rule] = []

    def will(self, reply: ServiceReply, service: str, customer: Customer | None = None, times: int | None = None) -> None:
        """The next so many calls to a service (about a customer) get this answer; without a number all from now on."""
        self._rules.append(_Rule(reply, service, customer, times))

    def attempt(self, told: Told, who: Customer, now: datetime, *, paused: bool) -> Called | Again:
        """What one attempt at a call comes to."""
        told.attempts += 1
        reply = ServiceReply(Reply.SILENT) if paused else self._reply(told.call, who)
        if reply.kind in (Reply.LATER, Reply.SILENT):
            at = next_attempt(now, told.call.until, told.attempts, reply.after)
            return Again(at) if at else Called(reason=Reason.NO_ANSWER)
        if reply.kind is Reply.REFUSES:
            return Called(reason=Reason.SAID_NO, status=reply.status)
        return self._read(told.call, reply.body)

    def _reply(self, call: Call, who: Customer) -> ServiceReply:
        fitting = [rule for rule in self._rules if rule.service == call.service and rule.customer in (None, who)]
        for rule in fitting:
            if rule.left:
                rule.left -= 1
                return rule.reply
        lasting = [rule.reply for rule in fitting if rule.left is None]
        return lasting[-1] if lasting else ServiceReply(Reply.ANSWERS, sample(self._services[call.service]) or {})

    def _read(self, call: Call, body: Mapping[str, Any]) -> Called:
        if call.gives is None:
            return Called(status=200)
        try:
            return Called(status=200, values=accepted(call.gives, body))
        except UnlikeDeclared:
            return Called(reason=Reason.UNLIKE_DECLARED)
