"""Passes in customers' wallets: what each shows, on which devices it is, and which of them have yet to hear of a change.

Promise: a pass is what the message that was settled last says of it, and belongs to whoever that message does. Each change
has a later `modified_at`, so that whoever knows an earlier one knows that there is news.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from store.database import Connection, Database
from store.deliveries.ledger import MessageKey, Settlement
from store.named import queries

_SQL = queries("passes")


@dataclass(frozen=True, slots=True)
class PassRow:
    """What a customer's pass is to show; `serial` where they have none yet."""

    serial: UUID
    key: str = field(repr=False)
    content: dict[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Pass:
    """A pass as it stands."""

    serial: UUID
    template: str
    key: str = field(repr=False)
    content: dict[str, Any] = field(repr=False)
    modified_at: datetime
    run_id: UUID
    step: str
    occurrence: int
    profile_id: UUID

    @property
    def message(self) -> MessageKey:
        """The last message that said what it shows."""
        return MessageKey(self.run_id, self.step, self.occurrence)


@dataclass(frozen=True, slots=True)
class ToTell:
    """A device that does not know yet what its pass shows now."""

    serial: UUID
    template: str
    content: dict[str, Any] = field(repr=False)
    modified_at: datetime
    platform: str
    device: str = field(repr=False)
    push_token: str = field(repr=False)


async def keep_pictures(database: Database, pictures: Mapping[str, bytes]) -> None:
    """Keep the pictures of a template by their digests."""
    await database.pool.execute(_SQL["keep_pictures"], list(pictures), list(pictures.values()))


async def settle(database: Database, key: MessageKey, settlement: Settlement, row: PassRow, attempt: int) -> None:
    """Write what became of a message that makes a pass show this."""
    await database.pool.execute(
        _SQL["settle"],
        key.run_id,
        key.step,
        key.occurrence,
        settlement.detail,
        settlement.provider_message_id,
        settlement.at,
        attempt,
        row.serial,
        row.key,
        row.content,
    )


async def of_customer(database: Database, profile_id: UUID) -> list[Pass]:
    """A customer's passes, each template's newest first."""
    return [Pass(**row) for row in await database.pool.fetch(_SQL["of_customer"], profile_id)]


async def by_serial(connection: Connection, serial: UUID) -> Pass | None:
    """One pass."""
    row = await connection.fetchrow(_SQL["by_serial"], serial)
    return Pass(**row) if row else None


async def pictures(connection: Connection, digests: Sequence[str]) -> dict[str, bytes]:
    """Pictures by their digests."""
    return {row["digest"]: row["png"] for row in await connection.fetch(_SQL["pictures"], digests)}


async def to_tell(database: Database, key: MessageKey) -> list[ToTell]:
    """Which devices have to hear of what a message says."""
    rows = await database.pool.fetch(_SQL["to_tell"], key.run_id, key.step, key.occurrence)
    return [ToTell(**row) for row in rows]


async def stands(database: Database, serial: UUID) -> bool:
    """Whether there is such a pass (still)."""
    return bool(await database.pool.fetchval(_SQL["stands"], serial))


async def told(database: Database, each: ToTell) -> None:
    """A device was told."""
    await database.pool.execute(_SQL["told"], each.serial, each.platform, each.device, each.modified_at)


async def newer(database: Database, serial: UUID, platform: str, device: str, since: datetime | None) -> ToTell | None:
    """What a device has to hear of its pass, if that is newer than this state."""
    row = await database.pool.fetchrow(_SQL["newer"], serial, platform, device, since)
    return ToTell(**row) if row else None


async def forget(database: Database, each: ToTell, since: datetime | None = None) -> None:
    """A device is gone (since then, in real time), unless it has registered again: later, or to be told elsewhere."""
    await database.pool.execute(_SQL["forget"], each.serial, each.platform, each.device, each.push_token, since)


async def register(
    connection: Connection,
    serial: UUID,
    platform: str,
    device: str,
    *,
    push_token: str = "",
    added_at: datetime | None = None,
    state: datetime | None = None,
) -> bool:
    """A device has the pass (or is about to: no `added_at`), in this state of it; says whether that is news."""
    return bool(await connection.fetchval(_SQL["register"], serial, platform, device, push_token, added_at, state))


async def unregister(connection: Connection, serial: UUID, platform: str, device: str) -> bool:
    """A device has the pass no more; says whether that is news."""
    return bool(await connection.fetchval(_SQL["unregister"], serial, platform, device))


async def on_device(connection: Connection, device: str, since: datetime | None) -> list[tuple[UUID, datetime]] | None:
    """The passes on a device of Apple's that have changed since then, and when; None for a device that has none at all."""
    rows = await connection.fetch(_SQL["on_device"], device, since)
    if not rows and not await connection.fetchval(_SQL["has_any"], device):
        return None
    return [(row["serial"], row["modified_at"]) for row in rows]
