"""How an experiment stood as of a look, so that who reads it later looks at the days since alone.

Promise: plain values, which come back from JSON as they were, to the last digit.
"""

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from typing import Any, NamedTuple, Self

from journeys.experiments.sums import Sums


class Moment(NamedTuple):
    """A question as of a look, from which its finding follows: the look's number, the smallest p, the sums of its groups."""

    look: int
    p: float | None
    groups: tuple[Sums, ...]
    #: Whether it is the one look at the declared end.
    ending: bool = False


class Stood(NamedTuple):
    """How a question stood as of a look: then, when p was first as small as asked for, and at the declared end."""

    now: Moment
    shown: Moment | None = None
    at_end: Moment | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """How an experiment stood: its looks, the smallest p of its shares, which look alarmed, whether it was over, its sums."""

    looks: int
    p: float
    alarm_at: int | None
    over: bool
    sums: Mapping[str, Sums]
    asked: tuple[Stood, ...]

    def to_json(self) -> dict[str, Any]:
        """As JSON; arms keep their order."""
        return {
            "looks": self.looks,
            "p": self.p,
            "alarm_at": self.alarm_at,
            "over": self.over,
            "sums": [[arm, *astuple(sums)] for arm, sums in self.sums.items()],
            "asked": [[each and _plain(each) for each in stood] for stood in self.asked],
        }

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Self:
        """What `to_json` made."""
        return cls(
            plain["looks"],
            float(plain["p"]),
            plain["alarm_at"],
            plain["over"],
            {arm: _sums(sums) for arm, *sums in plain["sums"]},
            tuple(Stood(*(each and _moment(*each) for each in stood)) for stood in plain["asked"]),
        )


def _plain(moment: Moment) -> list[Any]:
    return [moment.look, moment.p, [astuple(sums) for sums in moment.groups], moment.ending]


def _moment(look: int, p: float | None, groups: Sequence[Sequence[float]], ending: bool) -> Moment:
    return Moment(look, None if p is None else float(p), tuple(map(_sums, groups)), ending)


def _sums(plain: Sequence[float]) -> Sums:
    """A database gives a number without a fraction as an integer."""
    people, y, yy, x, xx, xy, nonzero = plain
    return Sums(int(people), float(y), float(yy), float(x), float(xx), float(xy), int(nonzero))
