"""Identity: every name a customer is known by leads to one profile, also when many batches name the same people at once.

An anonymous profile joins the profile of the user it turns out to be. An anonymous id that belongs to another user (a shared
device) goes over to the new one from that moment, and two known users are only brought together by an alias. A merge unites
everything we hold (SEMANTICS §10) in the transaction of the batch that caused it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple
from uuid import UUID
from zlib import crc32

from uuid_utils.compat import uuid7

from store.database import Connection
from store.errors import StoreError
from store.locks import Lock
from store.merge import merge
from store.named import queries

USER = "user_id"
ANONYMOUS = "anonymous_id"

_STRIPES = 1024  # a bound on Postgres' lock table, however many names a batch has

#: A kind and a value: ("user_id", "42").
Name = tuple[str, str]


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
            (ANONYMOUS, self.anonymous_id),
            (USER, self.previous_id),
            (ANONYMOUS, self.previous_id),
        )
        return [(kind, value) for kind, value in pairs if value is not None]


class NamesMoved(StoreError):
    """Names changed hands between reading and locking them; run the transaction again."""


class Owner(NamedTuple):
    """The profile a name belongs to, and since when (event time)."""

    profile_id: UUID
    since: datetime


@dataclass(slots=True)
class Plan:
    """What a batch of claims changes, worked out in memory from what the names point at now."""

    owners: dict[Name, Owner]
    users: set[UUID]
    created: dict[UUID, datetime] = field(default_factory=dict)
    pointed: set[Name] = field(default_factory=set)
    merges: list[tuple[UUID, UUID, datetime]] = field(default_factory=list)

    def settle(self, claim: Claim) -> UUID:
        """The profile of this claim, with every change it needs noted."""
        profile = self._pair(claim)
        if claim.previous_id is not None:
            self._join((USER, claim.previous_id), profile, claim.at)
            self._take((ANONYMOUS, claim.previous_id), profile, claim.at)
        return profile

    def _pair(self, claim: Claim) -> UUID:
        if claim.user_id is None:
            assert claim.anonymous_id is not None, "an item without a name is rejected before it comes here"
            return self._profile((ANONYMOUS, claim.anonymous_id), claim.at)
        if claim.anonymous_id is None:
            return self._profile((USER, claim.user_id), claim.at)
        return self._both((USER, claim.user_id), (ANONYMOUS, claim.anonymous_id), claim.at)

    def _both(self, user: Name, anonymous: Name, at: datetime) -> UUID:
        unclaimed = self.owners.get(anonymous)
        if user not in self.owners and unclaimed and unclaimed.profile_id not in self.users:
            self._point(user, unclaimed.profile_id, at)
        profile = self._profile(user, at)
        self._take(anonymous, profile, at)
        return profile

    def _profile(self, name: Name, at: datetime) -> UUID:
        owner = self.owners.get(name)
        if owner is None:
            profile = uuid7()
            self.created[profile] = at
            self._point(name, profile, at)
            return profile
        return owner.profile_id

    def _take(self, anonymous: Name, profile: UUID, at: datetime) -> None:
        """An anonymous id is this profile's: merge its own profile, or take the id alone from another user."""
        owner = self.owners.get(anonymous)
        if owner is None or (owner.profile_id in self.users and at >= owner.since and owner.profile_id != profile):
            self._point(anonymous, profile, at)
        elif owner.profile_id not in self.users:
            self._merge(profile, owner.profile_id, at)

    def _join(self, user: Name, profile: UUID, at: datetime) -> None:
        """An alias: another user id is this profile's, whoever had it."""
        owner = self.owners.get(user)
        if owner is None:
            self._point(user, profile, at)
        else:
            self._merge(profile, owner.profile_id, at)

    def _point(self, name: Name, profile: UUID, at: datetime) -> None:
        self.owners[name] = Owner(profile, at)
        self.pointed.add(name)
        if name[0] == USER:
            self.users.add(profile)

    def _merge(self, survivor: UUID, absorbed: UUID, at: datetime) -> None:
        if survivor == absorbed:
            return
        self.merges.append((survivor, absorbed, at))
        self.users.add(survivor)
        for name, owner in self.owners.items():
            if owner.profile_id == absorbed:
                self.owners[name] = Owner(survivor, owner.since)


async def settle(connection: Connection, claims: Sequence[Claim], received_at: datetime) -> list[UUID]:
    """The profile of each claim, created, joined or merged as the claims ask; locked until this transaction ends.

    Raises:
        NamesMoved: others merged these profiles meanwhile; roll back and try again.
    """
    names = sorted({name for claim in claims for name in claim.names})
    await _lock(connection, names)
    plan = await _read(connection, names)
    before = dict(plan.owners)
    order = sorted(range(len(claims)), key=lambda i: claims[i].at)
    settled = {i: plan.settle(claims[i]) for i in order}
    await _own(connection, before, merging=bool(plan.merges))
    await _write(connection, plan, received_at)
    survivor = {absorbed: survivor for survivor, absorbed, _ in plan.merges}
    return [_root(settled[i], survivor) for i in range(len(claims))]


async def _lock(connection: Connection, names: Iterable[Name]) -> None:
    stripes = sorted({crc32(f"{kind}:{value}".encode()) % _STRIPES for kind, value in names})
    await connection.execute(queries("identity")["lock_names"], Lock.NAMES, stripes)


async def _read(connection: Connection, names: Sequence[Name]) -> Plan:
    kinds, values = [kind for kind, _ in names], [value for _, value in names]
    rows = await connection.fetch(queries("identity")["find_names"], kinds, values)
    owners = {(row["kind"], row["value"]): Owner(row["profile_id"], row["since"]) for row in rows}
    return Plan(owners, {row["profile_id"] for row in rows if row["known"]})


async def _own(connection: Connection, before: Mapping[Name, Owner], *, merging: bool) -> None:
    """Lock the profiles as found, and make sure that nobody moved a name before the lock was held."""
    profiles = {owner.profile_id for owner in before.values()}
    lock = "lock_profiles_to_merge" if merging else "lock_profiles"
    await connection.execute(queries("identity")[lock], list(profiles))
    again = await _read(connection, list(before))
    if again.owners != before:
        raise NamesMoved("names changed hands meanwhile; the batch is tried again")


async def _write(connection: Connection, plan: Plan, received_at: datetime) -> None:
    statements = queries("identity")
    if plan.created:
        await connection.execute(statements["create_profiles"], list(plan.created), list(plan.created.values()))
    if plan.pointed:
        rows = [(kind, value, *plan.owners[kind, value]) for kind, value in sorted(plan.pointed)]
        await connection.execute(statements["point_names"], *(list(column) for column in zip(*rows, strict=True)))
    for survivor, absorbed, _ in plan.merges:
        await merge(connection, survivor, absorbed, received_at)


def _root(profile: UUID, survivor: Mapping[UUID, UUID]) -> UUID:
    while profile in survivor:
        profile = survivor[profile]
    return profile
