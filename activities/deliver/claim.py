"""The claim: the gate is asked and the message's row is written in one transaction, under the message's idempotency key.

Marketing messages that want to be claimed at the same time are claimed in one transaction, by the same decision: each finds the
answer that it would have found alone. Such a transaction waits for nobody else's lock: whoever is held, and whoever has to wait
for a budget, a limit or a doubt, is decided alone after it.

Promise: of all attempts at one message at most one at a time may be at a provider; the first "no" is on the ledger with its
inputs, a retry carries the same product as the attempt before it, and a provider is given no more copies than stated. The
row says who is about to have the message before it leaves; while that is in doubt, nobody else is given it. Marketing leaves
some of the process's connections to what does not wait.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, TypeAlias
from uuid import UUID

import structlog

from activities.channels.base import Provider
from activities.channels.carriers import Carriers
from activities.channels.errors import TryLater
from activities.channels.kinds import KINDS
from activities.contexts.knowing import Known
from activities.deliver.doubt import Doubt
from activities.deliver.limits import Counted, Limits, Wait
from activities.gate.facts import Asked, Attempt, Questions, budgeted, earlier_offer, key_of
from activities.metrics import GATE_REFUSALS
from activities.together import Gathered
from activities.versions import Served, Versions
from journeys.contracts import Channel, DeliverRequest, Outcome, Purpose, Reason, Receipt
from journeys.gate.decide import Go, No, decide, exposures, inputs_of
from journeys.gate.order import WAKING
from journeys.policies import GlobalHoldout
from store import Connection, Database
from store.addresses import AddressKind
from store.deliveries import doubts
from store.deliveries import ledger as deliveries
from store.deliveries.ledger import Claimed, Endpoint, Entry, LedgerRow, RunFacts
from store.products.offers import Offer
from store.runs.exposures import holdouts_asked

log = structlog.get_logger(__name__)

_LOST = "the worker stopped before an answer came"
_SETTLED = "it was settled meanwhile"
#: So many at most are claimed in one transaction.
TOGETHER = 64
#: Seconds between two such transactions; a message that finds none under way waits for none.
PAUSE = 0.025
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
class Ask:
    """A message that wants to be claimed for a provider, or is told why none is ready (`why`)."""

    request: DeliverRequest
    now: datetime
    provider: Provider
    served: Served
    company: GlobalHoldout | None
    why: Later | None = None
    last: bool = True
    paced: str = ""
    around: Mapping[str, Known] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Answer:
    """What came of it, and what the ledger is to say of that."""

    made: "Made"
    entry: Entry | None = None


Made: TypeAlias = Claim | Full | Wait | Pinned | Later | Receipt
#: Where marketing is claimed together, by channel and by what is asked where. What else `Claims` differ in an `Ask` carries.
Lanes: TypeAlias = dict[tuple[Channel, Questions, int], Gathered[Ask, Made | None]]


@dataclass(frozen=True, slots=True)
class Claims:
    """Where messages are claimed; `lanes` are those of the process."""

    database: Database
    questions: Questions
    carriers: Mapping[Channel, Carriers]
    doubt: Doubt
    versions: Versions
    limits: Limits
    marketing: AbstractAsyncContextManager[Any] = field(default_factory=nullcontext)
    lanes: Lanes = field(default_factory=dict)

    async def claim(
        self,
        request: DeliverRequest,
        now: datetime,
        provider: Provider,
        *,
        last: bool = True,
        paced: str = "",
        around: Mapping[str, Known] = MappingProxyType({}),
    ) -> Made:
        """A claim for a provider that is ready, or the receipt of a message that is not to be sent (now).

        Where a ceiling of the provider is reached, the message waits for the next day only if it was the `last` one to ask.
        A sender's pace that is `paced` has been waited for; `around` is what it is like where the customer is.
        """
        return await self._decided(request, now, provider, last=last, paced=paced, around=around)

    async def put_off(self, request: DeliverRequest, now: datetime, provider: Provider, why: Later) -> Later | Receipt:
        """No provider is ready: what the gate forbids is not to be sent all the same; the rest waits, unclaimed."""
        decided = await self._decided(request, now, provider, why=why)
        assert not isinstance(decided, Claim | Full | Wait | Pinned)
        return decided

    async def _decided(self, request: DeliverRequest, now: datetime, provider: Provider, **more: Any) -> Made:
        served = await self.versions.of(request.version)
        ask = Ask(request, now, provider, served, self.versions.own.holdout, **more)
        if self._gathers(ask):
            key = request.channel, self.questions, id(self.database)
            lane = self.lanes.setdefault(key, Gathered(self.together, TOGETHER, PAUSE))
            if (made := await lane.ask(ask)) is not None:
                return made
        (made,) = await self._in_one([ask], wait=True)
        assert made is not None, "who waits gets an answer"
        return made

    def _gathers(self, ask: Ask) -> bool:
        """Whether it waits for nothing that others may hold for long: a budget, a limit, a doubt."""
        request, spec = ask.request, ask.served.specs.get(ask.request.journey)
        alone = request.purpose is not Purpose.MARKETING or request.repeat is not None or ask.why is not None
        return not alone and spec is not None and spec.budget is None and not self.limits.hold(ask.provider)

    async def together(self, asks: Sequence[Ask]) -> Sequence[Made | None]:
        """Messages that are claimed in one transaction; None for each that is to be decided alone."""
        if len(asks) == 1:
            return [None]
        try:
            return await self._in_one(asks, wait=False)
        except Exception as error:  # noqa: BLE001 - each of them raises its own, alone
            log.warning("messages are claimed one by one, not together", messages=len(asks), kind=type(error).__name__)
            return [None] * len(asks)

    async def _in_one(self, asks: Sequence[Ask], *, wait: bool) -> list[Made | None]:
        waits = self.marketing if asks[0].request.purpose is Purpose.MARKETING else nullcontext()
        async with waits, self.database.transaction() as connection:
            found = await self._attempts(connection, asks, wait=wait)
            answers = {n: each for n, each in found.items() if isinstance(each, _Answer)}
            attempts = {n: each for n, each in found.items() if isinstance(each, Attempt)}
            answers |= await self._asked(connection, asks, attempts)
            made = await self._written(connection, answers)
        for each in answers.values():
            if each.entry is not None and each.entry.reason is not None:
                GATE_REFUSALS.labels(each.entry.channel, each.entry.reason).inc()
        return [made.get(n) for n in range(len(asks))]

    async def _attempts(self, connection: Connection, asks: Sequence[Ask], *, wait: bool) -> Mapping[int, Attempt | _Answer]:
        """By number each attempt, its run, message and customer locked; or what settles it before the gate.

        Without `wait` those are missing whose answer hangs on somebody else.
        """
        first = asks[0].request
        numbers = {ask.request.run_id: n for n, ask in enumerate(asks)}  # of two of one run the last one
        nowhere = KINDS[first.channel].address is AddressKind.NONE
        asking = [(run_id, asks[n].now - WAKING, asks[n].now) for run_id, n in numbers.items()]
        what = first.channel.value, first.purpose.value
        facts = await deliveries.facts_of(connection, asking, *what, without_address=nowhere, wait=wait)
        keys = [key_of(asks[numbers[run_id]].request) for run_id in facts]
        known = await deliveries.ledger_rows(connection, keys, wait=wait) if keys else {}
        if not wait:
            known = {run_id: found for run_id, found in known.items() if found[1] is None or found[1].state != "claimed"}
            known = await self._free(connection, facts, known)
        found: dict[int, Attempt | _Answer] = {}
        for run_id, (control, row) in known.items():
            found[numbers[run_id]] = await self._begun(connection, asks[numbers[run_id]], facts[run_id], control, row)
        if wait and not found:
            found[0] = _Answer(Receipt(outcome=Outcome.SKIPPED, reason=Reason.ERASED))
        return found

    async def _free(
        self, connection: Connection, facts: Mapping[UUID, RunFacts], known: Mapping[UUID, tuple[str, LedgerRow | None]]
    ) -> dict[UUID, tuple[str, LedgerRow | None]]:
        """Those whose customers nobody else claims a message of; of two of one customer the last one."""
        runs = {facts[run_id].profile_id: run_id for run_id in known}
        free = await deliveries.free_customers(connection, list(runs))
        return {run_id: known[run_id] for who, run_id in runs.items() if who in free}

    async def _begun(
        self, connection: Connection, ask: Ask, facts: RunFacts, control: str, row: LedgerRow | None
    ) -> Attempt | _Answer:
        """The attempt, or what settles it before the gate is asked."""
        request, now, why = ask.request, ask.now, ask.why
        facts = _as_open(replace(facts, control=control), request)
        if row is not None and row.state in _FINAL and not _is_repeated(row, request):
            if request.repeat and row.attempts < request.repeat:
                await doubts.refused(connection, key_of(request), request.repeat - 1, f"{_SETTLED}: {row.state}")
            return _Answer(_known(row))
        attempt = Attempt(connection, request, facts, row, now, ask.served, ask.provider, ask.company, around=ask.around)
        if row is not None and row.state == "claimed":
            if not ask.provider.by_settling:
                return await self._in_doubt(attempt, row, why)
            await deliveries.record(connection, self._entry(attempt, "released", {}))
        if self.doubt.too_late(request, now, why.pause if why else None):
            return await self._say_no(attempt, No(Outcome.FAILED, Reason.EXPIRED, {"error": why.detail} if why else {}))
        return attempt

    async def _asked(self, connection: Connection, asks: Sequence[Ask], attempts: Mapping[int, Attempt]) -> dict[int, _Answer]:
        """What the gate says of each, and what follows from it."""
        if not attempts:
            return {}
        seen = await self.questions.seen(list(attempts.values()))
        asked = {n: await self.questions.about(attempt, seen) for n, attempt in attempts.items()}
        decided = {n: decide(each.question) for n, each in asked.items()}
        exposed = [
            (attempt.request.run_id, *exposure, attempt.now)
            for n, attempt in attempts.items()
            for exposure in exposures(asked[n].question, decided[n])
        ]
        await holdouts_asked(connection, exposed)
        return {n: await self._judged(asks[n], attempt, asked[n], decided[n]) for n, attempt in attempts.items()}

    async def _written(self, connection: Connection, answers: Mapping[int, _Answer]) -> dict[int, Made]:
        """What came of each, once it stands on the ledger."""
        entries = {n: each.entry for n, each in answers.items() if each.entry is not None}
        recorded = await deliveries.record_all(connection, list(entries.values())) if entries else []
        rows = dict(zip(entries, recorded, strict=True))
        made = {n: each.made for n, each in answers.items()}
        return {n: replace(each, row=rows[n]) if isinstance(each, Claim) else each for n, each in made.items()}

    async def _judged(self, ask: Ask, attempt: Attempt, asked: Asked, decided: Go | No) -> _Answer:
        match decided:
            case No() as no:
                return await self._say_no(replace(_carried(attempt, asked), told=inputs_of(asked.question)), no)
            case Go() if ask.why is not None:
                attempt = replace(_carried(attempt, asked), told=inputs_of(asked.question))
                if number := attempt.request.repeat:
                    return await self._not_repeated(attempt, number, Reason.AMBIGUOUS, ask.why.detail)
                return self._wait(attempt, ask.why, "released", asked.offer)
            case Go():
                asked = await budgeted(asked, attempt)
                attempt = replace(attempt, told=inputs_of(asked.question))
                return await self._spend(attempt, asked, last=ask.last, paced=ask.paced)

    async def _spend(self, attempt: Attempt, asked: Asked, *, last: bool, paced: str) -> _Answer:
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
            return _Answer(Full(error.detail, error.retry_after))
        if turn.span:
            return _Answer(turn)
        counted = await self.limits.count(attempt.connection, attempt.provider, address, attempt.request, attempt.now)
        if isinstance(counted, No):
            if last:
                return await self._say_no(attempt, counted)
            return _Answer(Full(f"{attempt.provider.name} has reached a ceiling of its day"))
        around = {name: known.answer for name, known in attempt.around.items()}
        claim = Claim(attempt.facts, asked.endpoints, offer=asked.offer, counted=counted, around=around)
        repeated = attempt.request.repeat is not None  # of a message that was paid for, and may have arrived
        return self._take(attempt, replace(claim, doubted=repeated), None if repeated else asked)

    async def _in_doubt(self, attempt: Attempt, row: LedgerRow, why: Later | None) -> _Answer:
        """An earlier attempt claimed and never settled: its provider may have the message.

        The doubt is noticed once, and waited for, before another copy goes. One whose provider is no longer in the settings is
        anybody's.
        """
        request, facts = attempt.request, attempt.facts
        line = self.carriers[request.channel].named(row.provider) or attempt.provider
        if why is None and line is not attempt.provider:
            return _Answer(Pinned(line))
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
        return self._take(attempt, claim) if why is None else self._wait(attempt, why, "claimed", offer)

    def _take(self, attempt: Attempt, claim: Claim, asked: Asked | None = None) -> _Answer:
        entry = self._entry(attempt, "claimed", claim.told)
        entry = replace(entry, claimed_at=attempt.now, attempts=1, endpoint_id=claim.endpoints[0].id, gate=_said(attempt, "go"))
        if asked is not None:  # not one more copy of what was paid for
            entry = replace(entry, budget_since=asked.budget_since, price=asked.price)
        return _Answer(claim, entry)

    def _wait(self, attempt: Attempt, why: Later, state: str, offer: Offer | None) -> _Answer:
        detail = (offer.told if offer else {}) | {"error": why.detail}
        retry_at = self.doubt.business(attempt.now, why.pause)
        gate = _said(attempt, "go", retry_at, {"error": why.detail})
        return _Answer(why, replace(self._entry(attempt, state, detail), retry_at=retry_at, gate=gate))

    async def _not_repeated(self, attempt: Attempt, number: int, reason: Reason, why: str) -> _Answer:
        """Nothing is sent once more: the doubt stays as it is, and whoever asked finds why."""
        await doubts.refused(attempt.connection, key_of(attempt.request), number - 1, why)
        return _Answer(receipt_of(Outcome.UNCONFIRMED, reason, {}))

    async def _say_no(self, attempt: Attempt, no: No) -> _Answer:
        if attempt.request.repeat and attempt.row is not None and attempt.row.state == "unconfirmed":
            until = f", until {no.retry_at:%Y-%m-%d %H:%M:%S} UTC" if no.retry_at else ""
            return await self._not_repeated(attempt, attempt.request.repeat, no.reason, no.reason.value + until)
        entry = self._entry(attempt, no.outcome.value, no.detail)
        gate = _said(attempt, no.outcome.value, no.retry_at, {"reason": no.reason.value} | no.detail)
        entry = replace(entry, reason=no.reason.value, retry_at=no.retry_at, settled_at=attempt.now, gate=gate)
        return _Answer(receipt_of(no.outcome, no.reason, no.detail, no.retry_at), entry)

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
