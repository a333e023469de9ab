"""The delivery activity: wait until the provider is ready, claim (`activities.deliver.claim`), render, send, settle.

Promise (docs/architecture.md, "Delivering a message"): doubt begins at the first byte, so that a provider which is slow but
honest costs time and nothing else. What one provider certainly did not take goes to the next in the same attempt
(`activities.deliver.turns`). Under one idempotency key a marketing message reaches its customer at
most once and a transactional one at least once, whatever crashes in between; the ledger says which of them are in doubt.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from os import getpid
from socket import gethostname
from typing import Any
from uuid import UUID, uuid4

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.channels.base import Line, Provider
from activities.channels.breaker import Breaker
from activities.channels.carriers import Carriers
from activities.channels.confirming import USEFUL_FOR, Confirmation, confirm_url
from activities.channels.email.unsubscribe import sign_unsubscribe
from activities.channels.errors import Ambiguous, ChannelError, EndpointGone, TryLater, Unable
from activities.channels.kinds import KINDS, Bounce, WayOut
from activities.channels.languages import language_of
from activities.channels.message import Address, Campaign, Content, InAppContent, Outgoing
from activities.channels.suppression import suppression_digest
from activities.channels.tracking import NOT_TRACKED, Tracking
from activities.channels.wallet.content import PassContent
from activities.channels.wallet.links import link_of, serial_of
from activities.channels.wallet.settings import LINK_LIFE
from activities.contexts.knowing import Knowing, Known
from activities.deliver.claim import Claim, Claims, Full, Lanes, Later, Pinned, receipt_of
from activities.deliver.doubt import Doubt
from activities.deliver.limits import Limits, Wait
from activities.deliver.patience import alive, interruptible, patiently, to_its_end
from activities.deliver.settling import Settling
from activities.deliver.turns import Passed, Turn
from activities.gate.facts import Questions, key_of, whereabouts_of
from activities.metrics import DELIVERIES, FAILOVERS, PROVIDER_RETRIES
from activities.templates import BrokenTemplate, Context, TemplateError
from activities.templating.vocabulary import OFFERED
from activities.versions import Versions, WithCampaign
from journeys.campaigns.message import PREFIX, message_of
from journeys.contracts import USUAL_CEILINGS, Ceilings, Channel, DeliverRequest, Outcome, Purpose, Reason, Receipt
from journeys.endings import by_events, by_time
from journeys.gate.budget import cost_of
from journeys.gate.decide import as_reason
from segments.time.calendar import rules_of
from segments.time.zones import country_of_number
from store import Database, campaigns
from store.addresses import AddressKind
from store.away import AWAY
from store.deliveries import ledger as deliveries
from store.deliveries import passes, providers
from store.deliveries.ledger import Endpoint, InboxRow, Settlement
from store.products.offers import Offer
from store.runs import rows as runs

_WORKER = f"{gethostname()}:{getpid()}"


@dataclass(frozen=True)
class Delivery:
    """The activity and what it works with.

    `clock` tells the business time at which a request is tried; tests with skipped time answer with the request's own.
    """

    database: Database
    versions: Versions
    carriers: Mapping[Channel, Carriers]
    clock: Callable[[DeliverRequest], datetime]
    secret: str
    public_url: str
    limits: Limits
    knowing: Knowing
    doubt: Doubt = field(default_factory=Doubt)
    ceilings: Ceilings = USUAL_CEILINGS
    former_secrets: tuple[str, ...] = ()
    tracking: Tracking = NOT_TRACKED
    link_life: timedelta = LINK_LIFE
    #: How much marketing asks the gate at once: of the process's connections to Postgres some are left to what is urgent.
    marketing: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(5))
    lanes: Lanes = field(default_factory=dict)
    settling: Settling = field(default_factory=Settling)

    @activity.defn(name="deliver")
    async def deliver(self, request: DeliverRequest) -> Receipt:
        """Deliver one message, or say why not.

        Raises:
            ApplicationError: the provider asks to be tried later; Temporal retries.
        """
        async with alive():
            return await (await self._of(request)).attempt(request)

    async def _of(self, request: DeliverRequest) -> "Delivery":
        """The same with a campaign beside the journeys, where it is its message: one that is repeated."""
        message = await campaigns.message_of_run(self.database, request.run_id) if request.journey.startswith(PREFIX) else None
        if message is None:
            return self
        return replace(self, versions=WithCampaign(self.versions, message_of(message).spec(request.journey)))

    async def attempt(self, request: DeliverRequest) -> Receipt:
        """The same inside an activity that shows by itself that it lives.

        Raises:
            ApplicationError: as above.
        """
        receipt = await self._deliver(request)
        if receipt.outcome is Outcome.SENT:
            await self._follow(request)
        DELIVERIES.labels(request.channel.value, receipt.outcome.value).inc()
        told = {"run": str(request.run_id), "step": request.step, "reason": receipt.reason and receipt.reason.value}
        activity.logger.info("message %s", receipt.outcome.value, extra=told)
        return receipt.model_copy(update={"step": request.step, "occurrence": request.occurrence})

    async def _deliver(self, request: DeliverRequest) -> Receipt:
        """Offer the message to one provider after the other, until one of them may have it, or there is no other."""
        left, before = list(self.carriers[request.channel].order(request.key)), Passed()
        while True:
            provider = left.pop(0)
            told = await self._by(provider, request, before, last=not left)
            for part in provider.parts:
                await self._tell_operators(self.carriers[request.channel].breakers[part.name])
            if isinstance(told, Pinned):
                left, before = [told.provider], Passed()
            elif isinstance(told, Passed):
                before = told
                FAILOVERS.labels(request.channel.value, provider.name).inc()
            else:
                return self._told(request, told)

    async def _tell_operators(self, breaker: Breaker) -> None:
        """That this worker does not use a provider for now, or uses it again; no message waits for that to be written."""
        if breaker.news():
            with suppress(*AWAY):
                if breaker.stopped is None:
                    await providers.go_on(self.database, breaker.provider, _WORKER)
                else:
                    await providers.stop(self.database, breaker.provider, _WORKER, *breaker.stopped)

    async def _by(
        self, provider: Provider, request: DeliverRequest, before: Passed, *, last: bool
    ) -> Pinned | Passed | Later | Receipt:
        paced = ""
        while isinstance(told := await self._with_line(provider, request, before, paced, last=last), Wait):
            paced = told.who
            with interruptible():
                await asyncio.sleep(told.span.total_seconds())
        return told

    async def _with_line(
        self, provider: Provider, request: DeliverRequest, before: Passed, paced: str, *, last: bool
    ) -> Pinned | Passed | Wait | Later | Receipt:
        async with AsyncExitStack() as held:
            try:
                with interruptible():
                    if not paced:
                        await self.limits.pace(provider, request.purpose)
                    line = await held.enter_async_context(self.carriers[request.channel].ready(provider, request.key))
            except ChannelError as error:
                passed = before.by(error)
                return await self.claims.put_off(request, self.clock(request), provider, passed.later) if last else passed
            return await to_its_end(self._hand_over(request, Turn(provider, line, before, last=last, paced=paced)))

    async def _follow(self, request: DeliverRequest) -> None:
        """What follows a message that was sent: tried again until it is done, or nobody wants the message any more."""
        try:
            for provider in self.carriers[request.channel].all:
                await provider.follow(self.database, key_of(request))
        except TryLater as error:
            if not self.doubt.too_late(request, self.clock(request), error.retry_after):
                self._told(request, Later(error.detail, error.retry_after))

    async def _hand_over(self, request: DeliverRequest, turn: Turn) -> Pinned | Passed | Wait | Later | Receipt:
        alone, around = turn.last and not turn.before.pauses, await self._around(request)
        claimed = await self.claims.claim(
            request, self.clock(request), turn.provider, last=alone, paced=turn.paced, around=around
        )
        if isinstance(claimed, Full):
            passed = turn.before.by(TryLater(claimed.detail, claimed.pause))
            if not turn.last:
                return passed
            return await self.claims.put_off(request, self.clock(request), turn.provider, passed.later)
        return await self._send(request, claimed, turn) if isinstance(claimed, Claim) else claimed

    async def _around(self, request: DeliverRequest) -> dict[str, Known]:
        """What it is like where the customer is, by each context that the message or its template names.

        It is asked before the claim, so that no lock is held meanwhile: what is not known takes its timeout at most.
        """
        served = await self.versions.of(request.version)
        names = served.templates.around(request.channel, request.template)
        names |= {request.suits.context} if request.suits else frozenset()
        if not names:
            return {}
        if missing := sorted(names - served.contexts.keys()):
            told = f"no context '{missing[0]}' in this worker's catalogue; deploy the one that the journey's workers have"
            raise ApplicationError(told, type="UnknownContext")
        async with self.database.transaction() as connection:
            where = await runs.where_is(connection, request.run_id)
        traits = where[0] if where is not None else {}
        found = [served.contexts[name] for name in sorted(names)]
        known = await asyncio.gather(*(self.knowing.of(context, traits) for context in found))
        return {context.name: each for context, each in zip(found, known, strict=True)}

    def _told(self, request: DeliverRequest, decided: Later | Receipt) -> Receipt:
        if isinstance(decided, Receipt):
            return decided
        PROVIDER_RETRIES.labels(request.channel.value).inc()
        raise ApplicationError(decided.detail, type="TryLater", next_retry_delay=decided.pause)

    @property
    def claims(self) -> Claims:
        """Where this activity's messages are claimed."""
        parts = self.database, self.questions, self.carriers, self.doubt, self.versions, self.limits, self.marketing
        return Claims(*parts, self.lanes)

    @property
    def questions(self) -> Questions:
        """What the gate is asked."""
        return Questions(self.secret, self.ceilings, self.former_secrets)

    async def _send(self, request: DeliverRequest, claim: Claim, turn: Turn) -> Passed | Later | Receipt:
        try:
            content = await self._render(request, claim)
            claim = await self._with_cost(request, claim, content)
            return await self._try_endpoints(request, claim, turn.line, content)
        except BrokenTemplate as error:
            return await self._refused(request, claim, Reason.BROKEN_TEMPLATE, str(error))
        except NotHere as error:
            return await self._later(request, claim, Later(str(error)))
        except ChannelError as error:
            return await self._not_taken(request, claim, turn, error)

    async def _not_taken(
        self, request: DeliverRequest, claim: Claim, turn: Turn, error: ChannelError
    ) -> Passed | Later | Receipt:
        match error:
            case Ambiguous():
                return await self._in_doubt(request, claim, turn.provider, error.detail)
            case TryLater():
                return await self._turned_down(request, claim, turn, error)
            case Unable() if not claim.doubted and turn.others:
                return await self._turned_down(request, claim, turn, error)
        return await self._refused(request, claim, Reason.REFUSED, error.detail)

    async def _turned_down(
        self, request: DeliverRequest, claim: Claim, turn: Turn, error: ChannelError
    ) -> Passed | Later | Receipt:
        """Certainly not accepted: another provider may have it, unless an earlier attempt left a doubt with this one."""
        passed = turn.before.by(error)
        if claim.doubted or turn.last:
            return await self._later(request, claim, passed.later)
        now, detail = self.clock(request), claim.told | {"error": error.detail}
        await self._write(request, claim, Settlement("released", now, None, detail, retry_at=now, refused=True))
        return passed

    async def _try_endpoints(self, request: DeliverRequest, claim: Claim, line: Line, content: Content) -> Receipt:
        """Send to the customer's newest address; one that turns out dead is put away and the next is tried."""
        causes: list[str] = []
        for endpoint in claim.endpoints:
            outgoing = Outgoing(
                key=request.key,
                address=Address(endpoint_id=endpoint.id, value=endpoint.address, platform=endpoint.platform),
                content=content,
                useful_for=(request.useless_after - self.clock(request)) / self.doubt.speed,
                campaign=_campaign_of(request),
                traceparent=claim.facts.traceparent,
            )
            try:
                accepted = await line.send(outgoing)
            except EndpointGone as gone:
                causes.append(gone.detail)
                await patiently(partial(self._bury, request, endpoint, gone))
                over = await patiently(partial(deliveries.told_to_end, self.database, request.run_id))
                if over and not (request.repeat and over == Reason.FINISHED.value):
                    return await self._settle(request, claim, Outcome.SKIPPED, as_reason(over), {}, refused=True)
            else:
                told = accepted.model_dump(exclude={"kept"}) | {"endpoint_id": endpoint.id}
                if accepted.kept is not None:
                    told |= await self._kept(request, claim, accepted.kept)
                return await self._settle(request, claim, Outcome.SENT, None, {}, **told)
        dead = {"dead": len(claim.endpoints), "error": "; ".join(dict.fromkeys(causes))}
        return await self._settle(request, claim, Outcome.SKIPPED, Reason.UNREACHABLE, dead, refused=True)

    async def _kept(self, request: DeliverRequest, claim: Claim, content: Content) -> dict[str, Any]:
        """What is shown by ourselves from the settlement on."""
        if isinstance(content, InAppContent):
            return {"inbox": await self._in_the_inbox(request, claim, content)}
        assert isinstance(content, PassContent)
        await passes.keep_pictures(self.database, content.pictures)
        serial = serial_of(self.secret, claim.facts.profile_id, request.template, content.key)
        return {"wallet": passes.PassRow(serial, content.key, content.kept)}

    async def _in_the_inbox(self, request: DeliverRequest, claim: Claim, content: InAppContent) -> InboxRow:
        """What the customer's inbox shows, and what takes it away again: as the run's version of the journey declares it."""
        spec = (await self.versions.of(request.version)).specs[request.journey]
        over, expires_at = by_time(spec, claim.facts.in_since), self.clock(request) + content.lives
        ends = [predicate.to_json() for _, _, predicate in by_events(spec)]
        shown = content.model_dump(mode="json", exclude={"lives"}, exclude_defaults=True)
        return InboxRow(uuid4(), shown, min(expires_at, over.at) if over else expires_at, ends)

    async def _bury(self, request: DeliverRequest, endpoint: Endpoint, gone: EndpointGone) -> None:
        now = self.clock(request)
        since = gone.since and min(now, self.doubt.business(now, gone.since - datetime.now(UTC)))
        kind = KINDS[request.channel]
        if endpoint.id is not None and kind.bounce is not Bounce.NOTHING:
            await deliveries.invalidate_endpoint(self.database, endpoint.id, now, gone.detail, since)
        if kind.bounce is Bounce.SUPPRESSED:  # for every purpose
            digest = suppression_digest(self.secret, request.channel.value, endpoint.address)
            await deliveries.suppress(self.database, request.channel.value, digest, "all", "hard bounce", now)

    async def _later(self, request: DeliverRequest, claim: Claim, why: Later) -> Later | Receipt:
        """Certainly not accepted: Temporal tries again, unless the message would be useless by then.

        A doubt that an earlier attempt left stays for all to see, and a repetition that was asked for is tried once.
        """
        now, detail = self.clock(request), {"error": why.detail}
        if request.repeat or self.doubt.too_late(request, now, why.pause):
            return await self._settle(request, claim, Outcome.FAILED, Reason.EXPIRED, detail, refused=True)
        state, retry_at = "claimed" if claim.doubted else "released", self.doubt.business(now, why.pause)
        settlement = Settlement(state, now, None, claim.told | detail, retry_at=retry_at, refused=True)
        await self._write(request, claim, settlement)
        return why

    async def _in_doubt(self, request: DeliverRequest, claim: Claim, provider: Provider, error: str) -> Later | Receipt:
        """Perhaps accepted: it goes again after a pause where its key is known again, a transactional one up to the bound."""
        now, detail = self.clock(request), {"error": error}
        pause = self.doubt.pause_after(claim.row.copies, provider.tells_within)
        bounded = request.purpose is Purpose.TRANSACTIONAL and claim.row.copies < self.doubt.copies
        if request.repeat or not (bounded or provider.idempotent) or self.doubt.too_late(request, now, pause):
            return await self._settle(request, claim, Outcome.UNCONFIRMED, Reason.AMBIGUOUS, detail)
        retry_at = self.doubt.business(now, pause)
        await self._write(request, claim, Settlement("claimed", now, None, claim.told | detail, retry_at=retry_at))
        return Later(error, pause)

    async def _refused(self, request: DeliverRequest, claim: Claim, reason: Reason, error: str) -> Receipt:
        return await self._settle(request, claim, Outcome.FAILED, reason, {"error": error}, refused=True)

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
            why = reason.value if reason else outcome.value
            detail = {"error": f"a copy may have arrived; the last one did not go: {why}"} | detail
            outcome, reason = Outcome.UNCONFIRMED, Reason.AMBIGUOUS
        text, told = reason.value if reason else None, claim.told | detail
        wallet: passes.PassRow | None = more.pop("wallet", None)
        settlement = Settlement(outcome.value, self.clock(request), text, told, **more)
        if wallet is not None:
            done = partial(passes.settle, self.database, key_of(request), settlement, wallet, claim.row.attempts)
            await patiently(done)
        else:
            await self._write(request, claim, settlement)
        return receipt_of(outcome, reason, told)

    async def _write(self, request: DeliverRequest, claim: Claim, settlement: Settlement) -> None:
        if not settlement.refused:
            settlement = replace(settlement, cost=claim.cost, currency=claim.currency)
        await patiently(partial(self.settling.settle, self.database, key_of(request), settlement, claim.row.attempts))
        if settlement.refused and claim.counted is not None:
            await patiently(partial(self.limits.give_back, claim.counted))

    async def _with_cost(self, request: DeliverRequest, claim: Claim, content: Content) -> Claim:
        """The claim with what a copy costs: of a text message each part, at the price of its number's country."""
        served, to_number = await self.versions.of(request.version), KINDS[request.channel].address is AddressKind.PHONE
        country = country_of_number(claim.endpoints[0].address) if to_number and served.prices else None
        cost = cost_of(served.prices, request.channel.value, country, getattr(content, "parts", 1))
        return replace(claim, cost=cost, currency=None if cost is None else served.currency)

    async def _render(self, request: DeliverRequest, claim: Claim) -> Content:
        facts, served = claim.facts, await self.versions.of(request.version)
        token = sign_unsubscribe(self.secret, facts.profile_id, request.channel.value, request.purpose.value, request.key)
        unsubscribe_url = f"{self.public_url.rstrip('/')}/u/{token}"
        names = served.templates.links_to_passes(request.channel, request.template)
        links = await self._links(request, facts.profile_id) if names else {}
        told = facts.traits, facts.entry, facts.params | request.params, facts.fetched, links, unsubscribe_url
        home = served.specs[request.journey].timezone
        zone = rules_of(whereabouts_of(facts, home).likely(home))
        said = Confirmation(facts.profile_id, request.channel.value, request.key, request.due_at + USEFUL_FOR)
        confirm = confirm_url(self.public_url, self.secret, said)
        language = language_of(facts.traits, facts.device_locale)
        context = Context(*told, *_shown(claim.offer), zone, language, confirm, facts.user_id, claim.around)
        try:
            content = served.templates.render(request.channel, request.template, context)
        except TemplateError as error:
            raise NotHere(str(error)) from None
        campaign = _campaign_of(request)
        content = self.tracking.marked(content, self.secret, request.channel.value, request.key, campaign, facts.traits)
        if KINDS[request.channel].way_out is WayOut.LINK and request.purpose is not Purpose.MARKETING:
            return content.model_copy(update={"unsubscribe_url": None})  # its text may show it; no reader's button does
        return content

    async def _links(self, request: DeliverRequest, profile_id: UUID) -> dict[str, str]:
        """By which the customer adds their passes, by template; of several passes, the one that changed last."""
        held, until = await passes.of_customer(self.database, profile_id), self.clock(request) + self.link_life
        newest = {each.template: each.serial for each in reversed(held)}
        return {name: link_of(self.public_url, self.secret, serial, until) for name, serial in newest.items()}


class NotHere(Exception):
    """This worker's catalogue lacks the template; the next deployment may have it."""


def _campaign_of(request: DeliverRequest) -> Campaign:
    return Campaign(journey=request.journey, template=request.template, purpose=request.purpose.value)


def _shown(offer: Offer | None) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """What a template may name of the product that it offers, and of the one bought, or added, last."""
    if offer is None:
        return {}, {}, {}
    product = {name: getattr(offer.product, name) for name in OFFERED["product"]}
    return (product, {**offer.goes_with}, {}) if offer.to == "bought" else (product, {}, {**offer.goes_with})
