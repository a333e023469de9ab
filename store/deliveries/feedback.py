"""What comes back from customers and providers: statuses, replies and withdrawals, and all of it as events.

Promise: every function runs in the caller's transaction and may be repeated; the same news told twice changes
nothing.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal, NamedTuple
from uuid import UUID

import asyncpg
import orjson

from store.database import Connection, columns
from store.deliveries.ledger import MessageKey
from store.named import queries

_SQL = queries("feedback")
_ATTEMPTS = 3  # a profile can be merged while we wait for its lock; twice in a row is already unheard of


#: What may become of a message once a provider has taken it. (That it was delivered is told by `advance_deliveries`.)
Became = Literal["opened", "clicked", "returned", "complained", "replied", "unsubscribed"]


@dataclass(frozen=True, slots=True)
class Status:
    """What is said to have become of a message; `at` is its event time, `code` the error code if it failed.

    `gone`: by this code nobody is at the address; `soft`: it could not be reached this time; `wants_out`: its owner asked
    the provider for no more marketing. `machine`: who opened or clicked was one, or was not; nothing where that is not
    known. `which` tells it from others of the same message and status: a link, another opening.
    """

    provider_message_id: str
    key: MessageKey | None
    status: str
    at: datetime
    code: int | str | None = None
    clamped: bool = False
    gone: bool = False
    wants_out: bool = False
    soft: bool = False
    machine: bool | None = None
    which: str = field(default="", repr=False)
    link: str | None = field(default=None, repr=False)

    @property
    def reaches(self) -> str:
        """How far it shows the message to have come: a machine that opens it, and whoever complains, shows no reader."""
        if self.status == "complained" or (self.status == "read" and self.machine):
            return "delivered"
        return self.status


@dataclass(frozen=True, slots=True)
class Delivered:
    """A message on the ledger that some news is about."""

    key: MessageKey
    journey: str
    template: str
    purpose: str
    profile_id: UUID
    endpoint_id: UUID | None = None
    arms: Mapping[str, str] = field(default_factory=dict)
    claimed_at: datetime | None = None

    def after(self, at: datetime) -> datetime:
        """When something became of it that is told for an instant: whole seconds, and it is after the message."""
        return self.claimed_at if self.claimed_at and self.claimed_at.replace(microsecond=0) == at else at

    @property
    def properties(self) -> dict[str, Any]:
        """What an event says about the message; ids and names only."""
        return {
            "journey": self.journey,
            "run_id": str(self.key.run_id),
            "step": self.key.step,
            "occurrence": self.key.occurrence,
            "template": self.template,
            "purpose": self.purpose,
        } | ({"arms": self.arms} if self.arms else {})


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event of our own making; the message id keeps it from being stored twice."""

    profile_id: UUID
    message_id: str
    type: str
    ts: datetime
    properties: Mapping[str, Any] = field(repr=False)
    clamped: bool = False
    #: What it says became of the message that its properties name, where the ledger counts that.
    became: Became | None = None


async def match_statuses(
    connection: Connection, channel: str, statuses: Sequence[Status], provider: str | None = None
) -> list[tuple[Status, Delivered]]:
    """The statuses that speak of a message of ours, each with it; the others are left out. An id is that of a provider."""
    keys = [status.key for status in statuses]
    rows = await connection.fetch(
        _SQL["match_statuses"],
        channel,
        [status.provider_message_id for status in statuses],
        [key and key.run_id for key in keys],
        [key and key.step for key in keys],
        [key and key.occurrence for key in keys],
        provider,
    )
    found = [(statuses[row["n"] - 1], _delivered(row)) for row in rows]
    return [(replace(status, at=to.after(status.at)), to) for status, to in found]


async def advance_deliveries(connection: Connection, matched: Sequence[tuple[Status, Delivered]], failed_reason: str) -> None:
    """Bring the ledger up to what was told; `failed_reason` is recorded where a message failed after acceptance."""
    columns = [
        (*_whose(to), said.provider_message_id, said.reaches, said.at, None if said.code is None else str(said.code), said.soft)
        for said, to in matched
    ]
    if columns:
        await connection.execute(_SQL["advance_deliveries"], *map(list, zip(*columns, strict=True)), failed_reason)


def _whose(to: Delivered) -> tuple[UUID, str, int]:
    return to.key.run_id, to.key.step, to.key.occurrence


class Click(NamedTuple):
    """A link of a message that was followed; none: the one that nobody sees."""

    at: datetime
    link: str | None


@dataclass(frozen=True, slots=True)
class Before:
    """What was done with a message before: since when it is out, whether anybody opened it, and what was followed lately."""

    sent_at: datetime | None = None
    opened: bool = False
    clicks: tuple[Click, ...] = ()


async def followed(connection: Connection, key: MessageKey, since: datetime) -> Before:
    """What was done with a message before, links followed since then."""
    row = await connection.fetchrow(_SQL["followed"], key.run_id, key.step, key.occurrence, since)
    if row is None:
        return Before()
    clicks = tuple(Click(datetime.fromisoformat(each["at"]), each["link"]) for each in row["clicks"])
    return Before(row["sent_at"], row["opened"], clicks)


async def called_machines(connection: Connection, key: MessageKey, since: datetime, until: datetime) -> None:
    """The clicks of a message in a span were a machine's."""
    await connection.execute(_SQL["called_machines"], key.run_id, key.step, key.occurrence, since, until)


async def worn_out(connection: Connection, endpoints: Collection[UUID], since: datetime, most: int) -> set[UUID]:
    """Of these addresses those at which so many messages were turned away since then, with none that arrived after."""
    rows = await connection.fetch(_SQL["worn_out"], list(endpoints), since, most)
    return {row["endpoint_id"] for row in rows}


