"""Runs in Postgres: what Temporal must be told of them. What it says in return is in `store.runs.ends`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any
from uuid import UUID

from store.database import Connection, Database
from store.named import queries

_SQL = queries("runs")
_NOTHING: Mapping[UUID, str | None] = MappingProxyType({})


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
class RunToStart:
    """A run that Temporal does not know yet; it is `entered_at` that it was let in, and its goal counts `since` the entry."""

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
    since: datetime
    campaign: UUID | None = None


@dataclass(frozen=True, slots=True)
class RunToSignal:
    """A run that must hear that it is over; `at_once`: it was killed or its customer erased, and nothing is under way."""

    id: UUID
    workflow_id: str
    exit_reason: str
    started_at: datetime | None
    start_delay: timedelta
    ended_by: str | None
    at_once: bool


@dataclass(frozen=True, slots=True)
class OpenRun:
    """An open run, for the goal check; the version is the catalogue's."""

    id: UUID
    journey: str
    profile_id: UUID
    entered_at: datetime
    version: str | None = None
    #: The predictions that let its customer in, with the share that each leaves alone; known of a run that asks.
    foretold: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Names:
    """Under which names a customer can be spoken of."""

    user_id: str | None = field(repr=False)
    anonymous_id: str | None = field(repr=False)


async def lock_transitions(
    connection: Connection, shard: int, shards: int, limit: int, segments: Sequence[str] | None = None
) -> list[OutboxRow]:
    """Undispatched transitions of a shard, of all segments or of these, locked until the transaction ends."""
    rows = await connection.fetch(_SQL["lock_transitions"], shard, shards, limit, segments)
    return [OutboxRow(**row) for row in rows]


async def mark_dispatched(connection: Connection, ids: Sequence[int], at: datetime) -> None:
    """The transitions have been dealt with in this transaction."""
    await connection.execute(_SQL["mark_dispatched"], ids, at)


async def to_start(
    database: Database,
    shard: int,
    shards: int,
    limit: int,
    journeys: Sequence[str],
    only: Sequence[str] | None = None,
    *,
    by_campaigns: bool = False,
) -> list[RunToStart]:
    """Runs that Temporal does not know yet; those without a version only of these journeys, until their journey is back.

    `only` leaves out all journeys but some. Those that campaigns start, or all others.
    """
    asked = shard, shards, limit, journeys, only, by_campaigns
    return [RunToStart(**row) for row in await database.pool.fetch(_SQL["to_start"], *asked)]


async def mark_started(database: Database, started: Sequence[tuple[UUID, timedelta]], at: datetime) -> None:
    """Temporal has these runs, each held back for its start delay."""
    if started:
        await database.pool.execute(_SQL["mark_started"], [s[0] for s in started], [s[1] for s in started], at)


async def end_unstarted(database: Database, ids: Sequence[UUID], at: datetime) -> None:
    """End runs that were over before Temporal heard of them."""
    if ids:
        await database.pool.execute(_SQL["end_unstarted"], ids, at)


async def request_exits(
    connection: Connection, exits: Sequence[tuple[UUID, str, datetime]], which: Mapping[UUID, str | None] = _NOTHING
) -> set[UUID]:
    """Ask open runs to end, for (run, reason, when it happened); returns those that had not been asked yet.

    `which` names the goal or the exit where it has a name.
    """
    if not exits:
        return set()
    columns = [list(column) for column in zip(*exits, strict=True)]
    rows = await connection.fetch(_SQL["request_exit"], *columns, [which.get(id_) for id_, _, _ in exits])
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


async def release(connection: Connection, run_id: UUID, number: int, at: datetime) -> None:
    """Let the customer's other journeys speak again, as far as this hold goes."""
    await connection.execute(_SQL["release"], run_id, number, at)


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


async def moves_since(
    connection: Connection, profile_id: UUID, since: datetime, segments: Sequence[str]
) -> list[tuple[str, bool, datetime]]:
    """A customer's moves from an instant on, by the log of these segments: (segment, inside, at), the first of each kind."""
    rows = await connection.fetch(_SQL["moves_since"], profile_id, since, segments)
    return [(row["segment"], row["kind"] == "entered", row["at"]) for row in rows]


async def is_member(connection: Connection, profile_id: UUID, segment: str) -> bool:
    """Whether the watch last saw a customer in a segment."""
    found: bool = await connection.fetchval(_SQL["is_member"], profile_id, segment)
    return found


async def to_signal(database: Database, shard: int, shards: int, limit: int, begun: bool) -> list[RunToSignal]:
    """Runs that must hear that they are over: of those that Temporal has, or of those that it may not have."""
    return [RunToSignal(**row) for row in await database.pool.fetch(_SQL["to_signal"], shard, shards, limit, begun)]


async def mark_signalled(database: Database, ids: Sequence[UUID], at: datetime) -> None:
    """Temporal has the signal, or no such run any more."""
    await database.pool.execute(_SQL["mark_signalled"], ids, at)
