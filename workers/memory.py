"""What a process that lives long tells Python about its memory.

Promise: results do not change; a busy watch spent a third of its Python time in looking for garbage among modules.
"""

import gc


def long_lived() -> None:
    """Leave what is loaded by now out of garbage collection, and look less often: call it once everything is set up."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
