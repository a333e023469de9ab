"""Topics of marketing that customers turned off, and whether their data may be sold or shared.

Promise: the log only grows, in the caller's transaction; only customers themselves speak in it, and the newest word holds.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from uuid import UUID

from store.database import Connection
from store.named import queries

_SQL = queries("topics")
#: Not a topic of messages: whether a customer's data may be sold or shared (CCPA § 1798.120).
SALE = "sale-of-data"


async def choose(
    connection: Connection,
    profile_id: UUID,
    wanted: Mapping[str, bool],
    *,
    source: str,
    at: datetime,
    text_version: str | None = None,
) -> list[str]:
    """Write down which topics a customer wants; returns those of which that is news. Lock the profile first."""
    states = ["granted" if on else "withdrawn" for on in wanted.values()]
    rows = await connection.fetch(_SQL["say"], profile_id, list(wanted), states, source, text_version, at)
    return [row["topic"] for row in rows]


async def turned_off(connection: Connection, profile_id: UUID) -> set[str]:
    """The topics that a customer has turned off, `SALE` among them."""
    return {row["topic"] for row in await connection.fetch(_SQL["off"], profile_id)}


async def shareable(connection: Connection, profiles: Collection[UUID]) -> set[UUID]:
    """Of these customers those whose data may be sold or shared: whoever sends audiences to others asks this first."""
    rows = await connection.fetch(_SQL["not_to_be_shared"], list(profiles))
    return set(profiles) - {row["profile_id"] for row in rows}
