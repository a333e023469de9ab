"""A rehearsal: a catalogue's journeys with customers, time and providers in a test's hand, simulated or on real servers.

Promise: one vocabulary and one meaning on both stages. It begins on a Monday at nine (UTC); time passes when the test says so.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from journeys.contracts import Channel
from journeys.simulate.customers import WITHOUT_ADDRESS
from journeys.simulate.products import RELATIONS, Product
from journeys.simulate.providers import Kind
from segments import Segment
from segments.time.calendar import ZONE_TRAIT
from workers.testing.approvals import Approval
from workers.testing.contexts import Context
from workers.testing.customer import Customer
from workers.testing.names import (
    channel_of,
    check_context,
    check_journey,
    check_params,
    check_place,
    check_prediction,
    check_service,
    check_spans,
    check_template,
)
from workers.testing.people import CHANNELS
from workers.testing.predictions import Foretelling
from workers.testing.seen import Stage
from workers.testing.sentences import standing
from workers.testing.services import Service

#: When a simulated rehearsal begins; one on servers, which have no past, begins on the next Monday (`served`).
MONDAY = datetime(2026, 1, 5, 9, tzinfo=UTC)

#: A made-up phone number would tell a zone with summer time, and another hour in a test that begins on another day.
_HOME = {ZONE_TRAIT: "UTC"}
_TELL_A_ZONE = {ZONE_TRAIT, "phone", "country", "address"}


class Provider:
    """Who carries a channel's messages. It says yes, unless it is told to answer otherwise: the next time, or so often."""

    def __init__(self, stage: Stage, channel: Channel) -> None:
        self._stage = stage
        self._channel = channel

    def refuses(self, *, times: int = 1, to: Customer | None = None) -> None:
        """It refuses messages for good."""
        self._will(Kind.REFUSED, to, times)

    def is_busy(self, *, times: int = 1, to: Customer | None = None, after: timedelta | None = None) -> None:
        """It wants to be asked again later (after so long)."""
        self._will(Kind.LATER, to, times, after)

    def keeps_silent(self, *, times: int = 1, to: Customer | None = None) -> None:
        """It may have taken messages, and never says."""
        self._will(Kind.SILENT, to, times)

    def knows_nobody(self, *, times: int = 1, to: Customer | None = None) -> None:
        """It says that nobody is at the address (any more)."""
        self._will(Kind.GONE, to, times)

    def _will(self, kind: Kind, to: Customer | None, times: int, after: timedelta | None = None) -> None:
        self._stage.provider(kind, self._channel, to.name if to else None, times, after)


