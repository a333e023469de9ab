"""A day of the journeys: who came in and who reached a goal, as the runs have it; what was sent, as the sums do."""

from collections.abc import Collection, Sequence
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


async def by_journey(
    database: Database, at: datetime, holdout: str, names: Sequence[str], goalless: Collection[str] = ()
) -> dict[str, Today]:
    """The day (UTC) of an instant, of these journeys; `holdout` is what the experiments of holdouts are called before them.

    A customer converts as their run reaches a goal; of journeys that have none (`goalless`), as that experiment counts it.
    """
    midnight = _midnight(at)
    entered = {row["journey"]: row["entered"] for row in await database.pool.fetch(_SQL["entered"], list(names), midnight)}
    sums = {row["journey"]: row for row in await database.pool.fetch(_SQL["by_journey"], midnight.date(), holdout)}
    converted = {name: row["converted"] for name, row in sums.items() if name in goalless}
    with_goal = [name for name in names if name not in goalless]
    converted |= {row["journey"]: row["reached"] for row in await database.pool.fetch(_SQL["reached"], with_goal, midnight)}
    return {name: Today(entered[name], converted.get(name, 0), sums[name]["sent"] if name in sums else 0) for name in names}


async def of_campaigns(database: Database, at: datetime) -> dict[str, int]:
    """The names of campaigns that may have done something on the day (UTC) of an instant, each with how many are in them."""
    return {row["journey"]: row["open_runs"] for row in await database.pool.fetch(_SQL["campaigns"], _midnight(at))}


def _midnight(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
