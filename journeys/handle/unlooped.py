"""Steps that are driven without an event loop, also where one runs.

Promise: what they leave open (`j.every`, `j.hold_others`, an async generator of the author's) is never handed to that loop,
which would close it in a task of its own while the step still stands in it.
"""

import sys
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


def unlooped(step: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Take a step, with async generators that no loop knows of."""
    before = sys.get_asyncgen_hooks()
    sys.set_asyncgen_hooks(None, None)
    try:
        return step(*args, **kwargs)
    finally:
        sys.set_asyncgen_hooks(*before)
