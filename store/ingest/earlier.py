"""Whom an earlier event of a source was about, for what names only that.

Promise: a source's own events alone are looked at, and never for long.
"""

from datetime import datetime

import asyncpg

from store.database import Database
from store.named import queries

_SQL = queries("ingest")
_PATIENCE = "3s"


async def named_by(
    database: Database, source: str, type_: str, name: str, value: str, since: datetime
) -> tuple[str | None, str | None]:
    """The user id, else the anonymous id, of the newest event of a type whose property `name` is this; nothing: not found."""
    try:
        async with database.transaction() as connection:
            await connection.execute("select set_config('statement_timeout', $1, true)", _PATIENCE)
            row = await connection.fetchrow(_SQL["earlier"], type_, source, name, value, since)
    except asyncpg.QueryCanceledError:
        return None, None
    return (row["user_id"], row["anonymous_id"]) if row else (None, None)
