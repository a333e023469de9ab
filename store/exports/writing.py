"""Rows as they come, in the format that was asked for: the CSV itself, or made into another in a thread beside.

Promise: memory does not grow with the rows, and neither side waits for the other but at the pipes between them.
"""

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from importlib import import_module
from io import BufferedReader
from types import ModuleType
from typing import IO, Any, BinaryIO, TypeVar

from store.exports.tables import Format, Table

#: Bytes that are handed on at once.
_PIECE = 256 * 1024
T = TypeVar("T")


class NoArrow(Exception):
    """pyarrow is not installed."""

    def __init__(self) -> None:
        super().__init__("Arrow and Parquet need pyarrow: pip install 'journeys[export]'; CSV needs nothing")


async def written(rows: AsyncIterator[bytes], table: Table, form: Format) -> AsyncGenerator[bytes]:
    """CSV with a line of names, in this format.

    Raises:
        NoArrow: before the first byte.
        StoreUnreachable: Postgres went away meanwhile, and what was written so far is not all of it.
    """
    if form is Format.CSV:
        async for chunk in rows:
            yield chunk
        return
    arrow, first = _arrow(), await anext(rows)  # what is wrong from the start is said before the first byte
    turning = _Turning(arrow, table, form)
    fed = asyncio.create_task(turning.feed(first, rows))
    try:
        while data := await turning.read():
            yield data
        await fed
        await turning.done()
    finally:
        fed.cancel()
        turning.stop()


class _Turning:
    """A conversion under way: rows go through one pipe into a thread, and what it writes comes back through another.

    So the system's pipes hold whoever is faster, and a reader that goes away breaks them.
    """

    def __init__(self, arrow: ModuleType, table: Table, form: Format) -> None:
        (rows, self._rows), (self._file, file) = _pipe(), _pipe()
        self._threads = ThreadPoolExecutor(3, "export")
        self._whole = False
        self._converted = self._threads.submit(self._convert, arrow, rows, file, table, form)

    async def feed(self, first: bytes, rows: AsyncIterator[bytes]) -> None:
        """All rows, and that they are all."""
        try:
            await self._aside(self._rows.write, first)
            async for chunk in rows:
                await self._aside(self._rows.write, chunk)
            self._whole = True
        finally:
            with suppress(BrokenPipeError):
                await self._aside(self._rows.close)

    async def read(self) -> bytes:
        """What has been written; nothing at its end."""
        return await self._aside(self._file.read1, _PIECE)

    async def done(self) -> None:
        """The conversion ended well, or the error by which it did not."""
        await asyncio.wrap_future(self._converted)

    def stop(self) -> None:
        """Whatever is under way runs out, in its threads: nobody waits for it."""
        self._threads.submit(self._run_out)
        self._threads.shutdown(wait=False)

    def _run_out(self) -> None:
        with self._file:
            while self._file.read1(_PIECE):
                pass

    async def _aside(self, call: Callable[..., T], *given: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, call, *given)

    def _convert(self, arrow: ModuleType, rows: BinaryIO, file: BinaryIO, table: Table, form: Format) -> None:
        with rows, file:
            arrow.convert(rows, file, table, form, lambda: self._whole)


def rows_in(file: IO[bytes]) -> int:
    """How many rows a Parquet file has."""
    count: int = _arrow().rows_in(file)
    return count


def _pipe() -> tuple[BufferedReader, BinaryIO]:
    reader, writer = os.pipe()
    return open(reader, "rb"), open(writer, "wb", buffering=0)  # noqa: PTH123 - no paths; they are closed by who reads and writes


def _arrow() -> ModuleType:
    try:
        return import_module("store.exports.arrow")
    except ImportError:
        raise NoArrow from None
