"""What came from an app or a web page is not what came from the shop: how much of it may change a profile (docs/ingest.md).

Promise: without a signed user id a client changes visitors only, never a known user, and with one it takes no address from
another user. The event is stored in any case; what was refused is a dead letter, of which the answer says nothing, because
whether an address or a device belongs to somebody is not for everybody to ask.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias
from uuid import UUID

import orjson

from store.database import Connection
from store.ingest.dead_letters import DeadLetter, bury
from store.ingest.items import Changes, Item
from store.named import queries

Settled: TypeAlias = tuple[UUID, Item]
#: A channel and an address.
_Place = tuple[str, str]

_KNOWN = (
    "unsigned-identity: /anonymousId belongs to a known user; a client's key changes that profile only with a signed userId"
)
_TAKEN = "address-of-another: an address is that of another user; only a server's key can hand it over"


async def within_rights(connection: Connection, fresh: Sequence[Settled]) -> list[Settled]:
    """The same items, each with the changes that its sender may make to the profile it was settled on."""
    clients = [(profile, item) for profile, item in fresh if item.trust != "server" and item.changes]
    if not clients:
        return list(fresh)
    users = await _users(connection, [profile for profile, _ in clients])
    owners = await _owners(connection, clients)
    judged = [_judged(each, users, owners) for each in fresh]
    await bury(connection, [_letter(item, reason) for (_, item), (_, reason) in zip(fresh, judged, strict=True) if reason])
    return [settled for settled, _ in judged]


async def _users(connection: Connection, profiles: Sequence[UUID]) -> set[UUID]:
    return {row["profile_id"] for row in await connection.fetch(queries("rights")["with_a_user"], profiles)}


async def _owners(connection: Connection, clients: Sequence[Settled]) -> dict[_Place, UUID]:
    places = sorted({(a.channel, a.address) for _, item in clients if item.changes for a in item.changes.addresses})
    rows = await connection.fetch(queries("rights")["of_users"], [c for c, _ in places], [a for _, a in places])
    return {(row["channel"], row["address"]): row["profile_id"] for row in rows}


def _judged(settled: Settled, users: Collection[UUID], owners: Mapping[_Place, UUID]) -> tuple[Settled, str | None]:
    profile, item = settled
    if item.trust == "server" or item.changes is None:
        return settled, None
    if item.trust == "claimed" and profile in users:
        return (profile, item._replace(changes=None)), _KNOWN
    taken = {a for a in item.changes.addresses if owners.get((a.channel, a.address), profile) != profile}
    if not taken:
        return settled, None
    return (profile, item._replace(changes=_without(item.changes, {a.channel for a in taken}))), _TAKEN


def _without(changes: Changes, channels: set[str]) -> Changes:
    """Nothing of a channel on which the call named somebody else's address: which choice was for which is not guessed."""
    addresses = tuple(address for address in changes.addresses if address.channel not in channels)
    return replace(changes, addresses=addresses, choices=tuple(c for c in changes.choices if c.channel not in channels))


def _letter(item: Item, reason: str) -> DeadLetter:
    call = {
        "type": item.kind,
        "messageId": item.message_id,
        "userId": item.user_id,
        "anonymousId": item.anonymous_id,
        "timestamp": item.ts,
        "traits" if item.kind == "identify" else "properties": orjson.Fragment(item.properties),
        "context": orjson.Fragment(item.context),
    }
    return DeadLetter(item.source, item.received_at, item.message_id, reason, orjson.dumps(call).decode())
