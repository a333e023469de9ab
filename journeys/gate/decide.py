"""The gate: whether a message may go out now. A pure decision over what was looked up in the transaction that claims it.

Promise: the questions are asked in the order of docs/architecture.md, the first "no" wins and is recorded with its inputs, and
every "not now" carries an instant that all allow, as far as it is known now; where there is none before the message's
deadline, it is dropped at once.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from journeys.arms import FORETOLD, HOLDOUT, WITHHELD, WRITTEN, Lot
from journeys.contracts import USUAL_CEILINGS, Cap, Ceilings, DeliverRequest, JourneySpec, Outcome, Purpose, Reason
from journeys.endings import Ending
from journeys.gate.approval import Approval, Approved
from journeys.gate.caps import Capped, Outranked, Past, applies, counts
from journeys.gate.habits import Habits
from journeys.gate.hours import LONGEST, Only, Quiet
from journeys.gate.legal import Law, Legal
from journeys.gate.order import TURN, Coming, outranking, rank_of, would_fill
from journeys.gate.solver import Answer, Constraint, shuts, solve
from journeys.gate.spent import Spent
from journeys.policies import GlobalHoldout, Window
from segments.time.zones import Whereabouts

#: How long a message that another journey holds waits before it asks again by itself.
HELD_CHECK = timedelta(hours=1)
#: How long a message waits whose template is paused, before it is looked at again.
APPROVAL_CHECK = timedelta(minutes=30)
#: How long a message waits where it is never day everywhere, before its customer is looked at again.
ASK_AGAIN = timedelta(hours=1)
_DAY = timedelta(days=1)
#: Python 3.11 finds a member of an enum through its metaclass, which costs as much as one of the questions below.
_MARKETING = Purpose.MARKETING


@dataclass(frozen=True, slots=True)
class Go:
    """The message may be sent."""


@dataclass(frozen=True, slots=True)
class No:
    """The message may not be sent (now)."""

    outcome: Outcome
    reason: Reason
    detail: dict[str, Any] = field(default_factory=dict)
    retry_at: datetime | None = None


@dataclass(slots=True, kw_only=True, eq=False)
class Question:
    """All that the gate decides on; not frozen, which would double what each message's costs to make."""

    request: DeliverRequest
    spec: JourneySpec
    now: datetime
    where: Whereabouts
    opt_in: bool  # whether the channel needs the customer's yes for the purpose
    consent: str | None  # what they said of it, at the address that allows most
    addresses: int  # that live and may be written to by this consent
    unsuppressed: int  # of these
    topic_off: bool = False  # the customer turned off what the journey is about
    control: str | None = None  # the operator's switch
    over: bool = False
    exit_reason: str | None = None
    ending: Ending | None = None  # a goal or an exit that has been reached
    asked: int = 0  # messages that the run has asked for before this one
    holdout: bool = False
    foretold: Mapping[str, Lot] = field(default_factory=dict)  # by which predictions they came, and which leaves them alone
    company: GlobalHoldout | None = None  # the company's holdout, beside the journey's own
    held_out_of_all: bool = False
    in_service_window: bool = True  # where it is a message of one's own: whether the customer wrote within 24 hours
    approved: Approved | None = None  # its template, as the provider has it, where the provider has said something of it
    in_segment: bool = True  # of the one that the message is only for
    unsuited: Mapping[str, Any] | None = None  # what it is like where the customer is, where the message does not suit that
    relation: str | None = None  # of the product that its template asks for
    offer: Mapping[str, Any] | None = None  # what the ledger keeps of the product that there is
    past: Sequence[Past] = ()
    ceilings: Ceilings = USUAL_CEILINGS
    held_by: Sequence[str] = ()  # others of the customer's journeys, which want to speak alone
    habits: Habits | None = None
    coming: Sequence[Coming] = ()  # the customer's messages of other runs that wait at the gate
    others: Sequence[JourneySpec] = ()  # what the customer's other open runs declare
    waking: Sequence[JourneySpec] = ()  # of those that were to begin just now, and have asked for nothing yet
    turned: bool = False  # whether it has let others go first already
    laws: Sequence[Law] = ()  # of the countries of its addresses, where they say when such a message may be sent
    spent: Spent | None = None  # the journey's budget, where this message is more than is left

    @property
    def window(self) -> Window | None:
        """Outside of which it does not go: the message's own, else its journey's."""
        return self.request.window or self.spec.window

    @property
    def rank(self) -> int:
        """How important it is."""
        return rank_of(self.request.purpose, self.spec.priority if self.request.priority is None else self.request.priority)

    @property
    def as_past(self) -> Past:
        """The message, as if it went now."""
        return Past(self.now, self.request.channel, self.request.purpose)

    @property
    def marketing(self) -> bool:
        """Whether caps, quiet hours and windows apply."""
        return self.request.purpose is _MARKETING


