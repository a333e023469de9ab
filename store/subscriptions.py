"""Outgoing webhooks in Postgres: who is told of what, and what they are still to be told.

Promise: what happens is written down for each of them in the transaction in which it happens (migration 0033), so that no crash
loses it; it stays until it was taken or given up, and for a month after it happened, in which it can be replayed.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID

from store.audit import note
from store.database import Connection, Database, Record, columns
from store.named import queries

_SQL = queries("subscriptions")

#: What there is to be told of, each with a sentence.
TYPES = {
    "segment.entered": "a customer came into a segment",
    "segment.left": "a customer left a segment",
    "run.entered": "a customer entered a journey",
    "run.converted": "a customer reached the goal of a journey that they were in",
    "run.ended": "a customer's run of a journey is over, with its outcome",
    "message.sent": "a provider took a message",
    "message.skipped": "a message was not sent, with the reason",
    "message.withheld": "a message was not sent, because the customer is held out",
    "message.failed": "a message could not be sent, with the reason",
    "message.unconfirmed": "nobody knows whether a provider took a message",
    "message.delivered": "a message arrived",
    "message.bounced": "a message came back",
    "message.opened": "a message was opened; by whom, as far as can be told",
    "message.clicked": "a link of a message was followed",
    "message.complained": "a customer called a message spam",
    "message.unsubscribed": "a customer unsubscribed by a message",
    "message.replied": "a customer answered a message",
    "task.opened": "somebody of the company is asked to do something",
    "task.done": "somebody of the company has done it",
    "customer.erased": "a customer was erased; what was told of them is to be deleted",
}
#: What `test` tells.
TEST = "subscription.test"
#: What stands in the place of what may be a secret, and from which length on a part of a path may be one.
HIDDEN, _TELLING = "…", 16
#: For how long what happened can be told once more.
KEPT = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Who is to be told of what: of these journeys and segments, or of all."""

    name: str
    url: str
    types: tuple[str, ...]
    journeys: tuple[str, ...] = ()
    segments: tuple[str, ...] = ()
    personal: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription(Wanted):
    """One of them as it stands; `waiting` counts up to 10,000."""

    id: UUID
    secret: int
    former_until: datetime | None
    created_at: datetime
    created_by: str
    paused_at: datetime | None
    stopped_at: datetime | None
    stopped_why: str | None
    took_at: datetime | None
    failing_since: datetime | None
    failure: str | None
    waiting: int
    oldest_at: datetime | None

    @property
    def state(self) -> str:
        """One word for how it stands."""
        if self.stopped_at is not None:
            return "stopped"
        if self.paused_at is not None:
            return "paused"
        return "failing" if self.failing_since is not None else "active"


@dataclass(frozen=True, slots=True)
class Notification:
    """Something that one of them is told; `status` is the last answer's."""

    id: int
    type: str
    profile_id: UUID | None
    at: datetime
    about: dict[str, Any]
    state: str
    attempts: int
    tried_at: datetime | None
    retry_at: datetime | None
    settled_at: datetime | None
    status: int | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class Due:
    """Something to tell now."""

    id: int
    type: str
    profile_id: UUID | None
    at: datetime
    about: dict[str, Any]
    attempts: int
    tried_at: datetime | None
    user_id: str | None


@dataclass(frozen=True, slots=True)
class Told:
    """What came of telling: `state` is that of the notification from now on."""

    id: int
    state: str
    status: int | None = None
    reason: str | None = None
    retry_at: datetime | None = None


def masked(url: str) -> str:
    """An address without what may be a secret in it: who signs on, each value of the query, long parts of the path."""
    parts = urlsplit(url)
    who, _, host = parts.netloc.rpartition("@")
    path = "/".join(HIDDEN if len(part) >= _TELLING else part for part in parts.path.split("/"))
    given = [each.partition("=") for each in parts.query.split("&") if each]
    query = "&".join(f"{name}={HIDDEN}" if equals else HIDDEN for name, equals, _ in given)
    return urlunsplit((parts.scheme, f"{HIDDEN}@{host}" if who else host, path, query, parts.fragment and HIDDEN))


async def found(database: Database, name: str | None = None) -> list[Subscription]:
    """All of them by name, or the one of this name."""
    return [_row(row) for row in await database.pool.fetch(_SQL["all"], name)]


async def by_id(database: Database, id_: UUID) -> Subscription | None:
    """One of them."""
    row = await database.pool.fetchrow(_SQL["by_id"], id_)
    return _row(row) if row else None


async def put(database: Database, id_: UUID, wanted: Wanted, now: datetime, by: str) -> Subscription:
    """Tell somebody from now on, under this id where there is none of the name; or tell them otherwise."""
    async with database.transaction() as connection:
        was = await _named(connection, wanted.name)
        given = [wanted.name, wanted.url, *map(list, (wanted.types, wanted.journeys, wanted.segments)), wanted.personal]
        await connection.execute(_SQL["put"], id_, *given, now, by)
        await note(connection, "put", "subscription", wanted.name, was=_told(was[0]) if was else None, became=_told(wanted))
        return (await _named(connection, wanted.name))[0]


