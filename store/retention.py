"""How long each kind of data is kept: what is older goes, and what went is named, with how much it was.

Promise: a week of events is dropped whole, once all of it is older; what was taken is noted in the transaction that took it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from store.database import Connection, Database
from store.named import queries

_SQL = queries("retention")


@dataclass(frozen=True, slots=True)
class Keep:
    """For how long; None: for ever."""

    events: timedelta | None = None
    dead_letters: timedelta | None = None
    message_ids: timedelta | None = None
    inbox: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """What was taken at an instant: rows of a kind from before another; `what` is the week, where it is one of events."""

    kind: str
    what: str
    before: datetime
    rows: int
    at: datetime


async def retain(database: Database, keep: Keep, now: datetime) -> list[Taken]:
    """Take away what has been kept for as long as it may be; each kind in a transaction of its own."""
    taken: list[Taken] = []
    for kind in ("events", "dead_letters", "message_ids", "inbox"):
        span: timedelta | None = getattr(keep, kind)
        if span is not None:
            async with database.transaction() as connection:
                found = [each for each in await _take(connection, kind, now - span, now) if each.rows or each.what]
                for each in found:
                    await connection.execute(_SQL["note"], each.kind, each.what, each.before, each.rows, each.at)
                taken += found
    return taken


async def taken_lately(database: Database, limit: int) -> list[Taken]:
    """What was taken, newest first."""
    return [Taken(**dict(row)) for row in await database.pool.fetch(_SQL["newest"], limit)]


async def _take(connection: Connection, kind: str, before: datetime, now: datetime) -> list[Taken]:
    weeks = await connection.fetch(_SQL["drop_weeks"], before) if kind == "events" else []
    rows = await connection.fetchval(_SQL[f"drop_{kind}"], before)
    return [*(Taken(kind, row["week"], before, row["rows"], now) for row in weeks), Taken(kind, "", before, rows, now)]
