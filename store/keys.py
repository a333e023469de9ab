"""API keys: who may call, and what; the database holds only the SHA-256 of a key, so a leaked copy opens nothing."""

import hashlib
import secrets
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import asyncpg
from uuid_utils.compat import uuid7

from store.audit import note
from store.database import Connection, Pool, Record, transaction
from store.errors import StoreError
from store.named import queries

_SQL = queries("keys")
#: In place of origins: any web page.
ANYWHERE = "*"
_USUAL = {"http": 80, "https": 443}
_MARK = 8  # bytes of a digest that tell one secret of a key from the one before


class Right(StrEnum):
    """What a call asks of the key that makes it."""

    SEND = "send"
    START = "start"
    READ = "read"
    OPERATE = "operate"
    ADMIN = "admin"
    #: Beside another one: the answer shows what is known of customers. Keys are given it by name, whatever their role.
    PERSONAL = "personal"


class Role(StrEnum):
    """What a key is for: events of the shop's servers, those of a `client` (an app, a page: anybody can read it), or work."""

    INGEST = "ingest"
    CLIENT = "client"
    START = "start"
    READ = "read"
    OPERATE = "operate"
    ADMIN = "admin"


#: Who may what: `docs/roles.md` and its test are made from this, and from what each route asks for.
RIGHTS: Mapping[Role, frozenset[Right]] = {
    Role.INGEST: frozenset({Right.SEND}),
    Role.CLIENT: frozenset({Right.SEND}),
    Role.START: frozenset({Right.START}),
    Role.READ: frozenset({Right.READ}),
    Role.OPERATE: frozenset({Right.READ, Right.START, Right.OPERATE}),
    Role.ADMIN: frozenset({Right.READ, Right.START, Right.OPERATE, Right.ADMIN}),
}
#: Who may be given personal data, and who may be held to some journeys.
MAY_SEE_PERSONS = frozenset(role for role, rights in RIGHTS.items() if Right.READ in rights)
MAY_BE_OF_JOURNEYS = frozenset({Role.START, Role.READ, Role.OPERATE})


@dataclass(frozen=True, slots=True)
class Grant:
    """What a key is made with: its role, and what widens or narrows that."""

    role: Role
    personal: bool = False
    #: Of these journeys alone; none: of all, and of everything else.
    journeys: Collection[str] = ()
    #: Of a client: the web pages that may use it.
    origins: Collection[str] = ()
    per_minute: int | None = None
    ends_at: datetime | None = None

    @property
    def told(self) -> dict[str, Any]:
        """What of it is not as usual, for those who look at it."""
        plain = {"role": self.role, "personal": self.personal or None, "journeys": sorted(self.journeys) or None}
        more = {"origins": sorted(self.origins) or None, "per_minute": self.per_minute}
        return plain | more | {"ends_at": self.ends_at and self.ends_at.isoformat(timespec="seconds")}


@dataclass(frozen=True, slots=True)
class Caller:
    """The owner of a key that was presented."""

    id: UUID
    name: str
    role: Role
    personal: bool = False
    journeys: frozenset[str] = frozenset()
    origins: frozenset[str] = frozenset()
    per_minute: int | None = None

    def may(self, right: Right) -> bool:
        """Whether its role, or what it was given beside that, is enough."""
        return self.personal if right is Right.PERSONAL else right in RIGHTS[self.role]

    def may_come_from(self, origin: str) -> bool:
        """Whether a web page of this origin may use the key."""
        return origin in self.origins or ANYWHERE in self.origins

    def has(self, journey: str | None) -> bool:
        """Whether it is not held to other journeys; None is what is of no journey, or of several."""
        return not self.journeys or journey in self.journeys


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A key as an operator sees it."""

    id: UUID
    name: str
    grant: Grant
    created_at: datetime
    former_until: datetime | None
    used_at: datetime | None

    @property
    def ends_at(self) -> datetime | None:
        """Until when it is good, or was: it ended by itself, or was revoked."""
        return self.grant.ends_at


class KeyNameTaken(StoreError):
    """A key of that name exists already."""


class NoSuchKey(StoreError):
    """No key of that name is in use."""


class BadKey(StoreError):
    """A key cannot be as asked: an origin is none, or its role cannot have it."""


def digest(key: str) -> bytes:
    """What is stored of a key."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()


async def create_key(connection: "Connection | Pool", name: str, grant: Grant | Role) -> str:
    """Make a key and return it; it cannot be read again. A role alone is a grant with nothing beside it.

    Raises:
        KeyNameTaken: the name is in use, or was.
        BadKey: one of the origins is none, or the grant has what its role cannot have.
    """
    grant = _checked(grant)
    key = _new(grant.role)
    try:
        async with transaction(connection) as own:
            await own.execute(_SQL["create_key"], *_row(name, grant, key))
            await note(own, "create", "key", name, became=grant.told)
    except asyncpg.UniqueViolationError as error:
        raise KeyNameTaken(f"there is a key named {name!r} already; choose another name") from error
    return key


async def put_key(connection: "Connection | Pool", name: str, grant: Grant | Role, key: str) -> None:
    """Make sure that this very key exists under this name, with this grant; raises as `create_key`."""
    grant = _checked(grant)
    async with transaction(connection) as own:
        if await own.fetchval(_SQL["put_key"], *_row(name, grant, key)):
            await note(own, "put", "key", name, became=grant.told)


