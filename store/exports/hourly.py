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

    def show(self, path: str, see: Callable[[bytes], object]) -> bool:
        """A file's content, piece by piece; False where there is no such file."""


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
    """Where hours come from, where they go, and what time of the business a real instant is."""

    database: Database
    files: Files
    business: Callable[[datetime], datetime]

    async def now(self) -> datetime:
        """The time by the database's clock: the same for all who write hours, whatever their machines' clocks say."""
        async with self.database.pool.acquire() as connection:
            return await self._now(connection)

    async def _now(self, connection: Connection) -> datetime:
        return self.business(await connection.fetchval(_SQL["clock"]))

    async def wrong(self, hour: Hour) -> str:
        """What of an hour is not in the bucket as it was put there; nothing where all is, or where it is to be written anyway.

        Raises:
            StoreUnreachable: Postgres went away.
            BucketFails: the bucket does.
        """
        async with self._alone(hour) as connection:
            had = await connection.fetchrow(_SQL["hour"], hour.table.value, hour.begins)
            if had is None or had["written_at"] is None:
                return ""
            if had["sha256"] is None:
                return "its writing broke off"
            stands = Stands(*(had[name] for name in ("version", "rows", "bytes", "file", "sha256")))
            return await asyncio.to_thread(_wrong, self.files, hour, stands)

    async def write(self, hour: Hour, *, first: bool = True, again: bool = False) -> Stands:
        """Bring the bucket up to what the tables say of an hour.

        Args:
            hour: Which; it is known (`store.exports.hours.plan`).
            first: Whether this may be who writes it first. Else what a broken attempt has left there goes, if nobody has.
            again: Whether it is written although its rows are the same, because the bucket has lost it.

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
                stands = await self._bring(connection, table, hour, had, again=again)
            # Each by its number: one with a lower number may be of a transaction that was not over when the rows were read.
            await connection.execute(_SQL["unmark"], [each["id"] for each in marks])
            return stands

    async def _bring(self, connection: Connection, table: Table, hour: Hour, had: Record, *, again: bool) -> Stands:
        key = hour.table.value, hour.begins
        with TemporaryFile() as content:  # of no name, so that nothing is left of it whatever happens
            read = await _read(self.database, table, hour, content)
            at = await self._now(connection)
            if read.sha256 == had["sha256"] and not again:
                await connection.execute(_SQL["same"], *key, at)
                return replace(read, version=had["version"])
            # Said before, so that whoever is cut short is not taken for done, and his version's number stays his.
            stands = replace(read, version=await connection.fetchval(_SQL["writing"], *key))
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
    seen, span = _Seen(), Span(hour.begins, hour.begins + HOUR)
    async with (
        aclosing(csv(database, table, span, ordered=True)) as lines,
        aclosing(written(lines, table, Format.PARQUET)) as pieces,
    ):
        async for piece in pieces:
            content.write(piece)
            seen.see(piece)
    rows = await asyncio.to_thread(rows_in, content)
    return Stands(0, rows, seen.bytes, f"{seen.sha256[:32]}.parquet", seen.sha256) if rows else Stands(0, 0, 0, "", "")


def _wrong(files: Files, hour: Hour, stands: Stands) -> str:
    said: list[bytes] = []
    if not files.show(f"{hour.folder}/{MANIFEST}", said.append):
        return "its manifest is missing"
    if not _names(b"".join(said), hour, stands):
        return "its manifest is altered"
    content = _Seen()
    if stands.file and not files.show(f"{hour.folder}/{stands.file}", content.see):
        return "its file is missing"
    return "its file is altered" if stands.file and (content.bytes, content.sha256) != (stands.bytes, stands.sha256) else ""


def _names(said: bytes, hour: Hour, stands: Stands) -> bool:
    """Whether a manifest names what was put into the bucket."""
    try:
        told = orjson.loads(said)
    except orjson.JSONDecodeError:
        return False
    expected = {"version": stands.version, "rows": stands.rows, "files": _files(hour, stands)}
    return isinstance(told, dict) and expected == {name: told.get(name) for name in expected}


class _Seen:
    """How much a file is, and its hash."""

    def __init__(self) -> None:
        self._digest, self.bytes = hashlib.sha256(), 0

    def see(self, piece: bytes) -> None:
        self._digest.update(piece)
        self.bytes += len(piece)

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()


def bucket_at(url: str, setting: str = "JOURNEYS_EXPORT_BUCKET") -> Files:
    """The bucket or folder at this address, which stands in a setting.

    Raises:
        NoArrow: pyarrow is not installed.
    """
    try:
        files: Files = import_module("store.exports.bucket").Bucket(url, setting)
    except ImportError:
        raise NoArrow from None
    return files


def _manifest(table: Table, hour: Hour, stands: Stands, at: datetime) -> dict[str, Any]:
    return {
        "table": table.name.value,
        "clock": table.clock,
        "from": hour.begins.astimezone(UTC),
        "to": (hour.begins + HOUR).astimezone(UTC),
        "version": stands.version,
        "written_at": at,
        "rows": stands.rows,
        "files": _files(hour, stands),
        "columns": [{"name": each.name, "type": each.type, "about": each.about} for each in table.columns],
    }


def _files(hour: Hour, stands: Stands) -> list[dict[str, Any]]:
    file = {"path": f"{hour.folder}/{stands.file}", "rows": stands.rows, "bytes": stands.bytes, "sha256": stands.sha256}
    return [file] if stands.file else []
