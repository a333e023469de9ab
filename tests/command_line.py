"""`journeys …` as a process of its own: forked off one that has imported everything (`tests.forks`), or wholly fresh.

Promise: both run the real `main`, with arguments, environment, folder, path, output and exit code of their own. A fresh one
costs fifty times as much: it is for what imports decide, such as where packages are found, and for how an interpreter ends.
"""

import asyncio
import atexit
import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import IO, Any

from tests import forks

MODULE = "workers.cli.main"
_LONGEST = 60
Finished = subprocess.CompletedProcess[str]


def journeys(*arguments: str, cwd: Path | None = None, path: Sequence[str] = (), **settings: str) -> Finished:
    """The command with these settings alone; `path` is looked in first."""
    told = {"arguments": arguments, "environment": environment(path, settings), "cwd": str(cwd or Path.cwd()), "path": path}
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        code = _forked(told, out, err)
        return subprocess.CompletedProcess(arguments, code, _text(out), _text(err))


def freshly(*arguments: str, cwd: Path | None = None, path: Sequence[str] = (), **settings: str) -> Finished:
    """The same in an interpreter that has imported nothing."""
    command = [sys.executable, "-P", "-m", MODULE, *arguments]
    given = environment(path, settings)
    return subprocess.run(command, capture_output=True, text=True, check=False, env=given, cwd=cwd, timeout=_LONGEST)


async def in_thread(*arguments: str, **settings: str) -> Finished:
    return await asyncio.to_thread(journeys, *arguments, **settings)


def environment(path: Sequence[str], settings: dict[str, str]) -> dict[str, str]:
    quiet = {name: value for name, value in os.environ.items() if not name.startswith("JOURNEYS_")}
    told = {f"JOURNEYS_{name.upper()}": value for name, value in settings.items()}
    return {**quiet, **told, "COLUMNS": "200", "PYTHONPATH": os.pathsep.join(filter(None, [*path, *sys.path]))}


def _forked(told: dict[str, Any], out: IO[str], err: IO[str]) -> int:
    """The exit code; whoever forks reads the call from a file, so that it may be of any length."""
    answer, theirs = socket.socketpair()
    with answer, theirs, tempfile.TemporaryFile("w+") as call:
        json.dump(told, call)
        call.seek(0)
        socket.send_fds(_forking(), [b"!"], [call.fileno(), out.fileno(), err.fileno(), theirs.fileno()])
        theirs.close()
        answer.settimeout(_LONGEST)
        return int(answer.recv(16))


@cache
def _forking() -> socket.socket:
    """Where calls go; started once, and gone when this process is."""
    ours, theirs = socket.socketpair()
    command = [sys.executable, "-P", forks.__file__, str(theirs.fileno())]
    process = subprocess.Popen(command, pass_fds=[theirs.fileno()], env=environment((), {}), start_new_session=True)
    theirs.close()
    atexit.register(process.wait)
    atexit.register(ours.close)
    return ours


def _text(file: IO[str]) -> str:
    file.seek(0)
    return file.read()
