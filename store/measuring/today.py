"""A day of the journeys: who came in, as the runs have it; who converted and what was sent, as the sums do."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from store.database import Database
from store.named import queries

_SQL = queries("today")


@dataclass(frozen=True, slots=True)
class Today:
    """A day of one journey: entries, with those whom a holdout keeps out; customers converted; messages sent."""

    new: int = 0
    converted: int = 0
    sent: int = 0


async def by_journey(database: Database, at: datetime, holdout: str, names: Sequence[str]) -> dict[str, Today]:
    """The day (UTC) of an instant, of these journeys; `holdout` is what the experiments of holdouts are called before them."""
    midnight = at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    entered = {row["journey"]: row["entered"] for row in await database.pool.fetch(_SQL["entered"], list(names), midnight)}
    sums = {row["journey"]: row for row in await database.pool.fetch(_SQL["by_journey"], midnight.date(), holdout)}
    return {
        name: Today(entered[name], sums[name]["converted"] if name in sums else 0, sums[name]["sent"] if name in sums else 0)
        for name in names
    }
