"""What people of the company are asked to do by journeys: listed, given to somebody else, and done."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from store.audit import note
from store.database import Database
from store.named import queries

_SQL = queries("expectations")


@dataclass(frozen=True, slots=True)
class Task:
    """One task as it stands; `assignee` is whom somebody gave it to, else who it went on to once it was due."""

    id: UUID
    run_id: UUID
    journey: str
    customer_id: UUID
    begun_at: datetime
    done_at: datetime | None
    title: str
    due_at: datetime | None
    assignee: str
    escalates_to: str | None
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
    journey: str | None = None,
    after: tuple[datetime, UUID] | None = None,
    limit: int,
) -> list[Task]:
    """Tasks, oldest first, from a place in that order on."""
    place = after or (None, None)
    rows = await database.pool.fetch(_SQL["tasks"], at, None, assignee, state, *place, journey, limit)
    return [Task(**row) for row in rows]


async def task_by_id(database: Database, id_: UUID, at: datetime) -> Task | None:
    """One task."""
    row = await database.pool.fetchrow(_SQL["tasks"], at, id_, None, None, None, None, None, 1)
    return Task(**row) if row else None


async def assign(database: Database, id_: UUID, assignee: str | None, at: datetime) -> bool:
    """Give an open task to somebody; None: back to whoever its author said. Whether it was open."""
    async with database.transaction() as connection:
        row = await connection.fetchrow(_SQL["assign"], id_, at, assignee)
        if row is not None:
            was, became = {"assignee": row["was"]}, {"assignee": row["assignee"]}
            await note(connection, "assign", "task", id_, was=was, became=became, customer=row["customer"])
        return row is not None


async def complete(
    database: Database, id_: UUID, answer: dict[str, Any], note_of_it: str | None, at: datetime, fields: Iterable[str]
) -> bool:
    """Whether the task was open, and is done now; its run hears the answer, the note stays here."""
    async with database.transaction() as connection:
        customer = await connection.fetchval(_SQL["complete"], id_, at, answer, note_of_it)
        if customer is not None:
            await note(connection, "complete", "task", id_, customer=customer, fields=fields)
        return customer is not None
