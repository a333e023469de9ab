"""Driving a journey without an event loop: its steps are plain Python, and in a runtime where nothing takes time never wait."""

from typing import Any

from journeys.authoring import JourneyDefinition
from journeys.deadline import TookTooLong
from journeys.handle import Journey, RunEnded
from journeys.handle.branch import HERE
from journeys.handle.unlooped import unlooped


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
