"""Who looks at a page now, as far as content is chosen by it: a customer whom we know, or what happened on one device.

Promise: reads in one statement each; what a device's id shows is what was done under it while nobody was signed in there.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from store.database import Connection
from store.named import queries

_SQL = queries("onsite")
#: Events of a device that are looked at: the newest.
_MOST = 1_000


@dataclass(frozen=True, slots=True)
class Known:
    """A customer: traits, what their device said of its language, by which id they are drawn, open runs, arms by experiment."""

    id: UUID
    drawn_as: UUID
    traits: dict[str, Any] = field(repr=False)
    device_locale: str | None
    runs: list[dict[str, Any]]
    arms: dict[str, str]


@dataclass(frozen=True, slots=True)
class Deed:
    """What happened on a device."""

    type: str
    ts: datetime
    properties: dict[str, Any] = field(repr=False)
    message_id: str


async def known(connection: Connection, kind: str, name: str) -> Known | None:
    """The customer whom a user's or a device's id means; None where nobody is known by it."""
    row = await connection.fetchrow(_SQL["visitor"], kind, name)
    return Known(**row) if row else None


async def of_device(
    connection: Connection, profile_id: UUID, anonymous_id: str, types: Collection[str], at: datetime
) -> list[Deed]:
    """What a visitor did under the device's id, of these types."""
    rows = await connection.fetch(_SQL["of_device"], profile_id, list(types), anonymous_id, at, _MOST)
    return [Deed(**row) for row in rows]


async def expose(connection: Connection, named: tuple[str, str], experiment: str, arm: str, share: float, at: datetime) -> None:
    """Somebody, by (kind, name), was shown an arm."""
    await connection.execute(_SQL["expose"], *named, experiment, arm, share, at)
