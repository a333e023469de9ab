"""Whether a goal has been reached since entry: one query for many runs, event time decides."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from activities.versions import Versions, nearest
from segments import Predicate
from segments.language.events import AHEAD
from segments.sql.statements import GoalRow, compile_goal
from store import Connection
from store.runs.rows import OpenRun


async def reached_at(
    connection: Connection, predicate: Predicate, runs: Sequence[tuple[UUID, UUID, datetime]], at: datetime
) -> dict[UUID, datetime]:
    """For each (run, profile, entered at) that has reached a goal by `at`: the instant of the event that decided it."""
    goal = compile_goal(predicate)
    rows = await connection.fetch(goal.sql, *goal.args([GoalRow(*run) for run in runs], at + AHEAD))
    return {row["run_id"]: row["reached_at"] for row in rows}


async def goals_reached(
    connection: Connection, versions: Versions, runs: Sequence[OpenRun], at: datetime
) -> dict[UUID, datetime]:
    """Which of these open runs have reached the goal that their journey had when they began, and when."""
    by_journey: dict[tuple[str, str | None], list[OpenRun]] = defaultdict(list)
    for run in runs:
        by_journey[run.journey, run.version].append(run)
    found: dict[UUID, datetime] = {}
    for (name, version), group in by_journey.items():
        spec = (await nearest(versions, version, connection)).specs.get(name)
        if spec is not None and spec.goal is not None:
            rows = [(run.id, run.profile_id, run.entered_at) for run in group]
            found |= await reached_at(connection, spec.goal, rows, at)
    return found
