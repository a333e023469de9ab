"""What a test sees of a shop, whichever runtime its journeys run on; and what such a stage can be asked to do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Protocol

from journeys.catalogue import Catalogue
from journeys.contracts import Channel
from journeys.simulate.messages import WAITING
from journeys.simulate.products import Product
from journeys.simulate.providers import Kind
from journeys.simulate.services import ServiceReply
from segments import Segment


@dataclass(frozen=True, slots=True)
class Message:
    """A message that a run asked for: `state` is what became of it, `due_at` when the run asked, `at` when that was decided."""

    step: str
    occurrence: int
    state: str
    reason: str | None
    due_at: datetime
    at: datetime
    #: The other journeys for which it waits, or waited last; or what left no instant for it (a cap, quiet hours).
    journeys: tuple[str, ...] = ()
    #: The id of the product that it offers, or would have.
    product: str | None = None

    @property
    def waits(self) -> bool:
        """Whether it may still go: it is to be tried again, or a provider has it and has not answered."""
        return self.state in ("claimed", *WAITING)


@dataclass(frozen=True, slots=True)
class Called:
    """A call to a service: `came_to` is "answered", why not, or None while there is no answer yet."""

    service: str
    event: str
    came_to: str | None
    asked_at: datetime
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Run:
    """A customer in a journey, or before it: `let_in` says which. `waiting` says for what and until when.

    On servers that is what the simulation beside them says: Temporal knows until when, not for what.
    """

    journey: str
    entered_at: datetime
    messages: tuple[Message, ...]
    outcome: str | None = None
    ended_at: datetime | None = None
    waiting: tuple[str, datetime] | None = None
    #: The goal or exit that ended it, by its name.
    ended_by: str | None = None
    calls: tuple[Called, ...] = ()
    #: Where a journey has limits, who stands in line is not in it, and may never be.
    let_in: bool = True


def waiting_as(runs: Sequence[Run], others: Sequence[Run]) -> list[Run]:
    """The same runs, with what their like on another stage wait for: the first of a journey are alike, and so on."""
    alike = {run.journey: iter([each for each in others if each.journey == run.journey]) for run in runs}
    waits = [next(alike[run.journey], run).waiting for run in runs]
    return [replace(run, waiting=None if run.outcome else wait) for run, wait in zip(runs, waits, strict=True)]


@dataclass(frozen=True, slots=True)
class Refusal:
    """A journey that did not let a customer in, and why."""

    journey: str
    reason: str
    at: datetime


class Stage(Protocol):
    """A shop to rehearse in: simulated, or served by Temporal and Postgres."""

    @property
    def now(self) -> datetime:
        """Business time."""
        ...

    @property
    def catalogue(self) -> Catalogue:
        """What its journeys, segments and services are."""
        ...

    def joins(self, name: str, channels: Sequence[Channel], traits: Mapping[str, Any]) -> None:
        """A customer with addresses and consent on these channels."""
        ...

    def becomes(self, name: str, traits: Mapping[str, Any]) -> None:
        """Their traits change."""
        ...

    def says(self, name: str, channel: Channel, *, yes: bool) -> None:
        """They consent, or withdraw it."""
        ...

    def does(self, name: str, event: str, properties: Mapping[str, Any], at: datetime) -> None:
        """They do something."""
        ...

    def came_back(self, name: str, step: str, event: str, said: Mapping[str, Any]) -> bool:
        """Something became of the last message of a step that was sent; False where there is none."""
        ...

    def passes(self, until: datetime) -> None:
        """Time passes, and all that it brings happens."""
        ...

    def starts(self, journey: str, name: str, params: Mapping[str, Any], key: str, entry: Mapping[str, Any]) -> None:
        """Somebody starts a run over the API."""
        ...

    def switches(self, journey: str, state: str) -> None:
        """An operator pauses or kills a journey, or lets it live."""
        ...

    def completes(self, name: str, which: str, outcome: str | None, values: Mapping[str, Any]) -> bool:
        """Somebody of the company does what a customer's run waits for; False where none does."""
        ...

    def provider(self, kind: Kind, channel: Channel, name: str | None, times: int, after: timedelta | None) -> None:
        """What the next messages on a channel meet."""
        ...

    def template(self, name: str, status: str, category: str | None) -> None:
        """Meta says how a WhatsApp template stands from now on, in all its languages; in its own words."""
        ...

    def service(self, reply: ServiceReply, service: str, name: str | None, times: int | None) -> None:
        """What a service answers from now on, or the next so many times, to calls about a customer, or about all."""
        ...

    def context(self, name: str, answer: Mapping[str, Any] | None, at: Mapping[str, str]) -> None:
        """What a context's provider tells of a place from now on; nothing: it is away."""
        ...

    def foretells(self, name: str, prediction: str, score: float | None, label: str | None) -> None:
        """What a prediction says of a customer from now on; without a score: nothing."""
        ...

    def sells(self, product: Product) -> None:
        """The shop tells a product, and what goes with it."""
        ...

    def defines(self, segment: Segment) -> None:
        """A product team defines a segment over the API."""
        ...

    def runs(self, name: str) -> list[Run]:
        """A customer's runs, oldest first."""
        ...

    def in_app(self, name: str) -> list[str]:
        """The templates of the messages that a customer's inbox inside the app shows now, newest first."""
        ...

    def zone(self, name: str) -> str:
        """Where a customer's clock stands now, or in how many zones it may."""
        ...

    def content(self, name: str, place: str) -> str | None:
        """The template that a place shows a customer now, and that they have seen it."""
        ...

    def refusals(self, name: str) -> list[Refusal]:
        """The journeys that did not let a customer in."""
        ...
