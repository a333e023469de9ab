"""The claim: the gate is asked and the message's row is written in one transaction, under the message's idempotency key.

Promise: of all attempts at one message at most one at a time may be at a provider; the first "no" is on the ledger with its
inputs, a retry carries the same product as the attempt before it, and a provider is given no more copies than stated. The
row says who is about to have the message before it leaves; while that is in doubt, nobody else is given it. Marketing leaves
some of the process's connections to what does not wait.
"""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager, nullcontext, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from activities.channels.base import Provider
from activities.channels.carriers import Carriers
from activities.channels.errors import TryLater
from activities.channels.kinds import KINDS
from activities.contexts.knowing import Known
from activities.deliver.doubt import Doubt
from activities.deliver.limits import Counted, Limits, Wait
from activities.gate.facts import Asked, Attempt, Questions, budgeted, earlier_offer, key_of
from activities.metrics import GATE_REFUSALS
from activities.versions import Versions
from journeys.contracts import Channel, DeliverRequest, Outcome, Purpose, Reason, Receipt
from journeys.gate.decide import Go, No, decide, exposures, inputs_of
from journeys.gate.order import WAKING
from store import Database
from store.addresses import AddressKind
from store.deliveries import doubts
from store.deliveries import ledger as deliveries
from store.deliveries.ledger import Claimed, Endpoint, Entry, LedgerRow, RunFacts
from store.products import Offer
from store.runs.exposures import holdout_asked

_LOST = "the worker stopped before an answer came"
_SETTLED = "it was settled meanwhile"
_FINAL = frozenset({"sent", "skipped", "withheld", "failed", "unconfirmed"})


@dataclass(frozen=True, slots=True)
class Claim:
    """A message that this attempt may hand to a provider; `doubted` when an earlier one may have done so already."""

    facts: RunFacts
    endpoints: tuple[Endpoint, ...]
    doubted: bool = False
    row: Claimed = field(default_factory=Claimed)
    offer: Offer | None = None
    counted: Counted | None = None  # in which ceilings of its provider
    cost: int | None = None  # of a copy, by the declared price, in millionths of the currency
    currency: str | None = None
    around: Mapping[str, Any] = field(default_factory=dict)  # what it is like where the customer is, by context

    @property
    def told(self) -> dict[str, Any]:
        """What the ledger keeps of the message's content, whatever becomes of it."""
        around = {"context": {**self.around}} if self.around else {}
        return (self.offer.told if self.offer else {}) | around


@dataclass(frozen=True, slots=True)
class Later:
    """Nothing is handed over now; the message is tried again after this (real time), or when Temporal thinks best."""

    detail: str
    pause: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Full:
    """A ceiling of this provider's is reached: another one may have the message. Nothing is written."""

    detail: str
    pause: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Pinned:
    """An earlier attempt left the message in doubt with this provider: only it may be given another copy."""

    provider: Provider


