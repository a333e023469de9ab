"""The inbox inside the app: what it shows of a customer's messages, and what they did with one.

Promise: a message is a row on the ledger first; whatever moves that, moves this. Whose goal is reached is asked by whoever
looks, so nothing is shown after a conversion that Postgres knows of.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from store.database import Connection
from store.deliveries.ledger import MessageKey
from store.named import queries

_SQL = queries("inbox")
#: How many messages of a customer are shown at once: the newest.
SHOWN = 50


@dataclass(frozen=True, slots=True)
class Shown:
    """A message in an inbox; `ends` are predicates as JSON that take it away once they have come true since `entered_at`."""

    user_id: str = field(repr=False)
    profile_id: UUID
    id: UUID
    content: dict[str, Any] = field(repr=False)
    ends: list[dict[str, Any]]
    put_at: datetime
    expires_at: datetime
    seen: bool
    run_id: UUID
    entered_at: datetime


async def shown(connection: Connection, users: Sequence[str], at: datetime, harmless: Sequence[str]) -> list[Shown]:
    """What these users' inboxes show, but for goals reached; `harmless` are the outcomes of runs that take nothing away."""
    return [Shown(**row) for row in await connection.fetch(_SQL["shown"], users, at, SHOWN, harmless)]


async def withdraw(connection: Connection, ids: Sequence[UUID], at: datetime) -> None:
    """Take messages away for good."""
    await connection.execute(_SQL["withdraw"], ids, at)


async def of_customer(connection: Connection, id_: UUID, profile_id: UUID) -> tuple[MessageKey, dict[str, Any]] | None:
    """A message of a customer's by its id, and what it shows; None where they have none such."""
    row = await connection.fetchrow(_SQL["of_customer"], id_, profile_id)
    return (MessageKey(row["run_id"], row["step"], row["occurrence"]), row["content"]) if row else None


async def told(connection: Connection, id_: UUID, what: str, at: datetime) -> None:
    """The customer has seen, clicked or dismissed it."""
    await connection.execute(_SQL["told"], id_, at, what)
