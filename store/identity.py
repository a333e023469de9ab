"""Identity: every name a customer is known by leads to one profile, also when many batches name the same people at once.

A user id is one customer's. An anonymous id (a device) has owners over time: whoever says it together with a user id has it
from that event time on, the first one also before. So the order in which calls arrive decides nothing. A profile that only
ever was anonymous joins the first user on its device; two known users are brought together by an alias alone. A merge unites
everything we hold (SEMANTICS §10) in the transaction of the batch that caused it.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID
from zlib import crc32

from store.database import Connection
from store.errors import StoreError
from store.locks import Lock
from store.merge import merge
from store.named import queries
from store.owners import ANONYMOUS, BEGINNING, PREVIOUS, USER, History, Move, Name, Plan, Span

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
    def names(self) -> list[Name]:
        """Every name that settling this claim may touch."""
        pairs = (
            (USER, self.user_id),
            (PREVIOUS, self.user_id),
            (ANONYMOUS, self.anonymous_id),
            (USER, self.previous_id),
            (PREVIOUS, self.previous_id),
            (ANONYMOUS, self.previous_id),
        )
        return [(kind, value) for kind, value in pairs if value is not None]


class NamesMoved(StoreError):
    """Names changed hands between reading and locking them; run the transaction again."""


class Settled(NamedTuple):
    """The profile of each claim, and what `store.take_over.hand_over` has to move once the items are stored."""

    profiles: list[UUID]
    moves: list[Move]


async def settle(connection: Connection, claims: Sequence[Claim], received_at: datetime) -> Settled:
    """The profile of each claim, created, joined or merged as the claims ask; locked until this transaction ends.

    Raises:
        NamesMoved: others merged these profiles meanwhile; roll back and try again.
    """
    names = sorted({name for claim in claims for name in claim.names})
    await _lock(connection, names)
    plan = await _read(connection, names)
    before = {name: list(spans) for name, spans in plan.names.items()}
    for claim in sorted(claims, key=lambda claim: claim.at):
        await plan.settle(*claim)
    await _own(connection, names, before, moving=bool(plan.merges or plan.moves))
    await _write(connection, plan, received_at)
    return Settled([plan.whose(claim.user_id, claim.anonymous_id, claim.at) for claim in claims], plan.final_moves())


async def lock_names(connection: Connection, names: Iterable[Name]) -> None:
    """Have these names alone until the transaction ends; a value has one lock, whatever kind of name it is."""
    await _lock(connection, names)


async def _lock(connection: Connection, names: Iterable[Name]) -> None:
    stripes = sorted({crc32(value.encode()) % _STRIPES for _, value in names})
    await connection.execute(_SQL["lock_names"], Lock.NAMES, stripes)


async def _read(connection: Connection, names: Sequence[Name]) -> Plan:
    kinds, values = [kind for kind, _ in names], [value for _, value in names]
    plan = Plan(_Events(connection))
    for row in await connection.fetch(_SQL["find_names"], kinds, values):
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


async def _own(connection: Connection, names: Sequence[Name], before: dict[Name, list[Span]], *, moving: bool) -> None:
    """Lock the profiles as found, and make sure that nobody moved a name before the lock was held."""
    profiles = {span.profile_id for spans in before.values() for span in spans}
    lock = "lock_profiles_to_merge" if moving else "lock_profiles"
    await connection.execute(_SQL[lock], list(profiles))
    if (await _read(connection, names)).names != before:
        raise NamesMoved("names changed hands meanwhile; the batch is tried again")


async def _write(connection: Connection, plan: Plan, received_at: datetime) -> None:
    if plan.created:
        await connection.execute(_SQL["create_profiles"], list(plan.created), list(plan.created.values()))
    if plan.pointed:
        await point(connection, {name: plan.names[name] for name in sorted(plan.pointed)})
    for survivor, absorbed, names in plan.merges:
        await merge(connection, survivor, absorbed, received_at, names)


async def point(connection: Connection, names: dict[Name, list[Span]]) -> None:
    """These names have these owners over time, and no others."""
    await connection.execute(_SQL["forget_names"], *zip(*names, strict=True))
    rows = [(*name, span.profile_id, span.created_at, span.since) for name, spans in names.items() for span in spans]
    await connection.execute(_SQL["point_names"], *zip(*rows, strict=True))
