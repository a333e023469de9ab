"""Runs in Postgres: admitting entries, and what Temporal must be told. What it says in return is in `store.runs.ends`."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from store.database import Connection, Database
from store.named import queries

_SQL = queries("runs")


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """A row of the outbox."""

    id: int
    segment: str
    profile_id: UUID
    kind: str
    at: datetime
    cause: dict[str, Any]
    traceparent: str | None


@dataclass(frozen=True, slots=True)
class Standing:
    """What an entry finds: the surviving profile and its earlier runs of the journey (and key)."""

    profile_id: UUID
    drawn_as: UUID
    open_id: UUID | None
    open_workflow_id: str | None
    runs: int
    last_ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class NewRun:
    """A run to open."""

    id: UUID
    journey: str
    profile_id: UUID
    entry_key: str
    entered_by: str
    entered_at: datetime
    workflow_id: str
    created_at: datetime
    segment: str | None = None
    transition_id: int | None = None
    params: dict[str, Any] = field(default_factory=dict)
    entry: dict[str, Any] = field(default_factory=dict)
    holdout: bool = False
    idempotency_key: str | None = None
    traceparent: str | None = None
    version: str | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """An entry that does not become a run."""

    journey: str
    profile_id: UUID
    entry_key: str
    transition_id: int | None
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class RunToStart:
    """A run that Temporal does not know yet."""

    id: UUID
    journey: str
    profile_id: UUID
    segment: str | None
    params: dict[str, Any]
    entry: dict[str, Any]
    entered_at: datetime
    workflow_id: str
    traceparent: str | None
    created_at: datetime
    version: str | None


@dataclass(frozen=True, slots=True)
class RunToSignal:
    """A run that must hear that it is over."""

    id: UUID
    workflow_id: str
    exit_reason: str
    started_at: datetime | None
    start_delay: timedelta


@dataclass(frozen=True, slots=True)
class OpenRun:
    """An open run, for the goal check; the version is the catalogue's."""

    id: UUID
    journey: str
    profile_id: UUID
    entered_at: datetime
    version: str | None = None


@dataclass(frozen=True, slots=True)
class Names:
    """Under which names a customer can be spoken of."""

    user_id: str | None = field(repr=False)
    anonymous_id: str | None = field(repr=False)


async def lock_transitions(connection: Connection, shard: int, shards: int, limit: int) -> list[OutboxRow]:
    """Undispatched transitions of a shard, locked until the transaction ends."""
    rows = await connection.fetch(_SQL["lock_transitions"], shard, shards, limit)
    return [OutboxRow(**row) for row in rows]


async def mark_dispatched(connection: Connection, ids: Sequence[int], at: datetime) -> None:
    """The transitions have been dealt with in this transaction."""
    await connection.execute(_SQL["mark_dispatched"], ids, at)


async def standings(connection: Connection, entries: Sequence[tuple[str, UUID, str, bool]]) -> list[Standing]:
    """What each (journey, profile, entry key, keyed) finds, in order. Every profile must exist."""
    columns = [list(column) for column in zip(*entries, strict=True)] or [[], [], [], []]
    rows = await connection.fetch(_SQL["standing"], *columns)
    return [Standing(**{k: v for k, v in row.items() if k != "n"}) for row in rows]


async def insert_runs(connection: Connection, runs: Sequence[NewRun]) -> set[UUID]:
    """Open runs and return the ids of those that could be opened."""
    if not runs:
        return set()
    names = [
        "id",
        "journey",
        "profile_id",
        "entry_key",
        "entered_by",
        "segment",
        "transition_id",
        "params",
        "entry",
        "holdout",
        "entered_at",
        "workflow_id",
        "idempotency_key",
        "traceparent",
        "created_at",
        "version",
    ]
    rows = await connection.fetch(_SQL["insert_runs"], *([getattr(run, name) for run in runs] for name in names))
    return {row["id"] for row in rows}


async def insert_refusals(connection: Connection, refusals: Sequence[Refusal]) -> None:
    """Record entries that did not become runs."""
    if refusals:
        names = ("journey", "profile_id", "entry_key", "transition_id", "reason", "at")
        columns = ([getattr(refusal, name) for refusal in refusals] for name in names)
        await connection.execute(_SQL["insert_refusals"], *columns)


