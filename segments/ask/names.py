"""The names that a definition can be made of, as they were received: event types, traits, properties of events.

Promise: reads only, a bounded sample of the newest customers and events; names alone, and none of our own making.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from segments.ask.hints import SAMPLE
from store import Database, queries

_SQL = queries("segment_views")
_EVENTS = 200
#: Names of each kind that are told.
_MOST = 500


@dataclass(frozen=True, slots=True)
class Names:
    """What is known, each in the order of the alphabet."""

    events: list[str]
    traits: list[str]
    properties: list[str]


async def names(database: Database, types: Iterable[str]) -> Names:
    """The names there are; properties of events of these types."""
    async with database.pool.acquire() as connection:
        events = await connection.fetch(_SQL["known_types"])
        traits = await connection.fetch(_SQL["known_traits"], SAMPLE)
        properties = await connection.fetch(_SQL["known_properties"], sorted(set(types)), _EVENTS)
    told = ([row["type"] for row in events], [row["name"] for row in traits], [row["name"] for row in properties])
    return Names(*(sorted(each)[:_MOST] for each in told))
