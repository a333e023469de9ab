"""Where simulated journeys meet: whose messages, or whose hold, kept a message back.

Promise: nobody is blamed whose messages the cap that shuts does not count, and no journey for itself.
"""

from collections.abc import Iterator
from datetime import datetime

from journeys.contracts import Reason
from journeys.gate.caps import Capped, counts, since
from journeys.gate.decide import No, Question, caps_on
from journeys.gate.solver import shuts
from journeys.simulate.customers import Sent
from journeys.simulate.run import Run

_BY_CAPS = {Reason.CAPPED, Reason.DAY_CEILING, Reason.NO_INSTANT}


def whose_doing(run: Run, question: Question, no: No) -> set[tuple[str, Reason]]:
    """The other journeys that a message waits for, or is dropped for, and why."""
    if no.reason in (Reason.HELD, Reason.OUTRANKED):
        return {(name, no.reason) for name in no.detail["journeys"] if name != run.journey}
    if no.reason not in _BY_CAPS:
        return set()
    found = {(name, cap.reason) for cap in caps_on(question) for name in _filled_by(cap, question.now)}
    return {(name, reason) for name, reason in found if name != run.journey}


def _filled_by(cap: Capped, now: datetime) -> Iterator[str]:
    """The journeys of the messages that leave no room."""
    if shuts(cap, now):
        after = since([cap.cap], cap.zones, now)
        counted = (each for each in cap.past if each.at > after and counts(cap.cap, each))
        yield from (each.journey for each in counted if isinstance(each, Sent))
