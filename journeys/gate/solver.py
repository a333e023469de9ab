"""The best instant for a message: that which quiet hours, windows, caps, habits and its deadline allow together.

Promise: pure. What it answers all constraints allow at once, and nothing earlier is allowed by all; or there is none, and it
says which constraints shut which was open, and which shut the last gap. It works on stretches of time, whatever their length.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from journeys.contracts import Reason
from journeys.gate.habits import Habits
from journeys.gate.stretches import Stretch, without

#: So much time is looked at at once: most messages go out in the first piece, however long they are useful.
_PIECE = timedelta(days=28)
_INSTANT = timedelta(microseconds=1)


class Constraint(Protocol):
    """Something that shuts stretches of time to a message."""

    @property
    def reason(self) -> Reason:
        """What the ledger calls it."""
        ...

    @property
    def told(self) -> Mapping[str, Any]:
        """What the ledger keeps of it."""
        ...

    def shut(self, start: datetime, end: datetime) -> list[Stretch]:
        """When it shuts, between two instants or beyond them, as a set (`journeys.gate.stretches`)."""
        ...


@dataclass(frozen=True, slots=True)
class Answer:
    """The best instant; where there is none, who shut what was open, in the order asked, and who the last gap."""

    at: datetime | None
    shut_by: tuple[Constraint, ...] = ()
    last: Constraint | None = None


def solve(earliest: datetime, deadline: datetime, constraints: Sequence[Constraint], habits: Habits | None = None) -> Answer:
    """The earliest instant before the deadline that all constraints allow.

    With habits, in the time that is theirs: the earliest in the customer's heaviest hour that is allowed. Where nothing is
    allowed in that time, they do not matter: a habit drops no message.
    """
    shut_by: dict[int, Constraint] = {}
    last = None
    for start, end in _pieces(earliest, deadline, habits):
        left, closing = _left(constraints, start, end)
        if left:
            return Answer(habits.heaviest(left) if habits and start < habits.until else left[0][0])
        shut_by |= closing
        last = list(closing.values())[-1]
    return Answer(None, tuple(shut_by[n] for n in sorted(shut_by)), last)


def shuts(constraint: Constraint, at: datetime) -> bool:
    """Whether a constraint allows no message at an instant."""
    return any(start <= at < end for start, end in constraint.shut(at, at + _INSTANT))


def _pieces(earliest: datetime, deadline: datetime, habits: Habits | None) -> Iterator[Stretch]:
    if habits and earliest < min(habits.until, deadline):
        yield earliest, min(habits.until, deadline)
        earliest = min(habits.until, deadline)
    while earliest < deadline:
        end = min(deadline - earliest, _PIECE) + earliest
        yield earliest, end
        earliest = end


def _left(constraints: Sequence[Constraint], start: datetime, end: datetime) -> tuple[list[Stretch], dict[int, Constraint]]:
    """What all of them leave open, and by their numbers those that shut something; the last of these shut what was left."""
    left, closing = [(start, end)], {}
    for number, constraint in enumerate(constraints):
        before, left = left, without(left, constraint.shut(start, end))
        if left != before:
            closing[number] = constraint
    return left, closing
