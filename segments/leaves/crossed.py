"""`churn.crosses(0.7, back_at=0.6)`: whose score went over a threshold, and has not fallen below another one since.

Scoring writes an event of the type `$crossed:<prediction>:<up>:<back>` each time somebody crosses, with the score, the version
of the model and its date; so an entry tells by what it was decided, and hysteresis needs no memory but the events.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from segments.errors import DefinitionError
from segments.facts import Facts
from segments.language.events import CROSSED_EVENT
from segments.language.predicate import Read
from segments.language.reading import only
from segments.language.values import check_name
from segments.leaves.standing import Standing

#: What its events say beside whether it was upwards.
_TOLD = ("score", "version", "as_of")


@dataclass(frozen=True, eq=False)
class Crossed(Standing, keys=("prediction",), past=True):
    """Over the threshold, from when the score went over `up` to when it fell below `back`."""

    prediction: str
    up: float
    back: float

    def __post_init__(self) -> None:
        check_name("prediction", "prediction", self.prediction)
        place = f"prediction {self.prediction!r}"
        for each in (self.up, self.back):
            if isinstance(each, bool) or not isinstance(each, int | float):
                raise DefinitionError(place, f"crosses a number, not {each!r}")
        if not self.back <= self.up:
            raise DefinitionError(place, f"goes back at {self.back}, which has to be {self.up} or less")

    @property
    def kind(self) -> str:
        """One for each pair of thresholds."""
        return f"{CROSSED_EVENT}{self.prediction}:{float(self.up)!r}:{float(self.back)!r}"

    @property
    def says(self) -> str:
        """True when the score went up over it, false when it fell back."""
        return "over"

    def over(self, score: float, *, was: bool) -> bool:
        """Whether a score stands over it, by whether the one before did."""
        return score >= (self.back if was else self.up)

    def saw(self, facts: Facts, at: datetime) -> Any:
        """The score that decided, its version and date, and the threshold."""
        events = facts.until(self.kind, at)
        told = {name: events[-1].properties.get(name) for name in _TOLD} if events else {}
        return {**(super().saw(facts, at) or {}), **told, "threshold": self.up} if events else None

    @classmethod
    def from_json(cls, plain: Mapping[str, Any], read: Read) -> Self:  # noqa: ARG003 - one signature for all leaves
        """The prediction and its thresholds."""
        only(plain, "prediction", "over", "back_at")
        if (over := plain.get("over")) is None:
            raise DefinitionError("over", "is missing: the score from which on somebody is in")
        return cls(plain["prediction"], over, plain.get("back_at", over))

    def to_json(self) -> dict[str, Any]:
        """`{"prediction": …, "over": …, "back_at": …}`."""
        plain = {"prediction": self.prediction, "over": self.up}
        return plain | ({} if self.back == self.up else {"back_at": self.back})

    def __str__(self) -> str:
        back = "" if self.back == self.up else f" (until it is below {self.back:g})"
        return f'the prediction "{self.prediction}" is {self.up:g} or more{back}'
