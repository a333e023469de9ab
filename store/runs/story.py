"""What Postgres knows of one run, besides row and messages: why it began, waits, arms, choices and holds, what came back."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from store.database import Database
from store.named import queries
from store.runs import choices
from store.runs.views import Run, run_by_id

_SQL = queries("story")


@dataclass(frozen=True, slots=True)
class Waited:
    """One thing that one of a run's waits was for."""

    wait: int
    which: str
    expected: dict[str, Any]
    begun_at: datetime
    until: datetime
    happened_at: datetime | None
    answer: dict[str, Any]


@dataclass(frozen=True, slots=True)
class InArm:
    """An arm that the run's customer is in; `here`: since this run."""

    experiment: str
    arm: str
    exposed_at: datetime
    here: bool


@dataclass(frozen=True, slots=True)
class Held:
    """A time in which others of the customer's journeys had to be silent."""

    since: datetime
    released_at: datetime | None


@dataclass(frozen=True, slots=True)
class CameBack:
    """Something that became of a message."""

    type: str
    at: datetime
    step: str | None


@dataclass(frozen=True, slots=True)
class Records:
    """All of it."""

    cause: dict[str, Any] | None
    waits: list[Waited]
    arms: list[InArm]
    holds: list[Held]
    came_back: list[CameBack]
    choices: list[choices.Told]


async def records_of(database: Database, run: Run, feedback: Sequence[str]) -> Records:
    """What there is of a run; `feedback` are the types of events that tell what became of its messages."""
    pool = database.pool
    cause = await pool.fetchval(_SQL["cause"], run.transition_id) if run.transition_id is not None else None
    waits = [Waited(**row) for row in await pool.fetch(_SQL["waits"], run.id)]
    arms = [InArm(**row) for row in await pool.fetch(_SQL["arms"], run.id)]
    holds = [Held(**row) for row in await pool.fetch(_SQL["holds"], run.id)]
    came_back = [CameBack(**row) for row in await pool.fetch(_SQL["feedback"], run.id, list(feedback))]
    return Records(cause, waits, arms, holds, came_back, await choices.of_run(pool, run.id))


async def holders_of(database: Database, run: Run) -> list[Run]:
    """The customer's other runs that keep this one's marketing back."""
    ids = [row["id"] for row in await database.pool.fetch(_SQL["holders"], run.id)]
    return [found for each in ids if (found := await run_by_id(database, each)) is not None]


@dataclass(frozen=True, slots=True)
class Refused:
    """An entry that was refused."""

    reason: str
    entry_key: str
    detail: dict[str, Any]
    at: datetime


@dataclass(frozen=True, slots=True)
class LastMove:
    """When a customer last entered or left a segment; `dispatched`: journeys have heard of it."""

    kind: str
    at: datetime
    dispatched: bool


async def refusals_of(database: Database, journey: str, profile_id: UUID) -> list[Refused]:
    """When a customer was refused by a journey, the newest first."""
    return [Refused(**row) for row in await database.pool.fetch(_SQL["refusals_of"], journey, profile_id)]


async def last_move(database: Database, profile_id: UUID, segment: str) -> LastMove | None:
    """Their last transition of a segment."""
    row = await database.pool.fetchrow(_SQL["last_transition"], profile_id, segment)
    return LastMove(**row) if row else None
