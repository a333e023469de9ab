"""Addresses on channels: who was seen with one last, and which of them a customer is to be written to.

Promise: the newest word on an e-mail address or phone number takes the place of those before it, in whatever order the words
arrive; another address is only written to because it was subscribed since. A customer has as many push tokens as devices.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from uuid_utils.compat import uuid7

from store.database import Connection
from store.named import queries

_SQL = queries("endpoints")
#: Traits that say where a customer can be reached.
ADDRESS_TRAITS = ("email", "phone")


class Address(NamedTuple):
    """Where a customer can be reached; not `named` where it was only mentioned, to say no."""

    channel: str
    address: str
    platform: str | None = None
    named: bool = True


class _Row(NamedTuple):
    """An address as the newest of some items has it."""

    id: UUID
    profile_id: UUID
    channel: str
    address: str
    platform: str | None
    at: datetime
    named_at: datetime | None


async def write_addresses(connection: Connection, seen: Sequence[tuple[UUID, datetime, Address]]) -> None:
    """Addresses with whom and when they were seen, inside the caller's transaction."""
    rows: dict[tuple[str, str], _Row] = {}
    for profile, at, found in sorted(seen, key=lambda each: each[1]):
        key = found.channel, found.address
        earlier = rows.get(key)
        before = earlier.named_at if earlier and earlier.profile_id == profile else None
        rows[key] = _Row(uuid7(), profile, *key, found.platform, at, at if found.named else before)
    if rows:
        await connection.execute(_SQL["write_endpoints"], *map(list, zip(*rows.values(), strict=True)))


async def replace_addresses(connection: Connection, profiles: Collection[UUID]) -> None:
    """Let the newest word on each customer's e-mail address and phone number take the place of what was named before it."""
    if profiles:
        await connection.execute(_SQL["replace_addresses"], list(profiles))
