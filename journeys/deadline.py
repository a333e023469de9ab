"""A time limit for code that may never come back: a catalogue's module as it is imported, a journey as it is walked.

Promise: works in any thread, leaves nothing behind, and says in which of the author's lines the code was. Processor time is
what counts, so that a busy machine refuses nothing. In the main thread a timer looks at it, which costs nothing and also leaves
what C code looks out for signals (a search for a pattern); elsewhere it is looked at at every step of the author's code and at
every call of a Python function, and what hangs inside C is left when it returns.
"""

import signal
import site
import sys
import sysconfig
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import cache
from itertools import count, islice
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar

T = TypeVar("T")
_OURS = Path(__file__).parents[1]
_RARELY = 256  # steps between two looks at the clock, which cost more than a step
_AGAIN = 0.25  # seconds of processor time to the next look, where the first was of another thread's time, or was swallowed
_ROOMS = ("activities", "api", "journeys", "segments", "store", "workers")


class TookTooLong(BaseException):
    """The limit is over; out of reach of `except Exception`.

    It says itself in which of the author's lines (file, line from 1, column from 1) the code was: a frame that is handling an
    exception of its own may be missing from the traceback.
    """

    def __init__(self, frame: FrameType, limit: timedelta) -> None:
        super().__init__()
        self.limit = limit
        self.file, self.line, self.column = last_of_author(frame)


def within(limit: timedelta, work: Callable[[], T]) -> T:
    """What the work returns; without a limit under a debugger, which needs the same hook and whose user takes their time.

    Raises:
        TookTooLong: it was not done in time.
    """
    if sys.gettrace() is not None:
        return work()
    over = time.thread_time() + limit.total_seconds()
    with _timer(limit, over) if threading.current_thread() is threading.main_thread() else _steps(limit, over):
        return work()


@contextmanager
def _timer(limit: timedelta, over: float) -> Iterator[None]:
    def look(signum: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the protocol's signature
        if frame is not None and time.thread_time() > over:
            raise TookTooLong(frame, limit)

    before = signal.signal(signal.SIGPROF, look)
    signal.setitimer(signal.ITIMER_PROF, limit.total_seconds(), _AGAIN)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


@contextmanager
def _steps(limit: timedelta, over: float) -> Iterator[None]:
    steps = count(1)

    def look(frame: FrameType, event: str, argument: object) -> Any:  # noqa: ARG001 - the protocol's signature
        if not next(steps) % _RARELY and time.thread_time() > over:
            raise TookTooLong(frame, limit)
        if not is_authors(frame.f_code.co_filename):
            return None
        frame.f_trace_opcodes = True  # `while True: pass` is one line for ever, and Python tells of it once
        return look

    sys.settrace(look)
    try:
        yield
    finally:
        sys.settrace(None)


def last_of_author(frame: FrameType | None) -> tuple[str, int, int]:
    """File, line and column, both from 1, of the author's line that led to a frame."""
    while frame is not None and not is_authors(frame.f_code.co_filename):
        frame = frame.f_back
    if frame is None:
        return "", 0, 0
    *_, column, _ = next(islice(frame.f_code.co_positions(), max(frame.f_lasti, 0) // 2, None))
    return frame.f_code.co_filename, frame.f_lineno or 1, (column or 0) + 1


@cache
def is_authors(file: str) -> bool:
    """Whether a source file is an author's: not ours, not Python's, not an installed package's."""
    path = Path(file)
    return path.suffix == ".py" and not any(path.is_relative_to(folder) for folder in _others())


@cache
def _others() -> tuple[Path, ...]:
    named = sysconfig.get_paths()
    python = {named[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    installed = {*python, *site.getsitepackages(), site.getusersitepackages()}
    return (*(_OURS / room for room in _ROOMS), *map(Path, installed))
