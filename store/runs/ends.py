"""Runs in Postgres as they are compared with Temporal: which are over there, which ought to be, which cannot go on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from store.database import Database
from store.named import queries

_SQL = queries("runs")
_FIRST_PLACE = ("", datetime(1, 1, 1, tzinfo=UTC), UUID(int=0))


@dataclass(frozen=True, slots=True)
class Closing:
    """What Temporal says of a run that is over; `by_itself` when its workflow completed, with the outcome as its result."""

    workflow_id: str
    outcome: str
    at: datetime
    by_itself: bool = False
    ended_by: str | None = None


@dataclass(frozen=True, slots=True)
class RunInOrder:
    """An open run, and its place among the others."""

    place: tuple[str, datetime, UUID]
    workflow_id: str


async def still_open(database: Database, workflow_ids: Sequence[str]) -> list[str]:
    """Which of these workflows are open here."""
    return [row["workflow_id"] for row in await database.pool.fetch(_SQL["still_open"], workflow_ids)]


async def close(database: Database, closings: Sequence[Closing]) -> list[tuple[str, str]]:
    """Write down how runs ended; returns journey and outcome of those that were open until now."""
    if not closings:
        return []
    columns = ([getattr(c, name) for c in closings] for name in ("workflow_id", "outcome", "at", "by_itself", "ended_by"))
    return [(row["journey"], row["outcome"]) for row in await database.pool.fetch(_SQL["close"], *columns)]


async def open_after(
    database: Database, before: datetime, place: tuple[str, datetime, UUID] | None, limit: int
) -> list[RunInOrder]:
    """Open runs that were started before an instant, in an order of their own, from a place in it on."""
    rows = await database.pool.fetch(_SQL["open_after"], before, *(place or _FIRST_PLACE), limit)
    return [RunInOrder((row["journey"], row["created_at"], row["id"]), row["workflow_id"]) for row in rows]


async def overdue(database: Database, before: datetime, limit: int) -> dict[str, str]:
    """Workflows that were told before an instant to end and are open still, with the reason."""
    return {row["workflow_id"]: row["exit_reason"] for row in await database.pool.fetch(_SQL["overdue"], before, limit)}


async def not_known_as_failing(database: Database, workflow_ids: Sequence[str]) -> list[str]:
    """Which of these workflows are open here, and not known as failing."""
    return [row["workflow_id"] for row in await database.pool.fetch(_SQL["not_known_as_failing"], workflow_ids)]


async def failing_besides(database: Database, workflow_ids: Sequence[str], limit: int) -> list[str]:
    """Workflows that are known as failing, besides these."""
    return [row["workflow_id"] for row in await database.pool.fetch(_SQL["failing_besides"], workflow_ids, limit)]


async def mark_failing(database: Database, failures: Mapping[str, str], at: datetime) -> None:
    """These workflows cannot go on, for these reasons."""
    if failures:
        await database.pool.execute(_SQL["mark_failing"], list(failures), list(failures.values()), at)


async def mark_raising(database: Database, failures: Mapping[str, str], at: datetime) -> list[str]:
    """A step of these workflows raises each time, in these words; returns of which that was not known."""
    if not failures:
        return []
    rows = await database.pool.fetch(_SQL["mark_raising"], list(failures), list(failures.values()), at)
    return [row["workflow_id"] for row in rows if row["workflow_id"]]


async def mark_healed(database: Database, workflow_ids: Sequence[str]) -> None:
    """These workflows go on."""
    if workflow_ids:
        await database.pool.execute(_SQL["mark_healed"], workflow_ids)


async def failing_by_journey(database: Database) -> dict[str, int]:
    """How many runs cannot go on, by journey."""
    return {row["journey"]: row["runs"] for row in await database.pool.fetch(_SQL["failing_by_journey"])}
