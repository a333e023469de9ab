"""What simulated journeys ask and do besides messages: answered from what the world knows, done once the run waits.

Promise: as on Temporal, a trait that a run has set is so when the run goes on, and an event that it has told has happened; who
enters, ends or hears for it, or for any other action, does once the run waits again.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from journeys.actions import Call, Called, EndJourney, Hold, SetTraits, StartJourney, Track
from journeys.catalogue import Catalogue
from journeys.contracts import Channel, Reason
from journeys.entry import lot, withheld
from journeys.errors import InvalidParams
from journeys.gate.hours import next_open
from journeys.gate.moment import next_of
from journeys.questions import (
    Arm,
    Choosing,
    Foretells,
    Foretold,
    IsIn,
    Look,
    Looked,
    Opens,
    Question,
    Reached,
    Understand,
    Understood,
    When,
    counts_events,
)
from journeys.simulate.admission import Admission
from journeys.simulate.agenda import Agenda
from journeys.simulate.choices import Choices
from journeys.simulate.contexts import Contexts
from journeys.simulate.customers import Customer
from journeys.simulate.delivery import Delivery
from journeys.simulate.errors import SimulationError
from journeys.simulate.hearing import goal_reached
from journeys.simulate.products import Wishes
from journeys.simulate.run import Run
from journeys.simulate.services import Again, Services, Told
from segments import Predicate, Segment
from segments.facts import Event
from segments.language.events import CROSSED_EVENT, MESSAGE_REPLIED, TRAITS_CHANGED
from segments.leaves.crossed import Crossed
from segments.predictions.declared import leaves_in

#: On Temporal a run's clock goes on while it works: whoever waits again for a time of day waits for the next day's, and what
#: a run says of its customer comes after its entry, and so can end it.
_SINCE = timedelta(microseconds=1)


class Answers:
    """The words of branching and acting; `changed` and `start` belong to the world."""

    def __init__(
        self,
        catalogue: Catalogue,
        admission: Admission,
        agenda: Agenda,
        segment: Callable[[str], Segment],
        predicate: Callable[[Mapping[str, Any]], Predicate],
        changed: Callable[[Customer, frozenset[str], Event | None], None],
        start: Callable[[Run], None],
        paused: Callable[[str], bool],
        delivery: Delivery,
        keep: Callable[[Customer, str, Mapping[str, Any], datetime], Event],
        wish: Wishes,
    ) -> None:
        self._wish = wish
        self.choices = Choices(catalogue, delivery.foreseen)
        self.foretelling = Foretelling(catalogue)
        self.services = Services(catalogue.services)
        self.contexts = Contexts(catalogue.contexts)
        self._paused = paused
        self._keep = keep
        self._ending = delivery.ending
        self._catalogue = catalogue
        self._admission = admission
        self._agenda = agenda
        self._segment = segment
        self._predicate = predicate
        self._changed = changed
        self._start = start

    def answer(self, run: Run, question: Question) -> Any:  # noqa: C901, PLR0911, PLR0912 - a table of questions
        """What a journey asks, or whether what it wants done could be done."""
        who = run.customer
        match question:
            case Reached():
                return _is_so(self._predicate(question.predicate), run)
            case IsIn():
                return self._segment(question.segment).predicate.holds(who.facts, question.at)
            case Foretells():
                return self.foretelling.says(question, who)
            case When():
                return next_of(question.moment, who.where(question.zone).zones, question.at + _SINCE, who.traits)
            case Opens():
                return next_open(question.window, who.where(question.zone).zones, question.at)
            case Arm():
                return who.arms.setdefault(question.experiment, lot(question.experiment, who.id, question.shares))
            case Choosing():
                return self.choices.answer(run, question)
            case Look():
                around = self.contexts.around(question.context, who.traits)
                known = self.contexts.known[question.context].known
                return Looked(reason=around.reason, values=known(around.answer))
            case SetTraits():
                return self._learns(who, question.traits)
            case Track():
                return self._tracked(who, question)
            case Understand():
                return _understood(run, question, self._wish)
            case StartJourney():
                return self._started(run, question)
            case EndJourney():
                return self._ended(who, question.journey)
            case Hold():
                run.holds = run.holds | {question.number} if question.lets_go is None else run.holds - {question.lets_go}
                return True
            case Call():
                return self._called(run, question)
        raise SimulationError(f"the simulator has no answer to {type(question).__name__}")

    def _learns(self, who: Customer, traits: Mapping[str, Any]) -> bool:
        said_at = self._agenda.now + _SINCE
        if who.learned(traits, said_at):
            self._agenda.at(said_at, who, lambda: self._changed(who, frozenset({TRAITS_CHANGED}), None))
        return True

    def _tracked(self, who: Customer, asked: Track) -> bool:
        self._agenda.goes_on(asked.at)
        event = self._keep(who, asked.event, asked.properties, asked.at)
        self._soon(who, lambda: self._changed(who, frozenset({asked.event}), event))
        return True

    def _called(self, run: Run, call: Call) -> Called | Again:
        told = next((each for each in run.calls if each.call.number == call.number), None)
        if told is None:
            run.calls.append(told := Told(call))
        came_to = self._attempted(run, told)
        if isinstance(came_to, Called):
            told.called, told.at = came_to, self._agenda.now
        return came_to

    def _attempted(self, run: Run, told: Told) -> Called | Again:
        call, now = told.call, self._agenda.now
        if over := self._ending(run):
            return Called(reason=over.reason, ended_by=over.which)
        why = withheld(run.spec, self._catalogue.holdout, run.customer.id, holdout=run.holdout)
        if why is not None and not call.fetch:
            return Called(reason=why)
        return self.services.attempt(told, run.customer, now, paused=self._paused(run.journey) and not call.fetch)

    def _started(self, run: Run, asked: StartJourney) -> bool:
        definition, who = self._catalogue.journey(asked.journey), run.customer
        try:
            opened = self._admission.by_hand(definition, who, asked.params, asked.key, "journey", foretold=run.foretold)
        except InvalidParams:  # what a run of an older version asks for; of this one it is looked at when the catalogue loads
            return False
        if isinstance(opened, Run):
            self._soon(who, lambda: self._start(opened))
        return isinstance(opened, Run)

    def _ended(self, who: Customer, journey: str) -> bool:
        ending = [run for run in self._admission.runs.open(who) if run.journey == journey]
        for run in ending:
            self._soon(who, lambda run=run: run.end(Reason.OTHER_JOURNEY))  # type: ignore[misc]
        return bool(ending)

    def _soon(self, who: Customer, what: Callable[[], object]) -> None:
        self._agenda.at(self._agenda.now, who, what)


def _is_so(predicate: Predicate, run: Run) -> bool:
    """Of events, what happened since entry, as a goal's; of anything else, what is true of the customer now."""
    if not counts_events(predicate):
        return predicate.holds(run.customer.facts, run.now())
    return goal_reached(predicate, run.customer, run.entered_at, run.now()) is not None


