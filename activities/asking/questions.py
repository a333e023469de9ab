"""What a journey may ask of its run's customer: any predicate, any segment, the arm of an experiment, what their clock shows.

Promise: events are counted since entry, as a goal's are; everything else is what is true of the customer now. Whoever was
drawn for an experiment keeps the arm, whatever becomes of shares, arms and profiles.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.gate.goals import reached_at, true_of
from activities.versions import Versions
from journeys.contracts import Channel
from journeys.entry import lot, withheld
from journeys.gate.hours import next_open
from journeys.gate.moment import next_of
from journeys.questions import (
    Arm,
    Foretells,
    Foretold,
    IsIn,
    Opens,
    Reached,
    Titles,
    Understand,
    Understood,
    When,
    counts_events,
)
from segments import Predicate, Segment
from segments.language.events import MESSAGE_REPLIED
from segments.language.wire import predicate_from_json
from segments.load.stored import last_loaded
from segments.time.zones import whereabouts
from store import Connection, Database, predictions
from store.deliveries.replies import first_reply
from store.runs import exposures
from store.runs import rows as runs
from store.runs.rows import OpenRun


@dataclass(frozen=True)
class Questions:
    """The activities and where they ask; of a run that is not there any more, nothing is so."""

    database: Database
    versions: Versions

    @property
    def activities(self) -> list[Callable[..., Any]]:
        """All of them, for a worker."""
        return [self.reached, self.is_in, self.foretold, self.arm, self.when, self.opens, self.understand]

    @activity.defn(name=Reached.activity)
    async def reached(self, asked: Reached) -> bool:
        """Whether events have happened since entry, or another predicate is true now."""
        predicate = predicate_from_json(asked.predicate)
        async with self.database.transaction() as connection:
            run = await runs.run_asking(connection, asked.run_id)
            return run is not None and await _is_so(connection, predicate, run, asked)

    @activity.defn(name=IsIn.activity)
    async def is_in(self, asked: IsIn) -> bool:
        """Whether the customer is in a segment now.

        Raises:
            ApplicationError: neither the run's version of the catalogue nor the API has the segment.
        """
        served = await self.versions.of(asked.version)
        async with self.database.transaction() as connection:
            run = await runs.run_asking(connection, asked.run_id)
            segment = await segment_of(connection, served.segments, asked.segment)
            return run is not None and await true_of(connection, segment.predicate, run.profile_id, asked.at)

    @activity.defn(name=Foretells.activity)
    async def foretold(self, asked: Foretells) -> Foretold:
        """What a prediction says of the customer, while its model is trusted."""
        async with self.database.transaction() as connection:
            run = await runs.run_asking(connection, asked.run_id)
            said = run and await predictions.trusted(connection, asked.prediction, run.profile_id, asked.at)
        return Foretold(score=said.score, label=said.label, version=said.version, as_of=said.as_of) if said else Foretold()

    @activity.defn(name=When.activity)
    async def when(self, asked: When) -> datetime | None:
        """When a moment on the customer's wall clock comes next."""
        where = await self._where(asked.run_id)
        if where is None:
            return None
        return next_of(asked.moment, where.zones(asked.zone), asked.at, where.traits)

    @activity.defn(name=Opens.activity)
    async def opens(self, asked: Opens) -> datetime | None:
        """When it is next between these hours of the customer's day."""
        where = await self._where(asked.run_id)
        return None if where is None else next_open(asked.window, where.zones(asked.zone), asked.at)

    async def _where(self, run_id: UUID) -> "_Where | None":
        async with self.database.transaction() as connection:
            found = await runs.where_is(connection, run_id)
            return None if found is None else _Where(*found)

    @activity.defn(name=Understand.activity)
    async def understand(self, asked: Understand) -> Understood:
        """What the customer's first answer to a message of the run comes to; its words stay here."""
        async with self.database.transaction() as connection:
            run = await runs.run_asking(connection, asked.run_id)
            said = run and await first_reply(connection, run.profile_id, run.id, asked.step, asked.occurrence, MESSAGE_REPLIED)
        if run is None or not said:
            return Understood()
        return asked.of(said.choice, said.text, await self._titles(asked) if said.choice is None else ())

    async def _titles(self, asked: Understand) -> Titles:
        """What the message showed to be tapped."""
        channel, _, template = asked.step.partition(":")
        return (await self.versions.of(asked.version)).templates.titles(Channel(channel), template)

    @activity.defn(name=Arm.activity)
    async def arm(self, asked: Arm) -> str:
        """The customer's arm, drawn by the shares if it never was; from now on they count as exposed.

        Whom a holdout withholds goes the way of an arm, too, and is in neither: the messages that would tell the arms apart
        reach nobody in it. That follows from lots of their own, so that leaving them out favours no arm.
        """
        async with self.database.transaction() as connection:
            known = await exposures.arm_of(connection, asked.run_id, asked.experiment)
            if known.arm is not None or known.drawn_as is None:
                return known.arm or next(iter(asked.shares))
            drawn = lot(asked.experiment, known.drawn_as, asked.shares)
            served = await self.versions.of(known.version, connection)
            spec, company = served.specs.get(known.journey), self.versions.own.holdout
            if spec is not None and withheld(spec, company, known.drawn_as, holdout=known.holdout):
                return drawn
            return await exposures.expose(connection, asked.run_id, asked.experiment, drawn, asked.shares[drawn], asked.at)


class _Where(NamedTuple):
    """What tells where a customer's clock stands."""

    traits: dict[str, Any]
    device_zone: str | None
    phone: str | None

    def zones(self, otherwise: str) -> tuple[str, ...]:
        return whereabouts(self.traits, self.device_zone, self.phone, otherwise).zones


async def segment_of(connection: Connection, catalogue: Mapping[str, Segment], name: str) -> Segment:
    """A segment by its name: the catalogue's, else the one that the API defines.

    Raises:
        ApplicationError: there is none.
    """
    found = catalogue.get(name) or await last_loaded(connection, name)
    if found is None:
        missing = f"no segment '{name}' in this worker's catalogue, nor loaded from the API; deploy it, or define it"
        raise ApplicationError(missing, type="UnknownSegment")
    return found


async def _is_so(connection: Connection, predicate: Predicate, run: OpenRun, asked: Reached) -> bool:
    if not counts_events(predicate):
        return await true_of(connection, predicate, run.profile_id, asked.at)
    return bool(await reached_at(connection, predicate, [(run.id, run.profile_id, run.entered_at)], asked.at))
