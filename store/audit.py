"""Who changed what, from what to what: every change that a key or a person makes is noted in its own transaction.

Promise: of customers their internal id and the names of fields are noted, never a value; an erasure empties these rows.
"""

import re
from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from store.database import Connection, Database
from store.errors import DoneBefore
from store.locks import Lock
from store.named import queries

_SQL = queries("audit")
#: A request id that says which one of several tries it is of something that is to be done once (`once`).
_TRY = re.compile(r"(.+:[0-9a-f]{32}\.)[0-9a-f]{8}")
Told = Mapping[str, Any]


def once(what: str, number: str, attempt: str) -> str:
    """The id of a request that changes nothing where another one of the same number has.

    `number`: 32 hexadecimal digits, the same of every try; `attempt`: eight, of this try alone.
    """
    return f"{what}:{number}.{attempt}"


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
    """Note a change, in the transaction that makes it.

    Raises:
        DoneBefore: the request is one of several (`once`), and another one has changed this.
    """
    actor = _ACTING.get()
    if actor.trace and (tried := _TRY.fullmatch(actor.trace)):
        await connection.execute(_SQL["one_at_a_time"], Lock.ONCE, tried[1])
        if await connection.fetchval(_SQL["done_before"], kind, str(name), tried[1], actor.trace):
            raise DoneBefore("this was done already, and is done once; look at how it stands now, and confirm it anew")
    by = actor.name, actor.role, actor.trace
    await connection.execute(_SQL["note"], *by, verb, kind, str(name), _plain(was), _plain(became), customer, sorted(fields))


async def page(database: Database, which: Which, *, before: int | None = None, limit: int) -> list[Entry]:
    """Changes, newest first; pass the last id as `before` for the next page."""
    of = which.by, which.verb, which.kind, which.name, which.customer, which.since, which.until
    return [Entry(**dict(row)) for row in await database.pool.fetch(_SQL["page"], *of, before, limit)]


def _plain(told: Told | None) -> dict[str, Any] | None:
    """What was said, and nothing of what was not."""
    return None if told is None else {name: value for name, value in told.items() if value is not None}