def mark_of(key: str) -> bytes:
    """What tells a secret of a key from its others, and nobody the secret: for who has shown it once."""
    return digest(key)[:_MARK]


async def find_key(connection: "Connection | Pool", key: str) -> Caller | None:
    """The caller that a key belongs to, if it is valid."""
    return _caller(await connection.fetchrow(_SQL["find_key"], digest(key)))


async def find_shown(connection: "Connection | Pool", id_: UUID, mark: bytes) -> Caller | None:
    """The caller of a key that was shown before, if that secret of it (`mark_of`) is still valid."""
    return _caller(await connection.fetchrow(_SQL["find_shown"], id_, mark))


def _caller(row: Record | None) -> Caller | None:
    if row is None:
        return None
    held = Role(row["role"]), row["personal"], frozenset(row["journeys"]), frozenset(row["origins"])
    return Caller(row["id"], row["name"], *held, row["per_minute"])


async def note_use(connection: "Connection | Pool", id_: UUID) -> None:
    """A key was used now."""
    await connection.execute(_SQL["used"], id_)


async def note_sign_on(connection: "Connection | Pool", name: str) -> None:
    """Somebody exchanged a key for a session of the console; where nothing can be written they look all the same."""
    with suppress(asyncpg.ReadOnlySQLTransactionError):
        async with transaction(connection) as own:
            await note(own, "sign on", "console", name)


async def known_origins(connection: "Connection | Pool") -> frozenset[str]:
    """The origins of web pages from which some key may be used."""
    return frozenset(await connection.fetchval(_SQL["origins"]))


async def revoke_key(connection: "Connection | Pool", name: str) -> bool:
    """Take a key out of use; false when there is no such key in use."""
    async with transaction(connection) as own:
        found = await own.fetchval(_SQL["revoke_key"], name) is not None
        if found:
            await note(own, "revoke", "key", name)
    return found


async def rotate_key(connection: "Connection | Pool", name: str, until: datetime, ends_at: datetime | None = None) -> str:
    """Give a key another secret and return it; the one before is good until an instant. Perhaps it ends at another time, too.

    Raises:
        NoSuchKey: none of that name is in use.
    """
    async with transaction(connection) as own:
        for each in await list_keys(own, name):
            key = _new(each.grant.role)
            if await own.fetchval(_SQL["rotate_key"], name, digest(key), until, ends_at):
                after = replace(each.grant, ends_at=ends_at or each.ends_at)
                became = after.told | {"former_until": until.isoformat(timespec="seconds")}
                await note(own, "rotate", "key", name, was=each.grant.told, became=became)
                return key
    raise NoSuchKey(f"no key named {name!r} is in use; see `journeys keys list`")


async def list_keys(connection: "Connection | Pool", name: str | None = None) -> list[KeyRow]:
    """Every key that ever was, oldest first; or the one of a name."""
    return [_seen(row) for row in await connection.fetch(_SQL["list_keys"], name)]


def origin_of(text: str) -> str:
    """A web page's origin as browsers send it (RFC 6454): `https://shop.example`, with a port where it is not the usual one.

    Raises:
        BadKey: it is none.
    """
    if text == ANYWHERE:
        return text
    try:
        parts = urlsplit(text.strip().lower().removesuffix("/"))
        port = parts.port if parts.port != _USUAL.get(parts.scheme) else None
    except ValueError:
        parts, port = urlsplit(""), None
    origin = f"{parts.scheme}://{parts.hostname}" + (f":{port}" if port else "")
    if parts.scheme not in _USUAL or not parts.hostname or parts.path or parts.query or parts.fragment or parts.username:
        raise BadKey(f"{text!r} is not an origin; give scheme and host alone, such as https://shop.example, or '*' for any")
    return origin


def _checked(grant: Grant | Role) -> Grant:
    """The grant, its origins as browsers send them.

    Raises:
        BadKey: it has what its role cannot have.
    """
    grant = Grant(grant) if isinstance(grant, Role) else grant
    if grant.origins and grant.role is not Role.CLIENT:
        raise BadKey("a server's key must not stand in a web page, so it has no origins; make a key of the role 'client'")
    if grant.personal and grant.role not in MAY_SEE_PERSONS:
        raise BadKey(f"a key of the role '{grant.role}' reads nothing; personal data is for {_listed(MAY_SEE_PERSONS)}")
    if grant.journeys and grant.role not in MAY_BE_OF_JOURNEYS:
        raise BadKey(f"a key of the role '{grant.role}' is of all journeys; of some are {_listed(MAY_BE_OF_JOURNEYS)}")
    return replace(grant, origins=sorted(map(origin_of, grant.origins)), journeys=sorted(grant.journeys))


def _listed(roles: Collection[Role]) -> str:
    return ", ".join(role for role in Role if role in roles)


def _row(name: str, grant: Grant, key: str) -> tuple[object, ...]:
    rest = grant.personal, grant.journeys, grant.origins, grant.per_minute, grant.ends_at
    return uuid7(), name, digest(key), grant.role.value, *rest


def _seen(row: Record) -> KeyRow:
    more = {name: tuple(row[name]) for name in ("journeys", "origins")}
    grant = Grant(Role(row["role"]), row["personal"], **more, per_minute=row["per_minute"], ends_at=row["ends_at"])
    return KeyRow(row["id"], row["name"], grant, row["created_at"], row["former_until"], row["used_at"])


def _new(role: Role) -> str:
    return f"jk_{role}_{secrets.token_urlsafe(24)}"
