"""Derived traits: who is to be looked at again, which cases they are in, and what was said of them.

Promise: whatever changes who is in a case puts them here in the same transaction.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson

from store.customers.traits import Word, write_words
from store.database import Connection, Database
from store.named import queries

_SQL = queries("derived")
_INSTANT = timedelta(microseconds=1)
#: How the source of a derived trait begins; the rest is its definition.
SOURCE = "derived"


@dataclass(frozen=True, slots=True)
class Derived:
    """What a customer's trait is by its definition: a JSON value, None where there is none, and where it comes from."""

    trait: str
    value: Any
    source: str


@dataclass(frozen=True, slots=True)
class Due:
    """Somebody to look at: the cases that they are in, and the derived traits that they have, with source and value."""

    profile_id: UUID
    cases: frozenset[str]
    has: Mapping[str, tuple[str, Any]]
    said_at: Mapping[str, str]


async def declare(database: Database, traits: Mapping[str, tuple[str, Sequence[str]]]) -> None:
    """Take up definitions, each by its version and its cases: whom a new or a changed one concerns is looked at again."""
    async with database.transaction() as connection:
        known = {row["name"]: row["version"] for row in await connection.fetch(_SQL["declared"])}
        for name, (version, cases) in traits.items():
            if known.get(name) != version:
                await connection.execute(_SQL["look_at_all"], name, version, list(cases))
        for name in known.keys() - traits.keys():
            await connection.execute(_SQL["let_go"], name)


async def take(connection: Connection, limit: int) -> tuple[int, list[Due]]:
    """Some of those to look at, with their profiles locked; how many rows that were."""
    rows = await connection.fetch(_SQL["take"], limit)
    found = await connection.fetch(_SQL["cases"], sorted({row["profile_id"] for row in rows})) if rows else []
    return len(rows), [_due(row) for row in found]


async def say(connection: Connection, due: Due, derived: Sequence[Derived], at: datetime) -> list[Word]:
    """The words that make these so: inferred, so that a declared value stays; none where nothing changes."""
    words = []
    for each in derived:
        has = due.has.get(each.trait)
        if (has is None and each.value is None) or has == (each.source, each.value):
            continue
        said_at = due.said_at.get(each.trait)
        when = max(at, datetime.fromisoformat(said_at) + _INSTANT) if said_at else at
        sure = None if each.value is None else "1.0"
        words.append(Word(due.profile_id, each.trait, orjson.dumps(each.value).decode(), when, each.source, sure))
    await write_words(connection, words)
    return words


async def mark(connection: Connection, profiles: Sequence[UUID], kind: str, at: datetime) -> None:
    """The watch looks at these: their traits have changed."""
    await connection.execute(_SQL["mark"], list(profiles), kind, at)


def _due(row: Any) -> Due:
    traits = orjson.loads(row["traits"]) if isinstance(row["traits"], str) else row["traits"]
    has = {
        name: (origin["source"], traits[name])
        for name, origin in row["traits_from"].items()
        if str(origin.get("source", "")).startswith(SOURCE) and name in traits
    }
    return Due(row["id"], frozenset(row["cases"]), has, row["traits_at"])
