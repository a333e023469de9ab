"""The last resort while a catalogue is looked at: it waits for something outside, or hangs in C where no limit reaches it.

Promise: neither a busy machine nor a big catalogue ends a command, for what is at work is left alone. What waits is told in a
sentence with its line. Of what lets no other thread do anything only Python's own list of the lines at work can be had.
"""

import faulthandler
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from journeys.deadline import last_of_author
from journeys.spans import describe

#: No processor time for so long: it waits.
IDLE = timedelta(minutes=1)
#: No other thread has had its turn for so long.
SILENT = timedelta(minutes=10)
_BEAT = timedelta(seconds=5)
_USED = 0.1  # seconds of processor time between two beats and less: only ours


@contextmanager
def ended_when_stuck(idle: timedelta = IDLE, silent: timedelta = SILENT, beat: timedelta = _BEAT) -> Iterator[None]:
    """End the process where the work gets stuck."""
    over, worker = threading.Event(), threading.get_ident()

    def watch() -> None:
        used, since = time.process_time(), time.monotonic()
        while not over.wait(beat.total_seconds()):
            faulthandler.dump_traceback_later(silent.total_seconds(), exit=True)
            if time.process_time() - used > _USED:
                used, since = time.process_time(), time.monotonic()
            elif time.monotonic() - since > idle.total_seconds():
                _end(worker, idle)

    watching = threading.Thread(target=watch, daemon=True)
    faulthandler.dump_traceback_later(silent.total_seconds(), exit=True)
    watching.start()
    try:
        yield
    finally:
        over.set()
        watching.join()
        faulthandler.cancel_dump_traceback_later()


def _end(worker: int, idle: timedelta) -> None:
    file, line, column = last_of_author(sys._current_frames()[worker])  # noqa: SLF001 - the only way to ask where it is
    told = f"for {describe(idle)} nothing has been done here but to wait, for a network, a lock or a clock"
    sys.stderr.write(f"{file}:{line}:{column}: {told}; a catalogue asks nobody while it is loaded: take it out\n")
    sys.stderr.flush()
    os._exit(1)
