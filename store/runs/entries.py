"""Entries in Postgres: what each finds of its customer, the runs that they open, and those that open none, with the reason."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from store.database import Connection, Database, columns
from store.locks import Lock
from store.named import queries
from store.runs.rows import OpenRun, OutboxRow, request_exits

_SQL = queries("entries")
_COLUMNS = (
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
    "foretold",
    "entered_at",
    "workflow_id",
    "idempotency_key",
    "traceparent",
    "created_at",
    "version",
    "waits_from",
    "waits_until",
    "campaign",
    "started_at",
)
#: Why a run ends for which a new one begins.
_RESTARTED = "restarted by a new entry"


@dataclass(frozen=True, slots=True)
class Standing:
    """What an entry finds: the surviving profile and its earlier runs of the journey (and key)."""

    profile_id: UUID
    drawn_as: UUID
    open_id: UUID | None
    open_workflow_id: str | None
    runs: int
    last_ended_at: datetime | None
    last_entered_at: datetime | None
    waiting: bool


class NewRun(Protocol):
    """A run to open, with a value for each column of its row; `instead_of` is the one that ends for it."""

    @property
    def id(self) -> UUID: ...  # noqa: D102
    @property
    def instead_of(self) -> UUID | None: ...  # noqa: D102
    @property
    def created_at(self) -> datetime: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Refusal:
    """An entry that does not become a run."""

    journey: str
    profile_id: UUID
    entry_key: str
    entered_by: str
    reason: str
    at: datetime
    transition_id: int | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)
    #: Of the catalogue, by which it could not be decided.
    version: str | None = None


@dataclass(frozen=True, slots=True)
class Undecided:
    """An entry that could not be decided, by the id of its refusal, into one journey."""

    refusal: int
    journey: str
    transition: OutboxRow


async def lock_undecided(connection: Connection, version: str, journeys: Sequence[str], limit: int) -> list[Undecided]:
    """Entries that an earlier version of the catalogue could not decide, some of them."""
    rows = await connection.fetch(_SQL["lock_undecided"], version, journeys, limit)
    names = OutboxRow.__slots__
    return [Undecided(row["refusal"], row["journey"], OutboxRow(**{name: row[name] for name in names})) for row in rows]


async def mark_asked_again(connection: Connection, refusals: Sequence[int], at: datetime) -> None:
    """These have been asked again."""
    await connection.execute(_SQL["mark_asked_again"], refusals, at)


async def standings(connection: Connection, entries: Sequence[tuple[str, UUID, str, bool]]) -> list[Standing]:
    """What each (journey, profile, entry key, keyed) finds, in order. Every profile must exist."""
    rows = await connection.fetch(_SQL["standing"], *columns(entries, 4))
    return [Standing(**{k: v for k, v in row.items() if k != "n"}) for row in rows]


async def open_runs(connection: Connection, runs: Sequence[NewRun]) -> set[UUID]:
    """Open runs, each in the place of the one that ends for it; returns the ids of those that could be opened."""
    if not runs:
        return set()
    await request_exits(connection, [(run.instead_of, _RESTARTED, run.created_at) for run in runs if run.instead_of])
    rows = await connection.fetch(_SQL["insert_runs"], *([getattr(run, name) for run in runs] for name in _COLUMNS))
    return {row["id"] for row in rows}


async def started_by_journeys(connection: Connection, profile: UUID, since: datetime) -> int:
    """How often other journeys have let a customer in since an instant."""
    started: int = await connection.fetchval(_SQL["started_by_journeys"], profile, since)
    return started


async def insert_refusals(connection: Connection, refusals: Iterable[Refusal]) -> None:
    """Record entries that did not become runs."""
    if refusals := list(refusals):
        names = ("journey", "profile_id", "entry_key", "entered_by", "transition_id", "reason", "detail", "at", "version")
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


async def in_line(database: Database, journeys: Sequence[str], now: datetime) -> list[str]:
    """Of these journeys those where somebody may enter by now, or has waited too long."""
    return [row["journey"] for row in await database.pool.fetch(_SQL["in_line"], journeys, now)]


async def lines(database: Database) -> list[str]:
    """All journeys in which somebody waits to be let in."""
    return [row["journey"] for row in await database.pool.fetch(_SQL["lines"])]


async def hold_line(connection: Connection, journey: str) -> None:
    """Be the only one who lets people into a journey, until the transaction ends."""
    await connection.execute(_SQL["hold_line"], Lock.LINE, journey)


async def waited_too_long(connection: Connection, journey: str, now: datetime) -> int:
    """Let those go whose entry is of no use any more; returns how many."""
    return len(await connection.fetch(_SQL["waited_too_long"], journey, now))


async def counts(connection: Connection, journey: str, since: datetime, most: int) -> tuple[int, int, datetime | None]:
    """How many are in a journey, counted up to a number; how many were let in since an instant, and the first of them when."""
    row = await connection.fetchrow(_SQL["counts"], journey, since, most)
    assert row is not None, "a select of counts always answers"
    return row["inside"], row["entered"], row["first"]


async def first_in_line(connection: Connection, journey: str, now: datetime, limit: int) -> list[OpenRun]:
    """Who has waited longest of those who may enter by now."""
    return [OpenRun(**row) for row in await connection.fetch(_SQL["first_in_line"], journey, now, limit)]


async def let_in(connection: Connection, ids: Sequence[UUID], now: datetime) -> int:
    """These are in from now on; returns how many had not been told to end."""
    return len(await connection.fetch(_SQL["let_in"], ids, now)) if ids else 0
