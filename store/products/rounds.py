"""What is worked out again and again of products: how each stands, and what came of the last time."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from store.audit import note
from store.database import Connection, Database
from store.named import queries

_SQL = queries("product_rounds")
Kind = Literal["together", "again"]


@dataclass(frozen=True, slots=True)
class RoundRow:
    """One of them as it stands; `came` are the counts of the last round that came to its end."""

    name: str
    kind: Kind
    declared: str
    every: timedelta
    asked_at: datetime | None
    done_at: datetime | None
    failed_at: datetime | None
    failure: str | None
    came: Mapping[str, Any]

    def standing(self, now: datetime) -> Literal["failing", "waiting", "late", "done"]:
        """How it stands, in one word."""
        if self.failed_at is not None:
            return "failing"
        if self.done_at is None:
            return "waiting"
        return "late" if now - self.done_at > 2 * self.every else "done"


async def found(database: Database, name: str | None = None) -> list[RoundRow]:
    """All of them by name, or the one of this name."""
    return [RoundRow(**dict(row)) for row in await database.pool.fetch(_SQL["all"], name)]


async def declare(connection: Connection, name: str, kind: Kind, declared: str, every: timedelta, now: datetime) -> None:
    """Write down what the catalogue wants; what is new, or means something else, is worked out at once."""
    await connection.execute(_SQL["declare"], name, kind, declared, every, now)


async def let_go(connection: Connection, name: str) -> None:
    """The catalogue does not declare it any more."""
    await connection.execute(_SQL["let_go"], name)


async def ask(database: Database, name: str, now: datetime) -> bool:
    """Have it worked out now; whether there is such a thing."""
    async with database.transaction() as connection:
        known = await connection.fetchval(_SQL["ask"], name, now) is not None
        if known:
            await note(connection, "work out", "products", name)
        return known


async def asked(database: Database) -> list[str]:
    """Those that somebody wants now."""
    return [row["name"] for row in await database.pool.fetch(_SQL["asked"])]


async def taken_up(database: Database, name: str) -> None:
    """What was asked for is on its way."""
    await database.pool.execute(_SQL["taken_up"], name)


async def done(connection: Connection, name: str, now: datetime, came: Mapping[str, Any]) -> None:
    """Write down that a round has come to its end, in the transaction that writes what it found."""
    await connection.execute(_SQL["done"], name, now, came)


async def fail(database: Database, name: str, now: datetime, why: str) -> None:
    """Write down that a round did not come to its end, and why."""
    await database.pool.execute(_SQL["failed"], name, now, why)
