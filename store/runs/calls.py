"""What runs ask of the company's services: each call once, with its attempts and what it came to."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from store.database import Connection, Database
from store.locks import Lock
from store.named import queries

_SQL = queries("calls")


@dataclass(frozen=True, slots=True)
class CallKey:
    """A call of a run: its number among what the run has done, to which service, about what, and when it was asked for."""

    run_id: UUID
    number: int
    service: str
    event: str
    asked_at: datetime


@dataclass(frozen=True, slots=True)
class CallFacts:
    """What a call is decided and made of."""

    profile_id: UUID
    drawn_as: UUID
    entered_at: datetime
    in_since: datetime
    exit_reason: str | None
    ended_at: datetime | None
    holdout: bool
    journey: str
    control: str | None
    attempts: int
    retry_at: datetime | None
    settled_at: datetime | None
    reason: str | None
    status: int | None
    traceparent: str | None
    params: dict[str, Any] = field(repr=False)
    entry: dict[str, Any] = field(repr=False)
    traits: dict[str, Any] = field(repr=False)
    fetched: dict[str, Any] = field(repr=False)
    answer: dict[str, Any] | None = field(repr=False)
    user_id: str | None = field(repr=False)
    anonymous_id: str | None = field(repr=False)
    reply: dict[str, Any] = field(
        default_factory=dict, repr=False
    )  # what the customer answered the run last, where it is asked


@dataclass(frozen=True, slots=True)
class Settled:
    """What a call came to, and when; the answer stays here."""

    reason: str | None
    status: int | None
    answer: dict[str, Any] | None = field(repr=False)
    at: datetime


@dataclass(frozen=True, slots=True)
class CallRow:
    """A call as operators see it."""

    number: int
    service: str
    event: str
    asked_at: datetime
    attempts: int
    retry_at: datetime | None
    settled_at: datetime | None
    reason: str | None
    status: int | None
    answer: dict[str, Any] | None = field(default=None, repr=False)


async def facts(connection: Connection, run_id: UUID, number: int) -> CallFacts | None:
    """What is known of a call and of its run; None where there is no such run (any more).

    The operator's switches stay as they are told until the transaction ends: whoever throws one waits for it.
    """
    await connection.execute(_SQL["stand_by"], Lock.SWITCH)
    row = await connection.fetchrow(_SQL["facts"], run_id, number)
    return CallFacts(**row) if row else None


async def take(connection: Connection, key: CallKey) -> int | None:
    """Begin an attempt, and tell which one it is; None where the call is settled."""
    found: int | None = await connection.fetchval(_SQL["take"], *_columns(key))
    return found


async def lately(connection: Connection, key: CallKey, since: datetime) -> int:
    """How many other calls of a service were begun since an instant."""
    found: int = await connection.fetchval(_SQL["lately"], key.service, since, key.run_id, key.number)
    return found


async def put_off(database: Database, key: CallKey, until: datetime, attempts: int) -> None:
    """No attempt before this instant, after so many."""
    await database.pool.execute(_SQL["put_off"], key.run_id, key.number, until, attempts)


async def settle(connection: Connection, key: CallKey, settled: Settled) -> None:
    """Write down what a call came to."""
    told = settled.reason, settled.status, settled.answer, settled.at
    await connection.execute(_SQL["settle"], *_columns(key), *told)


async def calls_of(database: Database, run_id: UUID) -> list[CallRow]:
    """The calls of a run, in order."""
    return [CallRow(**row) for row in await database.pool.fetch(_SQL["calls_of"], run_id)]


def _columns(key: CallKey) -> tuple[Any, ...]:
    return key.run_id, key.number, key.service, key.event, key.asked_at
