"""Whether a goal, or an exit by an event, has been reached since entry: one query for many runs, event time decides."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from activities.versions import Versions, nearest
from journeys.endings import Ending, by_events, first
from segments import Predicate
from segments.language.events import AHEAD
from segments.sql.statements import GoalRow, compile_goal
from store import Connection
from store.runs import rows as runs
from store.runs.rows import OpenRun


async def reached_at(
    connection: Connection, predicate: Predicate, since: Sequence[tuple[UUID, UUID, datetime]], at: datetime
) -> dict[UUID, datetime]:
    """For each (run, profile, entered at) that has reached a goal by `at`: the instant of the event that decided it."""
    goal = compile_goal(predicate)
    rows = await connection.fetch(goal.sql, *goal.args([GoalRow(*run) for run in since], at + AHEAD))
    return {row["run_id"]: row["reached_at"] for row in rows}


async def endings(connection: Connection, versions: Versions, open_runs: Sequence[OpenRun], at: datetime) -> dict[UUID, Ending]:
    """Which of these open runs have reached a goal or an exit by events that their journey had when they began: the first."""
    by_journey: dict[tuple[str, str | None], list[OpenRun]] = defaultdict(list)
    for run in open_runs:
        by_journey[run.journey, run.version].append(run)
    found: dict[UUID, list[Ending]] = defaultdict(list)
    for (name, version), group in by_journey.items():
        spec = (await nearest(versions, version, connection)).specs.get(name)
        rows = [(run.id, run.profile_id, run.entered_at) for run in group]
        for reason, which, predicate in by_events(spec) if spec is not None else ():
            for id_, when in (await reached_at(connection, predicate, rows, at)).items():
                found[id_].append(Ending(reason, which, when))
    return {id_: ending for id_, those in found.items() if (ending := first(those))}


async def end(connection: Connection, ending: Mapping[UUID, Ending]) -> set[UUID]:
    """Ask runs to end for these reasons; returns those that had not been asked yet."""
    exits = [(id_, each.reason.value, each.at) for id_, each in ending.items()]
    return await runs.request_exits(connection, exits, {id_: each.which for id_, each in ending.items()})
