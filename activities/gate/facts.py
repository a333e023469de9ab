"""What the gate decides on, read in the transaction that claims the message: goal, addresses, segment, product, past claims.

Promise: everything is asked as it is now, a moment before the provider call; nothing here was decided when the run began.
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from temporalio.exceptions import ApplicationError

from activities.channels.base import Provider
from activities.channels.kinds import KINDS
from activities.channels.suppression import suppression_digests
from activities.contexts.knowing import Known
from activities.gate.goals import ending_of, true_of
from activities.gate.habits import habits
from activities.gate.terms import approved, in_service_window
from activities.templating.wish import ProductWish
from activities.versions import Served
from journeys.contracts import USUAL_CEILINGS, Ceilings, Channel, DeliverRequest, JourneySpec, Purpose, Reason
from journeys.endings import Ending
from journeys.entry import holdouts, is_held_out_of_all
from journeys.gate.caps import Past, since
from journeys.gate.decide import Question, caps_of
from journeys.gate.legal import laws_of
from journeys.gate.order import PATIENCE, Coming
from journeys.gate.spent import Spent, spent
from journeys.policies import GlobalHoldout
from segments import Segment
from segments.language.events import AHEAD
from segments.time.zones import Whereabouts, whereabouts
from store import Connection
from store.addresses import AddressKind
from store.customers.topics import turned_off
from store.deliveries import ledger as deliveries
from store.deliveries.budgets import Used, used, used_under_lock
from store.deliveries.ledger import AskingPast, Endpoint, LedgerRow, MessageKey, Neighbour, RunFacts
from store.products import offers
from store.products.offers import Anchor, Offer
from store.runs.rows import OpenRun


@dataclass(frozen=True, slots=True)
class Asking:
    """A message of which the gate is asked, with the run locked: `row` is what the ledger knows of it from earlier attempts."""

    connection: Connection
    request: DeliverRequest
    facts: RunFacts
    row: LedgerRow | None
    now: datetime
    served: Served

    @property
    def spec(self) -> JourneySpec:
        """What the journey declared when the run began."""
        return self.served.specs[self.request.journey]


@dataclass(frozen=True, slots=True)
class Attempt(Asking):
    """One attempt at a message; `told` is what the gate was given, as far as the ledger keeps it."""

    #: Who is to have it, or is waited for.
    provider: Provider
    #: The company's holdout, as it is now: of the worker's own catalogue, not of the run's version.
    company: GlobalHoldout | None = None
    told: Mapping[str, Any] = field(default_factory=dict)
    #: What it is like where the customer is, by context: of those that the message needs.
    around: Mapping[str, Known] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Asked:
    """What the gate is asked about a message, and what is sent if it lets it go: to which addresses, with which product."""

    question: Question
    endpoints: tuple[Endpoint, ...]
    offer: Offer | None
    budget_since: datetime | None = None  # the period of its journey's budget in which it counts
    price: int = 0


@dataclass(frozen=True, slots=True)
class Seen:
    """What was looked up for several messages at once."""

    suppressed: AbstractSet[tuple[bytes, datetime]]  # addresses, each as of its attempt
    neighbours: Mapping[UUID, Sequence[Neighbour]]  # of marketing, by run


@dataclass(frozen=True, slots=True)
class Questions:
    """Where the answers come from."""

    secret: str
    ceilings: Ceilings = USUAL_CEILINGS
    former_secrets: tuple[str, ...] = ()

    async def seen(self, attempts: Sequence[Asking]) -> Seen:
        """What is looked up for all of these messages at once: of one channel and purpose, of different customers."""
        return Seen(await self._suppressed(attempts), await self._neighbours(attempts))

    async def about(self, attempt: Attempt, seen: Seen) -> Asked:
        """All that the gate wants to know about a message.

        Raises:
            ApplicationError: the run's version of the catalogue lacks the segment.
        """
        request, facts, spec = attempt.request, attempt.facts, attempt.spec
        question, endpoints = await self._question(attempt, seen)
        wish = attempt.served.templates.wish(request.channel, request.template)
        offer = await _offer(attempt, wish) if wish else None
        open_ = await in_service_window(attempt.connection, request, attempt.served.templates, facts, endpoints, attempt.now)
        question.control, question.over, question.exit_reason = facts.control, facts.over, facts.exit_reason
        question.ending = await _ending(attempt)
        question.asked = facts.asked - (attempt.row is not None)
        question.holdout, question.foretold = holdouts(spec, facts.foretold, facts.drawn_as, withheld=facts.holdout)
        question.company, question.held_out_of_all = attempt.company, is_held_out_of_all(attempt.company, facts.drawn_as)
        question.held_by = facts.held_by
        question.in_service_window = bool(open_) or not endpoints
        question.approved = await approved(attempt.connection, request, attempt.served.templates, facts)
        question.in_segment, question.unsuited = await _in_segment(attempt), _unsuited(attempt)
        question.relation, question.offer = wish.relation if wish else None, offer.told if offer else None
        question.others = [attempt.served.specs[name] for name in facts.others if name in attempt.served.specs]
        question.waking = [attempt.served.specs[name] for name in facts.waking if name in attempt.served.specs]
        question.turned = _turned(attempt.row, attempt.now)
        question.habits = await habits(attempt.connection, request, spec, facts, question.where, attempt.now)
        return Asked(question, open_, offer)

    async def foreseen(self, connection: Connection, request: DeliverRequest, served: Served) -> Question | None:
        """What is known by now of a message of which only the channel and the instant are decided; None without its run."""
        channel, purpose, now = request.channel, request.purpose, request.due_at
        nowhere = KINDS[channel].address is AddressKind.NONE
        asked = connection, request.run_id, channel.value, purpose.value, (now, now)
        facts = await deliveries.facts(*asked, without_address=nowhere)
        if facts is None:
            return None
        asking = Asking(connection, request, facts, None, now, served)
        return (await self._question(asking, await self.seen([asking])))[0]

    async def _question(self, asking: Asking, seen: Seen) -> tuple[Question, tuple[Endpoint, ...]]:
        """What hangs on the customer, the channel and the instant, whatever the message says; and where it may go."""
        request, facts, spec = asking.request, asking.facts, asking.spec
        endpoints, neighbours = self._unsuppressed(asking, seen.suppressed), seen.neighbours.get(request.run_id, ())
        question = Question(
            request=request,
            spec=spec,
            now=asking.now,
            where=whereabouts_of(facts, spec.timezone),
            opt_in=request.purpose in KINDS[request.channel].opt_in,
            consent=facts.consent,
            addresses=len(facts.endpoints),
            unsuppressed=len(endpoints),
            topic_off=spec.topic is not None and spec.topic.name in await turned_off(asking.connection, facts.profile_id),
            past=[Past(each.at, Channel(each.channel), Purpose(each.purpose)) for each in neighbours if not each.coming],
            ceilings=self.ceilings,
            coming=[_coming(each, asking.served.specs, self.ceilings) for each in neighbours if each.coming],
            spent=await _spent(asking),
            laws=laws_of(each.address for each in endpoints) if KINDS[request.channel].legal_hours else (),
        )
        return question, endpoints

    async def reachable(self, attempt: Attempt) -> tuple[Endpoint, ...]:
        """The customer's addresses on the channel that may be written to for the purpose, the newest word first."""
        return self._unsuppressed(attempt, await self._suppressed([attempt]))

    def _unsuppressed(self, attempt: Asking, suppressed: AbstractSet[tuple[bytes, datetime]]) -> tuple[Endpoint, ...]:
        if KINDS[attempt.request.channel].address is AddressKind.NONE:
            return (Endpoint(None, str(attempt.facts.profile_id), None),)
        return tuple(e for e in attempt.facts.endpoints if suppressed.isdisjoint(self._digests(attempt, e)))

    def _digests(self, attempt: Asking, endpoint: Endpoint) -> list[tuple[bytes, datetime]]:
        """By which an address may be suppressed, as of the attempt."""
        channel = attempt.request.channel.value
        digests = suppression_digests(self.secret, self.former_secrets, channel, endpoint.address)
        return [(digest, attempt.now) for digest in digests]

    async def _suppressed(self, attempts: Sequence[Asking]) -> set[tuple[bytes, datetime]]:
        first = attempts[0].request
        if KINDS[first.channel].address is AddressKind.NONE:
            return set()
        asking = [digest for each in attempts for e in each.facts.endpoints for digest in self._digests(each, e)]
        return await deliveries.suppressed_at(attempts[0].connection, first.channel.value, first.purpose.value, asking)

    async def _neighbours(self, attempts: Sequence[Asking]) -> dict[UUID, list[Neighbour]]:
        if attempts[0].request.purpose is not Purpose.MARKETING:
            return {}
        return await deliveries.past_under_lock(attempts[0].connection, [self._past(attempt) for attempt in attempts])

    def _past(self, attempt: Asking) -> AskingPast:
        spec, row = attempt.spec, attempt.row
        after = since(caps_of(spec, self.ceilings), whereabouts_of(attempt.facts, spec.timezone).zones, attempt.now)
        copy_at = row.claimed_at if attempt.request.repeat and row else None  # a message counts once
        return AskingPast(attempt.facts.profile_id, after, key_of(attempt.request), attempt.now - PATIENCE, copy_at)


