"""Why customers wait to be let into journeys that have limits, in words: asked of the same function that lets them in."""

from collections.abc import Mapping
from datetime import datetime

from api.config import ApiConfig
from journeys.contracts import JourneySpec
from journeys.room import Counts, rate_of, room_in
from store import Connection, Database
from store.runs import entries
from store.runs.views import JourneyStanding


async def lines(config: ApiConfig, database: Database, standing: Mapping[str, JourneyStanding]) -> dict[str, str]:
    """Of each journey in which somebody waits, why the first of them is not in."""
    waiting = [name for name, stands in standing.items() if stands.waiting_runs]
    if not waiting:
        return {}
    async with database.pool.acquire() as connection:
        return {name: await _why(config, connection, name) for name in waiting}


async def _why(config: ApiConfig, connection: Connection, name: str) -> str:
    definition = config.catalogue.get(name)
    if definition is None:
        return "the journey has left the catalogue"
    return await _full(connection, definition.spec, config.clock.now()) or "not yet open, or not yet in the journey's share"


async def _full(connection: Connection, spec: JourneySpec, now: datetime) -> str | None:
    limits, rate = spec.limits, rate_of(spec, now)
    since, most = now - rate.per if rate else now, (limits.capacity if limits else None) or 0
    return room_in(spec, Counts(*await entries.counts(connection, spec.name, since, most)), now).full
