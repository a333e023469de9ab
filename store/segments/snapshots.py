"""Snapshots of segments as rows: a list that is filled once, by one maker at a time, and never changes afterwards.

Promise: who is chosen is decided by one statement; a maker that broke off leaves nothing that another cannot finish.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from store import audit
from store.database import Connection, Database
from store.lists import lock_list
from store.locks import Lock
from store.named import queries

_SQL = queries("snapshots")
#: Seconds that one statement may take; everybody may have to be looked at.
_PATIENCE = 3_600.0


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A list of who was in a segment at `as_of`; complete when `state` is "finished".

    `members` is how many were in, `written` how many of them are on the list so far.
    """

    list_name: str
    segment: str
    version: str
    definition: dict[str, Any]
    as_of: datetime
    state: str
    members: int
    written: int
    by: str
    started_at: datetime
    updated_at: datetime


async def snapshot_of(source: "Database | Connection", name: str) -> Snapshot | None:
    """The snapshot that a list is, if it is one."""
    row = await (source.pool if isinstance(source, Database) else source).fetchrow(_SQL["snapshot"], name)
    return Snapshot(**dict(row)) if row else None


async def snapshots_of(database: Database, segment: str) -> list[Snapshot]:
    """The snapshots of a segment, newest first."""
    return [Snapshot(**dict(row)) for row in await database.pool.fetch(_SQL["of_segment"], segment)]


async def snapshots_among(database: Database, names: Sequence[str]) -> dict[str, Snapshot]:
    """Those of these lists that are snapshots, by name."""
    return {row["list_name"]: Snapshot(**dict(row)) for row in await database.pool.fetch(_SQL["of_lists"], names)}


@asynccontextmanager
async def making(database: Database, name: str) -> "AsyncIterator[Connection | None]":
    """A connection of one's own to make a snapshot with; None while somebody else makes it."""
    async with database.pool.acquire() as connection:
        if not await connection.fetchval(_SQL["try_making"], Lock.SNAPSHOT, name):
            yield None
            return
        try:
            yield connection
        finally:
            if not connection.is_closed():  # else the lock and the table are gone with the session
                try:
                    await connection.execute(_SQL["drop_chosen"])
                finally:
                    await connection.execute(_SQL["stop_making"], Lock.SNAPSHOT, name)


async def begin(
    connection: Connection, name: str, version: str, definition: Mapping[str, Any], as_of: datetime, *, by: str, at: datetime
) -> bool:
    """Make the list, empty; false when there is one of that name already."""
    async with connection.transaction():
        await lock_list(connection, name)
        if await connection.fetchval(_SQL["new_list"], name, by, at) is None:
            return False
        await connection.execute(_SQL["begin"], name, definition["name"], version, dict(definition), as_of, by, at)
        became = {"list": name, "version": version, "as_of": as_of.isoformat()}
        await audit.note(connection, "freeze", "segment", definition["name"], became=became)
        return True


async def choose(connection: Connection, select: str, arguments: Sequence[Any]) -> int:
    """Keep the ids that a statement answers, for the connection; returns how many."""
    await connection.execute(_SQL["drop_chosen"])
    await connection.execute(_SQL["make_chosen"])
    return _count(await connection.execute(f"insert into chosen (profile_id) {select}", *arguments, timeout=_PATIENCE))


async def go_on(connection: Connection, event: str, *, source: str, at: datetime) -> int:
    """After a maker that broke off: take off who is not chosen any more; returns how many of the chosen are on the list."""
    async with connection.transaction():
        gone = [row["profile_id"] for row in await connection.fetch(_SQL["no_longer_chosen"], event, timeout=_PATIENCE)]
        await connection.execute(queries("lists")["change"], event, gone, False, at, source)
    return _count(await connection.execute(_SQL["choose_only_new"], event, timeout=_PATIENCE))


async def write(connection: Connection, event: str, first: int, last: int, *, source: str, at: datetime) -> int:
    """Put those of the chosen whose number lies in (first, last] on the list; returns how many."""
    written: int = await connection.fetchval(_SQL["write"], first, last, event, at, source, timeout=_PATIENCE)
    return written


async def note(connection: Connection, name: str, state: str, members: int, written: int, at: datetime) -> None:
    """Note how far it has come."""
    await connection.execute(_SQL["note"], name, state, members, written, at)


def _count(status: str) -> int:
    return int(status.rpartition(" ")[2])
