"""Whether acting on a prediction helps: what came of those whom it let in and of those left alone, by bands of the score.

Promise: pure. Everybody together is one question and the bands are another family, each held to 5 % over all looks, so that of
many bands one is not shown by chance; and it is told that one band may be shown and another not, and both be alike.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from journeys.arms import WITHHELD, WRITTEN
from journeys.experiments.asked import FIRST, fewest
from journeys.experiments.declared import Comparison, Metric
from journeys.experiments.following import Result, follow
from journeys.experiments.planning import people_from
from journeys.experiments.sums import Sums
from journeys.experiments.verdict import Decision, decision, verdict

_ALPHA = 0.05
_LIFT = 0.1  # for how large a lift it is told how many people it takes
_TENTHS = 10
_NEVER = 1e-9
_SHOWN = (Decision.HIGHER, Decision.LOWER)
_NAME = "share of whom it comes true"
_COMPARED = f"A band is compared once in either arm it has come true for {FIRST} customers, and not come true for {FIRST}."


@dataclass(frozen=True, slots=True)
class Came:
    """Customers of one arm who were exposed on a day (UTC), with scores of one tenth (1 to 10; None: they had none)."""

    day: date
    tenth: int | None
    arm: str
    people: int
    came: int


@dataclass(frozen=True, slots=True)
class Band:
    """What acting has done to customers with scores `low` to `high`; everybody where these are 0 and 1."""

    low: float
    high: float
    result: Result

    @property
    def decision(self) -> Decision:
        """What it has come to."""
        return decision(self.result, self.result.findings[0])

    @property
    def sums(self) -> tuple[Sums, Sums]:
        """Of those written to, and of those left alone."""
        written, withheld = self.result.findings[0].groups
        return written, withheld

    @property
    def lacks(self) -> int:
        """How many more customers, at the least, it takes before anything is compared; 0 where it is."""
        return max(FIRST - fewest(self.result.experiment.metric, self.sums), 0) if self.decision is Decision.EARLY else 0

    def __str__(self) -> str:
        return f"scores {100 * self.low:.0f} to {100 * self.high:.0f} %"


@dataclass(frozen=True, slots=True)
class Acting:
    """Whether acting helps, over all and by bands, lowest first; `broken` says why nothing may be concluded."""

    all: Band
    bands: tuple[Band, ...]
    broken: str | None = None

    @property
    def sentences(self) -> list[str]:
        """What may be concluded, and what not."""
        if self.broken:
            return [f"Nothing may be concluded: {self.broken}."]
        told = [verdict(self.all.result)]
        if self.all.decision in (Decision.EARLY, Decision.OPEN) and (enough := self._enough()) is not None:
            people = self.all.result.people
            told.append(f"To show a lift of {100 * _LIFT:+.0f} % takes some {enough:,} people; {people:,} are known by now.")
        return [*told, *self._of_bands()]

    def _enough(self) -> int | None:
        """People in both arms who show a lift of a tenth in 80 of 100 cases, by what came of who was left alone."""
        _, withheld = self.all.sums
        return people_from(self.all.result.experiment, withheld, _LIFT) if 0 < withheld.y < withheld.people else None

    def _of_bands(self) -> list[str]:
        shown = [each for each in self.bands if each.decision in _SHOWN]
        if self.all.result.split.alarm_at is not None or len(self.bands) < 2:  # noqa: PLR2004 - a band alone is everybody
            return []
        early = [each for each in self.bands if each.decision is Decision.EARLY]
        told = []
        if shown:
            of = ", ".join(f"{each} ({'more' if each.decision is Decision.HIGHER else 'fewer'})" for each in shown)
            others = len(self.bands) - len(shown)
            rest = " That it is not shown of the others does not say that it is another there." if others else ""
            told.append(f"Acting changes for how many it comes true of {of}.{rest}")
        elif looked := ", ".join(str(each) for each in self.bands if each not in early):
            told.append(f"Of {looked}, each looked at alone, neither is a difference shown, nor that there is none.")
        if early:
            told.append(
                f"Too few are known yet of {', '.join(f'{each} (lacking {each.lacks})' for each in early)}. {_COMPARED}"
            )
        return told


def acting(name: str, share: float, came: Iterable[Came], broken: str | None = None) -> Acting:
    """Whether acting on a prediction helps, by all whose horizon has passed since they were exposed.

    Args:
        name: Of its holdout, as an experiment.
        share: That is left alone, above 0 and below 1.
        came: What is known of them.
        broken: Why nothing of it may be concluded.
    """
    known = list(came)
    tenths = sorted({each.tenth for each in known if each.tenth is not None})
    each_of = max(len(tenths), 1)
    bands = [
        Band((n - 1) / _TENTHS, n / _TENTHS, _read(name, share, [each for each in known if each.tenth == n], _ALPHA / each_of))
        for n in tenths
    ]
    return Acting(Band(0, 1, _read(name, share, known, _ALPHA)), tuple(bands), broken)


def _read(name: str, share: float, came: Iterable[Came], alpha: float) -> Result:
    shares = {WITHHELD: share, WRITTEN: 1 - share}
    comparison = Comparison(name, Metric(_NAME, comes_true=True), shares, WITHHELD, alpha=max(alpha, _NEVER))
    return follow(comparison, _days(came))


def _days(came: Iterable[Came]) -> Iterable[Mapping[str, Sums]]:
    days: dict[date, dict[str, Sums]] = defaultdict(dict)
    for each in came:
        sums = days[each.day].get(each.arm, Sums())
        days[each.day][each.arm] = sums + Sums.of_rate(each.people, each.came)
    return [days[day] for day in sorted(days)]
