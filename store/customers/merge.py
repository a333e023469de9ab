"""Merging two profiles: the survivor takes over everything of the absorbed one, by the rules of SEMANTICS §10.

The caller holds both profile rows `for update`, so whoever stores events for one of them has finished, and whoever comes
later is led to the survivor. What moves is recorded in the same transaction (`store.customers.undo` takes it back).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from store.customers.endpoints import replace_addresses
from store.customers.owners import NamesOf
from store.customers.traits import move_words
from store.database import Connection, columns
from store.named import queries

#: What belongs to a profile and moves with it, in the order in which it moves.
_MOVES = (
    "move_names",
    "move_endpoints",
    "move_consent",
    "move_topics",
    "move_members",
    "move_transitions",
    "move_runs",
    "move_refusals",
    "forget_scores",
    "forget_due",
    "move_deliveries",
)


async def merge(connection: Connection, survivor: UUID, absorbed: UUID, at: datetime, names: Sequence[NamesOf] = ()) -> None:
    """Bring two profiles together inside the caller's transaction, at this business time.

    `names` are those of the absorbed one that may not be stored as its own any more.
    """
    await _run(connection, "record_merge", survivor, absorbed, at, *columns(names, 4))
    await _run(connection, "draw_as_the_earlier", survivor, absorbed)
    await _run(connection, "mark_merged", survivor, absorbed, at)
    await _run(connection, "merge_times", survivor, absorbed)
    await move_words(connection, survivor, absorbed)
    await _take_over(connection, survivor, absorbed, at)


async def repoint_merged(connection: Connection, profile_ids: Sequence[UUID], at: datetime) -> list[UUID]:
    """Move what was written for an absorbed profile after its merge (by a part that read the profile just before it).

    Call it inside a transaction, with the profiles at hand; those that were never merged cost one index look-up. Returns
    the survivors that received something to look at again (their `dirty` mark is written).
    """
    rows = await connection.fetch(queries("identity")["survivors"], profile_ids)
    for row in rows:
        await _take_over(connection, row["merged_into"], row["id"], at)
    return [row["merged_into"] for row in rows]


async def _take_over(connection: Connection, survivor: UUID, absorbed: UUID, at: datetime) -> None:
    await _run(connection, "end_second_runs", survivor, absorbed, at)
    await _run(connection, "move_dirty", survivor, absorbed, at)
    await _run(connection, "move_events", survivor, absorbed)
    for name in _MOVES:
        await _run(connection, name, survivor, absorbed)
    await replace_addresses(connection, [survivor])
    await _run(connection, "touch", survivor, absorbed)


async def _run(connection: Connection, name: str, *arguments: Any) -> None:
    await connection.execute(queries("identity")[name], *arguments)
