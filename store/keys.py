"""API keys: who may call, in which role; the database holds only the SHA-256 of a key, so a leaked copy opens nothing."""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from urllib.parse import urlsplit
from uuid import UUID

import asyncpg
from uuid_utils.compat import uuid7

from store.database import Connection, Pool
from store.errors import StoreError
from store.named import queries

#: In place of origins: any web page.
ANYWHERE = "*"
_USUAL = {"http": 80, "https": 443}


class Role(StrEnum):
    """What a key may do: `ingest` sends events, `operate` reads and starts journeys."""

    INGEST = "ingest"
    OPERATE = "operate"


class Kind(StrEnum):
    """Where a key is kept: by the shop's `server`, or by a `client` (an app, a web page), where anybody can read it."""

    SERVER = "server"
    CLIENT = "client"


@dataclass(frozen=True, slots=True)
class Caller:
    """The owner of a key that was presented."""

    id: UUID
    name: str
    role: Role
    kind: Kind = Kind.SERVER
    origins: frozenset[str] = frozenset()

    def may_come_from(self, origin: str) -> bool:
        """Whether a web page of this origin may use the key."""
        return origin in self.origins or ANYWHERE in self.origins


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A key as an operator sees it."""

    id: UUID
    name: str
    role: Role
    kind: Kind
    origins: tuple[str, ...]
    created_at: datetime
    revoked_at: datetime | None


class KeyNameTaken(StoreError):
    """A key of that name exists already."""


class BadKey(StoreError):
    """A key cannot be as asked: an origin is none, or the kind does not fit."""


def digest(key: str) -> bytes:
    """What is stored of a key."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()


async def create_key(
    connection: "Connection | Pool", name: str, role: Role, kind: Kind = Kind.SERVER, origins: Sequence[str] = ()
) -> str:
    """Make a key and return it; it cannot be read again.

    Raises:
        KeyNameTaken: the name is in use, or was.
        BadKey: one of the origins is none, or the key is not a client's for ingest.
    """
    key = f"jk_{_word(role, kind)}_{secrets.token_urlsafe(24)}"
    row = _row(name, role, key, kind, origins)
    try:
        await connection.execute(queries("keys")["create_key"], *row)
    except asyncpg.UniqueViolationError as error:
        raise KeyNameTaken(f"there is a key named {name!r} already; choose another name") from error
    return key


async def put_key(
    connection: "Connection | Pool", name: str, role: Role, key: str, kind: Kind = Kind.SERVER, origins: Sequence[str] = ()
) -> None:
    """Make sure that this very key exists under this name, role and kind; raises as `create_key`."""
    await connection.execute(queries("keys")["put_key"], *_row(name, role, key, kind, origins))


async def find_key(connection: "Connection | Pool", key: str) -> Caller | None:
    """The caller that a key belongs to, if it is valid."""
    row = await connection.fetchrow(queries("keys")["find_key"], digest(key))
    return Caller(row["id"], row["name"], Role(row["role"]), Kind(row["kind"]), frozenset(row["origins"])) if row else None


async def known_origins(connection: "Connection | Pool") -> frozenset[str]:
    """The origins of web pages from which some key may be used."""
    return frozenset(await connection.fetchval(queries("keys")["origins"]))


async def revoke_key(connection: "Connection | Pool", name: str) -> bool:
    """Take a key out of use; false when there is no such key in use."""
    return await connection.fetchval(queries("keys")["revoke_key"], name) is not None


async def list_keys(connection: "Connection | Pool") -> list[KeyRow]:
    """Every key that ever was, oldest first."""
    rows = await connection.fetch(queries("keys")["list_keys"])
    return [
        KeyRow(r["id"], r["name"], Role(r["role"]), Kind(r["kind"]), tuple(r["origins"]), r["created_at"], r["revoked_at"])
        for r in rows
    ]


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


def _row(name: str, role: Role, key: str, kind: Kind, origins: Sequence[str]) -> tuple[object, ...]:
    if kind is Kind.CLIENT and role is not Role.INGEST:
        raise BadKey("a client's key can be read by anybody and only sends events; give it the role 'ingest'")
    if origins and kind is not Kind.CLIENT:
        raise BadKey("a server's key must not stand in a web page, so it has no origins; make a client's key")
    return uuid7(), name, role.value, digest(key), kind.value, sorted(map(origin_of, origins))


def _word(role: Role, kind: Kind) -> str:
    return Kind.CLIENT.value if kind is Kind.CLIENT else role.value
