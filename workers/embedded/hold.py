"""One stack per data directory: a lock that the kernel frees when its last holder, the reaper included, is gone."""

import fcntl
import os
import time
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import psutil

from workers.embedded.errors import AlreadyRunning, SettingUnusable

_STOPPING = timedelta(seconds=60)


class Hold:
    """The lock on a data directory; `descriptor` is shared with the reaper, so that it outlives a killed stack."""

    def __init__(self, directory: Path) -> None:
        """Take the lock, after a predecessor that was killed has been cleared away.

        Raises:
            AlreadyRunning: another stack uses the directory.
            SettingUnusable: it cannot be made or written to.
        """
        self._directory = directory
        try:
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            (directory / ".gitignore").write_text("*\n")  # keys and data are nobody's to commit
            self.descriptor = os.open(directory / "stack.lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            why = (error.strerror or str(error)).lower()
            raise SettingUnusable(
                f"the data directory {directory} cannot be used ({why}); choose another with --data-dir or JOURNEYS_DATA_DIR"
            ) from error
        try:
            self._take()
        except AlreadyRunning:
            self.release()
            raise
        os.truncate(self.descriptor, 0)
        os.pwrite(self.descriptor, str(os.getpid()).encode(), 0)

    def release(self) -> None:
        """Let another stack use the directory."""
        os.close(self.descriptor)

    def _take(self) -> None:
        deadline = time.monotonic() + _STOPPING.total_seconds()
        while not self._taken():
            owner = self._owner()
            if _alive(owner) or time.monotonic() > deadline:
                raise AlreadyRunning(
                    f"another stack (process {owner}) uses {self._directory}: stop it,"
                    " or choose another directory with --data-dir or JOURNEYS_DATA_DIR"
                )
            time.sleep(0.1)

    def _taken(self) -> bool:
        try:
            fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _owner(self) -> int:
        with suppress(ValueError):
            return int(os.pread(self.descriptor, 20, 0))
        return 0


def _alive(pid: int) -> bool:
    with suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False
