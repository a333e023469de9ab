"""Forward-only migrations: numbered `.sql` files, applied once each under an advisory lock and held to their sha256."""

import hashlib
import re
from dataclasses import dataclass
from importlib.resources import files

from store.database import Connection, Database
from store.errors import MigrationError
from store.locks import Lock

_NAME = re.compile(r"^\d{4}_\w+\.sql$")


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered file."""

    name: str
    sql: str

    @property
    def digest(self) -> str:
        """The sha256 of the file, which must never change once applied."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def migrations() -> list[Migration]:
    """The files in the order in which they apply."""
    folder = files("store").joinpath("migrations")
    return [Migration(f.name, f.read_text()) for f in sorted(folder.iterdir(), key=lambda f: f.name) if _NAME.match(f.name)]


async def migrate(database: Database) -> list[str]:
    """Apply what is missing, one transaction per file, and return the names applied.

    Raises:
        MigrationError: a file that was applied has been edited since, or the database is ahead of these files.
    """
    applied: list[str] = []
    async with database.pool.acquire() as connection:
        await connection.execute("select pg_advisory_lock($1, 0)", Lock.MIGRATION)
        try:
            await _ledger(connection)
            done = {row["name"]: row["digest"] for row in await connection.fetch("select name, digest from migration")}
            for migration in _pending(migrations(), done):
                await _apply(connection, migration)
                applied.append(migration.name)
        finally:
            await connection.execute("select pg_advisory_unlock($1, 0)", Lock.MIGRATION)
    return applied


def _pending(known: list[Migration], done: dict[str, str]) -> list[Migration]:
    if unknown := sorted(set(done) - {m.name for m in known}):
        raise MigrationError(f"the database has {unknown[-1]}, which this version does not know; run a newer version")
    for migration in known:
        if done.get(migration.name, migration.digest) != migration.digest:
            raise MigrationError(f"{migration.name} was edited after it was applied; restore it and add a new file")
    return [m for m in known if m.name not in done]


async def _ledger(connection: Connection) -> None:
    await connection.execute(
        "create table if not exists migration"
        " (name text primary key, digest text not null, applied_at timestamptz not null default now())"
    )


async def _apply(connection: Connection, migration: Migration) -> None:
    async with connection.transaction():
        await connection.execute(migration.sql)
        await connection.execute("insert into migration (name, digest) values ($1, $2)", migration.name, migration.digest)
