"""Why customers wait to be let into journeys that have limits, in words: asked of the same function that lets them in."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from api.config import ApiConfig
from api.runs.standing import Standing, Wakes, sleeps, standing_of, woken
from journeys import JourneyDefinition
from journeys.contracts import JourneySpec
from journeys.room import Counts, room_in, to_count
from store import Connection, Database
from store.runs import entries, lists
from store.runs.views import JourneyStanding, Run

_LEFT = "the journey has left the catalogue"


async def lines(config: ApiConfig, database: Database, standing: Mapping[str, JourneyStanding]) -> dict[str, str]:
    """Of each journey in which somebody waits, why the first of them is not in."""
    waiting = [name for name, stands in standing.items() if stands.waiting_runs]
    if not waiting:
        return {}
    async with database.pool.acquire() as connection:
        return {name: await _why(config, connection, name) for name in waiting}


async def shut(
    catalogue: Mapping[str, JourneyDefinition], database: Database, runs: Sequence[Run], now: datetime
) -> dict[UUID, str]:
    """Of each of these runs that waits to be let in, what keeps it out now: opening, share, entry hours, capacity or rate."""
    waiting = [run for run in runs if run.waits_until is not None and run.ended_at is None and run.exit_reason is None]
    if not waiting:
        return {}
    specs = {run.journey: catalogue[run.journey].spec for run in waiting if run.journey in catalogue}
    async with database.pool.acquire() as connection:
        full = {name: await _full(connection, spec, now) for name, spec in specs.items()}
    return {run.id: _shut(run, specs.get(run.journey), full.get(run.journey), now) for run in waiting}


async def standings(
    catalogue: Mapping[str, JourneyDefinition], database: Database, runs: Sequence[Run], now: datetime, wakes: Wakes
) -> dict[UUID, Standing]:
    """How each of these runs stands, what it does next, and when; `wakes` is asked of those that merely sleep."""
    then = await lists.next_of(database, [run.id for run in runs], now)
    closed = await shut(catalogue, database, runs, now)
    stand = {run.id: standing_of(run, then.get(run.id), closed.get(run.id)) for run in runs}
    asleep = {run.id: run.workflow_id for run in runs if sleeps(stand[run.id])}
    told = await wakes(list(asleep.values())) if asleep else {}
    return stand | {id_: woken(stand[id_], told.get(workflow)) for id_, workflow in asleep.items()}


def _shut(run: Run, spec: JourneySpec | None, full: str | None, now: datetime) -> str:
    if spec is None:
        return _LEFT
    if run.waits_from is not None and run.waits_from > now:
        opens = spec.limits.opens if spec.limits else None
        which = "the journey opens" if opens and opens > now else "its share reaches them"
        return f"{which} {run.waits_from:%a %d %b %H:%M} UTC"
    return full or "it is their turn"


async def _why(config: ApiConfig, connection: Connection, name: str) -> str:
    definition = config.catalogue.get(name)
    if definition is None:
        return _LEFT
    return await _full(connection, definition.spec, config.clock.now()) or "not yet open, or not yet in the journey's share"


async def _full(connection: Connection, spec: JourneySpec, now: datetime) -> str | None:
    counted = await entries.counts(connection, spec.name, *to_count(spec, now))
    return room_in(spec, Counts(*counted), now).full