@dataclass(frozen=True, slots=True)
class Claims:
    """Where messages are claimed."""

    database: Database
    questions: Questions
    carriers: Mapping[Channel, Carriers]
    doubt: Doubt
    versions: Versions
    limits: Limits
    marketing: AbstractAsyncContextManager[Any] = field(default_factory=nullcontext)

    async def claim(
        self,
        request: DeliverRequest,
        now: datetime,
        provider: Provider,
        *,
        last: bool = True,
        paced: str = "",
        around: Mapping[str, Known] = MappingProxyType({}),
    ) -> Claim | Full | Wait | Pinned | Later | Receipt:
        """A claim for a provider that is ready, or the receipt of a message that is not to be sent (now).

        Where a ceiling of the provider is reached, the message waits for the next day only if it was the `last` one to ask.
        A sender's pace that is `paced` has been waited for; `around` is what it is like where the customer is.
        """
        return await self._decided(request, now, provider, None, last=last, paced=paced, around=around)

    async def put_off(self, request: DeliverRequest, now: datetime, provider: Provider, why: Later) -> Later | Receipt:
        """No provider is ready: what the gate forbids is not to be sent all the same; the rest waits, unclaimed."""
        decided = await self._decided(request, now, provider, why)
        assert not isinstance(decided, Claim | Full | Wait | Pinned)
        return decided

    async def _decided(
        self,
        request: DeliverRequest,
        now: datetime,
        provider: Provider,
        why: Later | None,
        *,
        last: bool = True,
        paced: str = "",
        around: Mapping[str, Known] = MappingProxyType({}),
    ) -> Claim | Full | Wait | Pinned | Later | Receipt:
        served = await self.versions.of(request.version)
        waits = self.marketing if request.purpose is Purpose.MARKETING else nullcontext()
        async with waits, self.database.transaction() as connection:
            asked = request.run_id, request.channel.value, request.purpose.value
            nowhere = KINDS[request.channel].address is AddressKind.NONE
            facts = await deliveries.facts(connection, *asked, (now - WAKING, now), without_address=nowhere)
            if facts is None:
                return Receipt(outcome=Outcome.SKIPPED, reason=Reason.ERASED)
            control, row = await deliveries.ledger_row(connection, key_of(request))
            facts = _as_open(replace(facts, control=control), request)
            if row is not None and row.state in _FINAL and not _is_repeated(row, request):
                if request.repeat and row.attempts < request.repeat:
                    await doubts.refused(connection, key_of(request), request.repeat - 1, f"{_SETTLED}: {row.state}")
                return _known(row)
            attempt = Attempt(connection, request, facts, row, now, served, provider, self.versions.own.holdout, around=around)
            if row is not None and row.state == "claimed":
                if not provider.by_settling:
                    return await self._in_doubt(attempt, row, why)
                await deliveries.record(connection, self._entry(attempt, "released", {}))
            if self.doubt.too_late(request, now, why.pause if why else None):
                return await self._say_no(attempt, No(Outcome.FAILED, Reason.EXPIRED, {"error": why.detail} if why else {}))
            return await self._ask(attempt, why, last=last, paced=paced)

    async def _ask(
        self, attempt: Attempt, why: Later | None, *, last: bool, paced: str
    ) -> Claim | Full | Wait | Later | Receipt:
        asked = await self.questions.about(attempt)
        decided = decide(asked.question)
        for experiment, arm, share in exposures(asked.question, decided):
            await holdout_asked(attempt.connection, attempt.request.run_id, experiment, arm, share, attempt.now)
        match decided:
            case No() as no:
                return await self._say_no(replace(_carried(attempt, asked), told=inputs_of(asked.question)), no)
            case Go() if why is not None:
                attempt = replace(_carried(attempt, asked), told=inputs_of(asked.question))
                if number := attempt.request.repeat:
                    return await self._not_repeated(attempt, number, Reason.AMBIGUOUS, why.detail)
                return await self._wait(attempt, why, "released", asked.offer)
            case Go():
                asked = await budgeted(asked, attempt)
                return await self._spend(replace(attempt, told=inputs_of(asked.question)), asked, last=last, paced=paced)

    async def _spend(self, attempt: Attempt, asked: Asked, *, last: bool, paced: str) -> Claim | Full | Wait | Receipt:
        """The gate's last word, with the journey's budget locked, the sender's pace and the provider's ceilings after it."""
        decided = decide(asked.question) if asked.question.spent else Go()
        if isinstance(decided, No):
            return await self._say_no(attempt, decided)
        address, provider = asked.endpoints[0].address, attempt.provider
        try:
            carrier = provider.carrier(asked.endpoints[0].platform)
            if carrier is not provider:  # nobody has asked yet whether that one is used for now
                self.carriers[attempt.request.channel].breakers[carrier.name].check(attempt.request.key)
            attempt = replace(attempt, provider=carrier)
            waited = {provider.name, paced}
            turn = await self.limits.turn(attempt.connection, carrier, address, attempt.request.purpose, waited)
        except TryLater as error:
            return Full(error.detail, error.retry_after)
        if turn.span:
            return turn
        counted = await self.limits.count(attempt.connection, attempt.provider, address, attempt.request, attempt.now)
        if isinstance(counted, No):
            return (
                await self._say_no(attempt, counted)
                if last
                else Full(f"{attempt.provider.name} has reached a ceiling of its day")
            )
        around = {name: known.answer for name, known in attempt.around.items()}
        claim = Claim(attempt.facts, asked.endpoints, offer=asked.offer, counted=counted, around=around)
        if attempt.request.repeat:  # of a message that was paid for, and may have arrived
            return await self._take(attempt, replace(claim, doubted=True))
        return await self._take(attempt, claim, asked)

    async def _in_doubt(self, attempt: Attempt, row: LedgerRow, why: Later | None) -> Claim | Pinned | Later | Receipt:
        """An earlier attempt claimed and never settled: its provider may have the message.

        The doubt is noticed once, and waited for, before another copy goes. One whose provider is no longer in the settings is
        anybody's.
        """
        request, facts = attempt.request, attempt.facts
        line = self.carriers[request.channel].named(row.provider) or attempt.provider
        if why is None and line is not attempt.provider:
            return Pinned(line)
        provider = next((part for part in line.parts if part.name == row.provider), line)
        attempt = replace(attempt, provider=provider)
        known = provider.idempotent and self.doubt.known_again(attempt.now, row.first_at, provider.forgets_after)
        bounded = request.purpose is Purpose.TRANSACTIONAL and row.copies < self.doubt.copies and not request.repeat
        again = known or bounded
        over = facts.control == "killed" or facts.over
        reachable, offer = await self.questions.reachable(attempt), await earlier_offer(attempt)
        if why is None and row.retry_at is None and not known:
            why = Later(_LOST, self.doubt.pause_after(row.copies, provider.tells_within))
        claim = Claim(facts, reachable, doubted=True, offer=offer, around=row.detail.get("context", {}))
        if not again or not reachable or over or self.doubt.too_late(request, attempt.now, why.pause if why else None):
            return await self._say_no(
                attempt, No(Outcome.UNCONFIRMED, Reason.AMBIGUOUS, claim.told | {"error": row.detail.get("error", _LOST)})
            )
        return await self._take(attempt, claim) if why is None else await self._wait(attempt, why, "claimed", offer)

    async def _take(self, attempt: Attempt, claim: Claim, asked: Asked | None = None) -> Claim:
        entry = self._entry(attempt, "claimed", claim.told)
        entry = replace(entry, claimed_at=attempt.now, attempts=1, endpoint_id=claim.endpoints[0].id, gate=_said(attempt, "go"))
        if asked is not None:  # not one more copy of what was paid for
            entry = replace(entry, budget_since=asked.budget_since, price=asked.price)
        return replace(claim, row=await deliveries.record(attempt.connection, entry))

    async def _wait(self, attempt: Attempt, why: Later, state: str, offer: Offer | None) -> Later:
        detail = (offer.told if offer else {}) | {"error": why.detail}
        retry_at = self.doubt.business(attempt.now, why.pause)
        gate = _said(attempt, "go", retry_at, {"error": why.detail})
        await deliveries.record(attempt.connection, replace(self._entry(attempt, state, detail), retry_at=retry_at, gate=gate))
        return why

    async def _not_repeated(self, attempt: Attempt, number: int, reason: Reason, why: str) -> Receipt:
        """Nothing is sent once more: the doubt stays as it is, and whoever asked finds why."""
        await doubts.refused(attempt.connection, key_of(attempt.request), number - 1, why)
        return receipt_of(Outcome.UNCONFIRMED, reason, {})

    async def _say_no(self, attempt: Attempt, no: No) -> Receipt:
        if attempt.request.repeat and attempt.row is not None and attempt.row.state == "unconfirmed":
            until = f", until {no.retry_at:%Y-%m-%d %H:%M:%S} UTC" if no.retry_at else ""
            return await self._not_repeated(attempt, attempt.request.repeat, no.reason, no.reason.value + until)
        entry = self._entry(attempt, no.outcome.value, no.detail)
        gate = _said(attempt, no.outcome.value, no.retry_at, {"reason": no.reason.value} | no.detail)
        entry = replace(entry, reason=no.reason.value, retry_at=no.retry_at, settled_at=attempt.now, gate=gate)
        await deliveries.record(attempt.connection, entry)
        GATE_REFUSALS.labels(attempt.request.channel.value, no.reason.value).inc()
        return receipt_of(no.outcome, no.reason, no.detail, no.retry_at)

    def _entry(self, attempt: Attempt, state: str, detail: dict[str, Any]) -> Entry:
        request = attempt.request
        return Entry(
            key=key_of(request),
            profile_id=attempt.facts.profile_id,
            journey=request.journey,
            channel=request.channel.value,
            purpose=request.purpose.value,
            template=request.template,
            due_at=request.due_at,
            state=state,
            detail=detail,
            provider=attempt.provider.name,
            priority=attempt.spec.priority if request.priority is None else request.priority,
        )


