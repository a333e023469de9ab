"""Suppressed addresses, as operators look at them and take them back; only digests are kept, never an address.

Promise: what a provider said can be taken back, what the address' owner said cannot; what is taken back is alive again.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from store.database import Connection, Database
from store.named import queries

_SQL = queries("suppressions")
_AT_ONCE = 5_000


@dataclass(frozen=True, slots=True)
class Suppression:
    """An address that must not be written to: for marketing, or at all."""

    channel: str
    digest: bytes
    scope: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class TakenBack:
    """What became of it: suppressions lifted, addresses alive again, and whether the owner's own word still stands."""

    lifted: int
    revived: int
    kept: int


async def newest(database: Database, *, channel: str | None, before: tuple[datetime, bytes], limit: int) -> list[Suppression]:
    """A page of suppressions, newest first; pass the last one's instant and digest as `before` for the next page."""
    rows = await database.pool.fetch(_SQL["newest"], channel, *before, limit)
    return [Suppression(**dict(row)) for row in rows]


async def found(database: Database, channel: str, digests: Collection[bytes]) -> list[Suppression]:
    """Every suppression of an address, given its digests."""
    rows = await database.pool.fetch(_SQL["found"], channel, list(digests))
    return [Suppression(**dict(row)) for row in rows]


async def take_back(
    database: Database, channel: str, digests: Collection[bytes], digests_of: Callable[[str], Collection[bytes]]
) -> TakenBack:
    """Lift the suppressions with these digests, and revive the dead addresses that they stand for."""
    async with database.transaction() as connection:
        lifted = await connection.fetch(_SQL["take_back"], channel, list(digests))
        gone = {bytes(row["digest"]) for row in lifted}
        revived = await _revive(connection, channel, gone, digests_of) if gone else 0
        kept = await connection.fetch(_SQL["found"], channel, list(digests))
    return TakenBack(len(lifted), revived, len(kept))


async def _revive(
    connection: Connection, channel: str, digests: set[bytes], digests_of: Callable[[str], Collection[bytes]]
) -> int:
    revived, last = 0, UUID(int=0)
    while rows := await connection.fetch(_SQL["dead"], channel, last, _AT_ONCE):
        last = rows[-1]["id"]
        ours = [row["id"] for row in rows if not digests.isdisjoint(digests_of(row["address"]))]
        revived += len(await connection.fetch(_SQL["revive"], ours)) if ours else 0
    return revived
