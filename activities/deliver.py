"""The delivery activity: claim (`activities.claim`), render, send, settle.

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
from activities.claim import Claim, Counter, key_of, receipt_of
from activities.goals import reached_at
from activities.metrics import DELIVERIES, PROVIDER_RETRIES
from activities.questions import Questions, Wishes
from activities.templates import BrokenTemplate, Context, TemplateError
from activities.templating.vocabulary import OFFERED
from journeys.contracts import Channel, DeliverRequest, JourneySpec, Outcome, Purpose, ReachedRequest, Reason, Receipt
from segments import Segment
from segments.wire import predicate_from_json
from store import Database, deliveries
from store.deliveries import Endpoint, Settlement
from store.products import Offer


class Renderer(Wishes, Protocol):
    """Turns a template and what is known of a customer into content; raises `activities.templates.BrokenTemplate`."""

    def render(self, channel: Channel, name: str, context: Context) -> Content:
        """Render one message."""
        ...


@dataclass(frozen=True)
class Delivery:
    """The activity and what it works with.

    `clock` tells the business time at which a request is tried; tests with skipped time answer with the request's own.
    """

    database: Database
    specs: Mapping[str, JourneySpec]
    segments: Mapping[str, Segment]
    providers: Mapping[Channel, Provider]
    templates: Renderer
    clock: Callable[[DeliverRequest], datetime]
    secret: str
    public_url: str
    speed: float = 1.0
    former_secrets: tuple[str, ...] = ()

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
        claimed = await self.counter.claim(request, self.clock(request))
        return claimed if isinstance(claimed, Receipt) else await self._send(request, claimed)

    @property
    def counter(self) -> Counter:
        """Where this activity's messages are claimed."""
        questions = Questions(self.specs, self.segments, self.templates, self.secret, self.former_secrets)
        return Counter(self.database, questions, self.providers)

    @activity.defn(name="reached")
    async def reached(self, request: ReachedRequest) -> bool:
        """Whether a predicate holds for the run's customer, counting what happened since entry."""
        async with self.database.transaction() as connection:
            facts = await deliveries.facts(connection, request.run_id, Channel.PUSH.value, Purpose.MARKETING.value)
            if facts is None:
                return False
            rows = [(request.run_id, facts.profile_id, facts.entered_at)]
            return bool(await reached_at(connection, predicate_from_json(request.predicate), rows, request.at))

    async def _send(self, request: DeliverRequest, claim: Claim) -> Receipt:
        try:
            return await self._try_endpoints(request, claim, self._render(request, claim))
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
            await self._write(request, claim, Settlement("released", now, None, claim.told | detail, None, retry_at))
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
        text, told = reason.value if reason else None, claim.told | detail
        await self._write(request, claim, Settlement(outcome.value, self.clock(request), text, told, **more))
        return receipt_of(outcome, reason, told)

    async def _write(self, request: DeliverRequest, claim: Claim, settlement: Settlement) -> None:
        await patiently(partial(deliveries.settle, self.database, key_of(request), settlement, claim.number))

    def _render(self, request: DeliverRequest, claim: Claim) -> Content:
        facts = claim.facts
        token = sign_unsubscribe(self.secret, facts.profile_id, request.channel.value, request.purpose.value, request.key)
        unsubscribe_url = f"{self.public_url.rstrip('/')}/u/{token}"
        told = facts.traits, facts.entry, facts.params | request.params, unsubscribe_url
        context = Context(*told, *_shown(claim.offer))
        try:
            content = self.templates.render(request.channel, request.template, context)
        except TemplateError as error:  # this worker's catalogue lacks it; the next deployment may have it
            raise TryLater(str(error)) from None
        if isinstance(content, EmailContent) and request.purpose is Purpose.MARKETING:
            return content.model_copy(update={"unsubscribe_url": unsubscribe_url})
        return content


def _shown(offer: Offer | None) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a template may name of the product that it offers, and of the one bought last."""
    if offer is None:
        return {}, {}
    product = {name: getattr(offer.product, name) for name in OFFERED["product"]}
    return product, {"id": offer.bought_id, "name": offer.bought_name}