def _carried(attempt: Attempt, asked: Asked) -> Attempt:
    """With whoever carries to the customer's newest address in the place of all who carry for the channel."""
    with suppress(TryLater):
        if asked.endpoints:
            return replace(attempt, provider=attempt.provider.carrier(asked.endpoints[0].platform))
    return attempt


def _said(
    attempt: Attempt, answer: str, retry_at: datetime | None = None, more: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """One answer of the gate, as the ledger keeps it."""
    again = {"retry_at": retry_at.isoformat()} if retry_at else {}
    return {"at": attempt.now.isoformat(), "answer": answer, **attempt.told, **again, **(more or {})}


def receipt_of(outcome: Outcome, reason: Reason | None, detail: Mapping[str, Any], retry_at: datetime | None = None) -> Receipt:
    """What the journey hears: the outcome, and of the ledger's detail the names and ids that a history may hold."""
    named = {name: detail.get(name) for name in ("segment", "product", "because", "ended_by")}
    return Receipt(outcome=outcome, reason=reason, retry_at=retry_at, **named)


def _as_open(facts: RunFacts, request: DeliverRequest) -> RunFacts:
    """A message of a run that has done all its steps may be repeated; what ended a run before that ended its messages, too."""
    over = request.repeat and facts.exit_reason is None and facts.outcome == Reason.FINISHED.value
    return replace(facts, ended_at=None) if over else facts


def _is_repeated(row: LedgerRow, request: DeliverRequest) -> bool:
    """Whether this is the attempt that was asked for, and it has not been made."""
    return request.repeat is not None and row.state == Outcome.UNCONFIRMED.value and row.attempts < request.repeat


def _known(row: LedgerRow) -> Receipt:
    return receipt_of(Outcome(row.state), Reason(row.reason) if row.reason else None, row.detail)
