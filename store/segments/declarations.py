"""Predictions that product teams declare, as rows: every version of each, and which of them holds.

Nothing here knows what a declaration means; `segments.define.foretelling` does.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from store.database import Connection, Database, Pool
from store.named import queries

_SQL = queries("declarations")


@dataclass(frozen=True, slots=True)
class Declaration:
    """A version of what was declared; without a definition the prediction is out of use. One that waits does not hold."""

    name: str
    number: int
    definition: dict[str, Any] | None
    by: str
    at: datetime
    waits: bool
    approved_by: str | None
    approved_at: datetime | None


async def standing(source: "Database | Connection") -> list[Declaration]:
    """Of each the version that holds, by name; those that are out of use, too."""
    return [Declaration(**dict(row)) for row in await _on(source).fetch(_SQL["standing"])]


async def waiting(source: "Database | Connection") -> list[Declaration]:
    """The newest versions that wait for somebody else to approve them, by name."""
    return [Declaration(**dict(row)) for row in await _on(source).fetch(_SQL["waiting"])]


async def versions(source: "Database | Connection", name: str, most: int = 50) -> list[Declaration]:
    """The versions of one, newest first."""
    return [Declaration(**dict(row)) for row in await _on(source).fetch(_SQL["versions"], name, most)]


async def put(
    connection: Connection, name: str, definition: Mapping[str, Any] | None, *, by: str, at: datetime, waits: bool = False
) -> int:
    """Write a version, or take the prediction out of use; returns its number."""
    plain = None if definition is None else dict(definition)
    number: int = await connection.fetchval(_SQL["put"], name, plain, by, at, waits)
    return number


async def approve(connection: Connection, name: str, number: int, *, by: str, at: datetime) -> bool:
    """Let a version hold that waits; false where it does not, or a newer one has been written."""
    return await connection.fetchval(_SQL["approve"], name, number, by, at) is not None


def _on(source: "Database | Connection") -> "Connection | Pool":
    return source.pool if isinstance(source, Database) else source