async def drop(database: Database, name: str) -> bool:
    """Tell somebody nothing more; whether there was one."""
    async with database.transaction() as connection:
        was = await _named(connection, name)
        if was:
            await connection.execute(_SQL["drop"], name)
            await note(connection, "delete", "subscription", name, was=_told(was[0]))
        return bool(was)


async def switch(database: Database, name: str, paused_at: datetime | None) -> bool:
    """Let what they are told wait, or go on (nothing), also where it was stopped; whether there is one."""
    async with database.transaction() as connection:
        was = await _named(connection, name)
        if was:
            await connection.execute(_SQL["switch"], name, paused_at)
            became = "paused" if paused_at is not None else "active"
            await note(connection, "switch", "subscription", name, was={"state": was[0].state}, became={"state": became})
        return bool(was)


async def rotate(database: Database, name: str, former_until: datetime) -> bool:
    """Replace the secret; the one before signs, too, until an instant; whether there is one."""
    async with database.transaction() as connection:
        number = await connection.fetchval(_SQL["rotate"], name, former_until)
        if number is not None:
            told = {"secret": number, "former_until": former_until.isoformat()}
            await note(connection, "rotate", "subscription", name, became=told)
        return number is not None


async def try_out(database: Database, name: str, now: datetime) -> int | None:
    """Tell one of them that this is a test; returns its number, or nothing where there is none of the name."""
    async with database.transaction() as connection:
        number: int | None = await connection.fetchval(_SQL["notify"], name, TEST, now, {"subscription": name})
        if number is not None:
            await note(connection, "test", "subscription", name)
        return number


async def replay(
    database: Database, name: str, since: datetime, until: datetime, type_: str | None, states: Sequence[str]
) -> int:
    """Tell once more what happened within a time; returns how much."""
    async with database.transaction() as connection:
        again: int = await connection.fetchval(_SQL["replay"], name, since, until, type_, list(states))
        told = {"since": since.isoformat(), "until": until.isoformat(), "type": type_, "notifications": again}
        await note(connection, "replay", "subscription", name, became=told)
        return again


async def page(
    database: Database, name: str, *, state: str | None = None, type_: str | None = None, before: int | None = None, limit: int
) -> list[Notification]:
    """What one of them is told, newest first; pass the last id as `before` for the next page."""
    rows = await database.pool.fetch(_SQL["page"], name, state, type_, before, limit)
    return [Notification(**dict(row)) for row in rows]


async def to_wake(database: Database, now: datetime) -> list[UUID]:
    """Those for whom something is due."""
    return [row["id"] for row in await database.pool.fetch(_SQL["wake"], now)]


async def due(database: Database, id_: UUID, now: datetime, limit: int) -> list[Due]:
    """What one of them is to be told now."""
    return [Due(**dict(row)) for row in await database.pool.fetch(_SQL["due"], id_, now, limit)]


async def settle(database: Database, id_: UUID, told: Iterable[Told], now: datetime) -> None:
    """Write down what came of telling one of them, and that it took something where it did."""
    rows = list(told)
    async with database.transaction() as connection:
        await connection.execute(_SQL["settle"], id_, now, *columns([_columns(each) for each in rows], 5))
        if any(each.state == "taken" for each in rows):
            await connection.execute(_SQL["took"], id_, now)


async def fails(database: Database, id_: UUID, failure: str, now: datetime) -> datetime:
    """Write down that one of them took nothing; returns since when that is so."""
    since: datetime | None = await database.pool.fetchval(_SQL["fails"], id_, now, failure)
    return since or now


async def stop(database: Database, id_: UUID, why: str, now: datetime) -> None:
    """Tell one of them nothing until somebody lets it go on."""
    async with database.transaction() as connection:
        name = await connection.fetchval(_SQL["stop"], id_, now, why)
        if name is not None:
            await note(connection, "stop", "subscription", name, became={"state": "stopped", "why": why})


async def drop_old(database: Database, now: datetime) -> int:
    """Take away what can be replayed no more, and what was being written for a receiver that is gone; returns how much."""
    return int(await database.pool.fetchval(_SQL["drop_old"], now - KEPT))


async def _named(connection: Connection, name: str) -> list[Subscription]:
    return [_row(row) for row in await connection.fetch(_SQL["all"], name)]


def _row(row: Record) -> Subscription:
    told: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in row.items()}
    return Subscription(**told)


def _told(of: Wanted) -> dict[str, Any]:
    """What the audit says of one."""
    told = {name: asdict(of)[name] for name in ("types", "journeys", "segments", "personal")}
    return told | {"url": masked(of.url)}


def _columns(told: Told) -> tuple[Any, ...]:
    return told.id, told.state, told.status, told.reason, told.retry_at
