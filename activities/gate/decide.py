"""The gate: whether a message may go out now. A pure decision over facts read in the transaction that claims it.

Promise: the questions are asked in the order of docs/architecture.md, the first "no" wins and is recorded with its inputs,
and every "not now" carries the instant to try again.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from activities.channels.kinds import KINDS
from activities.gate.quiet import quiet_anywhere
from journeys.contracts import USUAL_CEILINGS, Cap, Ceilings, DeliverRequest, JourneySpec, Outcome, Purpose, Reason
from segments.time.calendar import rules_of
from segments.time.zones import Whereabouts, whereabouts
from store.deliveries.ledger import Endpoint, RunFacts
from store.products import Offer

#: How long a paused journey's message waits before it asks again by itself. Whoever lets the journey live again wakes it.
PAUSE_CHECK = timedelta(hours=1)
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Go:
    """The message may be sent, to the first of these endpoints that takes it."""

    endpoints: tuple[Endpoint, ...]


@dataclass(frozen=True, slots=True)
class No:
    """The message may not be sent (now)."""

    outcome: Outcome
    reason: Reason
    detail: dict[str, Any] = field(default_factory=dict)
    retry_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """All that the gate decides on."""

    request: DeliverRequest
    spec: JourneySpec
    facts: RunFacts
    goal_at: datetime | None
    unsuppressed: tuple[Endpoint, ...]
    claims: Sequence[datetime]
    now: datetime
    in_segment: bool = True  # of the one that the message is only for
    relation: str | None = None  # of the product that its template asks for
    offer: Offer | None = None
    ceilings: Ceilings = USUAL_CEILINGS
    asked: int = 0  # messages that the run has asked for before this one

    @property
    def marketing(self) -> bool:
        """Whether caps, quiet hours and marketing consent apply."""
        return self.request.purpose is Purpose.MARKETING


def decide(question: Question) -> Go | No:
    """Ask the questions in order."""
    for ask in _QUESTIONS:
        if no := ask(question):
            return no
    return Go(question.unsuppressed)


def _killed(q: Question) -> No | None:
    return No(Outcome.SKIPPED, Reason.KILLED) if q.facts.control == "killed" else None


def _paused(q: Question) -> No | None:
    if q.facts.control != "paused":
        return None
    # At its deadline it is asked for once more, and is useless then; not again at once, where our clock is behind Temporal's.
    retry_at = max(min(q.now + PAUSE_CHECK, q.request.useless_after), q.now + timedelta(seconds=1))
    return No(Outcome.DEFERRED, Reason.PAUSED, retry_at=retry_at)


def _over(q: Question) -> No | None:
    if q.facts.exit_reason is None and q.facts.ended_at is None:
        return None
    return No(Outcome.SKIPPED, _as_reason(q.facts.exit_reason))


def _goal(q: Question) -> No | None:
    return No(Outcome.SKIPPED, Reason.GOAL, {"reached_at": q.goal_at.isoformat()}) if q.goal_at else None


def _ceiling(q: Question) -> No | None:
    most = q.spec.most or q.ceilings.per_run
    return No(Outcome.SKIPPED, Reason.CEILING, {"most": most}) if q.asked >= most else None


def _consent(q: Question) -> No | None:
    # What needs no opt-in goes to who said nothing, but an explicit no still holds.
    asked = q.request.purpose in KINDS[q.request.channel].opt_in
    fine = ("granted",) if asked else ("granted", "unknown", "pending", "expired", None)
    state = q.facts.consent
    return None if state in fine else No(Outcome.SKIPPED, Reason.NO_CONSENT, {"consent": state or "unknown"})


def _suppression(q: Question) -> No | None:
    if q.facts.endpoints and not q.unsuppressed:
        return No(Outcome.SKIPPED, Reason.SUPPRESSED)
    return None


def _endpoint(q: Question) -> No | None:
    return None if q.unsuppressed else No(Outcome.SKIPPED, Reason.UNREACHABLE)


def _segment(q: Question) -> No | None:
    return None if q.in_segment else No(Outcome.SKIPPED, Reason.NOT_IN_SEGMENT, {"segment": q.request.only})


def _product(q: Question) -> No | None:
    wanting = q.relation is not None and q.offer is None
    return No(Outcome.SKIPPED, Reason.NO_PRODUCT, {"relation": q.relation}) if wanting else None


def _holdout(q: Question) -> No | None:
    shown = q.offer.told if q.offer else {}
    return No(Outcome.WITHHELD, Reason.HOLDOUT, {"fraction": q.spec.holdout} | shown) if q.facts.holdout else None


def _quiet(q: Question) -> No | None:
    if not q.marketing or q.spec.quiet_hours is None:
        return None
    where = whereabouts_of(q.facts, q.spec.timezone)
    until = quiet_anywhere(q.spec.quiet_hours, [rules_of(zone) for zone in where.zones], q.now)
    told = {"zone": where.zones[0] if len(where.zones) == 1 else f"{len(where.zones)} zones", "told_by": where.told_by}
    return No(Outcome.DEFERRED, Reason.QUIET_HOURS, told, until) if until else None


def _capped(q: Question) -> No | None:
    if not q.marketing:
        return None
    limits = [(cap, Reason.CAPPED) for cap in q.spec.caps]
    limits.append((Cap(q.ceilings.per_day, DAY), Reason.DAY_CEILING))
    nos = [no for cap, reason in limits if (no := _over_cap(cap, reason, q.claims, q.now))]
    return max(nos, key=lambda no: no.retry_at or q.now, default=None)


def _over_cap(cap: Cap, reason: Reason, claims: Sequence[datetime], now: datetime) -> No | None:
    counted = [at for at in claims if at > now - cap.within]
    if len(counted) < cap.messages:
        return None
    # Room appears when enough of the oldest have left the window for one more to fit.
    retry_at = counted[len(counted) - cap.messages] + cap.within
    return No(Outcome.DEFERRED, reason, {"messages": cap.messages, "within": str(cap.within)}, retry_at)


# Whom a message does not suit is no part of its experiment. Who is part of it waits as all do: only the call is withheld.
_WHETHER = (_killed, _paused, _over, _goal, _ceiling, _consent, _suppression, _endpoint, _segment, _product)
_QUESTIONS = (*_WHETHER, _quiet, _capped, _holdout)


def whereabouts_of(facts: RunFacts, otherwise: str) -> Whereabouts:
    """Where a run's customer is."""
    return whereabouts(facts.traits, facts.device_zone, facts.phone, otherwise)


def _as_reason(text: str | None) -> Reason:
    try:
        return Reason(text or "")
    except ValueError:
        return Reason.OVER
