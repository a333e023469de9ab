"""A whole shop in one process: customers, what they do, who enters which journey, and what its runs do.

Promise: the order of things is the watch's: what changed moves segments; goals and waits are looked at; entries are let in or
refused with a reason; then runs start, end and go on.
"""

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime
from functools import partial
from itertools import count
from types import MappingProxyType
from typing import Any
from uuid import NAMESPACE_OID, UUID, uuid5

from journeys.catalogue import Catalogue
from journeys.contracts import USUAL_CEILINGS, Ceilings, DeliverRequest, Outcome, Plain, Reason, Receipt
from journeys.endings import Ending, ended_by_move
from journeys.gate.approval import Approved
from journeys.heard import Expect, Happened, OfPeople
from journeys.questions import Question
from journeys.simulate.admission import Admission, Refused
from journeys.simulate.agenda import Agenda
from journeys.simulate.answers import Answers
from journeys.simulate.choices import Choices
from journeys.simulate.contexts import Contexts
from journeys.simulate.customers import NEW_MARKS, Customer
from journeys.simulate.delivery import Delivery
from journeys.simulate.errors import SimulationError
from journeys.simulate.hearing import Hearing, ending_of
from journeys.simulate.line import Line
from journeys.simulate.membership import Membership, Transition
from journeys.simulate.messages import Message
from journeys.simulate.products import Shelf, Wishes, no_wish
from journeys.simulate.providers import Providers
from journeys.simulate.purse import Purse
from journeys.simulate.run import Run
from journeys.simulate.runs import Runs
from journeys.simulate.services import Services
from segments import Segment
from segments.facts import Event
from segments.language.events import MESSAGE_SENT

_NOTHING: Mapping[str, Any] = MappingProxyType({})