async def entry_events(
    connection: Connection, wanted: Sequence[tuple[UUID, datetime, str | None]], types: Sequence[str]
) -> dict[int, dict[str, Any]]:
    """The properties of the event behind each (profile, instant, message id or None), by position."""
    if not wanted or not types:
        return {}
    columns = [list(column) for column in zip(*wanted, strict=True)]
    rows = await connection.fetch(_SQL["entry_events"], *columns, list(types))
    return {row["n"] - 1: row["properties"] for row in rows}


async def to_start(database: Database, shard: int, shards: int, limit: int, journeys: Sequence[str]) -> list[RunToStart]:
    """Runs that Temporal does not know yet; those without a version only of these journeys, until their journey is back."""
    return [RunToStart(**row) for row in await database.pool.fetch(_SQL["to_start"], shard, shards, limit, journeys)]


async def mark_started(database: Database, started: Sequence[tuple[UUID, timedelta]], at: datetime) -> None:
    """Temporal has these runs, each held back for its start delay."""
    if started:
        await database.pool.execute(_SQL["mark_started"], [s[0] for s in started], [s[1] for s in started], at)


async def end_unstarted(database: Database, ids: Sequence[UUID], at: datetime) -> None:
    """End runs that were over before Temporal heard of them."""
    if ids:
        await database.pool.execute(_SQL["end_unstarted"], ids, at)


async def request_exits(connection: Connection, exits: Sequence[tuple[UUID, str, datetime]]) -> set[UUID]:
    """Ask open runs to end, for (run, reason, when it happened); returns those that had not been asked yet."""
    if not exits:
        return set()
    columns = [list(column) for column in zip(*exits, strict=True)]
    rows = await connection.fetch(_SQL["request_exit"], *columns)
    return {row["id"] for row in rows}


async def mark_raced(connection: Connection, reached: Sequence[tuple[UUID, datetime]]) -> None:
    """Mark messages that went out after the goal of (run, instant) had been reached."""
    if reached:
        columns = [list(column) for column in zip(*reached, strict=True)]
        await connection.execute(_SQL["mark_raced"], *columns)


async def run_asking(connection: Connection, run_id: UUID) -> OpenRun | None:
    """Whom a run is about, and since when."""
    row = await connection.fetchrow(_SQL["run_asking"], run_id)
    return OpenRun(**row) if row else None


async def hold(connection: Connection, run_id: UUID, number: int, at: datetime) -> None:
    """Let a run speak to its customer alone, from now on."""
    await connection.execute(_SQL["hold"], run_id, number, at)


async def release(connection: Connection, run_id: UUID, at: datetime) -> None:
    """Let the customer's other journeys speak again."""
    await connection.execute(_SQL["release"], run_id, at)


async def names_of(connection: Connection, run_id: UUID) -> Names | None:
    """A user id and an anonymous id of a run's customer; None where there is neither, or no run."""
    row = await connection.fetchrow(_SQL["names_of"], run_id)
    names = Names(**row) if row else Names(None, None)
    return names if names.user_id or names.anonymous_id else None


async def where_is(connection: Connection, run_id: UUID) -> tuple[dict[str, Any], str | None, str | None] | None:
    """What tells where a run's customer is: traits, the last device's zone, the newest phone number."""
    row = await connection.fetchrow(_SQL["where_is"], run_id)
    return (row["traits"], row["device_zone"], row["phone"]) if row else None


async def open_runs_of(connection: Connection, profile_ids: Sequence[UUID]) -> list[OpenRun]:
    """Open runs of these profiles."""
    return [OpenRun(**row) for row in await connection.fetch(_SQL["open_runs_of"], profile_ids)]


async def to_signal(database: Database, shard: int, shards: int, limit: int) -> list[RunToSignal]:
    """Runs that must hear that they are over."""
    return [RunToSignal(**row) for row in await database.pool.fetch(_SQL["to_signal"], shard, shards, limit)]


async def mark_signalled(database: Database, ids: Sequence[UUID], at: datetime) -> None:
    """Temporal has the signal, or no such run any more."""
    await database.pool.execute(_SQL["mark_signalled"], ids, at)
