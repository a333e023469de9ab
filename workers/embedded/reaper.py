"""Stops the children of a process that died: reads orders from its parent, and acts when that pipe closes.

Started by `workers.embedded.processes` as a script of its own; imports nothing of ours, so that it starts at once.
"""

import json
import os
import signal
import sys
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

import psutil


@dataclass(frozen=True, slots=True)
class _Watched:
    process: psutil.Process  # psutil holds pid and start time: a reused pid is never signalled
    stop_signal: int
    grace: float


def main() -> None:
    """Keep the list of children until the parent is gone, then stop them, the newest first."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # the pipe is the only order to stop
    for watched in reversed(list(_listen(sys.stdin).values())):
        _stop(watched)


def _listen(lines: Iterable[str]) -> dict[int, _Watched]:
    children: dict[int, _Watched] = {}
    for line in lines:
        order = json.loads(line)
        children.pop(order["pid"], None)
        if "signal" in order:
            with suppress(psutil.NoSuchProcess):
                children[order["pid"]] = _Watched(psutil.Process(order["pid"]), order["signal"], order["grace"])
    return children


def _stop(watched: _Watched) -> None:
    with suppress(psutil.NoSuchProcess):
        watched.process.send_signal(watched.stop_signal)
        with suppress(psutil.TimeoutExpired):
            watched.process.wait(watched.grace)
    # What it started itself shares its process group.
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(watched.process.pid, signal.SIGKILL)


if __name__ == "__main__":
    main()
