"""A process that has imported what commands import, and forks off a process for each command that it is told of.

Promise: arguments, environment, folder, path, output and exit code are the command's own, and before the fork nothing of ours
has run but imports. Started as a script, by `tests.command_line`.
"""

import gc
import importlib
import json
import os
import pkgutil
import signal
import socket
import sys
import traceback
from contextlib import suppress
from typing import IO, NoReturn

import workers.cli
from workers.cli.main import main

#: What commands import when they run; whatever is missing here costs each command that needs it its time.
_LATER = (
    *(module.name for module in pkgutil.iter_modules(workers.cli.__path__, "workers.cli.")),
    *("workers.serve", "workers.worker", "workers.definitions", "workers.demo", "workers.embedded.foreground"),
    *("rich.console", "rich.table", "typer.rich_utils", "css_inline", "mrml", "uvicorn", "uvloop"),
)


def serve(calls: socket.socket) -> None:
    """Fork for each call, until whoever calls is gone."""
    signal.signal(signal.SIGCHLD, _bury)
    while (called := socket.recv_fds(calls, 1, 4))[0]:
        if not os.fork():
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            calls.close()
            _wait_for(*called[1])
        for each in called[1]:
            os.close(each)


def _bury(*_: object) -> None:
    """Leave no zombie among the processes that a test may look at."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _wait_for(call: int, stdout: int, stderr: int, answer: int) -> NoReturn:
    """Fork off the command, and answer with its exit code."""
    child = os.fork()
    if not child:
        os.close(answer)
        _become(os.fdopen(call), stdout, stderr)
    _, status = os.waitpid(child, 0)
    os.write(answer, str(os.waitstatus_to_exitcode(status)).encode())
    os._exit(0)


def _become(call: IO[str], stdout: int, stderr: int) -> NoReturn:
    """Stand where the command was called, and be it."""
    with call:
        told = json.load(call)
    for at, file in enumerate((os.open(os.devnull, os.O_RDONLY), stdout, stderr)):
        os.dup2(file, at)
        os.close(file)
    os.chdir(told["cwd"])
    os.environ.clear()
    os.environ.update(told["environment"])
    sys.argv = ["journeys", *told["arguments"]]
    sys.path[:0] = told["path"]
    importlib.invalidate_caches()
    _run()


def _run() -> NoReturn:
    code = 1
    try:
        main()
    except SystemExit as leaving:
        code = leaving.code if isinstance(leaving.code, int) else bool(leaving.code)
    except BaseException:  # noqa: BLE001 - as the interpreter does
        traceback.print_exc()
    with suppress(OSError):
        sys.stdout.flush()
    os._exit(code)


if __name__ == "__main__":
    for each in _LATER:
        importlib.import_module(each)
    gc.freeze()
    serve(socket.socket(fileno=int(sys.argv[1])))
