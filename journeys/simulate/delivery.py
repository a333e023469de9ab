"""A simulated delivery from claim to settlement: the real gate, and a provider that answers what the test wants.

Promise: what the ledger would say of a message, a `Message` says here, and the journey gets the receipt that it would get.
Left out: templates are not rendered; they are checked when a catalogue is loaded.
"""

import math
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from journeys.contracts import Ceilings, Channel, DeliverRequest, Outcome, Purpose, Reason, Receipt, Suits
from journeys.endings import Ending
from journeys.entry import holdouts, is_held_out_of_all
from journeys.gate.approval import Approved
from journeys.gate.caps import Past
from journeys.gate.decide import No, Question, caps_of, decide, exposures
from journeys.gate.habits import Habits
from journeys.gate.learning import ACTIVITY, MACHINE, SINCE, best_hour_until, habits_of
from journeys.gate.legal import laws_of
from journeys.gate.order import Coming
from journeys.policies import GlobalHoldout
from journeys.simulate.conflicts import whose_doing
from journeys.simulate.contexts import Around
from journeys.simulate.customers import WITHOUT_ADDRESS, Address, Sent
from journeys.simulate.errors import SimulationError
from journeys.simulate.hearing import over_by
from journeys.simulate.messages import WAITING, Message
from journeys.simulate.products import NOTHING, Shelf
from journeys.simulate.providers import Answer, Kind, Providers
from journeys.simulate.purse import Purse
from journeys.simulate.run import Run
from journeys.simulate.runs import Runs
from segments import Segment

#: A provider that calls an address dead has it suppressed here, for whoever owns it later (`activities/channels/kinds.py`).
SUPPRESSES = frozenset({Channel.EMAIL})
#: The purposes for which channels need a yes.
OPT_IN = frozenset({Purpose.MARKETING})
#: On which countries say when marketing may be sent.
LEGAL_HOURS = frozenset({Channel.SMS})
#: How often a transactional message in doubt goes again, and after how long at first (`activities/deliver/doubt.py`).
COPIES = 5
DOUBT, _GROWTH = timedelta(seconds=30), 4
#: How long Temporal waits before it tries again, where the provider does not say.
_FIRST, _LONGEST = timedelta(seconds=1), timedelta(minutes=5)
#: A status follows within this time as a rule: a doubt waits for it.
TELLS_WITHIN = {Channel.WHATSAPP: timedelta(minutes=2), Channel.SMS: timedelta(minutes=2)}
#: How long after a customer's last message one may write to them without an approved template (`activities/gate/terms.py`).
SERVICE_WINDOW = timedelta(hours=24)
#: What a message waits for that comes at no known instant.
_UNTIMED = (Reason.PAUSED, Reason.HELD)
_COUNTED = ("sent", "unconfirmed", "claimed")
#: Members of enums that every message asks for; Python 3.11 finds them through the metaclass, which takes longer than the rest.
_SENT, _TURN, _GONE, _ACCEPTED = Outcome.SENT, Reason.TURN, Kind.GONE, Kind.ACCEPTED