class Rehearsal:
    """What a test works with, under the name `shop`."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._customers: dict[str, Customer] = {}

    @property
    def now(self) -> datetime:
        """The shop's time (UTC)."""
        return self._stage.now

    def customer(self, name: str, *, channels: Sequence[str] = CHANNELS, **traits: Any) -> Customer:
        """A customer with an address and consent on these channels, and these traits; the same one by the same name.

        Their clock shows UTC, whatever the date, unless a trait tells another zone: `timezone="Europe/Madrid"`.
        """
        __tracebackhide__ = True
        if name not in self._customers:
            self._stage.joins(name, list(map(channel_of, channels)), traits if traits.keys() & _TELL_A_ZONE else _HOME | traits)
            self._customers[name] = Customer(name, self._stage, self._until)
        return self._customers[name]

    def passes(self, *, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0, **others: float) -> None:
        """Time passes, and all that it brings happens."""
        __tracebackhide__ = True
        check_spans(others)
        self._stage.passes(self.now + timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds))

    def starts(
        self, journey: str, customer: Customer, /, *, key: str = "", entry: Mapping[str, Any] | None = None, **params: Any
    ) -> None:
        """A product team starts a journey for a customer, with parameters; `entry` stands for an event's properties."""
        __tracebackhide__ = True
        check_params(self._stage.catalogue, journey, params)
        self._stage.starts(journey, customer.name, params, key, entry or {})

    def pauses(self, journey: str) -> None:
        """An operator pauses a journey: its messages wait."""
        __tracebackhide__ = True
        self._switches(journey, "paused")

    def resumes(self, journey: str) -> None:
        """It lives again; what waits is asked for again."""
        __tracebackhide__ = True
        self._switches(journey, "live")

    def kills(self, journey: str) -> None:
        """It is over for everybody in it, and nobody enters any more."""
        __tracebackhide__ = True
        self._switches(journey, "killed")

    def _switches(self, journey: str, state: str) -> None:
        __tracebackhide__ = True
        check_journey(self._stage.catalogue, journey)
        self._stage.switches(journey, state)

    def completes(self, customer: Customer, which: str, outcome: str | None = None, **values: Any) -> None:
        """Somebody of the company does what the customer's run waits for under a name, and says how it went."""
        if not self._stage.completes(customer.name, which, outcome, values):
            waits = (
                "; ".join(standing(run) for run in customer.runs if run.outcome is None) or "nothing: no run of theirs is open"
            )
            raise AssertionError(
                f"no run of {customer.name} waits for a task under the name '{which}' (of a bare j.wait_for it is 'it');"
                f" what they wait for: {waits}"
            )

    def provider(self, channel: str) -> Provider:
        """Who carries a channel's messages, to have it answer otherwise: `shop.provider("push").refuses()`."""
        __tracebackhide__ = True
        carried = channel_of(channel)
        if carried in WITHOUT_ADDRESS:
            raise ValueError(f"nobody carries {channel}: its messages are in the shop's own inbox, which takes all of them")
        return Provider(self._stage, carried)

    def service(self, name: str) -> Service:
        """A service of the company, to have it answer otherwise: `shop.service("points").answers({"balance": 100})`."""
        __tracebackhide__ = True
        check_service(self._stage.catalogue, name)
        return Service(self._stage, name)

    def context(self, name: str) -> Context:
        """A provider of what it is like where customers are: `shop.context("weather").tells(Weather(temperature=26))`."""
        __tracebackhide__ = True
        check_context(self._stage.catalogue, name)
        return Context(self._stage, name)

    def prediction(self, name: str) -> Foretelling:
        """What is foretold of a customer, with nothing trained: `shop.prediction("churn").scores(ana, 0.8)`."""
        __tracebackhide__ = True
        check_prediction(self._stage.catalogue, name)
        return Foretelling(self._stage, self._stage.catalogue.predictions[name])

    def template(self, name: str) -> Approval:
        """A WhatsApp message's template as it stands with Meta, in all its languages: `shop.template("cart").is_paused()`."""
        __tracebackhide__ = True
        check_template(self._stage.catalogue, name)
        return Approval(self._stage, name)

    def content_for(self, customer: Customer, place: str) -> str | None:
        """What a place of the page shows a customer now, by its template: they see it, and may be in an arm from then on.

        Example:
            assert shop.content_for(ana, "home-hero") == "welcome-guide"
        """
        __tracebackhide__ = True
        check_place(self._stage.catalogue, place)
        return self._stage.content(customer.name, place)

    def sells(self, id_: str, /, *, available: bool = True, **related: Sequence[str]) -> None:
        """The shop sells a product, and says what is `similar` to it, `better`, or `complementary`: ids, best first."""
        if unknown := related.keys() - RELATIONS:
            raise ValueError(f"a product is {', '.join(RELATIONS)} to another, not {', '.join(sorted(unknown))}")
        self._stage.sells(Product(id_, available, related))

    def defines(self, segment: Segment) -> None:
        """A product team defines a segment over the API; a journey may be entered by its name."""
        self._stage.defines(segment)

    def story(self) -> str:
        """What happened to everybody, line by line."""
        return "\n".join(customer.story() for customer in self._customers.values())

    def _until(self, at: datetime) -> None:
        if at > self.now:
            self._stage.passes(at)
