"""The API's own role in Postgres: it writes what calls write; keys, code and what only the watch decides it can only read.

Promise: whoever has taken over an API process can make no worker run code, make no key, and unsay nothing of the audit.
Migrating gives the role what is new.
"""

import base64
import hashlib
import hmac
import secrets
from urllib.parse import unquote, urlsplit

import asyncpg

from store.database import Connection, Database
from store.errors import StoreError
from store.named import queries

_SQL = queries("roles")
#: What the API reads only: who may call, what workers run, and what the watch alone decides.
READ_ONLY = (
    "api_key",
    "catalogue_version",
    "export_hour",
    "migration",
    "segment_alarm",
    "segment_backfill_change",
    "segment_backfill_mark",
    "segment_backfill_member",
    "segment_threshold",
)
#: What it writes once: who changed what is not to be unsaid.
WRITTEN_ONCE = ("audit",)
_ROUNDS = 4096


class CannotMakeRole(StoreError):
    """The API's role cannot be made or changed."""


async def let_api_in(database: Database, dsn: str) -> None:
    """Make the role that an address of the API names, with the password in it, and say what it may do in this database.

    Raises:
        CannotMakeRole: the address names no role with a password, the database's own, or this user may make none.
    """
    name, password = _named_in(dsn)
    async with database.transaction() as connection:
        if name == await connection.fetchval("select current_user"):
            raise CannotMakeRole(f"JOURNEYS_API_DATABASE_URL names {name}, who owns the database; give the API another role")
        try:
            await _make(connection, name, password)
        except asyncpg.InsufficientPrivilegeError as error:
            raise CannotMakeRole(
                f"the role {name} of JOURNEYS_API_DATABASE_URL cannot be made: this user may make none ({error});"
                " let somebody who may create it, and migrate again"
            ) from error


async def _make(connection: Connection, name: str, password: str) -> None:
    verb = "alter" if await connection.fetchval(_SQL["is_there"], name) else "create"
    await connection.execute(await connection.fetchval(_SQL["with_password"], verb, name, _verifier(password)))
    for statement in await connection.fetchval(_SQL["rights"], name, list(READ_ONLY), list(WRITTEN_ONCE)):
        await connection.execute(statement)


def _named_in(dsn: str) -> tuple[str, str]:
    parts = urlsplit(dsn)
    if not parts.username or not parts.password:
        raise CannotMakeRole(
            "JOURNEYS_API_DATABASE_URL names no user with a password: postgresql://user:password@host/database"
        )
    return unquote(parts.username), unquote(parts.password)


def _verifier(password: str) -> str:
    """What the server needs to know of a password (SCRAM, RFC 5803), so that its log never sees the password."""
    salt = secrets.token_bytes(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, _ROUNDS)
    client, server = (hmac.digest(salted, said, "sha256") for said in (b"Client Key", b"Server Key"))
    stored = hashlib.sha256(client).digest()
    encoded = [base64.b64encode(each).decode() for each in (salt, stored, server)]
    return f"SCRAM-SHA-256${_ROUNDS}:{encoded[0]}${encoded[1]}:{encoded[2]}"