class Foretelling:
    """What predictions say of customers as a test tells it, by a model of that instant, and the events that scoring tells."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        #: By prediction: the number of its newest model, and since when that is.
        self._models: dict[str, tuple[int, datetime]] = {}

    def scores(
        self, who: Customer, name: str, score: float | None, label: str | None, known: Iterable[Segment], at: datetime
    ) -> list[tuple[str, dict[str, Any], datetime]]:
        """Say this of a customer from now on, by a new model; returns the events of what they cross or come to be by that.

        Without a score nothing is said of them any more: they fall below every threshold and are of no kind.
        """
        version, trained_at = self._models.get(name, (0, None))
        version += trained_at != at  # what is told at one instant is told by one model
        self._models[name] = version, at
        before = who.foretold.get(name, Foretold())
        if score is None:
            who.foretold[name] = Foretold()
        elif (before.score, before.label) != (score, label):  # version and date are those at which it became so
            who.foretold[name] = Foretold(score=score, label=label, version=version, as_of=at)
        said = {"version": version, "as_of": at.isoformat()}
        found = []
        for leaf in leaves_in([*(each.predicate for each in known), *self._catalogue.asks], name):
            events = who.facts.until(leaf.kind, at)
            last: Mapping[str, Any] = events[-1].properties if events else {}
            told: dict[str, Any]
            if isinstance(leaf, Crossed):
                was = last.get("over") is True
                told = {"over": score is not None and leaf.over(score, was=was), "score": score}
                moves = told["over"] is not was
            else:
                told = {"kind": label, "was": last.get("kind")}
                moves = told["kind"] != told["was"]
            found += [(leaf.kind, told | said, max(at, events[-1].ts + _SINCE) if events else at)] if moves else []
        return found

    def says(self, asked: Foretells, who: Customer) -> Foretold:
        """What a test told of the customer while the model is not too old; else what events say."""
        if asked.prediction not in who.foretold:
            return _foretold(asked, who)
        _, trained_at = self._models[asked.prediction]
        trusted = asked.at - trained_at <= self._catalogue.predictions[asked.prediction].max_age
        return who.foretold[asked.prediction] if trusted else Foretold()


def _foretold(asked: Foretells, who: Customer) -> Foretold:
    """What the newest event says that scoring has written of the customer, which a backcast has and a test tells."""
    of = CROSSED_EVENT + asked.prediction
    kinds = [kind for kind in who.events if kind == of or kind.startswith(f"{of}:")]
    said = max((event for kind in kinds for event in who.facts.until(kind, asked.at)), key=lambda each: each.ts, default=None)
    told = {} if said is None else said.properties
    if told.get("score") is None and told.get("kind") is None:
        return Foretold()
    known = {name: told.get(name) for name in ("version", "as_of")}
    return Foretold(score=told.get("score") or 0.0, label=told.get("kind"), **known)


def _understood(run: Run, asked: Understand, wish: Wishes) -> Understood:
    """What the customer's first answer to a message of the run comes to."""
    about = {"run_id": str(run.start.run_id), "step": asked.step, "occurrence": asked.occurrence}
    for event in run.customer.events.get(MESSAGE_REPLIED, ()):
        if about.items() <= event.properties.items():
            channel, _, template = asked.step.partition(":")
            titles = wish(Channel(channel), template).titles
            return asked.of(event.properties.get("choice"), str(event.properties.get("text", "")), titles)
    return Understood()
