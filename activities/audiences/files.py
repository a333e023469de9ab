"""Files in a bucket: all who are in it as of a number, and after it what has changed, in the order of their names.

Promise: whoever reads the newest file of members and, in order, those of changes after it knows who is in it. Of somebody who
was erased no file remains: all members are written anew without them, and the files before are deleted.
"""

import asyncio
import csv
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile
from typing import IO

from activities.audiences.destinations import Batch, CannotTell, Setting, setting
from activities.audiences.passing import value
from journeys.audiences.audience import BucketDestination
from store.audiences import Entry
from store.errors import StoreError
from store.exports import NoArrow
from store.exports.hourly import Files, bucket_at

_COLUMNS = {"user_id": "user_id", "email": "email_sha256", "phone": "phone_sha256"}
_IN_MEMORY = 4 * 1024 * 1024


@dataclass(frozen=True)
class BucketFiles:
    """One, opened."""

    declared: BucketDestination
    bucket: Files
    whole: bool = True

    @classmethod
    def opened(cls, declared: BucketDestination, settings: Setting) -> "BucketFiles":
        """With what its setting holds.

        Raises:
            CannotTell: it is not set, or pyarrow is not installed.
        """
        try:
            return cls(declared, bucket_at(setting(settings, declared.bucket), declared.bucket))
        except NoArrow as error:
            raise CannotTell(str(error)) from None

    async def add(self, batch: Batch) -> int:
        """Write who was added."""
        return await self._changes("add", batch)

    async def remove(self, batch: Batch) -> int:
        """Write whom to forget."""
        return await self._changes("remove", batch)

    async def again(self, pages: AsyncIterator[Batch]) -> int:
        """Write who is there into one file, under the number of the first page, and delete all files from before."""
        first: Batch | None = None
        with SpooledTemporaryFile(max_size=_IN_MEMORY) as file:
            async for page in pages:
                self._write(file, page.entries, heading=first is None)
                first = first or page
            assert first is not None, "there is a page, also of nobody"
            name = f"{first.number:012}-members.csv"
            await self._put(first.audience, name, file)
        await self._do(self.bucket.keep, first.audience, frozenset({name}))
        return 0

    async def _changes(self, what: str, batch: Batch) -> int:
        with SpooledTemporaryFile(max_size=_IN_MEMORY) as file:
            self._write(file, batch.entries)
            await self._put(batch.audience, f"{batch.number:012}-{what}.csv", file)
        return 0

    def _write(self, file: IO[bytes], entries: Iterable[Entry], *, heading: bool = True) -> None:
        lines = _Lines(file)
        rows = csv.writer(lines, lineterminator="\n")
        if heading:
            rows.writerow([_COLUMNS[kind] for kind in self.declared.by])
        rows.writerows([value(each.ids, kind) for kind in self.declared.by] for each in entries)

    async def _put(self, audience: str, name: str, file: IO[bytes]) -> None:
        await self._do(self.bucket.put, f"{audience}/{name}", file)

    async def _do(self, what: Callable[..., None], *given: object) -> None:
        try:
            await asyncio.to_thread(what, *given)
        except StoreError as error:
            raise CannotTell(str(error)) from None


@dataclass(frozen=True)
class _Lines:
    """Takes text as `csv` writes it."""

    file: IO[bytes]

    def write(self, text: str) -> int:
        """One line, in UTF-8."""
        return self.file.write(text.encode())
