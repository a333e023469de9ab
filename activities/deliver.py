"""The delivery activity: gate and claim in one transaction, render, send, settle.

Promise (docs/architecture.md, "Delivering a message"): under one idempotency key a marketing message reaches its customer at
most once and a transactional one at least once, whatever crashes in between; the ledger says which of them are in doubt.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Protocol

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.attempt import alive, patiently
from activities.channels.base import Provider
from activities.channels.errors import Ambiguous, ChannelError, EndpointGone, Refused, TryLater
from activities.channels.message import Address, Content, EmailContent, Outgoing
from activities.channels.suppression import suppression_digest
from activities.channels.unsubscribe import sign_unsubscribe
from activities.gate import Go, No, Question, decide
from activities.goals import reached_at
from activities.metrics import DELIVERIES, GATE_REFUSALS, PROVIDER_RETRIES
from activities.templates import BrokenTemplate, Context, TemplateError
from journeys.contracts import (
    Channel,
    DeliverRequest,
    JourneySpec,
    Outcome,
    Purpose,
    ReachedRequest,
    Reason,
    Receipt,
)
from segments.wire import predicate_from_json
from store import Connection, Database, deliveries
from store.deliveries import Endpoint, Entry, LedgerRow, MessageKey, RunFacts, Settlement

_FINAL = frozenset({"sent", "skipped", "withheld", "failed", "unconfirmed"})


class Renderer(Protocol):
    """Turns a template and what is known of a customer into content; raises `activities.templates.BrokenTemplate`."""

    def render(self, channel: Channel, name: str, context: Context) -> Content:
        """Render one message."""
        ...


@dataclass(frozen=True, slots=True)
class Claim:
    """A message that this attempt may hand to a provider; `doubted` when an earlier one may have done so already."""

    facts: RunFacts
    endpoints: tuple[Endpoint, ...]
    doubted: bool = False
    number: int = 0


@dataclass(frozen=True)
class Delivery:
    """The activity and what it works with.

    `clock` tells the business time at which a request is tried; tests with skipped time answer with the request's own.
    """

    database: Database
    specs: Mapping[str, JourneySpec]
    providers: Mapping[Channel, Provider]
    templates: Renderer
    clock: Callable[[DeliverRequest], datetime]
    secret: str
    public_url: str
    speed: float = 1.0

    @activity.defn(name="deliver")
    async def deliver(self, request: DeliverRequest) -> Receipt:
        """Deliver one message, or say why not.

        Raises:
            ApplicationError: the provider asks to be tried later; Temporal retries.
        """
        receipt = await alive(self._deliver(request))
        DELIVERIES.labels(request.channel.value, receipt.outcome.value).inc()
        told = {"run": str(request.run_id), "step": request.step, "reason": receipt.reason and receipt.reason.value}
        activity.logger.info("message %s", receipt.outcome.value, extra=told)
        return receipt

    async def _deliver(self, request: DeliverRequest) -> Receipt:
        claimed = await self._claim(request)
        return claimed if isinstance(claimed, Receipt) else await self._send(request, claimed)

    @activity.defn(name="reached")
    async def reached(self, request: ReachedRequest) -> bool:
        """Whether a predicate holds for the run's customer, counting what happened since entry."""
        async with self.database.transaction() as connection:
            facts = await deliveries.facts(connection, request.run_id, Channel.PUSH.value, Purpose.MARKETING.value)
            if facts is None:
                return False
            rows = [(request.run_id, facts.profile_id, facts.entered_at)]
            return bool(await reached_at(connection, predicate_from_json(request.predicate), rows, request.at))

    async def _claim(self, request: DeliverRequest) -> Claim | Receipt:
        now = self.clock(request)
        async with self.database.transaction() as connection:
            facts = await deliveries.facts(connection, request.run_id, request.channel.value, request.purpose.value)
            if facts is None:
                return Receipt(outcome=Outcome.SKIPPED, reason=Reason.ERASED)
            row = await deliveries.ledger_row(connection, _key(request))
            if row is not None and row.state in _FINAL:
                return _receipt(row)
            if row is not None and row.state == "claimed":
                return await self._doubt(connection, request, facts, now)
            if now >= request.useless_after:
                return await self._say_no(connection, request, facts, No(Outcome.FAILED, Reason.EXPIRED), now)
            return await self._ask(connection, request, facts, now)

    async def _ask(self, connection: Connection, request: DeliverRequest, facts: RunFacts, now: datetime) -> Claim | Receipt:
        spec = self.specs[request.journey]
        if spec.caps and request.purpose is Purpose.MARKETING:
            await deliveries.lock_customer(connection, facts.profile_id)
        question = Question(
            request=request,
            spec=spec,
            facts=facts,
            goal_at=await self._goal_at(connection, request, facts, now),
            unsuppressed=await self._unsuppressed(connection, request, facts),
            claims=await self._claims(connection, spec, facts, now),
            now=now,
        )
        match decide(question):
            case Go(endpoints):
                return await self._take(connection, request, Claim(facts, endpoints), now)
            case No() as no:
                return await self._say_no(connection, request, facts, no, now)

    async def _goal_at(
        self, connection: Connection, request: DeliverRequest, facts: RunFacts, now: datetime
    ) -> datetime | None:
        goal = self.specs[request.journey].goal
        if goal is None:
            return None
        found = await reached_at(connection, goal, [(request.run_id, facts.profile_id, facts.entered_at)], now)
        return found.get(request.run_id)

    async def _unsuppressed(self, connection: Connection, request: DeliverRequest, facts: RunFacts) -> tuple[Endpoint, ...]:
        channel = request.channel.value
        digests = {e.id: suppression_digest(self.secret, channel, e.address) for e in facts.endpoints}
        if not digests:
            return ()
        found = await deliveries.suppressed(connection, channel, list(digests.values()), request.purpose.value)
        return tuple(e for e in facts.endpoints if digests[e.id] not in found)

    async def _claims(self, connection: Connection, spec: JourneySpec, facts: RunFacts, now: datetime) -> list[datetime]:
        if not spec.caps:
            return []
        longest = max(cap.within for cap in spec.caps)
        return await deliveries.claims_since(connection, facts.profile_id, now - longest)

    async def _doubt(self, connection: Connection, request: DeliverRequest, facts: RunFacts, now: datetime) -> Claim | Receipt:
        """An earlier attempt claimed and never settled: the provider may have the message."""
        again = self.providers[request.channel].idempotent or request.purpose is Purpose.TRANSACTIONAL
        over = facts.control == "killed" or facts.exit_reason is not None or facts.ended_at is not None
        reachable = await self._unsuppressed(connection, request, facts)
        if again and reachable and not over and now < request.useless_after:
            return await self._take(connection, request, Claim(facts, reachable, doubted=True), now)
        return await self._say_no(connection, request, facts, No(Outcome.UNCONFIRMED, Reason.AMBIGUOUS), now)

    async def _take(self, connection: Connection, request: DeliverRequest, claim: Claim, now: datetime) -> Claim:
        entry = _entry(request, claim.facts, "claimed", self.providers[request.channel].name)
        entry = replace(entry, claimed_at=now, attempts=1, endpoint_id=claim.endpoints[0].id)
        return replace(claim, number=await deliveries.record(connection, entry))

    async def _say_no(self, connection: Connection, request: DeliverRequest, facts: RunFacts, no: No, now: datetime) -> Receipt:
        entry = _entry(request, facts, no.outcome.value, self.providers[request.channel].name)
        await deliveries.record(
            connection, replace(entry, reason=no.reason.value, detail=no.detail, retry_at=no.retry_at, settled_at=now)
        )
        GATE_REFUSALS.labels(request.channel.value, no.reason.value).inc()
        return Receipt(outcome=no.outcome, reason=no.reason, retry_at=no.retry_at)

    async def _send(self, request: DeliverRequest, claim: Claim) -> Receipt:
        try:
            return await self._try_endpoints(request, claim, self._render(request, claim.facts))
        except BrokenTemplate as error:
            return await self._settle(request, claim, Outcome.FAILED, Reason.BROKEN_TEMPLATE, {"error": str(error)})
        except TryLater as error:
            return await self._later(request, claim, error, error.retry_after)
        except Ambiguous as error:
            if request.purpose is Purpose.TRANSACTIONAL:
                return await self._later(request, replace(claim, doubted=True), error)
            return await self._settle(request, claim, Outcome.UNCONFIRMED, Reason.AMBIGUOUS, {"error": error.detail})
        except Refused as error:
            return await self._settle(request, claim, Outcome.FAILED, Reason.REFUSED, {"error": error.detail})

    async def _try_endpoints(self, request: DeliverRequest, claim: Claim, content: Content) -> Receipt:
        """Send to the customer's newest address; one that turns out dead is put away and the next is tried."""
        for endpoint in claim.endpoints:
            outgoing = Outgoing(
                key=request.key,
                address=Address(endpoint_id=endpoint.id, value=endpoint.address, platform=endpoint.platform),
                content=content,
                traceparent=claim.facts.traceparent,
            )
            try:
                accepted = await self.providers[request.channel].send(outgoing)
            except EndpointGone as gone:
                await patiently(partial(self._bury, request, endpoint, gone))
            else:
                settlement = {"provider_message_id": accepted.provider_message_id, "endpoint_id": endpoint.id}
                return await self._settle(request, claim, Outcome.SENT, None, {}, **settlement)
        return await self._settle(request, claim, Outcome.SKIPPED, Reason.UNREACHABLE, {"dead": len(claim.endpoints)})

    async def _bury(self, request: DeliverRequest, endpoint: Endpoint, gone: ChannelError) -> None:
        now = self.clock(request)
        await deliveries.invalidate_endpoint(self.database, endpoint.id, now, gone.detail)
        if request.channel is Channel.EMAIL:
            # A hard bounce: the address is suppressed for every purpose, and for whoever owns it later.
            digest = suppression_digest(self.secret, request.channel.value, endpoint.address)
            await deliveries.suppress(self.database, request.channel.value, digest, "all", "hard bounce", now)

    async def _later(
        self, request: DeliverRequest, claim: Claim, error: ChannelError, retry_after: timedelta | None = None
    ) -> Receipt:
        """Let Temporal try again, unless the message would be useless by then; a claim in doubt stays for all to see."""
        now, detail = self.clock(request), {"error": error.detail}
        retry_at = now + (retry_after or timedelta(0)) * self.speed
        if retry_at >= request.useless_after:
            return await self._settle(request, claim, Outcome.FAILED, Reason.EXPIRED, detail)
        if not claim.doubted:
            await self._write(request, claim, Settlement("released", now, None, detail, None, retry_at))
        PROVIDER_RETRIES.labels(request.channel.value).inc()
        raise ApplicationError(error.detail, type="TryLater", next_retry_delay=retry_after)

    async def _settle(
        self,
        request: DeliverRequest,
        claim: Claim,
        outcome: Outcome,
        reason: Reason | None,
        detail: dict[str, Any],
        **more: Any,
    ) -> Receipt:
        if claim.doubted and outcome is not Outcome.SENT:
            outcome, reason = Outcome.UNCONFIRMED, Reason.AMBIGUOUS
        text = reason.value if reason else None
        await self._write(request, claim, Settlement(outcome.value, self.clock(request), text, detail, **more))
        return Receipt(outcome=outcome, reason=reason)

    async def _write(self, request: DeliverRequest, claim: Claim, settlement: Settlement) -> None:
        await patiently(partial(deliveries.settle, self.database, _key(request), settlement, claim.number))

    def _render(self, request: DeliverRequest, facts: RunFacts) -> Content:
        token = sign_unsubscribe(self.secret, facts.profile_id, request.channel.value, request.purpose.value, request.key)
        unsubscribe_url = f"{self.public_url.rstrip('/')}/u/{token}"
        context = Context(facts.traits, facts.entry, facts.params | request.params, unsubscribe_url)
        try:
            content = self.templates.render(request.channel, request.template, context)
        except TemplateError as error:  # this worker's catalogue lacks it; the next deployment may have it
            raise TryLater(str(error)) from None
        if isinstance(content, EmailContent) and request.purpose is Purpose.MARKETING:
            return content.model_copy(update={"unsubscribe_url": unsubscribe_url})
        return content


def _key(request: DeliverRequest) -> MessageKey:
    return MessageKey(request.run_id, request.step, request.occurrence)


def _receipt(row: LedgerRow) -> Receipt:
    return Receipt(outcome=Outcome(row.state), reason=Reason(row.reason) if row.reason else None)


def _entry(request: DeliverRequest, facts: RunFacts, state: str, provider: str) -> Entry:
    return Entry(
        key=_key(request),
        profile_id=facts.profile_id,
        journey=request.journey,
        channel=request.channel.value,
        purpose=request.purpose.value,
        template=request.template,
        due_at=request.due_at,
        state=state,
        provider=provider,
    )
