"""Suppressed addresses, as operators look at them and take them back; only digests are kept, never an address.

Promise: what a provider said can be taken back, and with a reason what an operator or a file said; what the address' owner told
us cannot. What is taken back is alive again.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from operator import attrgetter
from uuid import UUID

from store.audit import note
from store.customers.consent import SAID_NO
from store.database import Connection, Database, columns
from store.named import queries

_SQL = queries("suppressions")
_AT_ONCE = 5_000
_NEWEST = datetime(9999, 12, 31, tzinfo=UTC), b""


@dataclass(frozen=True, slots=True)
class Suppression:
    """An address that must not be written to: for marketing, or at all; until it expires, where it does."""

    channel: str
    digest: bytes
    scope: str
    reason: str
    at: datetime
    expires_at: datetime | None = None
    source: str = ""


_ROW = attrgetter(*(field.name for field in fields(Suppression)))  # `dataclasses.astuple` copies deeply, and takes as long


@dataclass(frozen=True, slots=True)
class TakenBack:
    """What became of it: suppressions lifted, addresses alive again, and how many stay."""

    lifted: int
    revived: int
    kept: int


async def newest(
    database: Database, *, channel: str | None = None, before: tuple[datetime, bytes] | None = None, limit: int
) -> list[Suppression]:
    """A page of suppressions, newest first; pass the last one's instant and digest as `before` for the next page."""
    rows = await database.pool.fetch(_SQL["newest"], channel, *(before or _NEWEST), limit)
    return [Suppression(**dict(row)) for row in rows]


async def found(database: Database, channel: str, digests: Collection[bytes]) -> list[Suppression]:
    """Every suppression of an address, given its digests."""
    rows = await database.pool.fetch(_SQL["found"], channel, list(digests))
    return [Suppression(**dict(row)) for row in rows]


async def add(database: Database, found: Sequence[Suppression]) -> int:
    """Suppress addresses; returns how many of them were not, or not for as long."""
    rows = [_ROW(each) for each in found]
    async with database.transaction() as connection:
        added = len(await connection.fetch(_SQL["add"], *columns(rows, len(fields(Suppression)))))
        if added:
            one = found[0].digest.hex() if len(found) == 1 else ""
            told = {"channel": found[0].channel, "scope": found[0].scope, "addresses": added}
            await note(connection, "add", "suppression", one, became=told)
    return added


async def standing(database: Database, found: Sequence[Suppression]) -> int:
    """How many of these addresses are suppressed already, for as long."""
    columns = [[getattr(each, name) for each in found] for name in ("channel", "digest", "scope", "expires_at")]
    count: int = await database.pool.fetchval(_SQL["standing"], *columns)
    return count


async def take_back(
    database: Database,
    channel: str,
    digests: Collection[bytes],
    digests_of: Callable[[str], Collection[bytes]],
    *,
    at: datetime,
    by: str,
    why: str = "",
) -> TakenBack:
    """Lift the suppressions with these digests, and revive the dead addresses that they stand for."""
    async with database.transaction() as connection:
        lifted = await connection.fetch(_SQL["take_back"], channel, list(digests), at, by, why.strip(), SAID_NO)
        gone = {bytes(row["digest"]) for row in lifted}
        revived = await _revive(connection, channel, gone, digests_of) if gone else 0
        kept = await connection.fetch(_SQL["found"], channel, list(digests))
        if lifted:
            became = {"channel": channel, "lifted": len(lifted), "revived": revived}
            await note(connection, "lift", "suppression", next(iter(digests)).hex(), became=became)
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
