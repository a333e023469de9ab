"""Identity: every name a customer is known by leads to one profile, also when many batches name the same people at once.

A user id is one customer's. An anonymous id (a device) has owners over time: whoever says it together with a user id has it
from that event time on, the first one also before. So the order in which calls arrive decides nothing. A profile that only
ever was anonymous joins the first user on its device; two known users are brought together by an alias alone. A merge unites
everything we hold (SEMANTICS §10) in the transaction of the batch that caused it.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID
from zlib import crc32

from store.customers.merge import merge
from store.customers.owners import BEGINNING, History, Move, Name, Plan, Span
from store.database import Connection
from store.errors import StoreError
from store.locks import Lock
from store.named import queries

__all__ = ["Claim", "Name", "NamesMoved", "Settled", "settle"]

_STRIPES = 1024  # a bound on Postgres' lock table, however many names a batch has
_SQL = queries("identity")


class Claim(NamedTuple):
    """What one item says about names: these belong to the same customer at this time."""

    user_id: str | None
    anonymous_id: str | None
    previous_id: str | None
    at: datetime

    @property
    def values(self) -> set[str]:
        """The values of every name that settling this claim may touch."""
        return {value for value in (self.user_id, self.anonymous_id, self.previous_id) if value is not None}


class NamesMoved(StoreError):
    """Names changed hands between reading and locking them; run the transaction again."""


class Settled(NamedTuple):
    """The profile of each claim, and what `store.customers.take_over.hand_over` has to move once the items are stored."""

    profiles: list[UUID]
    moves: list[Move]


async def settle(connection: Connection, claims: Sequence[Claim], received_at: datetime) -> Settled:
    """The profile of each claim, created, joined or merged as the claims ask; locked until this transaction ends.

    Raises:
        NamesMoved: others merged these profiles meanwhile; roll back and try again.
    """
    values = set().union(*(claim.values for claim in claims))
    await lock_values(connection, values)
    plan = await _read(connection, values)
    before = {name: list(spans) for name, spans in plan.names.items()}
    for claim in sorted(claims, key=lambda claim: claim.at):
        await plan.settle(*claim)
    await _own(connection, before, moving=bool(plan.merges or plan.moves))
    await _write(connection, plan, before, received_at)
    return Settled([plan.whose(claim.user_id, claim.anonymous_id, claim.at) for claim in claims], plan.final_moves())


async def lock_values(connection: Connection, values: Iterable[str]) -> None:
    """Have the names of these values alone until the transaction ends, whatever kind they are."""
    stripes = sorted({crc32(value.encode()) % _STRIPES for value in values})
    await connection.execute(_SQL["lock_names"], Lock.NAMES, stripes)


async def _read(connection: Connection, values: Iterable[str]) -> Plan:
    plan = Plan(_Events(connection))
    for row in await connection.fetch(_SQL["find_names"], list(values)):
        span = Span(row["since"] if row["since"].tzinfo else BEGINNING, row["profile_id"], row["created_at"])
        plan.names.setdefault((row["kind"], row["value"]), []).append(span)
        plan.known |= {row["profile_id"]} if row["known"] or row["apart"] else set()
        plan.apart |= {row["profile_id"]} if row["apart"] else set()
    return plan


class _Events(History):
    """What the stored events say of a device."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def around(
        self, profiles: Sequence[UUID], device: str, low: datetime, mine: tuple[datetime, str], high: datetime
    ) -> list[tuple[datetime, str]]:
        rows = await self._connection.fetch(_SQL["claims_around"], profiles, device, low, *mine, high)
        return [(row["ts"], row["user_id"]) for row in rows]


async def _own(connection: Connection, before: dict[Name, list[Span]], *, moving: bool) -> None:
    """Lock the profiles as found, and make sure that nobody moved a name before the lock was held.

    A name that nobody had needs no second look: to give it to somebody takes the lock on names, which we hold.
    """
    if not before:
        return
    profiles = {span.profile_id for spans in before.values() for span in spans}
    lock = "lock_profiles_to_merge" if moving else "lock_profiles"
    await connection.execute(_SQL[lock], list(profiles))
    if (await _read(connection, {value for _, value in before})).names != before:
        raise NamesMoved("names changed hands meanwhile; the batch is tried again")


async def _write(connection: Connection, plan: Plan, before: Collection[Name], received_at: datetime) -> None:
    if plan.created:
        await connection.execute(_SQL["create_profiles"], list(plan.created), list(plan.created.values()))
    if plan.pointed:
        await _forget(connection, plan.pointed.intersection(before))
        await _point(connection, {name: plan.names[name] for name in sorted(plan.pointed)})
    for survivor, absorbed, names in plan.merges:
        await merge(connection, survivor, absorbed, received_at, names)


async def point(connection: Connection, names: dict[Name, list[Span]]) -> None:
    """These names have these owners over time, and no others."""
    await _forget(connection, names)
    await _point(connection, names)


async def _forget(connection: Connection, names: Collection[Name]) -> None:
    if names:
        await connection.execute(_SQL["forget_names"], *zip(*sorted(names), strict=True))


async def _point(connection: Connection, names: dict[Name, list[Span]]) -> None:
    rows = [(*name, span.profile_id, span.created_at, span.since) for name, spans in names.items() for span in spans]
    await connection.execute(_SQL["point_names"], *zip(*rows, strict=True))
