"""API keys: who may call, in which role; the database holds only the SHA-256 of a key, so a leaked copy opens nothing."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

import asyncpg
from uuid_utils.compat import uuid7

from store.database import Connection, Pool
from store.errors import StoreError
from store.named import queries


class Role(StrEnum):
    """What a key may do: `ingest` sends events (it may live in an app), `operate` reads and starts journeys."""

    INGEST = "ingest"
    OPERATE = "operate"


@dataclass(frozen=True, slots=True)
class Caller:
    """The owner of a key that was presented."""

    id: UUID
    name: str
    role: Role


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A key as an operator sees it."""

    id: UUID
    name: str
    role: Role
    created_at: datetime
    revoked_at: datetime | None


class KeyNameTaken(StoreError):
    """A key of that name exists already."""


def digest(key: str) -> bytes:
    """What is stored of a key."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()


async def create_key(connection: "Connection | Pool", name: str, role: Role) -> str:
    """Make a key and return it; it cannot be read again.

    Raises:
        KeyNameTaken: the name is in use, or was.
    """
    key = f"jk_{role.value}_{secrets.token_urlsafe(24)}"
    try:
        await connection.execute(queries("keys")["create_key"], uuid7(), name, role.value, digest(key))
    except asyncpg.UniqueViolationError as error:
        raise KeyNameTaken(f"there is a key named {name!r} already; choose another name") from error
    return key


async def put_key(connection: "Connection | Pool", name: str, role: Role, key: str) -> None:
    """Make sure that this very key exists under this name and role."""
    await connection.execute(queries("keys")["put_key"], uuid7(), name, role.value, digest(key))


async def find_key(connection: "Connection | Pool", key: str) -> Caller | None:
    """The caller that a key belongs to, if it is valid."""
    row = await connection.fetchrow(queries("keys")["find_key"], digest(key))
    return Caller(row["id"], row["name"], Role(row["role"])) if row else None


async def revoke_key(connection: "Connection | Pool", name: str) -> bool:
    """Take a key out of use; false when there is no such key in use."""
    return await connection.fetchval(queries("keys")["revoke_key"], name) is not None


async def list_keys(connection: "Connection | Pool") -> list[KeyRow]:
    """Every key that ever was, oldest first."""
    rows = await connection.fetch(queries("keys")["list_keys"])
    return [KeyRow(r["id"], r["name"], Role(r["role"]), r["created_at"], r["revoked_at"]) for r in rows]
