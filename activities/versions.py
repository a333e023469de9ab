"""What the catalogue says to those who act for a run: by the version that the run began with, looked up in one place.

Promise: goal, policies, segments that a journey names, templates and parameters are those of the run's version; only who
enters, and where, is decided by the worker's own.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cached_property
from typing import Any, Protocol

from temporalio.exceptions import ApplicationError

from activities.channels.message import Content
from activities.templates import Context
from activities.templating.base import Terms
from activities.templating.wish import ProductWish
from journeys.arms import FORETOLD, Experiment
from journeys.contexts.context import Context as Surroundings
from journeys.contracts import Channel, JourneySpec, Reason, RunStart
from journeys.endings import by_events, by_moves
from journeys.policies import GlobalHoldout
from journeys.services import Service
from segments import Segment
from segments.predictions.declared import Declared
from segments.predictions.prediction import Prediction
from store import Connection


class Wishes(Protocol):
    """Knows which templates ask for a product, and which are taken on terms."""

    def wish(self, channel: Channel, name: str) -> ProductWish | None:
        """The product that a template asks for."""
        ...

    def terms(self, channel: Channel, name: str, language: object = None) -> Terms | None:
        """On what terms a provider takes what is made of a template for who reads this language, where it has any."""
        ...


class Renderer(Wishes, Protocol):
    """Turns a template and what is known of a customer into content; raises `activities.templates.BrokenTemplate`."""

    def titles(self, channel: Channel, name: str) -> tuple[tuple[str, str], ...]:
        """What is shown on a message's buttons and rows, each with the name that a journey hears."""
        ...

    def links_to_passes(self, channel: Channel, name: str) -> bool:
        """Whether a message names one of the customer's passes."""
        ...

    def around(self, channel: Channel, name: str) -> frozenset[str]:
        """The contexts that a message names."""
        ...

    def render(self, channel: Channel, name: str, context: Context) -> Content:
        """Render one message."""
        ...


class UnknownVersion(ApplicationError):
    """A version that cannot be had: it does not stand in Postgres, or nobody who may deploy has signed it."""

    def __init__(self, told: str) -> None:
        super().__init__(told, type="UnknownVersion")


#: Parameters as a journey declares them: JSON values, or `InvalidParams`.
Accept = Callable[[dict[str, Any]], dict[str, Any]]


@dataclass(frozen=True)
class Served:
    """One version: journeys, segments and services by name, templates; the others are each journey's own."""

    version: str | None
    specs: Mapping[str, JourneySpec]
    segments: Mapping[str, Segment]
    templates: Renderer
    leading: Mapping[str, Callable[[RunStart], timedelta]]
    branchable: Mapping[str, Accept]
    accept: Mapping[str, Accept]
    holdout: GlobalHoldout | None = None
    services: Mapping[str, Service[Any]] = field(default_factory=dict)
    contexts: Mapping[str, Surroundings[Any]] = field(default_factory=dict)
    prices: Mapping[str, int] = field(default_factory=dict)
    currency: str | None = None
    experiments: Mapping[str, Experiment] = field(default_factory=dict)
    #: What is foretold of customers.
    predictions: Mapping[str, Declared] = field(default_factory=dict)
    #: Why a run that began otherwise could not go on with it, by journey; None where it can.
    unlike: Mapping[str, Callable[[RunStart], str | None]] = field(default_factory=dict)
    #: What its code asks of runs that began before (`j.changed`).
    changes: frozenset[str] = frozenset()

    def price(self, channel: Channel) -> int:
        """What a message costs on a channel, in millionths; nothing, where the catalogue tells no prices."""
        return self.prices.get(channel.value, 0)

    @property
    def compared(self) -> list[Experiment]:
        """All that is declared of experiments and of holdouts, the company's too."""
        company, own = self.holdout, [spec.held_out for spec in self.specs.values()]
        own += [Experiment.of_holdout(name, share) for name, share in self._foretold.items()]
        companys = [] if company is None else [Experiment.of_holdout(company.name, company.share, company.plan)]
        return [*self.experiments.values(), *(each for each in own if each is not None), *companys]

    @property
    def _foretold(self) -> dict[str, float]:
        """The holdouts of predictions, each with its share."""
        known = ((name, each) for name, each in self.predictions.items() if isinstance(each, Prediction))
        return {f"{FORETOLD}/{name}": each.holdout for name, each in known if each.holdout}

    @cached_property
    def goal_types(self) -> frozenset[str]:
        """Which events can reach a goal or an exit."""
        reached = [predicate for spec in self.specs.values() for _, _, predicate in by_events(spec)]
        return frozenset(edge.type for predicate in reached for edge in predicate.edges)

    @cached_property
    def moves(self) -> Mapping[tuple[str, bool], Mapping[str, tuple[Reason, str | None]]]:
        """The journeys that one who enters (or leaves) a segment is over with, why, and by which exit."""
        found: dict[tuple[str, bool], dict[str, tuple[Reason, str | None]]] = defaultdict(dict)
        for spec in self.specs.values():
            for move, ending in by_moves(spec).items():
                found[move][spec.name] = ending
        return dict(found)


class Versions(Protocol):
    """All versions that somebody is in, and the worker's own."""

    @property
    def own(self) -> Served:
        """The one that this worker gives to those who enter."""
        ...

    @property
    def held(self) -> Iterable[Served]:
        """Those that are at hand, the worker's own among them."""
        ...

    async def handed_out(self) -> Served:
        """The worker's own, which stands in Postgres from now on at the latest."""
        ...

    async def of(self, version: str | None, connection: "Connection | None" = None) -> Served:
        """A version; the worker's own for a run that was given none.

        Raises:
            UnknownVersion: it cannot be had (yet).
        """
        ...


@dataclass(frozen=True)
class OnlyOwn:
    """All versions, where there is one: for tests and tools that ask Postgres for none."""

    own: Served

    @property
    def held(self) -> Iterable[Served]:
        """It."""
        return [self.own]

    async def handed_out(self) -> Served:
        """It."""
        return self.own

    async def of(self, version: str | None, connection: "Connection | None" = None) -> Served:  # noqa: ARG002 - the protocol's
        """It, whatever is asked for."""
        return self.own


@dataclass(frozen=True)
class WithCampaign:
    """All versions, each with the campaign beside its journeys."""

    versions: Versions
    spec: JourneySpec
    _known: dict[str | None, tuple[Served, Served]] = field(default_factory=dict)

    @property
    def own(self) -> Served:
        """The worker's own."""
        return self.versions.own

    @property
    def held(self) -> Iterable[Served]:
        """Those that are at hand."""
        return self.versions.held

    async def handed_out(self) -> Served:
        """The worker's own, which stands in Postgres."""
        return await self.versions.handed_out()

    async def of(self, version: str | None, connection: "Connection | None" = None) -> Served:
        """A version, which has the campaign among its journeys."""
        served = await self.versions.of(version, connection)
        if version not in self._known or self._known[version][0] is not served:
            self._known[version] = served, replace(served, specs={**served.specs, self.spec.name: self.spec})
        return self._known[version][1]


async def nearest(versions: Versions, version: str | None, connection: "Connection | None" = None) -> Served:
    """A version, or the worker's own where it cannot be had: an end by the goal as it is now is better than none."""
    try:
        return await versions.of(version, connection)
    except UnknownVersion:
        return versions.own