class Delivery:
    """Where messages are claimed and settled."""

    def __init__(
        self,
        providers: Providers,
        shelf: Shelf,
        runs: Runs,
        segments: dict[str, Segment],
        controls: dict[str, str],
        ceilings: Ceilings,
        purse: Purse,
        company: GlobalHoldout | None = None,
        approvals: Mapping[str, Approved] = MappingProxyType({}),
        around: Callable[[str, Mapping[str, Any]], Around] | None = None,
    ) -> None:
        self._around = around
        self._approvals = approvals
        self._providers = providers
        self._shelf = shelf
        self._runs = runs
        self._segments = segments
        self._controls = controls
        self._ceilings = ceilings
        self._purse = purse
        self._company = company
        self._reach: dict[str, timedelta] = {}

    def attempt(self, run: Run, request: DeliverRequest) -> Receipt | datetime:
        """One attempt at a message: a receipt, or when to try again."""
        now, message = run.now(), _message_of(run, request)
        allowed, addresses = _addresses(run, request)
        if message.state == "claimed":
            return self._hand_over(run, message, addresses, now)
        if now >= request.useless_after:
            return self._settle(message, Outcome.FAILED, Reason.EXPIRED, now)
        question = self._question(run, message, len(allowed), addresses, now)
        decided = decide(question)
        for experiment, arm, _ in exposures(question, decided):
            run.customer.exposed.setdefault(experiment, (arm, now))
        if isinstance(decided, No):
            message.detail, message.retry_at = decided.detail, decided.retry_at
            message.met += tuple(whose_doing(run, question, decided) - {*message.met})
            if decided.outcome is Outcome.DEFERRED and decided.reason not in message.put_off:
                message.put_off += (decided.reason,)
            return self._settle(message, decided.outcome, decided.reason, now)
        message.detail = dict(question.offer or {})
        return self._hand_over(run, message, addresses, now)

    def _question(self, run: Run, message: Message, allowed: int, addresses: list[Address], now: datetime) -> Question:
        request, spec, who = message.request, run.spec, run.customer
        runs, wish = self._runs.of(who), self._shelf.wish(request.channel, request.template)
        question = self._known(run, request, message, allowed, addresses, now)
        question.control, question.ending = self._controls.get(spec.name), self.ending(run)
        question.asked, question.holdout = len(run.messages) - 1, run.holdout
        question.habits = _habits(run, request, now)
        # What few messages have is looked at where they have it: the question's own defaults are for all others.
        if wish is not NOTHING:
            question.in_service_window = not wish.free_form or who.wrote(request.channel, now - SERVICE_WINDOW)
            question.relation = wish.relation
            question.offer = self._shelf.offer(who, wish, now, message.detail.get("product"))
        if self._approvals and request.channel is Channel.WHATSAPP:
            question.approved = self._approvals.get(request.template)
        if request.only is not None:
            question.in_segment = self.segment(request.only).predicate.holds(who.facts, now)
        if request.suits is not None and self._around is not None:
            question.unsuited = _unsuited(request.suits, self._around(request.suits.context, who.traits))
        if run.foretold:
            of = run.spec, run.foretold, who.id
            question.holdout, question.foretold = holdouts(*of, withheld=run.holdout)
        if self._company is not None:
            question.company, question.held_out_of_all = self._company, is_held_out_of_all(self._company, who.id)
        others = [other for other in runs if other is not run and other.outcome is None] if len(runs) > 1 else []
        if others:
            again = message.retry_at
            question.held_by = sorted({other.journey for other in others if other.holds})
            question.others = [other.spec for other in others]
            question.turned = message.reason is _TURN and again is not None and again <= now
        return question

    def foreseen(self, run: Run, request: DeliverRequest) -> Question:
        """What the gate knows by now of a message of which only the channel and the instant are decided."""
        allowed, addresses = _addresses(run, request)
        return self._known(run, request, None, len(allowed), addresses, request.due_at)

    def _known(
        self, run: Run, request: DeliverRequest, message: Message | None, allowed: int, addresses: list[Address], now: datetime
    ) -> Question:
        """What hangs on the customer, the channel and the instant, whatever the message says."""
        spec, who = run.spec, run.customer
        question = Question(
            request=request,
            spec=spec,
            now=now,
            where=who.where(spec.timezone),
            opt_in=request.purpose in OPT_IN and request.channel not in WITHOUT_ADDRESS,
            consent=who.consent(request.channel, request.purpose),
            addresses=allowed,
            unsuppressed=len(addresses),
            past=self._past(run, message, now),
            ceilings=self._ceilings,
            spent=self._purse.spent(spec, request.channel, now),
        )
        if request.channel in LEGAL_HOURS:
            question.laws = laws_of(each.value for each in addresses)
        runs = self._runs.of(who)
        if len(runs) > 1 or len(run.messages) > (message is not None):
            question.coming = [
                self._comes(other, each)
                for other in (run, *(other for other in runs if other is not run and other.outcome is None))
                for each in other.messages
                if each.state in WAITING and each is not message and each.reason not in _UNTIMED
            ]
        return question

    def _comes(self, run: Run, message: Message) -> Coming:
        """A message with which a run waits at the gate, for an instant or a provider."""
        request, spec = message.request, run.spec
        priority = spec.priority if request.priority is None else request.priority
        caps = caps_of(spec, self._ceilings) if request.purpose is Purpose.MARKETING else ()
        return Coming(message.retry_at or message.at, request.channel, request.purpose, priority, spec.name, caps)

    def ending(self, run: Run) -> Ending | None:
        """What ends a run as of now."""
        return over_by(run, run.now(), self._segments)

    def segment(self, name: str) -> Segment:
        """A segment by its name.

        Raises:
            SimulationError: the catalogue has none, and none was defined.
        """
        try:
            return self._segments[name]
        except KeyError:
            raise SimulationError(
                f"no segment '{name}' in the catalogue; where it is defined through the API, tell the test what it is"
            ) from None

    def _past(self, run: Run, message: Message | None, now: datetime) -> Sequence[Past]:
        """What caps may count: what the customer may have got, and what this run withheld."""
        spec = run.spec
        if spec.name not in self._reach:
            self._reach[spec.name] = max(cap.longest for cap in caps_of(spec, self._ceilings))
        past, after = run.customer.past, now - self._reach[spec.name]
        recent = past if not past or past[0].at > after else past[bisect_right(past, after, key=lambda each: each.at) :]
        if not run.holdout and self._company is None:
            return recent
        withheld = [
            Past(each.at, each.request.channel, each.request.purpose)
            for each in run.messages
            if each.state == "withheld" and each is not message
        ]
        return sorted([*recent, *withheld], key=lambda each: each.at) if withheld else recent

    def _hand_over(self, run: Run, message: Message, addresses: list[Address], now: datetime) -> Receipt | datetime:
        """The newest address first; one that turns out dead is put away and the next is tried."""
        message.attempts += 1
        request, who = message.request, run.customer
        for address in addresses:
            answer = self._providers.answer(who, request)
            if answer.kind is not _GONE:
                return self._answered(run, message, answer, now)
            who.died(address)
            if request.channel in SUPPRESSES:
                address.suppressed.add("all")
        return self._settle(message, Outcome.SKIPPED, Reason.UNREACHABLE, now)

    def _answered(self, run: Run, message: Message, answer: Answer, now: datetime) -> Receipt | datetime:
        if answer.kind is _ACCEPTED:
            self._count(run, message, now)
            return self._settle(message, _SENT, None, now)
        match answer.kind:
            case Kind.REFUSED if message.state == "claimed":
                return self._settle(message, Outcome.UNCONFIRMED, Reason.AMBIGUOUS, now)
            case Kind.REFUSED:
                return self._settle(message, Outcome.FAILED, Reason.REFUSED, now)
            case Kind.SILENT:
                return self._in_doubt(run, message, now)
        return self._later(message, now + (answer.after or _backing_off(message)), now)

    def _later(self, message: Message, again: datetime, now: datetime) -> Receipt | datetime:
        if again >= message.request.useless_after:
            return self._settle(message, Outcome.FAILED, Reason.EXPIRED, now)
        if message.state != "claimed":
            message.state, message.reason, message.retry_at = "released", None, again
        return again

    def _in_doubt(self, run: Run, message: Message, now: datetime) -> Receipt | datetime:
        """Perhaps accepted: a transactional message goes again, after a pause and up to the bound."""
        self._count(run, message, now)
        message.copies += 1
        again = now + max(pause_after(message.copies), TELLS_WITHIN.get(message.request.channel, timedelta(0)))
        enough = message.request.purpose is not Purpose.TRANSACTIONAL or message.copies >= COPIES
        if enough or again >= message.request.useless_after:
            return self._settle(message, Outcome.UNCONFIRMED, Reason.AMBIGUOUS, now)
        message.state = "claimed"
        return again

    def _count(self, run: Run, message: Message, now: datetime) -> None:
        """A message counts from its first claim on that may have got through."""
        if message.state not in _COUNTED:
            run.customer.past.append(Sent(now, message.request.channel, message.request.purpose, message.request.journey))
            self._purse.pays(run.spec, message.request.channel, now)

    def _settle(self, message: Message, outcome: Outcome, reason: Reason | None, now: datetime) -> Receipt:
        message.state, message.reason, message.at = outcome, reason, now
        detail = message.detail
        if outcome is _SENT and not detail:
            return _sent(message.request.purpose, message.request.step, message.request.occurrence)
        retry_at = message.retry_at if outcome is Outcome.DEFERRED else None
        told = {name: detail.get(name) for name in ("segment", "product", "because", "ended_by")}
        return Receipt(outcome=outcome, reason=reason, retry_at=retry_at, **told)