_GO = Go()


def decide(question: Question) -> Go | No:
    """Ask the questions in order."""
    for ask in _QUESTIONS:
        if no := ask(question):
            return no
    return _GO


def foreseen(question: Question, *, reached: bool = True) -> No | None:
    """What would keep a message of which only the channel and the instant are decided from going then, as far as one knows.

    Not `reached` it is of no channel yet, and only asked when it may go. What lasts for a moment, such as a pause or another
    journey's turn, is not asked: the message itself asks for it.
    """
    asked = (*_REACHED, _timing) if reached else (_timing,)
    return next((no for ask in asked if (no := ask(question))), None)


def inputs_of(question: Question) -> dict[str, Any]:
    """What the gate was given, as far as it decides and is no personal data: kept on the ledger with its answer."""
    told = {
        "consent": question.consent,
        "addresses": question.unsuppressed,
        "zone": str(question.where),
        "told_by": question.where.told_by,
        "sent_lately": len(question.past),
        "only": question.request.only,
        "suits": str(question.request.suits) if question.request.suits else None,
    }
    return {name: value for name, value in told.items() if value is not None}


def exposures(question: Question, decided: Go | No) -> Iterable[tuple[str, str, float]]:
    """The holdouts whose customer is exposed by this answer, each with the arm and the arm's share.

    Both arms are, at the same attempt: the first at which nothing forbids the message, whether it then goes, waits or comes too
    late for any instant. Who buys while it waits is in the same arm's numbers as whoever does not. Who is in the company's
    holdout is in neither arm of the journey's; nor is in any arm of the journey's, or of a prediction's, who is in the other's
    holdout: drawn independently, those who are left are compared as they were drawn.
    """
    asked = question.company is not None or question.spec.holdout or question.foretold
    return _exposed(question, decided) if asked else ()


def _exposed(question: Question, decided: Go | No) -> Iterator[tuple[str, str, float]]:
    if isinstance(decided, No) and any(ask(question) for ask in _WHETHER):
        return
    if question.company is not None and question.marketing:
        yield _arm(question.company.name, question.company.share, held_out=question.held_out_of_all)
    if question.held_out_of_all and question.marketing:
        return
    drawn = _drawn(question)
    for n, (experiment, share, held_out) in enumerate(drawn):
        if not any(each[2] for each in (*drawn[:n], *drawn[n + 1 :])):
            yield _arm(experiment, share, held_out=held_out)


def _drawn(question: Question) -> list[tuple[str, float, bool]]:
    """The holdouts of the journey and of predictions: each with its share, and whether the customer is in it."""
    spec = question.spec
    own = [(f"{HOLDOUT}/{spec.name}", spec.holdout, question.holdout)] if spec.holdout else []
    return own + [(f"{FORETOLD}/{name}", lot.share, lot.held) for name, lot in question.foretold.items()]


def _arm(experiment: str, share: float, *, held_out: bool) -> tuple[str, str, float]:
    return (experiment, WITHHELD, share) if held_out else (experiment, WRITTEN, 1 - share)


def caps_of(spec: JourneySpec, ceilings: Ceilings) -> tuple[Cap, ...]:
    """The caps on a journey's messages: its own, and last the customer's ceiling of the day."""
    return (*spec.caps, Cap(ceilings.per_day, _DAY))


def _killed(q: Question) -> No | None:
    return No(Outcome.SKIPPED, Reason.KILLED) if q.control == "killed" else None


def _paused(q: Question) -> No | None:
    """It waits until it would be useless: whoever lets the journey live again wakes it, one after the other."""
    return (
        No(Outcome.DEFERRED, Reason.PAUSED, retry_at=_not_at_once(q, q.request.useless_after))
        if q.control == "paused"
        else None
    )


def _held(q: Question) -> No | None:
    if not (q.held_by and q.marketing):
        return None
    again = min(q.now + HELD_CHECK, q.request.useless_after)
    return No(Outcome.DEFERRED, Reason.HELD, {"journeys": list(q.held_by)}, _not_at_once(q, again))


def _not_at_once(q: Question, again: datetime) -> datetime:
    # At its deadline it is asked for once more, and is useless then; not again at once, where our clock is behind Temporal's.
    return max(again, q.now + timedelta(seconds=1))


def _over(q: Question) -> No | None:
    return No(Outcome.SKIPPED, as_reason(q.exit_reason)) if q.over else None


def _ended(q: Question) -> No | None:
    if q.ending is None:
        return None
    which = {"ended_by": q.ending.which} if q.ending.which else {}
    return No(Outcome.SKIPPED, q.ending.reason, {"reached_at": q.ending.at.isoformat()} | which)


