"""What journeys have used of their budgets: messages, and money in millionths, by period."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from store.database import Connection
from store.locks import Lock
from store.named import queries

_SQL = queries("deliveries")


@dataclass(frozen=True, slots=True)
class Used:
    """What was claimed and may have arrived."""

    messages: int = 0
    money: int = 0


async def used_under_lock(connection: Connection, journey: str, since: datetime) -> Used:
    """What a journey has used in a period; until the transaction ends, nobody else claims one of its messages."""
    row = await connection.fetchrow(_SQL["budget_under_lock"], Lock.BUDGET, journey, since)
    return Used(**row) if row else Used()


async def used(connection: Connection, periods: Mapping[str, datetime]) -> dict[str, Used]:
    """What journeys have used, each in the period that began then."""
    rows = await connection.fetch(_SQL["budgets_used"], list(periods), list(periods.values()))
    return {row["journey"]: Used(row["messages"], row["money"]) for row in rows}
