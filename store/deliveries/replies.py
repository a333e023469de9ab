"""Messages of customers that a journey has heard of, until they are shown as read.

Promise: an id of a customer's message, which may hold their number, stays no longer than it is needed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from store.database import Connection, Database
from store.named import queries

_SQL = queries("feedback")
_AT_ONCE = 100


class Unread(NamedTuple):
    """One of them, by the id that its provider gave it."""

    message_id: str
    profile_id: UUID
    at: datetime


@dataclass(frozen=True, slots=True)
class Said:
    """What a customer answered: the name of what they tapped, if anything, and the words."""

    choice: str | None
    text: str = field(repr=False)


async def first_reply(
    connection: Connection, profile_id: UUID, run_id: UUID, step: str, occurrence: int, replied: str
) -> Said | None:
    """The first answer to a message of a run; `replied` is the event's type."""
    row = await connection.fetchrow(_SQL["first_reply"], profile_id, replied, str(run_id), step, occurrence)
    return Said(row["choice"], row["text"] or "") if row else None


async def last_reply(connection: Connection, profile_id: UUID, run_id: UUID, replied: str) -> Said | None:
    """The last answer to any message of a run."""
    row = await connection.fetchrow(_SQL["last_reply"], profile_id, replied, str(run_id))
    return Said(row["choice"], row["text"] or "") if row else None


async def heard(connection: Connection, channel: str, messages: Sequence[Unread]) -> None:
    """A journey has heard of these."""
    if messages:
        await connection.execute(_SQL["heard"], channel, *map(list, zip(*messages, strict=True)))


async def unread(database: Database, channel: str, since: datetime) -> list[str]:
    """Some that came since an instant and are to be shown as read, oldest first."""
    return [row["message_id"] for row in await database.pool.fetch(_SQL["unread"], channel, since, _AT_ONCE)]


async def shown_as_read(database: Database, channel: str, ids: Sequence[str], since: datetime) -> None:
    """These are; those from before the instant never will be."""
    await database.pool.execute(_SQL["shown_as_read"], channel, list(ids), since)
