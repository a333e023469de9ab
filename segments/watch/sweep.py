"""Asking Postgres whom time may have moved: the profiles with an event in the ranges that `watching.sweeps` names.

Promise: reads only, by index, and only the partitions in which a range lies.
"""

from collections.abc import Sequence
from uuid import UUID

from segments.watch.interest import Sweep
from store import Connection, queries

_SQL = queries("segments")
_SEPARATOR = chr(31)  # the SQL splits at it: arrays of arrays cannot be ragged


async def swept(connection: Connection, wanted: Sequence[Sweep], shard: int, shards: int) -> dict[int, set[UUID]]:
    """Whom each sweep finds on a shard, by its place among them."""
    found: dict[int, set[UUID]] = {}
    if wanted:
        kinds, lows, highs, _, zones = zip(*wanted, strict=True)
        homes = [None if each is None else _SEPARATOR.join(each) for each in zones]
        bounds = (kinds, lows, highs, min(lows), max(highs), shard, shards, homes)
        for row in await connection.fetch(_SQL["sweep"], *bounds):
            found.setdefault(row["n"] - 1, set()).add(row["profile_id"])
    return found
