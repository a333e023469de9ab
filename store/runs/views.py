"""Runs and journeys as people read them: a run with its messages, how journeys stand, a customer by name."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from store.database import Connection, Database, Record
from store.ids import ids_between
from store.named import queries

_SQL = queries("runs")


@dataclass(frozen=True, slots=True)
class Run:
    """A run as it is kept."""

    id: UUID
    journey: str
    profile_id: UUID
    entry_key: str
    entered_by: str
    segment: str | None
    params: dict[str, Any]
    holdout: bool
    entered_at: datetime
    workflow_id: str
    idempotency_key: str | None
    started_at: datetime | None
    exit_reason: str | None
    exit_at: datetime | None
    outcome: str | None
    ended_by: str | None
    ended_at: datetime | None
    failing_since: datetime | None
    failure: str | None
    version: str | None
    entry: dict[str, Any]
    start_delay: timedelta
    transition_id: int | None
    mended_at: datetime | None
    move_to: str | None
    move_refused: str | None
    step_raises: bool
    waits_from: datetime | None
    waits_until: datetime | None
    let_in_at: datetime | None


@dataclass(frozen=True, slots=True)
class JourneyStanding:
    """How the runs of a journey stand: how many are open, cannot go on, met their ceiling lately, wait to be let in.

    And how many entries could not be decided lately, and wait for a version of the catalogue that can.
    """

    open_runs: int = 0
    failing_runs: int = 0
    failure: str | None = None
    at_their_ceiling: int = 0
    waiting_runs: int = 0
    undecided: int = 0


@dataclass(frozen=True, slots=True)
class Message:
    """A message of a run as the ledger has it."""

    step: str
    occurrence: int
    channel: str
    purpose: str
    template: str
    state: str
    reason: str | None
    detail: dict[str, Any]
    provider: str | None
    provider_message_id: str | None
    attempts: int
    raced: bool
    due_at: datetime
    retry_at: datetime | None
    claimed_at: datetime | None
    settled_at: datetime | None
    delivered_at: datetime | None
    read_at: datetime | None
    gates: list[dict[str, Any]] = field(default_factory=list)
    cost: int | None = None  # in millionths of the currency
    currency: str | None = None


async def run_by_id(database: Database, run_id: UUID) -> Run | None:
    """One run."""
    row = await database.pool.fetchrow(_SQL["by_id"], run_id)
    return run_of(row) if row else None


async def runs_like(database: Database, beginning: str, most: int = 5) -> list[Run]:
    """The runs whose id begins so, some of them."""
    between = ids_between(beginning)
    if between is None:
        return []
    return [run_of(row) for row in await database.pool.fetch(_SQL["between"], *between, most)]


async def user_ids(database: Database, profile: UUID) -> list[str]:
    """As the shop calls a customer, the newest first; personal data."""
    return [row["value"] for row in await database.pool.fetch(_SQL["user_ids"], profile)]


async def run_by_workflow(database: Database, workflow_id: str) -> Run | None:
    """The run of a workflow."""
    row = await database.pool.fetchrow(_SQL["by_workflow"], workflow_id)
    return run_of(row) if row else None


async def run_by_idempotency_key(connection: Connection, journey: str, key: str) -> Run | None:
    """The run that an earlier call with the same key started."""
    row = await connection.fetchrow(_SQL["by_idempotency_key"], journey, key)
    return run_of(row) if row else None


async def earlier_start(
    connection: Connection, journey: str, key: str, profile: UUID, entry_key: str, params: dict[str, Any], entry: dict[str, Any]
) -> tuple[UUID, bool] | None:
    """The run that an earlier call with the same key started, and whether that call asked for the same."""
    row = await connection.fetchrow(_SQL["earlier_start"], journey, key, profile, entry_key, params, entry)
    return (row["id"], row["same"]) if row else None


async def messages_of(database: Database, run_id: UUID) -> list[Message]:
    """The messages of a run in the order in which they were due."""
    return [Message(**row) for row in await database.pool.fetch(_SQL["timeline"], run_id)]


async def messages_to(
    database: Database,
    customer: UUID,
    journey: str | None = None,
    *,
    before: tuple[datetime, UUID, str, int] | None = None,
    limit: int,
) -> list[tuple[UUID, str, Message]]:
    """The messages to a customer, those due last first, each with its run and that run's journey."""
    place = before or (None,) * 4
    rows = map(dict, await database.pool.fetch(_SQL["messages_to"], customer, journey, *place, limit))
    return [(row.pop("run_id"), row.pop("journey"), Message(**row)) for row in rows]


async def customer_id(connection: Connection, kind: str, value: str) -> UUID | None:
    """The profile of a customer named by `id`, `user_id` or `anonymous_id`; a merged one is its survivor."""
    by_id = UUID(value) if kind == "id" else None
    found: UUID | None = await connection.fetchval(_SQL["customer"], by_id, kind, value)
    return found


async def standing_of_journeys(database: Database, since: datetime) -> dict[str, JourneyStanding]:
    """How the runs of each journey stand that has open ones, or some that met their ceiling since an instant."""
    rows = await database.pool.fetch(_SQL["standing_of_journeys"], since)
    return {row["journey"]: JourneyStanding(**{name: row[name] for name in JourneyStanding.__slots__}) for row in rows}


async def standing_of_journey(database: Database, journey: str, since: datetime) -> JourneyStanding:
    """How the runs of one journey stand; nothing of one in which nobody is."""
    [row] = await database.pool.fetch(_SQL["standing_of_journey"], since, journey)
    return JourneyStanding(**dict(row))


async def has_runs(database: Database, journey: str) -> bool:
    """Whether anybody ever was in a journey of this name."""
    found: bool = await database.pool.fetchval(_SQL["has_runs"], journey)
    return found


def run_of(row: Record) -> Run:
    """A run, from a row that has all of its columns."""
    return Run(**{name: row[name] for name in Run.__slots__})
