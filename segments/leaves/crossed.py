"""What is foretold of a customer, asked by a segment: whose score went over a threshold, and who is sorted into which kind.

Scoring writes an event of the type `$crossed:<prediction>:<up>:<back>` each time somebody crosses, and one of the type
`$crossed:<prediction>` each time somebody comes to be of another kind, with the score, the version of the model and its date;
so an entry tells by what it was decided, and hysteresis needs no memory but the events.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from math import inf, nextafter
from typing import Any, Self

from segments.errors import DefinitionError
from segments.facts import Facts
from segments.language.events import CROSSED_EVENT
from segments.language.predicate import Read
from segments.language.query import Query, Sql
from segments.language.reading import only
from segments.language.values import check_name
from segments.language.words import number_in_words
from segments.leaves.standing import Standing

_MOST = nextafter(inf, 0)  # an integer may be more, and is no number of a score
#: What its events say beside whether it was upwards.
_TOLD = ("score", "version", "as_of")


class Foretold(Standing):
    """What scoring has said of a customer."""

    prediction: str

    def is_so(self, score: float, label: str | None) -> bool:
        """Whether a score says so by itself, of somebody of whom nothing was said before."""
        raise NotImplementedError

    def scored(self, q: Query) -> Sql:
        """The same of everybody's score as it stands."""
        raise NotImplementedError

    def sql(self, q: Query) -> Sql:
        """That of the last event; where none was ever written, what the scores say."""
        return self.scored(q) if self.kind in q.unwritten else super().sql(q)

    @property
    def wanted(self) -> dict[str, Any]:
        """What a score is held against, as an explanation shows it."""
        return {}

    def saw(self, facts: Facts, at: datetime) -> Any:
        """What was said, by which score, version and date."""
        events = facts.until(self.kind, at)
        told = {name: events[-1].properties.get(name) for name in _TOLD} if events else {}
        return {**(super().saw(facts, at) or {}), **told, **self.wanted} if events else None


@dataclass(frozen=True, eq=False)
class Crossed(Foretold, keys=("prediction",), past=True):
    """Over the threshold, from when the score went over `up` to when it fell below `back`."""

    prediction: str
    up: float
    back: float

    def __post_init__(self) -> None:
        check_name("prediction", "prediction", self.prediction)
        of = f"of prediction {self.prediction!r}"
        for word, each in self.thresholds:
            if isinstance(each, bool) or not isinstance(each, int | float) or not abs(each) <= _MOST:
                raise DefinitionError(word, f"{of} is a number, not {each!r}")
        if not self.back <= self.up:
            raise DefinitionError("back_at", f"{of} is {self.back!r}; it has to be {self.up!r} or less, which is over")

    @property
    def thresholds(self) -> tuple[tuple[str, float], tuple[str, float]]:
        """Both, each by its word in JSON."""
        return ("over", self.up), ("back_at", self.back)

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

    def is_so(self, score: float, label: str | None) -> bool:  # noqa: ARG002 - one signature for both
        """Over the upper threshold."""
        return self.over(score, was=False)

    def scored(self, q: Query) -> Sql:
        """A score so high."""
        return q.has("prediction_score", prediction=self.prediction, score=float(self.up))

    @property
    def wanted(self) -> dict[str, Any]:
        """The threshold."""
        return {"threshold": self.up}

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
        back = "" if self.back == self.up else f" (until it is below {number_in_words(self.back)})"
        return f'the prediction "{self.prediction}" is {number_in_words(self.up)} or more{back}'


@dataclass(frozen=True, eq=False)
class Sorted(Foretold, keys=("prediction is",), past=True):
    """Of this kind, from when scoring sorted the customer into it to when into another one, or none."""

    prediction: str
    label: str

    def __post_init__(self) -> None:
        check_name("prediction", "prediction", self.prediction)
        check_name(f"prediction {self.prediction!r}", "kind", self.label)

    @property
    def kind(self) -> str:
        """One for each prediction: who comes to be of one kind is of the other no more."""
        return CROSSED_EVENT + self.prediction

    @property
    def says(self) -> str:
        """The kind that it is now; `was` has the one before."""
        return "kind"

    @property
    def said(self) -> str:
        """This one."""
        return self.label

    @classmethod
    def from_json(cls, plain: Mapping[str, Any], read: Read) -> Self:  # noqa: ARG003 - one signature for all leaves
        """The prediction and the kind."""
        only(plain, "prediction", "is")
        return cls(plain["prediction"], plain["is"])

    def to_json(self) -> dict[str, Any]:
        """`{"prediction": …, "is": …}`."""
        return {"prediction": self.prediction, "is": self.label}

    def is_so(self, score: float, label: str | None) -> bool:  # noqa: ARG002 - one signature for both
        """Of this kind."""
        return label == self.label

    def scored(self, q: Query) -> Sql:
        """A score with this label."""
        return q.has("prediction_score", prediction=self.prediction, label=self.label)

    def denied(self) -> str:
        """The opposite, in words."""
        return f'the prediction "{self.prediction}" is not "{self.label}"'

    def __str__(self) -> str:
        return f'the prediction "{self.prediction}" is "{self.label}"'