async def suppress(connection: Connection, channel: str, digest: bytes, scope: str, reason: str, at: datetime) -> None:
    """Never write to this address again, for marketing or for all."""
    await connection.execute(queries("deliveries")["suppress"], channel, digest, scope, reason, at)


async def reached(connection: Connection, messages: Collection[MessageKey]) -> dict[MessageKey, tuple[UUID, datetime]]:
    """Of these messages those that reached somebody: the address, and when for the last time."""
    columns = [[getattr(key, name) for key in messages] for name in ("run_id", "step", "occurrence")]
    rows = await connection.fetch(_SQL["reached"], *columns)
    return {MessageKey(row["run_id"], row["step"], row["occurrence"]): (row["endpoint_id"], row["at"]) for row in rows}


async def living(connection: Connection, profiles: Collection[UUID]) -> dict[UUID, UUID]:
    """The profile that each of these is part of now, locked against merges until the transaction ends.

    A profile that does not exist (any more) is left out.
    """
    for _ in range(_ATTEMPTS):
        rows = await connection.fetch(_SQL["survivors"], list(profiles))
        found = {row["id"]: row["living"] for row in rows}
        locked = {row["id"] for row in await connection.fetch(_SQL["lock_living"], list(set(found.values())))}
        if locked == set(found.values()):
            break
    return {profile: survivor for profile, survivor in found.items() if survivor in locked}


class Sender(NamedTuple):
    """Who writes, and the id of the address that they write from."""

    profile_id: UUID
    endpoint_id: UUID


async def heard_from(connection: Connection, channel: str, seen: Mapping[str, datetime]) -> dict[str, Sender]:
    """Who writes from these addresses (address to time); the addresses count as alive again."""
    rows = await connection.fetch(_SQL["heard_from"], channel, list(seen), list(seen.values()))
    return {row["address"]: Sender(row["profile_id"], row["id"]) for row in rows}


async def answered(
    connection: Connection, channel: str, replies: Sequence[tuple[UUID, str | None, datetime]]
) -> list[Delivered | None]:
    """For each reply (profile, id of the message it quotes, time) the message that it answers."""
    rows = await connection.fetch(_SQL["answered"], channel, *columns(replies, 3))
    by_place = {row["n"]: row for row in rows}
    return [_delivered(by_place[n], profile_id) if n in by_place else None for n, (profile_id, _, _) in enumerate(replies, 1)]


async def invalidate_endpoints(connection: Connection, died: Sequence[tuple[UUID, datetime]], reason: str) -> None:
    """Mark addresses as dead since then, whichever is heard first."""
    await connection.execute(_SQL["invalidate_endpoints"], *_columns(died), reason)


async def revive_endpoints(connection: Connection, reached: Sequence[tuple[UUID, datetime]]) -> None:
    """A message reached these addresses: what killed them before was wrong, or is over."""
    await connection.execute(_SQL["revive_endpoints"], *_columns(reached))


def _columns(dated: Sequence[tuple[UUID, datetime]]) -> list[list[Any]]:
    return [[id_ for id_, _ in dated], [at for _, at in dated]]


async def journey_of(connection: Connection, run_id: UUID) -> str | None:
    """The journey that a run belongs to."""
    found: str | None = await connection.fetchval(_SQL["journey_of"], run_id)
    return found


async def first_heard(connection: Connection, message_ids: Collection[str], at: datetime) -> set[str]:
    """Of these message ids those that are news; they are remembered like those of events, and as long."""
    rows = await connection.fetch(_SQL["first_heard"], sorted(message_ids), at) if message_ids else []
    return {row["message_id"] for row in rows}


async def store_events(
    connection: Connection, events: Sequence[NewEvent], *, source: str, at: datetime, traceparent: str | None = None
) -> list[NewEvent]:
    """Store events and mark their profiles dirty; returns those that were new. Lock the profiles with `living` first."""
    events = list({event.message_id: event for event in reversed(events)}.values())[::-1]  # the first of each id
    columns: list[list[Any]] = [
        [event.message_id for event in events],
        [event.profile_id for event in events],
        [event.ts for event in events],
        [event.type for event in events],
        ["track"] * len(events),
        [orjson.dumps(event.properties).decode() for event in events],
        ["{}"] * len(events),
        [event.clamped for event in events],
        [source] * len(events),
        [at] * len(events),
        [traceparent] * len(events),
        [None] * len(events),
        [None] * len(events),
    ]
    rows = await connection.fetch(queries("ingest")["store_settled"], *columns, True)
    new = [events[row["n"] - 1] for row in rows]
    if became := [_told(event) for event in new if event.became and event.properties.get("occurrence") is not None]:
        await connection.execute(_SQL["became"], *map(list, zip(*became, strict=True)))
    return new


def _told(event: NewEvent) -> tuple[Any, ...]:
    about = event.properties
    key = UUID(str(about["run_id"])), about["step"], int(about["occurrence"])
    return *key, event.became, event.ts, about.get("channel"), about.get("machine"), about.get("bounce")


def _delivered(row: asyncpg.Record, profile_id: UUID | None = None) -> Delivered:
    return Delivered(
        key=MessageKey(row["run_id"], row["step"], row["occurrence"]),
        journey=row["journey"],
        template=row["template"],
        purpose=row["purpose"],
        profile_id=profile_id or row["profile_id"],
        endpoint_id=row.get("endpoint_id"),
        arms=row.get("arms") or {},
        claimed_at=row.get("claimed_at"),
    )
