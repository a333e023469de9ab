"""`top(…)`: the best so many per cent of customers, by a threshold that is taken anew at a fixed cadence and recorded.

Promise: pure. Between two renewals the threshold stands, so a customer comes in and goes out by own deeds only; which number
decided is in `segment_threshold` and in the cause of every transition.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Any, Final, Self

from segments.errors import DefinitionError
from segments.facts import Facts
from segments.language.comparing import as_kind
from segments.language.edges import Clock
from segments.language.leaf import Leaf
from segments.language.predicate import Predicate, Read
from segments.language.query import Query, Sql
from segments.language.reading import only, operand, window
from segments.language.values import check_name, kind_of
from segments.language.words import span_in_words, to_plain
from segments.leaves.amounts import Measured
from segments.leaves.countable import Amount
from segments.leaves.did import Did
from segments.leaves.events import Events

#: Renewals happen at whole multiples of the cadence since then.
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SHORTEST, _LONGEST = timedelta(minutes=1), timedelta(days=366)
_DAY = timedelta(days=1)


@dataclass(frozen=True, eq=False)
class Top(Leaf, keys=("top",)):
    """Among the best so many per cent of those who did something, by how often or by the total of a property.

    The threshold is the smallest amount that at most this share of them had, as of the last renewal; those who tie below
    it are out together. Whoever has at least that much now is in.
    """

    percent: int | float | Decimal
    of: Events
    total: str | None
    every: timedelta = _DAY

    def __post_init__(self) -> None:
        place = "top"
        if kind_of(place, self.percent) != "number" or not 0 < self.percent < 100:  # noqa: PLR2004 - per cent
            raise DefinitionError(place, f"needs a percentage between 0 and 100, not {self.percent!r}")
        if not isinstance(self.of, Did) or self.of != Did(self.of.type, self.of.window, self.of.condition):
            raise DefinitionError(place, "takes did(…) with within(…) and where(…) only")
        if self.total is not None:
            check_name(place, "property", self.total)
            if "." in self.total:
                raise DefinitionError(place, "takes the total of a property of the event itself, without dots")
        if not isinstance(self.every, timedelta) or not _SHORTEST <= self.every <= _LONGEST:
            raise DefinitionError(place, "the threshold can be renewed every minute at most and every 366 days at least")

    @property
    def share(self) -> float:
        """The share of those who are not in the top."""
        return float(1 - Fraction(str(self.percent)) / 100)

    @property
    def ranking(self) -> str:
        """What identifies its thresholds: all that decides them."""
        return hashlib.sha256(self.key.encode()).hexdigest()[:16]

    @property
    def looks_at(self) -> tuple[Events]:
        """Its events."""
        return (self.of,)

    @property
    def clocks(self) -> frozenset[Clock]:
        """The renewals of its threshold."""
        return frozenset({Renewal(self.ranking)})

    def renewed_at(self, at: datetime) -> datetime:
        """The last renewal up to an instant."""
        return EPOCH + (at - EPOCH) // self.every * self.every

    def holds(self, facts: Facts, at: datetime) -> bool:
        """Whether the customer's amount reaches the threshold that stands."""
        events = self.of.counting(facts, at)
        standing = [value for as_of, value in facts.thresholds.get(self.ranking, ()) if as_of <= at]
        if not events or not standing or standing[-1] is None:
            return False
        if self.total is None:
            return bool(len(events) >= standing[-1])
        numbers = (as_kind("number", event.properties.get(self.total)) for event in events)
        return sum((Fraction(each) for each in numbers if each is not None), Fraction(0)) >= Fraction(standing[-1])

    def sql(self, q: Query) -> Sql:
        """The customer's amount against it."""
        return q.ranked(self)

    def saw(self, facts: Facts, at: datetime) -> Any:
        """The own amount, and the threshold that stands."""
        standing = [each for each in facts.thresholds.get(self.ranking, ()) if each[0] <= at]
        as_of, value = standing[-1] if standing else (None, None)
        renewed = {"as_of": as_of, "renewed_next": self.renewed_at(at) + self.every}
        threshold = {"threshold": value, **renewed}
        if self.total is None:
            return {"count": len(self.of.counting(facts, at) or ())} | threshold
        return {"total": Measured(self.of, "total", (self.total,)).amount(facts, at)} | threshold

    @classmethod
    def from_json(cls, plain: Mapping[str, Any], read: Read) -> Self:
        """The percentage, what it is of, and how often the threshold is renewed."""
        only(plain, "top", "of", "total", "every")
        of = read("of", plain.get("of"))
        every = window(plain["every"]) if "every" in plain else None
        return cls(operand(plain["top"]), of, plain.get("total"), _DAY if every is None else every)  # type: ignore[arg-type]  # checked there

    def to_json(self) -> dict[str, Any]:
        """`{"top": percent, "of": {"did": …}, "total": …, "every": seconds}`."""
        total = {} if self.total is None else {"total": self.total}
        return {"top": to_plain(self.percent), "of": self.of.to_json(), "every": to_plain(self.every)} | total

    def __str__(self) -> str:
        name = "" if self.total == "total" else f" {self.total}"
        by = "how often they" if self.total is None else f"the total{name} of"
        what = f"did {self.of.what}" if self.total is None else self.of.what
        return f"in the top {self.percent} % by {by} {what}, renewed every {span_in_words(self.every)}"


@dataclass(frozen=True, slots=True)
class Renewal(Clock):
    """A threshold was taken anew."""

    ranking: str

    def steps(self, facts: Facts, until: datetime) -> Iterator[datetime]:
        """The renewals that are recorded."""
        return (as_of for as_of, _ in facts.thresholds.get(self.ranking, ()) if as_of <= until)

    @property
    def cause(self) -> Mapping[str, Any]:
        """`{"renewed": ranking}`."""
        return {"renewed": self.ranking}


def top(percent: float | Decimal, by: Amount | Did, *, every: timedelta = _DAY) -> Top:
    """The best per cent by `did("Order Completed").within(days=365).total("total")`, or by how often with a bare `did(…)`."""
    if isinstance(by, Did):
        return Top(percent, by, None, every)
    if not isinstance(by, Amount) or by.measure not in ("total", "count"):
        raise DefinitionError("top", "ranks by did(…), did(…).count() or did(…).total(…)")
    return Top(percent, by.of, by.name if by.measure == "total" else None, every)


@lru_cache(4_096)
def rankings(predicate: Predicate) -> Mapping[str, Top]:
    """The rankings inside a predicate, by their identity."""
    own = {predicate.ranking: predicate} if isinstance(predicate, Top) else {}
    return {**own, **{name: leaf for part in predicate.parts for name, leaf in rankings(part).items()}}
