"""The claim: the gate is asked and the message's row is written in one transaction, under the message's idempotency key.

Promise: of all attempts at one message at most one at a time may be at a provider; the first "no" is on the ledger with its
inputs, and a retry carries the same product as the attempt before it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from activities.channels.base import Provider
from activities.gate import Go, No, decide
from activities.metrics import GATE_REFUSALS
from activities.questions import Attempt, Questions, earlier_offer
from journeys.contracts import Channel, DeliverRequest, Outcome, Purpose, Reason, Receipt
from store import Database, deliveries
from store.deliveries import Endpoint, Entry, LedgerRow, MessageKey, RunFacts
from store.products import Offer

_FINAL = frozenset({"sent", "skipped", "withheld", "failed", "unconfirmed"})


@dataclass(frozen=True, slots=True)
class Claim:
    """A message that this attempt may hand to a provider; `doubted` when an earlier one may have done so already."""

    facts: RunFacts
    endpoints: tuple[Endpoint, ...]
    doubted: bool = False
    number: int = 0
    offer: Offer | None = None

    @property
    def told(self) -> dict[str, Any]:
        """What the ledger keeps of the message's content, whatever becomes of it."""
        return self.offer.told if self.offer else {}


@dataclass(frozen=True, slots=True)
class Counter:
    """Where messages are claimed."""

    database: Database
    questions: Questions
    providers: Mapping[Channel, Provider]

    async def claim(self, request: DeliverRequest, now: datetime) -> Claim | Receipt:
        """A claim, or the receipt of a message that is not to be sent (now)."""
        async with self.database.transaction() as connection:
            facts = await deliveries.facts(connection, request.run_id, request.channel.value, request.purpose.value)
            if facts is None:
                return Receipt(outcome=Outcome.SKIPPED, reason=Reason.ERASED)
            row = await deliveries.ledger_row(connection, key_of(request))
            if row is not None and row.state in _FINAL:
                return _known(row)
            attempt = Attempt(connection, request, facts, row, now)
            if row is not None and row.state == "claimed":
                return await self._doubt(attempt)
            if now >= request.useless_after:
                return await self._say_no(attempt, No(Outcome.FAILED, Reason.EXPIRED))
            return await self._ask(attempt)

    async def _ask(self, attempt: Attempt) -> Claim | Receipt:
        question = await self.questions.about(attempt)
        match decide(question):
            case Go(endpoints):
                return await self._take(attempt, Claim(attempt.facts, endpoints, offer=question.offer))
            case No() as no:
                return await self._say_no(attempt, no)

    async def _doubt(self, attempt: Attempt) -> Claim | Receipt:
        """An earlier attempt claimed and never settled: the provider may have the message."""
        request, facts = attempt.request, attempt.facts
        again = self.providers[request.channel].idempotent or request.purpose is Purpose.TRANSACTIONAL
        over = facts.control == "killed" or facts.exit_reason is not None or facts.ended_at is not None
        reachable, offer = await self.questions.reachable(attempt), await earlier_offer(attempt)
        claim = Claim(facts, reachable, doubted=True, offer=offer)
        if again and reachable and not over and attempt.now < request.useless_after:
            return await self._take(attempt, claim)
        return await self._say_no(attempt, No(Outcome.UNCONFIRMED, Reason.AMBIGUOUS, claim.told))

    async def _take(self, attempt: Attempt, claim: Claim) -> Claim:
        entry = self._entry(attempt, "claimed", claim.told)
        entry = replace(entry, claimed_at=attempt.now, attempts=1, endpoint_id=claim.endpoints[0].id)
        return replace(claim, number=await deliveries.record(attempt.connection, entry))

    async def _say_no(self, attempt: Attempt, no: No) -> Receipt:
        entry = self._entry(attempt, no.outcome.value, no.detail)
        entry = replace(entry, reason=no.reason.value, retry_at=no.retry_at, settled_at=attempt.now)
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
            provider=self.providers[request.channel].name,
        )


def key_of(request: DeliverRequest) -> MessageKey:
    """The idempotency key under which the ledger knows a message."""
    return MessageKey(request.run_id, request.step, request.occurrence)


def receipt_of(outcome: Outcome, reason: Reason | None, detail: Mapping[str, Any], retry_at: datetime | None = None) -> Receipt:
    """What the journey hears: the outcome, and of the ledger's detail the names and ids that a history may hold."""
    return Receipt(
        outcome=outcome, reason=reason, retry_at=retry_at, segment=detail.get("segment"), product=detail.get("product")
    )


def _known(row: LedgerRow) -> Receipt:
    return receipt_of(Outcome(row.state), Reason(row.reason) if row.reason else None, row.detail)