def key_of(request: DeliverRequest) -> MessageKey:
    """The idempotency key under which the ledger knows a message."""
    return MessageKey(request.run_id, request.step, request.occurrence)


async def budgeted(asked: Asked, attempt: Attempt) -> Asked:
    """The same with what is left of the journey's budget, asked last: until the claim is over, nobody else spends it."""
    if attempt.spec.budget is None:
        return asked
    since_, _ = attempt.spec.budget.period(attempt.now, attempt.spec.timezone)
    left = _left(attempt, await used_under_lock(attempt.connection, attempt.spec.name, since_))
    price = attempt.served.price(attempt.request.channel)
    return replace(asked, question=replace(asked.question, spent=left), budget_since=since_, price=price)


async def _spent(attempt: Asking) -> Spent | None:
    """Whether too little is left as far as one sees without waiting for anybody: what is skipped then is skipped at once."""
    if attempt.spec.budget is None:
        return None
    since_, _ = attempt.spec.budget.period(attempt.now, attempt.spec.timezone)
    used_ = await used(attempt.connection, {attempt.spec.name: since_})
    return _left(attempt, used_[attempt.spec.name])


def _left(attempt: Asking, used_: Used) -> Spent | None:
    spec, budget = attempt.spec, attempt.spec.budget
    assert budget is not None
    cost = budget.of(1, attempt.served.price(attempt.request.channel))
    return spent(budget, budget.of(used_.messages, used_.money), cost, attempt.now, spec.timezone)


