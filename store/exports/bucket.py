"""A bucket, or a folder, for files: Amazon S3 and what speaks like it, Google Cloud Storage, Azure, or this machine's disk.

Promise: whoever reads a file under its name reads all of it. Imported where there is a bucket, because pyarrow is an extra.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from shutil import copyfileobj
from typing import IO
from urllib.parse import urlsplit

from pyarrow import fs

from store.errors import StoreError

_BLOCK = 1024 * 1024


class BucketFails(StoreError):
    """A bucket does not take, give or delete a file."""


class Bucket:
    """One, by its URL, which stands in a setting; credentials are where the provider's own library looks for them."""

    def __init__(self, url: str, setting: str = "JOURNEYS_EXPORT_BUCKET") -> None:
        self.url, self.setting = url, setting

    def put(self, path: str, content: IO[bytes]) -> None:
        """A file with all that is in this one."""
        with self._told(f"writing {path}"):
            content.seek(0)
            beside = self._beside(path)
            with self._files.open_output_stream(beside) as file:
                copyfileobj(content, file, _BLOCK)
            if beside != path:
                self._files.move(beside, path)

    def keep(self, folder: str, names: frozenset[str]) -> None:
        """Delete the files of a folder but for these."""
        with self._told(f"deleting in {folder}"):
            for each in self._files.get_file_info(fs.FileSelector(folder, allow_not_found=True)):
                if each.is_file and each.base_name not in names:
                    self._files.delete_file(each.path)

    def show(self, path: str, see: Callable[[bytes], object]) -> bool:
        """A file's content, piece by piece; False where there is no such file."""
        with self._told(f"reading {path}"):
            if not self._files.get_file_info(path).is_file:
                return False
            with self._files.open_input_stream(path) as file:
                while piece := file.read(_BLOCK):
                    see(piece)
        return True

    def _beside(self, path: str) -> str:
        """Where to write first: in a bucket a file is there when it is whole, on a disk when it is moved."""
        if self._root.type_name != "local":
            return path
        folder, _, name = path.rpartition("/")
        self._files.create_dir(folder)
        return f"{folder}/.{name}"

    @cached_property
    def _opened(self) -> tuple[fs.FileSystem, str]:
        opened: tuple[fs.FileSystem, str] = fs.FileSystem.from_uri(self.url)
        return opened

    @property
    def _root(self) -> fs.FileSystem:
        return self._opened[0]

    @cached_property
    def _files(self) -> fs.FileSystem:
        return fs.SubTreeFileSystem(self._opened[1], self._root)

    @contextmanager
    def _told(self, doing: str) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError) as error:  # pyarrow's own are of these
            where = urlsplit(self.url)
            why = str(error).splitlines()[0]
            raise BucketFails(
                f"{doing} in {where.scheme}://{where.netloc.rpartition('@')[2]}{where.path} ({self.setting}) failed: {why}"
            ) from error
