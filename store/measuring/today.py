"""A day of the journeys as the sums have it: who was reached for the first time, who converted, what was sent."""

from dataclasses import dataclass
from datetime import UTC, datetime

from store.database import Database
from store.named import queries

_SQL = queries("today")


@dataclass(frozen=True, slots=True)
class Today:
    """A day of one journey: customers met there first, customers converted, messages that a provider took."""

    new: int = 0
    converted: int = 0
    sent: int = 0


async def by_journey(database: Database, at: datetime, holdout: str) -> dict[str, Today]:
    """The day (UTC) of an instant, by journey; `holdout` is what the experiments of holdouts are called before the journey."""
    rows = await database.pool.fetch(_SQL["by_journey"], at.astimezone(UTC).date(), holdout)
    return {row["journey"]: Today(row["new"], row["converted"], row["sent"]) for row in rows}
