"""Lists kept by hand or from a file: putting customers on, taking them off, and how far an import has come.

A list is what its events say (`segments.leaves.listed`): every change is an event and a mark for the watch, in one transaction.
Putting somebody on twice is one change.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from store.audit import note
from store.database import Connection, Database
from store.errors import ListIsFrozen
from store.locks import Lock
from store.named import queries

_SQL = queries("lists")


@dataclass(frozen=True, slots=True)
class ListRow:
    """A list, by whom it was made, and when it last changed."""

    name: str
    by: str
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class ImportRow:
    """How far an import has come; `problems` holds the first bad rows, each with its number and what is wrong."""

    id: UUID
    list_name: str
    state: str
    rows: int
    added: int
    already: int
    removed: int
    bad: int
    problems: list[dict[str, Any]]
    by: str
    started_at: datetime
    updated_at: datetime


async def resolve(connection: Connection, names: Sequence[tuple[str, str]]) -> list[UUID | None]:
    """The customer that each (kind, value) means; a `customer_id` must be a UUID, an `email` in its normal form."""
    if not names:
        return []
    kinds, values = zip(*names, strict=True)
    rows = await connection.fetch(_SQL["resolve"], kinds, values)
    found = {row["n"]: row["profile_id"] for row in rows}
    return [found.get(n) for n in range(1, len(names) + 1)]


async def change(
    connection: Connection, name: str, event: str, profiles: Sequence[UUID], *, on: bool, by: str, at: datetime
) -> int:
    """Put these customers on a list or take them off, inside the caller's transaction; returns how many changed.

    Raises:
        ListIsFrozen: the list is a snapshot.
    """
    await lock_list(connection, name)
    if await connection.fetchval(_SQL["touch_list"], name, by, at) is None:
        raise frozen(name)
    await connection.execute(queries("ingest")["ensure_week"], at)
    changed: int = await connection.fetchval(_SQL["change"], event, profiles, on, at, f"list by {by}")
    return changed


async def lock_list(connection: Connection, name: str) -> None:
    """Have a list alone until the transaction ends."""
    await connection.execute(_SQL["lock_list"], Lock.LIST, name)


def frozen(name: str) -> ListIsFrozen:
    """What to say to who would change a snapshot."""
    return ListIsFrozen(f"the list {name!r} is a snapshot and never changes; choose another name")


async def on_list(connection: Connection, event: str) -> set[UUID]:
    """Who is on the list of these events."""
    return {row["profile_id"] for row in await connection.fetch(_SQL["on_list"], event)}


async def on_lists(database: Database, events: Sequence[str]) -> dict[str, int]:
    """How many are on the list of each of these events."""
    return {row["type"]: row["members"] for row in await database.pool.fetch(_SQL["on_lists"], events)}


async def lists(database: Database) -> list[ListRow]:
    """Every list, by name."""
    return [ListRow(**dict(row)) for row in await database.pool.fetch(_SQL["lists"])]


async def begin_import(database: Database, id_: UUID, name: str, by: str, at: datetime) -> bool:
    """Note that an import begins, or begins again; false when the id is that of another list's import.

    Raises:
        ListIsFrozen: the list is a snapshot.
    """
    if await database.pool.fetchval(_SQL["is_frozen"], name):
        raise frozen(name)
    async with database.transaction() as connection:
        if await connection.fetchval(_SQL["begin_import"], id_, name, by, at) is None:
            return False
        await connection.execute(_SQL["forget_problems"], id_)
        await note(connection, "import", "list", name, became={"import": str(id_)})
        return True


async def note_import(
    connection: Connection, id_: UUID, state: str, counts: Sequence[int], problems: object, at: datetime
) -> None:
    """Note how far an import has come: rows, added, already, removed, bad."""
    await connection.execute(_SQL["note_import"], id_, state, *counts, problems, at)


async def note_problems(connection: Connection, id_: UUID, problems: Sequence[tuple[int, str]]) -> None:
    """Note more bad rows of an import: line and what is wrong."""
    if problems:
        await connection.execute(_SQL["note_problems"], id_, *zip(*problems, strict=True))


async def problems_of(database: Database, id_: UUID, after: int, limit: int) -> list[tuple[int, str]]:
    """The bad rows of an import after a line."""
    return [(row["row"], row["problem"]) for row in await database.pool.fetch(_SQL["problems"], id_, after, limit)]


async def import_of(database: Database, id_: UUID) -> ImportRow | None:
    """An import by its id."""
    row = await database.pool.fetchrow(_SQL["import"], id_)
    return ImportRow(**dict(row)) if row else None
