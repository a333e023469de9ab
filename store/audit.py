"""Who changed what, from what to what: every change that a key or a person makes is noted in its own transaction.

Promise: of customers their internal id and the names of fields are noted, never a value; an erasure empties these rows.
"""

from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from store.database import Connection, Database
from store.named import queries

_SQL = queries("audit")
Told = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: a key by its name and role, a person on the command line, or the system itself; and in which request."""

    name: str = "journeys"
    role: str = "system"
    trace: str | None = None


_SYSTEM = Actor()
_ACTING = ContextVar("acting", default=_SYSTEM)


def act_as(actor: Actor) -> None:
    """From here on, in this task, it is they who change things."""
    _ACTING.set(actor)


@dataclass(frozen=True, slots=True)
class Entry:
    """A change: who did what to which thing, and what that was before and after."""

    id: int
    at: datetime
    by: str
    role: str
    verb: str
    kind: str
    name: str
    was: dict[str, Any] | None
    became: dict[str, Any] | None
    customer: UUID | None
    fields: list[str]
    trace: str | None


@dataclass(frozen=True, slots=True)
class Which:
    """Some changes: all that these allow."""

    by: str | None = None
    verb: str | None = None
    kind: str | None = None
    name: str | None = None
    customer: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None


async def note(
    connection: Connection,
    verb: str,
    kind: str,
    name: object = "",
    *,
    was: Told | None = None,
    became: Told | None = None,
    customer: UUID | None = None,
    fields: Iterable[str] = (),
) -> None:
    """Note a change, in the transaction that makes it."""
    actor = _ACTING.get()
    by = actor.name, actor.role, actor.trace
    await connection.execute(_SQL["note"], *by, verb, kind, str(name), _plain(was), _plain(became), customer, sorted(fields))


async def page(database: Database, which: Which, *, before: int | None = None, limit: int) -> list[Entry]:
    """Changes, newest first; pass the last id as `before` for the next page."""
    of = which.by, which.verb, which.kind, which.name, which.customer, which.since, which.until
    return [Entry(**dict(row)) for row in await database.pool.fetch(_SQL["page"], *of, before, limit)]


def _plain(told: Told | None) -> dict[str, Any] | None:
    """What was said, and nothing of what was not."""
    return None if told is None else {name: value for name, value in told.items() if value is not None}
