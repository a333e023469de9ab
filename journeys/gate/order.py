"""Who writes first: of two journeys that are due at once for one customer the more important one, whichever comes first.

Promise: pure. A message keeps its place against less important ones from when it is at the gate for the first time; one
that may take the place of a message which is not there yet waits for a moment, so that it can come.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from journeys.contracts import Cap, Channel, Purpose
from journeys.gate.caps import Capped, Past, counts
from journeys.gate.solver import shuts

#: Two messages of one customer are due at once when they come to the gate within this time: workers race, and queues differ.
TURN = timedelta(seconds=2)
#: A run that was to begin within this time, and has asked for nothing yet, may be on its way to its first message.
WAKING = timedelta(minutes=1)
#: Whoever has not come for so long after their instant keeps no place any more: their worker, or their code, is dead.
PATIENCE = timedelta(minutes=10)
#: Priorities go up to here; transactional messages are above all of them.
HIGHEST = 1_000


@dataclass(frozen=True, slots=True)
class Coming:
    """A message of another run of the customer that waits at the gate: since when it may go, or for when."""

    at: datetime
    channel: Channel
    purpose: Purpose
    priority: int
    journey: str
    caps: tuple[Cap, ...] = ()


def rank_of(purpose: Purpose, priority: int) -> int:
    """How important a message is, the more the higher."""
    return HIGHEST + 1 if purpose is Purpose.TRANSACTIONAL else priority


def outranking(coming: Iterable[Coming], rank: int) -> list[Coming]:
    """Those that are more important."""
    return [each for each in coming if rank_of(each.purpose, each.priority) > rank]


def would_fill(caps: Iterable[Cap], past: Sequence[Past], this: Past, zones: tuple[str, ...]) -> bool:
    """Whether there is no room for another message after this one, under any of the caps."""
    return any(counts(cap, this) and shuts(Capped(cap, [*past, this], zones), this.at) for cap in caps)