def _ceiling(q: Question) -> No | None:
    most = q.spec.most or q.ceilings.per_run
    return No(Outcome.SKIPPED, Reason.CEILING, {"most": most}) if q.asked >= most else None


def _consent(q: Question) -> No | None:
    # What needs no opt-in goes to who said nothing, but an explicit no still holds.
    fine = ("granted",) if q.opt_in else ("granted", "unknown", "pending", "expired", None)
    return None if q.consent in fine else No(Outcome.SKIPPED, Reason.NO_CONSENT, {"consent": q.consent or "unknown"})


def _topic(q: Question) -> No | None:
    off = q.topic_off and q.marketing and q.spec.topic is not None
    return No(Outcome.SKIPPED, Reason.NO_TOPIC, {"topic": str(q.spec.topic)}) if off else None


def _suppression(q: Question) -> No | None:
    return No(Outcome.SKIPPED, Reason.SUPPRESSED) if q.addresses and not q.unsuppressed else None


def _endpoint(q: Question) -> No | None:
    return None if q.unsuppressed else No(Outcome.SKIPPED, Reason.UNREACHABLE)


def _service(q: Question) -> No | None:
    return None if q.in_service_window else No(Outcome.SKIPPED, Reason.SERVICE_WINDOW)


def _approval(q: Question) -> No | None:
    """A template that is paused, or not approved yet, is waited for; one that is off, or of another category, never goes."""
    if q.approved is None:
        return None
    if q.approved.approval is Approval.OFF:
        return No(Outcome.FAILED, Reason.TEMPLATE_OFF, q.approved.told)
    if not q.approved.fits(q.request.purpose):
        return No(Outcome.FAILED, Reason.CATEGORY, q.approved.told | {"purpose": q.request.purpose.value})
    if q.approved.approval is Approval.WAITS:
        again = _not_at_once(q, min(q.now + APPROVAL_CHECK, q.request.useless_after))
        return No(Outcome.DEFERRED, Reason.TEMPLATE_WAITS, q.approved.told, again)
    return None


def _segment(q: Question) -> No | None:
    return None if q.in_segment else No(Outcome.SKIPPED, Reason.NOT_IN_SEGMENT, {"segment": q.request.only})


def _suits(q: Question) -> No | None:
    if q.unsuited is None or q.request.suits is None:
        return None
    return No(Outcome.SKIPPED, Reason.UNSUITED, {"because": q.request.suits.because, **q.unsuited})


def _product(q: Question) -> No | None:
    wanting = q.relation is not None and q.offer is None
    return No(Outcome.SKIPPED, Reason.NO_PRODUCT, {"relation": q.relation}) if wanting else None


def _timing(q: Question) -> No | None:
    """Quiet hours, windows, legal hours, caps, more important messages, budget, habits and the deadline, together."""
    if not q.marketing or _nothing_shuts(q):
        return None
    constraints = [*_hours(q), *caps_on(q), *_outranked(q)]
    waits = [q.spent] if q.spent and q.spent.waits else []
    answer = solve(q.now, q.request.useless_after, [*constraints, *waits], q.habits)
    if answer.at is not None and q.spent and shuts(q.spent, answer.at):
        return No(Outcome.SKIPPED, Reason.BUDGET, dict(q.spent.told))
    if answer.at == q.now:
        return None
    if answer.at is not None:
        why = _why_not_now([*constraints, *waits], q.now)
        return No(Outcome.DEFERRED, why.reason, dict(why.told), answer.at) if why else _better(q, answer.at)
    return _never_day(q) or _never(answer)


def _nothing_shuts(q: Question) -> bool:
    """The usual message: no hours, no habits, and fewer messages than any cap counts. Solving would come to the same."""
    if q.spec.quiet_hours or q.window or q.laws or q.habits or q.coming or q.spent or q.now >= q.request.useless_after:
        return False
    lately = len(q.past)
    return lately < q.ceilings.per_day and not (q.spec.caps and any(lately >= cap.messages for cap in q.spec.caps))


def _global_holdout(q: Question) -> No | None:
    if not (q.held_out_of_all and q.marketing):
        return None
    fraction = q.company.share if q.company else 0
    return No(Outcome.WITHHELD, Reason.GLOBAL_HOLDOUT, {"fraction": fraction, **(q.offer or {})})


def _turn(q: Question) -> No | None:
    """A more important journey that the customer is in may be about to write, and this message would take its place."""
    if not q.marketing or not q.others:
        return None
    higher = [spec for spec in (q.waking if q.turned else q.others) if rank_of(spec.purpose, spec.priority) > q.rank]
    theirs = [cap for spec in higher for cap in caps_of(spec, q.ceilings) if counts(cap, q.as_past)]
    if not higher or not would_fill([*_own_caps(q), *theirs], q.past, q.as_past, q.where.zones):
        return None
    then, constraints = q.now + TURN, [*_hours(q), *caps_on(q)]
    if solve(then, q.request.useless_after, constraints).at != then:
        return None  # it is now or never, or much later
    return No(Outcome.DEFERRED, Reason.TURN, {"journeys": sorted({spec.name for spec in higher})}, then)


