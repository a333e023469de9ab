"""Reports: what the rows of a journey say about it, recomputed each time; nothing is counted anywhere else."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from store.database import Database
from store.named import queries

_SQL = queries("report")


@dataclass(frozen=True, slots=True)
class Progress:
    """One look at a journey while it runs; `backlog` is what the watch has not dealt with yet."""

    events: int
    customers: int
    members: int
    open_runs: int
    ended_runs: int
    conversions: int
    sent: dict[str, int]
    backlog: int


@dataclass(frozen=True, slots=True)
class StepOutcome:
    """How many messages of a step had this outcome; `after_entry` is when the step falls due at the earliest."""

    step: str
    channel: str
    template: str
    state: str
    reason: str | None
    messages: int
    raced: int
    after_entry: timedelta


@dataclass(frozen=True, slots=True)
class Conversions:
    """Orders after this many messages had fallen due (None: after the run had ended), and what they brought."""

    after_end: bool
    messages_before: int | None
    currency: str
    orders: int
    revenue: Decimal


@dataclass(frozen=True, slots=True)
class Happening:
    """One line of a run's story; `open_detail` may hold names and prices and belongs on no log."""

    at: datetime
    kind: str
    what: str
    open_detail: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom a run is about."""

    profile_id: UUID
    workflow_id: str
    entered_at: datetime
    ended_at: datetime | None
    first_name: str | None


async def progress(database: Database, journey: str, segment: str) -> Progress:
    """One look at a journey and its entry segment."""
    row = await database.pool.fetchrow(_SQL["progress"], journey, segment)
    assert row is not None, "a select without from always answers"
    return Progress(**row)


async def steps(database: Database, journey: str) -> list[StepOutcome]:
    """What became of the messages that fell due, in the order of the journey's steps."""
    return [StepOutcome(**row) for row in await database.pool.fetch(_SQL["steps"], journey)]


async def endings(database: Database, journey: str, last: int | None = None) -> dict[str, int]:
    """How runs ended, the most frequent way first; of all, or of so many that entered last."""
    return {row["outcome"]: row["runs"] for row in await database.pool.fetch(_SQL["endings"], journey, last)}


async def refusals(database: Database, journey: str, last: int | None = None) -> dict[str, int]:
    """Entries that did not become runs, by reason; of all, or of so many of the last."""
    return {row["reason"]: row["entries"] for row in await database.pool.fetch(_SQL["refusals"], journey, last)}


async def dead_letters(database: Database) -> dict[str, int]:
    """What could not be taken, by reason."""
    return {row["reason"]: row["items"] for row in await database.pool.fetch(_SQL["dead_letters"])}


async def conversions(database: Database, journey: str, window: timedelta = timedelta(days=7)) -> list[Conversions]:
    """Orders that ended runs, and those of the window after a run had ended; each order counts once."""
    return [Conversions(**row) for row in await database.pool.fetch(_SQL["conversions"], journey, window)]


async def stored(database: Database, message_ids: Sequence[str]) -> int:
    """How many of these calls are kept as events."""
    count: int = await database.pool.fetchval(_SQL["stored"], message_ids)
    return count


async def missing(database: Database, journey: str, at: datetime, patience: timedelta) -> list[tuple[str, str]]:
    """Messages that fell due and left no row, as (workflow id, step); there must be none."""
    rows = await database.pool.fetch(_SQL["missing"], journey, at, patience)
    return [(row["workflow_id"], row["step"]) for row in rows]


async def unended(database: Database, journey: str) -> list[str]:
    """The workflow ids of runs that are still open."""
    return [row["workflow_id"] for row in await database.pool.fetch(_SQL["unended"], journey)]


async def unsettled(database: Database, journey: str) -> list[tuple[str, str, str]]:
    """Messages that are neither done nor given up, as (workflow id, step, state)."""
    return [tuple(row) for row in await database.pool.fetch(_SQL["unsettled"], journey)]


async def telling_run(database: Database, journey: str) -> UUID | None:
    """A converted run that is worth telling, if there is one."""
    found: UUID | None = await database.pool.fetchval(_SQL["telling_run"], journey)
    return found


async def story(database: Database, run_id: UUID) -> list[Happening]:
    """All that happened around a run, in order."""
    return [Happening(**row) for row in await database.pool.fetch(_SQL["story"], run_id)]


async def subject(database: Database, run_id: UUID) -> Subject | None:
    """Whom a run is about."""
    row = await database.pool.fetchrow(_SQL["customer"], run_id)
    return Subject(**row) if row else None
