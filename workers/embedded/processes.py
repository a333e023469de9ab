"""Child processes that never outlive us: stopped in order by us, or by a reaper when we are killed."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, BinaryIO, Self

from workers.embedded import reaper
from workers.embedded.errors import ServerFailed

GRACE = timedelta(seconds=15)


@dataclass(slots=True, eq=False)
class Child:
    """One running child; its output goes to its log."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path
    stop_signal: signal.Signals
    grace: timedelta
    #: How long its log was when it was started: what stands before that is another one's.
    began: int = 0

    @property
    def running(self) -> bool:
        """Whether it still lives."""
        return self.process.poll() is None

    def said(self) -> str:
        """What its log holds since it was started."""
        with suppress(OSError), self.log.open("rb") as file:
            file.seek(self.began)
            return file.read().decode(errors="replace")
        return ""

    def tail(self, lines: int = 5) -> str:
        """The last lines that it wrote to its log, for an error message."""
        return "\n".join(self.said().splitlines()[-lines:]) or "nothing: it had not said a word"


@dataclass(slots=True)
class Children:
    """The children of this process, in the order in which they were started. Use as a context manager.

    Descriptors in `shared` stay open in the reaper until it has done its work: a lock there outlives a killed parent.
    """

    shared: tuple[int, ...] = ()
    _children: list[Child] = field(default_factory=list)
    _closed: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)  # a start may be cut short by a close
    _reaper: "subprocess.Popen[bytes] | None" = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        log: Path,
        env: Mapping[str, str] | None = None,
        user: int | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
        grace: timedelta = GRACE,
    ) -> Child:
        """Start a child in a session of its own, so that Ctrl-C reaches only us and we decide the order."""
        with self._lock, _appending(log) as output:
            if self._closed:
                raise ServerFailed(f"{name} was not started: everything is being stopped")
            hold, began = self._holding(), output.tell()
            process = subprocess.Popen(
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=None if env is None else dict(env),
                start_new_session=True,
                **dropping_to(user),
            )
            _tell(hold, {"pid": process.pid, "signal": int(stop_signal), "grace": grace.total_seconds()})
            child = Child(name, process, log, stop_signal, grace, began)
            self._children.append(child)
        return child

    def stop(self, child: Child) -> None:
        """Ask a child to end, wait, and kill what is left of its process group."""
        if child.running:
            child.process.send_signal(child.stop_signal)
            with suppress(subprocess.TimeoutExpired):
                child.process.wait(child.grace.total_seconds())
        self.kill(child)

    def kill(self, child: Child) -> None:
        """End a child and its process group at once (SIGKILL)."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(child.process.pid, signal.SIGKILL)
        child.process.wait()
        with self._lock:
            if child in self._children:
                self._children.remove(child)
                _tell(self._holding(), {"pid": child.process.pid})

    def close(self) -> None:
        """Stop every child, the newest first, then the reaper."""
        with self._lock:
            self._closed = True
            children = list(self._children)
        for child in reversed(children):
            self.stop(child)
        if self._reaper is not None and self._reaper.stdin is not None:
            self._reaper.stdin.close()
            self._reaper.wait()
            self._reaper = None

    def _holding(self) -> "subprocess.Popen[bytes]":
        # -P: the script's own folder, which holds modules named like others, stays off its path.
        if self._reaper is None:
            self._reaper = subprocess.Popen(
                [sys.executable, "-P", reaper.__file__],
                stdin=subprocess.PIPE,
                start_new_session=True,
                pass_fds=self.shared,
            )
        return self._reaper


class Endable:
    """What every part that is one process has: a child while it runs, and two ways to end it."""

    children: Children
    child: Child | None

    def stop(self) -> None:
        """End it cleanly; its data stays."""
        if self.child is not None:
            self.children.stop(self.child)
            self.child = None

    def kill(self) -> None:
        """End it as a power cut would."""
        if self.child is not None:
            self.children.kill(self.child)
            self.child = None


def _tell(hold: "subprocess.Popen[bytes]", order: dict[str, float]) -> None:
    assert hold.stdin is not None
    hold.stdin.write(json.dumps(order).encode() + b"\n")
    hold.stdin.flush()


def _appending(log: Path) -> BinaryIO:
    log.parent.mkdir(parents=True, exist_ok=True)
    return log.open("ab")


def dropping_to(user: int | None) -> dict[str, Any]:
    """Arguments of `subprocess` that start a program as another user; none when there is no need."""
    return {} if user is None else {"user": user, "group": user, "extra_groups": []}
