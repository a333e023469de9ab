"""Whether a goal or an exit has been reached since entry: by events, one query for many runs; of one run by whatever ends it.

Promise: event time decides, and what the watch has yet to see counts.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from activities.versions import Served, Versions, nearest
from journeys.contracts import Reason
from journeys.endings import Ending, by_events, by_moves, by_time, ended_by_move, first
from segments import Predicate
from segments.language.events import AHEAD
from segments.sql.statements import GoalRow, among, compile_goal
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


async def ending_of(connection: Connection, served: Served, run: OpenRun, in_since: datetime, at: datetime) -> Ending | None:
    """The goal or exit that a run has reached, if any: by an event, by a move, or because its time is over."""
    spec = served.specs.get(run.journey)
    if spec is None:
        return None
    timed = by_time(spec, in_since)
    found = [timed] if timed and timed.at <= at else []
    for reason, which, predicate in by_events(spec):
        when = (await reached_at(connection, predicate, [(run.id, run.profile_id, run.entered_at)], at)).get(run.id)
        found += [Ending(reason, which, when)] if when else []
    if moves := by_moves(spec):
        found += await _moved(connection, served, run, moves, at)
    return first(found)


async def _moved(
    connection: Connection,
    served: Served,
    run: OpenRun,
    moves: Mapping[tuple[str, bool], tuple[Reason, str | None]],
    at: datetime,
) -> list[Ending]:
    """The moves that end the run, by the log of segments; and those that the watch has yet to see, where it is a member of."""
    found = []
    logged = await runs.moves_since(connection, run.profile_id, run.entered_at, [name for name, _ in moves])
    for (name, inside), (reason, which) in moves.items():
        when = next((at for segment, was_in, at in logged if (segment, was_in) == (name, inside)), None)
        if when is not None and ended_by_move(run.entered_at, when, inside=inside):
            found.append(Ending(reason, which, when))
        elif await _is_about_to(connection, served, run.profile_id, name, at, inside=inside):
            found.append(Ending(reason, which, at))
    return found


async def _is_about_to(connection: Connection, served: Served, who: UUID, name: str, at: datetime, *, inside: bool) -> bool:
    """Whether a customer moves with the next tick: what is true of them is not what the watch last saw."""
    segment = served.segments.get(name)
    if segment is None or await runs.is_member(connection, who, name) is inside:
        return False
    return await true_of(connection, segment.predicate, who, at) is inside


async def true_of(connection: Connection, predicate: Predicate, profile_id: UUID, at: datetime) -> bool:
    """Whether a predicate is true of a customer at an instant, whatever it asks."""
    statement = among(predicate)
    return bool(await connection.fetch(statement.sql, *statement.args(at, ids=[profile_id])))


async def end(connection: Connection, ending: Mapping[UUID, Ending]) -> set[UUID]:
    """Ask runs to end for these reasons; returns those that had not been asked yet."""
    exits = [(id_, each.reason.value, each.at) for id_, each in ending.items()]
    return await runs.request_exits(connection, exits, {id_: each.which for id_, each in ending.items()})
