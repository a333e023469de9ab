"""The stage of milliseconds: a simulated shop (`journeys.simulate`)."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from journeys.catalogue import Catalogue
from journeys.contracts import Channel, Outcome, Purpose, doing
from journeys.heard import Expect, OfPeople
from journeys.simulate import Answer, World
from journeys.simulate import Customer as Simulant
from journeys.simulate import Message as Sent
from journeys.simulate import Run as Simulation
from journeys.simulate.customers import WITHOUT_ADDRESS
from journeys.simulate.products import Product
from journeys.simulate.providers import Kind
from journeys.simulate.services import ServiceReply, Told
from segments import Segment
from segments.language.events import CONSENT_CHANGED, CONTENT_SHOWN, ENDPOINT_CHANGED, TRAITS_CHANGED
from workers.testing.inbox import chosen, shown
from workers.testing.people import address_of, contact
from workers.testing.seen import Called, Message, Refusal, Run
from workers.wishes import lives_of, wishes_of

_PURPOSES = (Purpose.MARKETING,)  # what a subscription says; nothing else is asked for a yes
#: Where whatever is said of an address registers it anew, also one that was dead.
REGISTERS = (Channel.PUSH, Channel.WEB_PUSH)
#: Traits that are addresses, each with a channel that reaches them.
ADDRESSES = (("email", Channel.EMAIL), ("phone", Channel.SMS), ("phone", Channel.WHATSAPP))


class Simulated:
    """A `Stage` in this process."""

    def __init__(self, catalogue: Catalogue, now: datetime) -> None:
        self.world = World(catalogue, now, wishes=wishes_of(catalogue.module))

    @property
    def now(self) -> datetime:
        """Business time."""
        return self.world.now

    @property
    def catalogue(self) -> Catalogue:
        """What is simulated."""
        return self.world.catalogue

    def joins(self, name: str, channels: Sequence[Channel], traits: Mapping[str, Any], id_: UUID | None = None) -> None:
        """A customer with addresses and consent on these channels."""
        who = self.world.join(name, id_)
        self._learns(who, contact(name) | dict(traits))
        for channel in channels:
            if channel in WITHOUT_ADDRESS:
                continue
            who.reached_at(channel, address_of(name, channel), self.now)
            who.said(channel, "granted", _PURPOSES, self.now)
        self.world.changed(who, frozenset(), new=True)

    def becomes(self, name: str, traits: Mapping[str, Any]) -> None:
        """Their traits change."""
        who = self._who(name)
        self.world.changed(who, frozenset(self._learns(who, traits)))

    def says(self, name: str, channel: Channel, *, yes: bool) -> None:
        """They consent, or withdraw it."""
        who = self._who(name)
        # A no names the address, too.
        if channel in REGISTERS or channel not in {*who.addresses, *WITHOUT_ADDRESS}:
            who.reached_at(channel, address_of(name, channel), self.now)
        who.said(channel, "granted" if yes else "withdrawn", _PURPOSES, self.now)
        self.world.changed(who, frozenset({CONSENT_CHANGED}))

    def does(self, name: str, event: str, properties: Mapping[str, Any], at: datetime) -> None:
        """They do something."""
        self.world.happened(self._who(name), event, properties, at)

    def came_back(self, name: str, step: str, event: str, said: Mapping[str, Any]) -> bool:
        """Something became of the last message of a step that was sent."""
        sent = self.last_sent(name, step)
        if sent is not None:
            self.world.came_back(sent, event, said)
        return sent is not None

    def last_sent(self, name: str, step: str) -> Sent | None:
        """The last message of a step that a provider took."""
        runs = self.world.runs.of(self._who(name))
        found = [each for run in runs for each in run.messages if each.step == step and each.state == Outcome.SENT]
        return max(found, key=lambda each: (each.at, each.request.occurrence), default=None)

    def passes(self, until: datetime) -> None:
        """Time passes, and all that it brings happens."""
        for _ in self.steps(until):
            pass

    def steps(self, until: datetime) -> Iterator[tuple[datetime, str]]:
        """The same, thing by thing, each with the customer whom it is about."""
        for at, who in self.world.passes(until):
            yield at, who.name

    def starts(self, journey: str, name: str, params: Mapping[str, Any], key: str, entry: Mapping[str, Any]) -> None:
        """Somebody starts a run over the API."""
        self.world.begin(journey, self._who(name), params, key, entry)

    def switches(self, journey: str, state: str) -> None:
        """An operator pauses or kills a journey, or lets it live."""
        self.world.switch(journey, state)

    def expecting(self, name: str, which: str) -> Expect | None:
        """The wait of a customer's run for somebody to do something."""
        waits = [wait for run in self.world.runs.open(self._who(name)) for wait in run.expecting]
        return next((wait for wait in waits if isinstance(wait.expected.get(which), OfPeople)), None)

    def completes(self, name: str, which: str, outcome: str | None, values: Mapping[str, Any]) -> bool:
        """Somebody of the company does what a customer's run waits for."""
        for run in self.world.runs.open(self._who(name)):
            if any(isinstance(wait.expected.get(which), OfPeople) for wait in run.expecting):
                self.world.done(run, which, outcome, values)
                return True
        return False

    def provider(self, kind: Kind, channel: Channel, name: str | None, times: int, after: timedelta | None) -> None:
        """What the next messages on a channel meet."""
        self.world.providers.will(Answer(kind, after), channel, self._who(name) if name else None, times)

    def template(self, name: str, status: str, category: str | None) -> None:
        """Meta says how a WhatsApp template stands."""
        self.world.approves(name, status, category)

    def service(self, reply: ServiceReply, service: str, name: str | None, times: int | None) -> None:
        """What a service answers."""
        self.world.services.will(reply, service, self._who(name) if name else None, times)

    def context(self, name: str, answer: Mapping[str, Any] | None, at: Mapping[str, str]) -> None:
        """What a context's provider tells."""
        self.world.contexts.will(name, answer, at)

    def foretells(self, name: str, prediction: str, score: float | None, label: str | None) -> None:
        """What a prediction says of a customer from now on."""
        self.world.foretells(self._who(name), prediction, score, label)

    def sells(self, product: Product) -> None:
        """The shop tells a product."""
        self.world.shelf.put(product)

    def defines(self, segment: Segment) -> None:
        """A product team defines a segment over the API."""
        self.world.define(segment)

    def runs(self, name: str) -> list[Run]:
        """A customer's runs, oldest first."""
        return [_seen(run) for run in self.world.runs.of(self._who(name))]

    def in_app(self, name: str) -> list[str]:
        """The templates of the messages that a customer's inbox inside the app shows now, newest first."""
        return shown(self._who(name), self.world.runs.of(self._who(name)), self.now, lives_of(self.catalogue.module))

    def zone(self, name: str) -> str:
        """Where a customer's clock stands now, or in how many zones it may; of whom nothing is told, on the journey's."""
        return str(self._who(name).where("the journey's"))

    def content(self, name: str, place: str) -> str | None:
        """The template that a place shows a customer now, and that they have seen it."""
        who = self._who(name)
        drawn = chosen(self.catalogue.places[place], who, self.world.runs.of(who), self.now)
        if drawn is None:
            return None
        if drawn.experiment is not None:
            who.arms.setdefault(drawn.experiment, drawn.template)
        arms = {"arms": {drawn.experiment: drawn.template}} if drawn.experiment else {}
        self.does(name, CONTENT_SHOWN, {"place": place, "content": drawn.template} | arms, self.now)
        return drawn.template

    def refusals(self, name: str) -> list[Refusal]:
        """The journeys that did not let a customer in."""
        return [Refusal(each.journey, each.reason, each.at) for each in self.world.refused if each.customer.name == name]

    def _learns(self, who: Simulant, traits: Mapping[str, Any]) -> set[str]:
        """Traits, and the addresses that some of them are, as ingest reads them; returns what changed."""
        marks = {TRAITS_CHANGED} if who.learned(traits, self.now) else set()
        for trait, channel in ADDRESSES:
            if traits.get(trait):
                who.reached_at(channel, str(traits[trait]), self.now)
                marks.add(ENDPOINT_CHANGED)
        return marks

    def _who(self, name: str) -> Simulant:
        return self.world.customers[name]


def _seen(run: Simulation) -> Run:
    messages = tuple(
        Message(
            each.step,
            each.request.occurrence,
            str(each.state),
            each.reason.value if each.reason else None,
            each.request.due_at,
            each.at,
            tuple(doing(each.detail)),
            each.detail.get("product"),
        )
        for each in run.messages
    )
    outcome = run.outcome.value if run.outcome else None
    calls = tuple(map(_call, run.calls))
    in_line = run.waits_until is not None
    return Run(run.journey, run.entered_at, messages, outcome, run.ended_at, _waiting(run), run.ended_by, calls, not in_line)


def _waiting(run: Simulation) -> tuple[str, datetime] | None:
    if run.outcome is not None:
        return None
    return ("to be let in", run.waits_until) if run.waits_until is not None else run.waiting


def _call(told: Told) -> Called:
    called = told.called
    came_to = None if called is None else called.reason.value if called.reason else "answered"
    return Called(told.call.service, told.call.event, came_to, told.call.at, told.at)