def _holdout(q: Question) -> No | None:
    if q.holdout:
        return No(Outcome.WITHHELD, Reason.HOLDOUT, {"fraction": q.spec.holdout, **(q.offer or {})})
    by = next(((name, lot.share) for name, lot in q.foretold.items() if lot.held), None)
    if by is None:
        return None
    return No(Outcome.WITHHELD, Reason.HOLDOUT, {"prediction": by[0], "fraction": by[1], **(q.offer or {})})


# Whom a message does not suit is no part of its experiment. Who passes these is, and waits like all: only the call is withheld.
_WHETHER = (
    _killed,
    _paused,
    _over,
    _ended,
    _ceiling,
    _consent,
    _topic,
    _suppression,
    _endpoint,
    _service,
    _approval,
    _segment,
    _suits,
    _product,
)
_QUESTIONS = (*_WHETHER, _held, _timing, _turn, _global_holdout, _holdout)
# What is known of a message before there is one, whatever it says.
_REACHED = (_consent, _topic, _suppression, _endpoint)


def _hours(q: Question) -> list[Quiet | Only | Legal]:
    zones = q.where.zones
    told = {"zone": str(q.where), "told_by": q.where.told_by}
    quiet = [Quiet(q.spec.quiet_hours, zones, told)] if q.spec.quiet_hours else []
    only = [Only(q.window, zones, {"window": str(q.window)} | told)] if q.window else []
    return [*(Legal(law, zones, told) for law in q.laws), *quiet, *only]


def _own_caps(q: Question) -> list[Cap]:
    return [cap for cap in caps_of(q.spec, q.ceilings) if applies(cap, q.request.channel)]


def caps_on(q: Question) -> list[Capped]:
    """The caps that hold for a message, each with what it counts."""
    *own, ceiling = [Capped(cap, q.past, q.where.zones) for cap in _own_caps(q)]
    return [*own, replace(ceiling, reason=Reason.DAY_CEILING)]


def _outranked(q: Question) -> list[Outranked]:
    """The places of more important messages that wait at the gate, under this message's caps and under theirs."""
    higher = outranking(q.coming, q.rank)
    if not higher:
        return []
    places = [Past(max(each.at, q.now), each.channel, each.purpose) for each in higher]
    theirs = [cap for each in higher for cap in each.caps if applies(cap, each.channel) and counts(cap, q.as_past)]
    journeys = tuple(sorted({each.journey for each in higher}))
    return [Outranked(cap, q.past, places, q.where.zones, journeys) for cap in dict.fromkeys([*_own_caps(q), *theirs])]


def _why_not_now(constraints: Sequence[Constraint], now: datetime) -> Constraint | None:
    """The hours that shut this instant, else of what else does the one that does so for longest."""
    shut = [each for each in constraints if shuts(each, now)]
    by_hours = [each for each in shut if isinstance(each, Quiet | Only | Legal)]
    return by_hours[0] if by_hours else max(shut, key=lambda cap: cap.shut(now, now)[-1][1], default=None)


def _better(q: Question, at: datetime) -> No:
    return No(Outcome.DEFERRED, Reason.HABIT, dict(q.habits.told) if q.habits else {}, at)


def _never_day(q: Question) -> No | None:
    """Where a customer's place is not known and these hours are always shut somewhere, somebody may yet say where they are."""
    hours = _hours(q)
    if len(q.where.zones) == 1 or not hours or q.now + ASK_AGAIN >= q.request.useless_after:
        return None
    if solve(q.now, q.now + LONGEST, hours).at is not None:
        return None
    return No(Outcome.DEFERRED, hours[0].reason, dict(hours[0].told), q.now + ASK_AGAIN)


def _never(answer: Answer) -> No:
    """What is not to be had before the deadline is not waited for."""
    told = {name: value for each in answer.shut_by for name, value in each.told.items()}
    names = [each.reason.value for each in answer.shut_by] or [Reason.EXPIRED.value]
    closed_by = {"closed_by": answer.last.reason.value} if answer.last else {}
    return No(Outcome.SKIPPED, Reason.NO_INSTANT, told | {"shut_by": list(dict.fromkeys(names))} | closed_by)


def as_reason(text: str | None) -> Reason:
    """Why a run is over, as receipts say it."""
    try:
        return Reason(text or "")
    except ValueError:
        return Reason.OVER
