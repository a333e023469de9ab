"""What people of the company are asked to do by journeys: listed, and done."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from store.database import Connection, Database
from store.named import queries

_SQL = queries("expectations")


@dataclass(frozen=True, slots=True)
class Task:
    """One task as it stands; `assignee` is who it went on to once it was due."""

    id: UUID
    run_id: UUID
    journey: str
    customer_id: UUID
    begun_at: datetime
    done_at: datetime | None
    title: str
    due_at: datetime | None
    assignee: str
    late: bool | None
    choices: list[str]
    values: list[str]
    answer: dict[str, Any]
    note: str | None
    state: str


async def list_tasks(
    database: Database,
    at: datetime,
    *,
    assignee: str | None = None,
    state: str | None = None,
    after: tuple[datetime, UUID] | None = None,
    limit: int,
) -> list[Task]:
    """Tasks, oldest first, from a place in that order on."""
    place = after or (None, None)
    rows = await database.pool.fetch(_SQL["tasks"], at, None, assignee, state, *place, limit)
    return [Task(**row) for row in rows]


async def task_by_id(database: Database, id_: UUID, at: datetime) -> Task | None:
    """One task."""
    row = await database.pool.fetchrow(_SQL["tasks"], at, id_, None, None, None, None, 1)
    return Task(**row) if row else None


async def complete(connection: Connection, id_: UUID, answer: dict[str, Any], note: str | None, at: datetime) -> bool:
    """Whether the task was open, and is done now; its run hears the answer, the note stays here."""
    return await connection.fetchval(_SQL["complete"], id_, at, answer, note) is not None
