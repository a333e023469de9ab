"""The rules of a deployment that commands keep to as its API does: what the API was told, kept where everybody looks.

Promise: each change of them stands in the audit, as that of the system; the newest is what holds.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import asyncpg

from store.database import Database
from store.named import queries

_SQL = queries("rules")


@dataclass(frozen=True, slots=True)
class Rules:
    """What was set where the API runs; `private_targets` are networks."""

    approve_campaigns: bool = False
    default_region: str = "ES"
    private_targets: Sequence[str] = ()
    approve_predictions: bool = False


async def keep(database: Database, rules: Rules) -> None:
    """Keep the rules, unless they are those that hold."""
    await database.pool.execute(_SQL["keep"], asdict(rules) | {"private_targets": [*rules.private_targets]})


async def kept(database: Database) -> Rules | None:
    """The rules of the API that started last; nothing: none has started on this database yet."""
    try:
        told = await database.pool.fetchval(_SQL["kept"])
    except asyncpg.UndefinedTableError:  # a database without a schema yet, which somebody may be about to make
        return None
    return None if told is None else Rules(**{name: told[name] for name in Rules.__dataclass_fields__ if name in told})
