"""Processes that each have the catalogue, for what one of them would take too long for.

Promise: they print nothing, and end with the work that they were made for.
"""

import os
import signal
import threading
from concurrent.futures import ProcessPoolExecutor
from contextlib import redirect_stdout
from io import StringIO
from multiprocessing import get_context, parent_process

from journeys.catalogue import load
from workers.memory import long_lived


def processes_of(number: int, module: str) -> ProcessPoolExecutor:
    """So many, with the catalogue of this name."""
    return ProcessPoolExecutor(number, get_context("spawn"), initializer=_begin, initargs=(module,))


def _begin(module: str) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # ctrl-C is for the one that they work for
    threading.Thread(target=_end_with_it, daemon=True).start()
    with redirect_stdout(StringIO()):  # what the catalogue prints is not our answer
        load(module)
    long_lived()


def _end_with_it() -> None:
    """Whoever waits for work would wait on when the one that they work for was killed."""
    if (parent := parent_process()) is not None:
        parent.join()
        os._exit(1)
