"""One customer as people look at it: each trait with its origin, consents, addresses (shown in part only) and segments.

Promise: reads only, in one snapshot; no profile holds an address in full (a trait may hold one all the same).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from store.addresses import browser_subscription
from store.database import Connection, Database, Record
from store.named import queries

_SQL = queries("profiles")
_SHOWN = 4  # characters at the end of a number or token


@dataclass(frozen=True, slots=True)
class Trait:
    """A trait: its value, who said it, when that was last, since when it is so, and how sure it is where it was inferred."""

    trait: str
    value: Any
    source: str | None
    said_at: datetime | None
    since: datetime | None
    confidence: float | None


@dataclass(frozen=True, slots=True)
class Consent:
    """What holds for a purpose at an address (in part; None: the last word about the customer as a whole), and who said so."""

    channel: str
    hint: str | None
    purpose: str
    state: str
    said_by: str
    source: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An address on a channel, as a hint: enough to recognise it, too little to use it."""

    channel: str
    hint: str
    platform: str | None
    valid: bool
    invalid_reason: str | None
    first_seen_at: datetime
    last_seen_at: datetime


@dataclass(frozen=True, slots=True)
class Membership:
    """A segment that the customer is in."""

    segment: str
    entered_at: datetime


@dataclass(frozen=True, slots=True)
class Name:
    """What a customer is called, and since when."""

    kind: str
    value: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Event:
    """Something that a customer did, or that became of a message to them; its properties may be personal data."""

    at: datetime
    type: str
    source: str
    message_id: str
    properties: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Profile:
    """All that is known of a customer besides what happened."""

    customer_id: UUID
    user_ids: list[str]
    created_at: datetime
    updated_at: datetime
    traits: list[Trait]
    consents: list[Consent]
    endpoints: list[Endpoint]
    segments: list[Membership]


async def profile(database: Database, customer: UUID) -> Profile | None:
    """A customer; None when there is none of that id."""
    async with database.pool.acquire() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        row = await connection.fetchrow(_SQL["profile"], customer)
        if row is None:
            return None
        consents, endpoints, segments = [
            await connection.fetch(_SQL[name], customer) for name in ("consents", "endpoints", "segments")
        ]
    return Profile(
        row["id"],
        row["user_ids"],
        row["created_at"],
        row["updated_at"],
        [_trait(name, row) for name in sorted(row["traits"])],
        [_consent(each) for each in consents],
        [_endpoint(each) for each in endpoints],
        [Membership(**dict(each)) for each in segments],
    )


async def names_of(database: Database, customer: UUID) -> list[Name]:
    """All that a customer is called: user ids first, the newest first."""
    return [Name(**dict(row)) for row in await database.pool.fetch(_SQL["names"], customer)]


async def events_of(
    database: Database, customer: UUID, *, before: tuple[datetime, str] | None = None, limit: int
) -> list[Event]:
    """What a customer did, the newest first, from a place in that order on."""
    rows = await database.pool.fetch(_SQL["events"], customer, *(before or (None, None)), limit)
    return [Event(**dict(row)) for row in rows]


async def zone_evidence(database: Database, customer: UUID) -> tuple[str | None, str | None]:
    """What tells a customer's time zone besides their traits: what their last device said, and their telephone number."""
    row = await database.pool.fetchrow(_SQL["zone_evidence"], customer)
    return (row["device_zone"], row["phone"]) if row else (None, None)


async def language_evidence(connection: Connection, customer: UUID) -> tuple[Mapping[str, Any], str | None]:
    """What tells a customer's language: traits, and what their last device said; nothing of somebody who is not there."""
    row = await connection.fetchrow(_SQL["language_evidence"], customer)
    return (row["traits"], row["device_locale"]) if row else ({}, None)


def hint(channel: str, address: str) -> str:
    """A part of an address: the first letter and the domain of an email, a browser's service, the end of anything else."""
    if channel == "email" and "@" in address:
        name, _, domain = address.rpartition("@")
        return f"{name[:1]}…@{domain}"
    if told := browser_subscription(address):
        return str(urlsplit(json.loads(told)["endpoint"]).hostname)
    return f"…{address[-_SHOWN:] if len(address) > 2 * _SHOWN else ''}"


def _trait(name: str, row: Record) -> Trait:
    origin = row["traits_from"].get(name, {})
    said_at, since = (text and datetime.fromisoformat(text) for text in (row["traits_at"].get(name), origin.get("since")))
    return Trait(name, row["traits"][name], origin.get("source"), said_at, since, origin.get("confidence"))


def _consent(row: Record) -> Consent:
    told = dict(row)
    address = told.pop("address")
    return Consent(hint=address and hint(row["channel"], address), **told)


def _endpoint(row: Record) -> Endpoint:
    return Endpoint(
        row["channel"],
        hint(row["channel"], row["address"]),
        row["platform"],
        row["invalid_at"] is None,
        row["invalid_reason"],
        row["first_seen_at"],
        row["last_seen_at"],
    )
