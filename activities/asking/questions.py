"""What a journey may ask to branch on: any predicate, any segment, and the arm of an experiment, about its run's customer.

Promise: events are counted since entry, as a goal's are; everything else is what is true of the customer now. Whoever was
drawn for an experiment keeps the arm, whatever becomes of shares, arms and profiles.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.gate.facts import true_of
from activities.gate.goals import reached_at
from activities.versions import Versions
from journeys.entry import lot
from journeys.questions import Arm, IsIn, Reached
from segments import DefinitionError, Predicate, Segment, check_goal
from segments.language.wire import predicate_from_json
from segments.load.stored import last_loaded
from store import Connection, Database
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
        return [self.reached, self.is_in, self.arm]

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

    @activity.defn(name=Arm.activity)
    async def arm(self, asked: Arm) -> str:
        """The customer's arm, drawn by the shares if it never was; from now on they count as exposed."""
        async with self.database.transaction() as connection:
            known = await exposures.arm_of(connection, asked.run_id, asked.experiment)
            if known.arm is not None or known.drawn_as is None:
                return known.arm or next(iter(asked.shares))
            drawn = lot(asked.experiment, known.drawn_as, asked.shares)
            return await exposures.expose(connection, asked.run_id, asked.experiment, drawn, asked.shares[drawn], asked.at)


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
    if not _counts_events(predicate):
        return await true_of(connection, predicate, run.profile_id, asked.at)
    return bool(await reached_at(connection, predicate, [(run.id, run.profile_id, run.entered_at)], asked.at))


def _counts_events(predicate: Predicate) -> bool:
    """Whether it could be a goal: only events, so that "since entry" means something."""
    try:
        check_goal(predicate)
    except DefinitionError:
        return False
    return True
