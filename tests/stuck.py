"""A test that does not come back: what it waits for is written down, and it fails instead of holding everybody up.

Promise: what every task of an event loop and every thread is at goes to the standard error of the run, past what captures it.
The process ends then; pytest-xdist calls the test failed and gives the other ones to a new process.
"""

import asyncio
import faulthandler
import gc
import inspect
import os
import threading
import time
from collections.abc import Generator, Iterator
from typing import Any

import pytest

from tests.extent import LONG

#: The longest test takes a fifth of it on a quiet machine.
LIMIT = 600.0
LOOK = 5.0
_FRAMES = "cr_frame", "gi_frame", "ag_frame"
_ON = "cr_await", "gi_yieldfrom", "ag_await"
_running: dict[str, float] = {}


def pytest_configure() -> None:
    """Look on, but for the long profile, whose tests take hours."""
    if not LONG:
        threading.Thread(target=_watch, args=(os.dup(2),), daemon=True).start()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """One test, with what is set up before and torn down after it."""
    _running[item.nodeid] = time.monotonic()
    try:
        return (yield)
    finally:
        _running.pop(item.nodeid, None)


def _watch(errors: int) -> None:
    while True:
        time.sleep(LOOK)
        for test, began in list(_running.items()):
            if time.monotonic() - began > LIMIT:
                _tell(test, errors)
                os._exit(1)


def _tell(test: str, errors: int) -> None:
    with open(errors, "w") as file:
        print(f"\n{test} did not come back within {LIMIT:.0f} s. Its tasks:", file=file)
        for each in gc.get_objects():
            if isinstance(each, asyncio.Task) and not each.done():
                print(each.get_name(), *_lines(each.get_coro()), sep="\n  ", file=file)
        print("Its threads:", file=file, flush=True)
        faulthandler.dump_traceback(file=file)


def _lines(waiting: Any) -> Iterator[str]:
    """What waits for what, the outermost first. The next step of an asynchronous generator does not tell whose it is."""
    while waiting is not None:
        frame = next((found for name in _FRAMES if (found := getattr(waiting, name, None)) is not None), None)
        if frame is not None:
            yield f"{frame.f_code.co_filename}:{frame.f_lineno} in {frame.f_code.co_qualname}"
        on = next((found for name in _ON if (found := getattr(waiting, name, None)) is not None), None)
        step = frame is None and type(waiting).__name__.startswith("async_generator")
        waiting = next(filter(inspect.isasyncgen, gc.get_referents(waiting)), None) if step else on
