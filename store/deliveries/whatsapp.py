"""What Meta says of WhatsApp templates.

Promise: the same news told twice, or late, changes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from store.database import Connection, Database, columns
from store.named import queries

_SQL = queries("whatsapp")


@dataclass(frozen=True, slots=True)
class TemplateState:
    """One template as Meta has it, as of an instant; without a status only its category is told, and the other way round."""

    name: str
    language: str
    status: str | None
    category: str | None
    at: datetime


class Standing(NamedTuple):
    """How a template stands: Meta's words."""

    status: str
    category: str | None


async def standing(connection: Connection, name: str, language: str) -> Standing | None:
    """How a template stands; None where Meta has said nothing of it."""
    row = await connection.fetchrow(_SQL["template"], name, language)
    return Standing(*row) if row else None


async def templates(database: Database) -> list[TemplateState]:
    """All that is known of templates, those that cannot be sent first."""
    return [TemplateState(**row) for row in await database.pool.fetch(_SQL["templates"])]


async def told(connection: Connection, states: Sequence[TemplateState]) -> None:
    """Keep what Meta says."""
    by_name = {(each.name, each.language): each for each in sorted(states, key=lambda each: each.at)}
    whole = [each for each in by_name.values() if each.status is not None]
    moved = [each for each in by_name.values() if each.status is None and each.category is not None]
    await connection.execute(_SQL["told"], *columns([(s.name, s.language, s.status, s.category, s.at) for s in whole], 5))
    await connection.execute(_SQL["categories"], *columns([(s.name, s.language, s.category, s.at) for s in moved], 4))


async def listed(connection: Connection, states: Sequence[TemplateState], at: datetime) -> list[str]:
    """Keep all that Meta lists, as of an instant; returns the names of those that it lists no more."""
    await told(connection, states)
    rows = await connection.fetch(_SQL["gone"], *columns([(each.name, each.language) for each in states], 2), at)
    return [row["name"] for row in rows]
