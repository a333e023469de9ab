"""What a journey may ask to branch on: any predicate, about the customer of its run.

Promise: events are counted since entry, as a goal's are; everything else is what is true of the customer now.
"""

from dataclasses import dataclass

from temporalio import activity

from activities.gate.facts import true_of
from activities.gate.goals import reached_at
from journeys.contracts import ReachedRequest
from segments import DefinitionError, Predicate, check_goal
from segments.language.wire import predicate_from_json
from store import Connection, Database
from store.runs import rows as runs
from store.runs.rows import OpenRun


@dataclass(frozen=True)
class Branching:
    """The activity and where it asks."""

    database: Database

    @activity.defn(name="reached")
    async def reached(self, request: ReachedRequest) -> bool:
        """Whether it is so; of a run that is not there any more, nothing is."""
        predicate = predicate_from_json(request.predicate)
        async with self.database.transaction() as connection:
            run = await runs.run_asking(connection, request.run_id)
            return run is not None and await _is_so(connection, predicate, run, request)


async def _is_so(connection: Connection, predicate: Predicate, run: OpenRun, request: ReachedRequest) -> bool:
    if not _counts_events(predicate):
        return await true_of(connection, predicate, run.profile_id, request.at)
    return bool(await reached_at(connection, predicate, [(run.id, run.profile_id, run.entered_at)], request.at))


def _counts_events(predicate: Predicate) -> bool:
    """Whether it could be a goal: only events, so that "since entry" means something."""
    try:
        check_goal(predicate)
    except DefinitionError:
        return False
    return True
