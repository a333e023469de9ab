"""What a process tells Python about its memory: one that lives long, and one that plays simulations.

Promise: results do not change; a busy watch spent a third of its Python time in looking for garbage among modules.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


def long_lived() -> None:
    """Leave what is loaded by now out of garbage collection, and look less often: call it once everything is set up."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


@contextmanager
def undisturbed() -> Iterator[None]:
    """While a page of customers is played, nobody of it is garbage: Python does not look for any, and does once it is through.

    Who was played holds on to each other, and is found much later otherwise.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
    gc.collect()
