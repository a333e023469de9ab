"""Write an hour of a table into a bucket: a Parquet file, and a manifest that names it.

Promise: readers who trust manifests read each row of an hour once. A file's name is its content's hash, so no file changes; the
manifest is written last and in one piece, and only then does what it does not name go. Written twice, it is the same.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib import import_module
from io import BytesIO
from tempfile import TemporaryFile
from typing import IO, Any, Protocol

import orjson

from store.away import AWAY
from store.database import Connection, Database, Record
from store.exports.hours import HOUR, Hour
from store.exports.reading import csv
from store.exports.tables import Format, Span, Table, tables
from store.exports.writing import NoArrow, rows_in, written
from store.locks import Lock
from store.named import queries

_SQL = queries("exports")
MANIFEST = "_manifest.json"
#: Seconds for a turn at an hour that somebody else is writing.
_PATIENCE = 1800.0


class Files(Protocol):
    """Where files go (`store.exports.bucket.Bucket`); it may take its time, in a thread."""

    def put(self, path: str, content: IO[bytes]) -> None:
        """A file with all that is in this one."""

    def keep(self, folder: str, names: frozenset[str]) -> None:
        """Delete the files of a folder but for these."""


@dataclass(frozen=True, slots=True)
class Stands:
    """What is in the bucket of an hour; without rows it has no file, and no hash."""

    version: int
    rows: int
    bytes: int
    file: str
    sha256: str


@dataclass(frozen=True)
class Hourly:
    """Where hours come from, where they go, and the clock for their manifests."""

    database: Database
    files: Files
    now: Callable[[], datetime]

    async def write(self, hour: Hour, *, first: bool = True) -> Stands:
        """Bring the bucket up to what the tables say of an hour.

        Args:
            hour: Which; it is known (`store.exports.hours.plan`).
            first: Whether this may be who writes it first. Else what a broken attempt has left there goes, if nobody has.

        Raises:
            NoArrow: pyarrow is not installed.
            StoreUnreachable: Postgres went away.
            BucketFails: the bucket does.
        """
        table = (await tables(self.database))[hour.table]
        async with self._alone(hour) as connection:
            had = await connection.fetchrow(_SQL["hour"], hour.table.value, hour.begins)
            marks = await connection.fetch(_SQL["marks"], hour.table.value, hour.begins)
            if had is None or (had["written_at"] is None and not first):
                await asyncio.to_thread(self.files.keep, hour.folder, frozenset())
                stands = Stands(0, 0, 0, "", "")
            else:
                stands = await self._bring(connection, table, hour, had)
            # Each by its number: one with a lower number may be of a transaction that was not over when the rows were read.
            await connection.execute(_SQL["unmark"], [each["id"] for each in marks])
            return stands

    async def _bring(self, connection: Connection, table: Table, hour: Hour, had: Record) -> Stands:
        key = hour.table.value, hour.begins
        with TemporaryFile() as content:  # of no name, so that nothing is left of it whatever happens
            read = await _read(self.database, table, hour, content)
            if read.sha256 == had["sha256"]:
                await connection.execute(_SQL["same"], *key, self.now())
                return replace(read, version=had["version"])
            # Said before, so that whoever is cut short is not taken for done, and his version's number stays his.
            stands = replace(read, version=await connection.fetchval(_SQL["writing"], *key))
            at = self.now()
            said = BytesIO(orjson.dumps(_manifest(table, hour, stands, at), option=orjson.OPT_INDENT_2))
            if stands.file:
                await asyncio.to_thread(self.files.put, f"{hour.folder}/{stands.file}", content)
            await asyncio.to_thread(self.files.put, f"{hour.folder}/{MANIFEST}", said)
        await asyncio.to_thread(self.files.keep, hour.folder, frozenset({MANIFEST, stands.file}))
        await connection.execute(_SQL["wrote"], *key, stands.rows, stands.bytes, stands.file, stands.sha256, at)
        return stands

    @asynccontextmanager
    async def _alone(self, hour: Hour) -> AsyncIterator[Connection]:
        """A connection while nobody else writes this hour; there is no transaction open meanwhile, which may be long."""
        key = hour.table.value, hour.begins
        async with self.database.pool.acquire() as connection:
            await connection.execute(_SQL["lock_hour"], Lock.FILES, *key, timeout=_PATIENCE)
            try:
                yield connection
            finally:
                with suppress(*AWAY):
                    await connection.execute(_SQL["unlock_hour"], Lock.FILES, *key)


async def _read(database: Database, table: Table, hour: Hour, content: IO[bytes]) -> Stands:
    """The rows into a file of this machine, in an order of their own, so that the same rows are the same bytes."""
    digest, size = hashlib.sha256(), 0
    span = Span(hour.begins, hour.begins + HOUR)
    async with (
        aclosing(csv(database, table, span, ordered=True)) as lines,
        aclosing(written(lines, table, Format.PARQUET)) as pieces,
    ):
        async for piece in pieces:
            content.write(piece)
            digest.update(piece)
            size += len(piece)
    rows = await asyncio.to_thread(rows_in, content)
    sha256 = digest.hexdigest()
    return Stands(0, rows, size, f"{sha256[:32]}.parquet", sha256) if rows else Stands(0, 0, 0, "", "")


def bucket_at(url: str) -> Files:
    """The bucket or folder at this address.

    Raises:
        NoArrow: pyarrow is not installed.
    """
    try:
        files: Files = import_module("store.exports.bucket").Bucket(url)
    except ImportError:
        raise NoArrow from None
    return files


def _manifest(table: Table, hour: Hour, stands: Stands, at: datetime) -> dict[str, Any]:
    file = {"path": f"{hour.folder}/{stands.file}", "rows": stands.rows, "bytes": stands.bytes, "sha256": stands.sha256}
    return {
        "table": table.name.value,
        "clock": table.clock,
        "from": hour.begins.astimezone(UTC),
        "to": (hour.begins + HOUR).astimezone(UTC),
        "version": stands.version,
        "written_at": at,
        "rows": stands.rows,
        "files": [file] if stands.file else [],
        "columns": [{"name": each.name, "type": each.type, "about": each.about} for each in table.columns],
    }