def _coming(each: Neighbour, specs: Mapping[str, JourneySpec], ceilings: Ceilings) -> Coming:
    """A message that waits at the gate, with the caps that hold it back."""
    spec, purpose = specs.get(each.journey), Purpose(each.purpose)
    caps = caps_of(spec, ceilings) if spec is not None and purpose is Purpose.MARKETING else ()
    return Coming(each.at, Channel(each.channel), purpose, each.priority, each.journey, caps)


def _turned(row: LedgerRow | None, now: datetime) -> bool:
    return row is not None and row.reason == Reason.TURN and row.retry_at is not None and row.retry_at <= now


async def _in_segment(attempt: Attempt) -> bool:
    if attempt.request.only is None:
        return True
    predicate = _segment(attempt, attempt.request.only).predicate
    return await true_of(attempt.connection, predicate, attempt.facts.profile_id, attempt.now)


def _unsuited(attempt: Attempt) -> dict[str, Any] | None:
    """What it is like where the message does not suit; nothing where it does, or where nobody has looked yet."""
    suits = attempt.request.suits
    known = attempt.around.get(suits.context) if suits is not None else None
    if suits is None or known is None or suits.holds(known.answer):
        return None
    why = {"not_told": known.reason.value} if known.reason else {}
    return {"context": {suits.context: dict(known.answer)}, **why}


def _segment(attempt: Attempt, name: str) -> Segment:
    try:
        return attempt.served.segments[name]
    except KeyError:
        missing = f"no segment '{name}' in this worker's catalogue; deploy the one that the journey's workers have"
        raise ApplicationError(missing, type="UnknownSegment") from None


def whereabouts_of(facts: RunFacts, otherwise: str) -> Whereabouts:
    """Where a run's customer is."""
    return whereabouts(facts.traits, facts.device_zone, facts.phone, otherwise)


async def earlier_offer(attempt: Attempt) -> Offer | None:
    """The product that an earlier attempt at this message picked, as it is now."""
    told = attempt.row.detail if attempt.row else {}
    to: Anchor = "added" if "added" in told else "bought"
    if "product" not in told or to not in told:
        return None
    picked = attempt.facts.profile_id, told["product"], told[to]
    return await offers.offered(attempt.connection, *picked, attempt.now + AHEAD, to)


async def _offer(attempt: Attempt, wish: ProductWish) -> Offer | None:
    """A retry carries the product of the first attempt, unless it has been bought or sold out since."""
    earlier = await earlier_offer(attempt)
    if earlier is not None and earlier.fits:
        return earlier
    return await offers.offer(attempt.connection, attempt.facts.profile_id, wish.relation, attempt.now + AHEAD, wish.to)


async def _ending(attempt: Attempt) -> Ending | None:
    """The goal or exit that the run has reached, if any."""
    request, facts = attempt.request, attempt.facts
    run = OpenRun(request.run_id, request.journey, facts.profile_id, facts.entered_at, request.version)
    return await ending_of(attempt.connection, attempt.served, run, facts.in_since, attempt.now)
