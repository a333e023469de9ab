"""Driving a journey without an event loop: its steps are plain Python, and in a runtime where nothing takes time never wait.

Promise: what they leave open (`j.every`, `j.hold_others`, an async generator of the author's) is never handed to a loop that
runs beside, which would close it in a task of its own while the step still stands in it.
"""

import sys
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from journeys.authoring import JourneyDefinition
from journeys.deadline import TookTooLong
from journeys.handle import Journey, RunEnded
from journeys.handle.branch import HERE

P = ParamSpec("P")
T = TypeVar("T")


def drive(definition: JourneyDefinition, handle: Journey[Any]) -> BaseException | None:
    """Walk the steps to their end, or to what stopped them; that is returned, an end is noted."""
    steps = definition.steps(handle).__await__()
    outside = HERE.set(None)  # also where a branch of the run itself asks
    try:
        unlooped(next, iter(steps))
    except (KeyboardInterrupt, SystemExit, GeneratorExit):
        raise
    except TookTooLong as stop:
        return stop
    except RunEnded as ended:
        handle.over_by = ended.which or ended.reason.value
    except BaseException as stop:  # noqa: BLE001 - told at load, or seen in its workflow
        return None if isinstance(stop, StopIteration) else stop
    finally:
        HERE.reset(outside)
    return None


def unlooped(step: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Take a step, with async generators that no loop knows of."""
    before = sys.get_asyncgen_hooks()
    sys.set_asyncgen_hooks(None, None)
    try:
        return step(*args, **kwargs)
    finally:
        sys.set_asyncgen_hooks(*before)
