"""Where the servers of tests keep their files: in memory, where the machine has a file system there with room.

Promise: what killed tests left there is gone when the next ones begin. Making, emptying and dropping a database is making and
dropping hundreds of files, and there it costs a tenth of the processor time.
"""

import fcntl
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

_IN_MEMORY = Path("/dev/shm")  # noqa: S108 - what Linux has there; folders in it are made by mkdtemp
_ROOM = 2 * 1024**3
_PREFIX = "journeys-tests-"
_LOCK = "held"


class Place:
    """A folder of one session's own; `descriptor` is shared with the reaper, so that it is held until the servers are gone."""

    def __init__(self) -> None:
        where = _IN_MEMORY if _has_room(_IN_MEMORY) else Path(tempfile.gettempdir())
        for left in where.glob(f"{_PREFIX}*"):
            _clear(left)
        self._folder = tempfile.TemporaryDirectory(prefix=_PREFIX, dir=where, ignore_cleanup_errors=True)
        self.path = Path(self._folder.name)
        self.descriptor = os.open(self.path / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(self.descriptor, fcntl.LOCK_EX)

    def close(self) -> None:
        """Remove it."""
        os.close(self.descriptor)
        self._folder.cleanup()


def _has_room(folder: Path) -> bool:
    """A container is often given a file system of 64 MB there."""
    return os.access(folder, os.W_OK) and shutil.disk_usage(folder).free > _ROOM


def _clear(left: Path) -> None:
    """Remove a folder that nobody holds any more."""
    with suppress(OSError), (left / _LOCK).open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(left, ignore_errors=True)
