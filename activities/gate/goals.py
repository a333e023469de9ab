"""Whether a goal has been reached since entry: one query for many runs, event time decides."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from journeys.contracts import JourneySpec
from segments import Predicate
from segments.sql.statements import GoalRow, compile_goal
from store import Connection
from store.runs.rows import OpenRun

Specs = Mapping[str, JourneySpec]

#: Ingest lets events be dated this far ahead (clocks differ). An order that we hold has been made, whatever its clock says.
AHEAD = timedelta(minutes=5)


async def reached_at(
    connection: Connection, predicate: Predicate, runs: Sequence[tuple[UUID, UUID, datetime]], at: datetime
) -> dict[UUID, datetime]:
    """For each (run, profile, entered at) that has reached a goal by `at`: the instant of the event that decided it."""
    goal = compile_goal(predicate)
    rows = await connection.fetch(goal.sql, *goal.args([GoalRow(*run) for run in runs], at + AHEAD))
    return {row["run_id"]: row["reached_at"] for row in rows}


async def goals_reached(connection: Connection, specs: Specs, runs: Sequence[OpenRun], at: datetime) -> dict[UUID, datetime]:
    """Which of these open runs have reached their journey's goal, and when."""
    by_journey: dict[str, list[OpenRun]] = defaultdict(list)
    for run in runs:
        by_journey[run.journey].append(run)
    found: dict[UUID, datetime] = {}
    for name, group in by_journey.items():
        spec = specs.get(name)
        if spec is not None and spec.goal is not None:
            rows = [(run.id, run.profile_id, run.entered_at) for run in group]
            found |= await reached_at(connection, spec.goal, rows, at)
    return found