def _addresses(run: Run, request: DeliverRequest) -> tuple[list[Address], list[Address]]:
    """Those that may be written to for the purpose, and of these those that are not suppressed."""
    allowed = [each for each in run.customer.reached_on(request.channel) if each.allows(request.purpose)]
    return allowed, [each for each in allowed if each.open_to(request.purpose)]


def _unsuited(suits: Suits, around: Around) -> dict[str, Any] | None:
    """What it is like where a message does not suit that."""
    return None if suits.holds(around.answer) else {"context": {suits.context: dict(around.answer)}}


@lru_cache(4_096)
def _sent(purpose: Purpose, step: str, occurrence: int) -> Receipt:
    """Most receipts are the same: those of runs that have come equally far."""
    return Receipt(outcome=_SENT, purpose=purpose, step=step, occurrence=occurrence)


def _habits(run: Run, request: DeliverRequest, now: datetime) -> Habits | None:
    """The customer's own; of a simulation's few customers nothing is taken for those of a shop."""
    until = best_hour_until(request, run.spec, now)
    if until is None:
        return None
    happened = (event for kind in ACTIVITY for event in run.customer.events.get(kind, ()))
    moments = [each.ts for each in happened if now - SINCE < each.ts <= now and each.properties.get(MACHINE) is not True]
    return habits_of(moments, run.customer.where(run.spec.timezone), run.spec.timezone, until)


def pause_after(copies: int) -> timedelta:
    """How long a message in doubt waits before the next copy goes."""
    return DOUBT * math.pow(_GROWTH, copies - 1)


def _message_of(run: Run, request: DeliverRequest) -> Message:
    """The run's message, from an earlier attempt or new."""
    for message in reversed(run.messages):
        if message.request is request:
            return message
    message = Message(request, run.customer, "new", run.now())
    run.messages.append(message)
    return message


def _backing_off(message: Message) -> timedelta:
    return min(_FIRST * math.pow(2, message.attempts - 1), _LONGEST)
