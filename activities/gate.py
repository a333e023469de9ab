"""The gate: whether a message may go out now. A pure decision over facts read in the transaction that claims it.

Promise: the questions are asked in the order of docs/architecture.md, the first "no" wins and is recorded with its inputs,
and every "not now" carries the instant to try again.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from activities.quiet import quiet_until
from journeys.contracts import Cap, DeliverRequest, JourneySpec, Outcome, Purpose, Reason
from store.deliveries import Endpoint, RunFacts
from store.products import Offer

#: How long a paused journey's message waits before it asks again.
PAUSE_CHECK = timedelta(minutes=5)


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
    return No(Outcome.DEFERRED, Reason.PAUSED, retry_at=q.now + PAUSE_CHECK) if q.facts.control == "paused" else None


def _over(q: Question) -> No | None:
    if q.facts.exit_reason is None and q.facts.ended_at is None:
        return None
    return No(Outcome.SKIPPED, _as_reason(q.facts.exit_reason))


def _goal(q: Question) -> No | None:
    return No(Outcome.SKIPPED, Reason.GOAL, {"reached_at": q.goal_at.isoformat()}) if q.goal_at else None


def _consent(q: Question) -> No | None:
    # A transactional message needs no opt-in, but an explicit no still holds.
    fine = ("granted",) if q.marketing else ("granted", "unknown", "pending", "expired", None)
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
    zone = zone_of(q.facts.traits, q.spec.timezone)
    until = quiet_until(q.spec.quiet_hours, zone, q.now)
    return No(Outcome.DEFERRED, Reason.QUIET_HOURS, {"zone": zone.key}, until) if until else None


def _capped(q: Question) -> No | None:
    if not q.marketing:
        return None
    nos = [no for cap in q.spec.caps if (no := _over_cap(cap, q.claims, q.now))]
    return max(nos, key=lambda no: no.retry_at or q.now, default=None)


def _over_cap(cap: Cap, claims: Sequence[datetime], now: datetime) -> No | None:
    counted = [at for at in claims if at > now - cap.within]
    if len(counted) < cap.messages:
        return None
    # Room appears when enough of the oldest have left the window for one more to fit.
    retry_at = counted[len(counted) - cap.messages] + cap.within
    return No(Outcome.DEFERRED, Reason.CAPPED, {"messages": cap.messages, "within": str(cap.within)}, retry_at)


# Whom a message does not suit is no part of its experiment: segment and product come before the holdout.
_WHETHER = (_killed, _paused, _over, _goal, _consent, _suppression, _endpoint, _segment, _product)
_QUESTIONS = (*_WHETHER, _holdout, _quiet, _capped)


def zone_of(traits: dict[str, Any], fallback: str) -> ZoneInfo:
    """The customer's zone where it is known and real, else the journey's."""
    try:
        return ZoneInfo(str(traits.get("timezone") or fallback))
    except (KeyError, ValueError, OSError):
        return ZoneInfo(fallback)


def _as_reason(text: str | None) -> Reason:
    try:
        return Reason(text or "")
    except ValueError:
        return Reason.OVER