class World:
    """A catalogue and everybody whom it is about."""

    def __init__(
        self, catalogue: Catalogue, now: datetime, *, ceilings: Ceilings = USUAL_CEILINGS, wishes: Wishes = no_wish
    ) -> None:
        self.catalogue = catalogue
        self.agenda = Agenda(now)
        self.providers = Providers()
        self.shelf = Shelf(wishes)
        self.customers: dict[str, Customer] = {}
        self._numbers = count(1)
        self._controls: dict[str, str] = {}
        self._approvals: dict[str, Approved] = {}
        self._known = known = dict(catalogue.segments)
        self._admission = Admission(self, catalogue, known, self._controls)
        purse = Purse(catalogue.prices)
        self._delivery = Delivery(
            self.providers,
            self.shelf,
            self.runs,
            known,
            self._controls,
            ceilings,
            purse,
            catalogue.holdout,
            self._approvals,
            lambda name, traits: self.contexts.around(name, traits),  # noqa: PLW0108 - what answers is made below
        )
        self._line = Line(self.agenda, self._start, self._admission.waited_too_long)
        self._hearing = Hearing(self.runs, self._delivery.segment, lambda: self.agenda.now)
        asked = self._delivery.segment, self._hearing.predicate
        self._answers = Answers(
            catalogue,
            self._admission,
            self.agenda,
            *asked,
            self.changed,
            self._start,
            self._is_paused,
            self._delivery,
            self.keep,
            wishes,
        )
        self._membership = Membership(known.values(), _keyed(catalogue), self.agenda, partial(self._follow, frozenset()))

    @property
    def now(self) -> datetime:
        """Business time."""
        return self.agenda.now

    @property
    def runs(self) -> Runs:
        """All runs."""
        return self._admission.runs

    @property
    def services(self) -> Services:
        """What services answer."""
        return self._answers.services

    @property
    def choices(self) -> Choices:
        """What customers are given of choices."""
        return self._answers.choices

    @property
    def contexts(self) -> Contexts:
        """What providers of contexts tell."""
        return self._answers.contexts

    @property
    def refused(self) -> list[Refused]:
        """Who did not enter, and why."""
        return self._admission.refused

    @property
    def wanted(self) -> AbstractSet[str]:
        """The types of events that runs have asked about, besides those of segments and goals."""
        return self._hearing.wanted

    def passes(self, until: datetime) -> Iterator[tuple[datetime, Customer]]:
        """Let time pass; each thing that happens is told, with the customer whom it is about."""
        return self.agenda.until(until)

    def join(self, name: str, id_: UUID | None = None) -> Customer:
        """A new customer of whom nothing is known; tell what changed about them next."""
        who = Customer(name, id_ or uuid5(NAMESPACE_OID, name), self.now)
        self.customers[name] = who
        return who

    def changed(self, who: Customer, marks: frozenset[str], event: Event | None = None, *, new: bool = False) -> None:
        """Something of a customer changed: all that follows."""
        marks = marks | NEW_MARKS if new else marks
        self._follow(marks, who, self._membership.look(who, marks, event, new=new))

    def settle(self, who: Customer) -> None:
        """Whatever a customer is in when a simulation begins, they did not enter now."""
        self._membership.look(who, NEW_MARKS, new=True)

    def happened(self, who: Customer, type_: str, properties: Mapping[str, Any], ts: datetime | None = None) -> Event:
        """A customer did something, now or earlier."""
        event = self.keep(who, type_, properties, ts or self.now)
        self.changed(who, frozenset({type_}), event)
        return event

    def foretells(self, who: Customer, prediction: str, score: float | None, label: str | None) -> None:
        """Scoring says this of a customer from now on, and of what they cross or come to be by that; None: nothing."""
        for told in self._answers.foretelling.scores(who, prediction, score, label, self._known.values(), self.now):
            self.happened(who, *told)

    def keep(self, who: Customer, type_: str, properties: Mapping[str, Any], ts: datetime) -> Event:
        """A customer did something, and what follows of it is looked at later: whoever asks sees it."""
        event = Event(type_, ts, properties, f"e-{next(self._numbers)}")
        who.happened(event)
        return event

    def came_back(self, message: Message, event: str, said: Mapping[str, Any] = _NOTHING) -> None:
        """Something became of a message: delivered, read, clicked, replied (with what was said), failed."""
        self.happened(message.customer, event, {**message.told, **said})

    def begin(
        self,
        journey: str,
        who: Customer,
        params: Mapping[str, Any] = _NOTHING,
        key: str = "",
        entry: Mapping[str, Any] = _NOTHING,
    ) -> Run | Refused:
        """Start a run, as product teams do over the API."""
        run = self._admission.by_hand(self.catalogue.journey(journey), who, params, key, "api", entry)
        if isinstance(run, Run):
            self._start(run)
        return run

    def define(self, segment: Segment) -> None:
        """A segment that the catalogue does not hold, as product teams define them; who is in enters if announced."""
        self._known[segment.name] = segment
        self._membership.add(segment)
        for who in self.customers.values():
            self._follow(frozenset(), who, self._membership.enters(segment, who))

    def switch(self, journey: str, state: str) -> None:
        """Pause or kill a journey, or let it live; who waited with a message asks again, who was in a killed one is out."""
        self.catalogue.journey(journey)
        self._controls[journey] = state
        for run in [run for run in self.runs if run.journey == journey and run.outcome is None]:
            if state == "killed":
                run.end(Reason.KILLED)
            elif state == "live" and any(message.reason is Reason.PAUSED for message in run.messages):
                run.ask_again()

    def approves(self, template: str, status: str, category: str | None = None) -> None:
        """How Meta has a WhatsApp template from now on, in its own words; a category that it does not say is what it was."""
        known = self._approvals.get(template)
        self._approvals[template] = Approved(status, category or (known.category if known else None))

    def done(self, run: Run, which: str, outcome: str | None, values: Mapping[str, Plain]) -> None:
        """Somebody of the company did what a run waits for, and says how it went."""
        asked = next(((e.wait, task) for e in run.expecting if isinstance(task := e.expected.get(which), OfPeople)), None)
        if asked is None:
            raise SimulationError(f"run of {run.journey} waits for nobody to do '{which}'")
        wait, task = asked
        if unlike := task.unlike(outcome, values):
            raise SimulationError(f"run of {run.journey}, '{which}': {unlike[1]}")
        run.hear(Happened(wait=wait, which=which, at=self.now, answer=task.told(outcome, values)))

    def attempt(self, run: Run, request: DeliverRequest) -> Receipt | datetime:
        """One attempt at a message: a receipt, or when to try again. One that was sent is an event of its customer."""
        told = self._delivery.attempt(run, request)
        if isinstance(told, Receipt) and told.outcome is Outcome.SENT:
            self._sent(run, next(each for each in reversed(run.messages) if each.request is request))
        return told

    def _sent(self, run: Run, message: Message) -> None:
        """Whoever asks sees it; what follows of it is looked at after the run's own step, where anybody might wait for it."""
        who = run.customer
        event = self.keep(who, MESSAGE_SENT, message.told, self.now)
        if self._membership.watches(MESSAGE_SENT) or self._hearing.listens(who, MESSAGE_SENT):
            self.agenda.at(self.now, who, partial(self.changed, who, frozenset({MESSAGE_SENT}), event))

    def already(self, run: Run, expect: Expect) -> Happened | None:
        """The first of what a wait waits for that is so."""
        return self._hearing.already(run, expect)

    def answer(self, run: Run, question: Question) -> Any:
        """What a journey asks before it goes on."""
        return self._answers.answer(run, question)

    def over(self, run: Run) -> None:
        """A run of a journey with limits has ended: there may be room."""
        self._line.over(run)

    def _follow(self, marks: frozenset[str], who: Customer, moves: list[Transition]) -> None:
        """All that a change means: whose runs end, who enters, which waits are over."""
        if not moves and not self.runs.of(who):
            return
        ending = self._hearing.endings(who, marks)
        opened = [run for move in moves if move.kind != "left" for run in self._admission.admitted(who, move)]
        ending = self._moving(who, moves) | ending
        news = self._hearing.news(who, marks, moves)
        for run in opened:
            self._start(run)
        for run, each in ending.items():
            run.end(each.reason, each.which)
        for run, happened in news:
            run.hear(happened)

    def _is_paused(self, journey: str) -> bool:
        return self._controls.get(journey) == "paused"

    def _moving(self, who: Customer, moves: list[Transition]) -> dict[Run, Ending]:
        """The runs that end because their customer has left or entered a segment since they entered."""
        found: dict[Run, Ending] = {}
        for run in self.runs.open(who) if moves else ():
            for move in moves if run.moves else ():
                reason, which = run.moves.get((move.segment, move.kind == "entered"), (None, None))
                if reason and move.kind != "repeated" and ended_by_move(run.entered_at, move.at, inside=move.kind == "entered"):
                    found.setdefault(run, Ending(reason, which, move.at))
        return found

    def _start(self, run: Run) -> None:
        """Let a run begin, unless it waits to be let in, or its goal or exit came between the entry and now."""
        if run.waits_until is not None:
            self._line.join(run)
            return
        if run.outcome is not None:  # in the instant in which it was let in
            return
        over = ending_of(run, self.now) if run.endings else None
        if over is not None:
            run.end(over.reason, over.which)
        else:
            run.go()


def _keyed(catalogue: Catalogue) -> frozenset[str]:
    """The segments where it matters that somebody does again what brought them in."""
    specs = (definition.spec for definition in catalogue.journeys.values())
    return frozenset(spec.entered_by for spec in specs if spec.entered_anew and spec.entered_by)
