"""An experiment as it is looked at, day after day: are the arms as they were drawn, and what is the answer to each question.

Promise: pure; the same days give the same result. The errors are those of all looks together, so that whoever looks every
day errs no more often than whoever waits.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from journeys.errors import CatalogueError, guess
from journeys.experiments.asked import Asked, Finding
from journeys.experiments.counts import ALARM, log_e, p_of
from journeys.experiments.declared import Comparison
from journeys.experiments.standing import Standing
from journeys.experiments.sums import Sums


@dataclass(frozen=True, slots=True)
class Split:
    """How many customers each arm has, the smallest p so far of their shares being the declared ones, the look that alarmed."""

    counts: Mapping[str, int]
    p: float
    alarm_at: int | None


@dataclass(frozen=True, slots=True)
class Result:
    """An experiment as of a look: the sizes of its arms, the finding of each question, whether its declared end has come."""

    experiment: Comparison
    looks: int
    split: Split
    findings: tuple[Finding, ...]
    over: bool

    @property
    def people(self) -> int:
        """In all arms together."""
        return sum(self.split.counts.values())

    @property
    def a_day(self) -> float:
        """How many came a day so far."""
        return self.people / self.looks if self.looks else 0.0


class Following:
    """An experiment under way, from its first day on, or from a standing: give it each day's sums, and ask for the result."""

    def __init__(self, experiment: Comparison, since: Standing | None = None) -> None:
        self._experiment = experiment
        self._sums = dict.fromkeys(experiment.shares, Sums())
        self._asked = [Asked(experiment, question) for question in experiment.questions]
        self._looks, self._p, self._over = 0, 1.0, False
        self._alarm_at: int | None = None
        if since is not None:
            self._looks, self._p, self._alarm_at, self._over = since.looks, since.p, since.alarm_at, since.over
            self._sums |= since.sums
            self._asked = [Asked(experiment, *each) for each in zip(experiment.questions, since.asked, strict=True)]

    def look(self, day: Mapping[str, Sums]) -> None:
        """Add a day that is over, by arm.

        Raises:
            CatalogueError: an arm is none of the experiment's.
        """
        for arm, sums in day.items():
            if arm not in self._sums:
                raise CatalogueError(f"experiment {self._experiment.name} has no arm {arm!r}", remedy=guess(arm, self._sums))
            self._sums[arm] += sums
        self._looks += 1
        self._weigh()
        plan = self._experiment.plan
        ended = plan is not None and plan.over(sum(self._counts.values()), self._looks)
        self._over = self._over or ended
        for each in self._asked:
            each.look(self._sums, self._looks, over=ended)

    @property
    def result(self) -> Result:
        """As of the last look."""
        split = Split(self._counts, self._p, self._alarm_at)
        return Result(self._experiment, self._looks, split, tuple(each.finding for each in self._asked), self._over)

    @property
    def standing(self) -> Standing:
        """The same, for who follows on from here."""
        asked = tuple(each.stood for each in self._asked)
        return Standing(self._looks, self._p, self._alarm_at, self._over, dict(self._sums), asked)

    def _weigh(self) -> None:
        counts = tuple([sums.people for sums in self._sums.values()])
        self._p = min(self._p, _p_of(counts, tuple(self._experiment.shares.values())))
        if self._alarm_at is None and self._p <= ALARM:
            self._alarm_at = self._looks

    @property
    def _counts(self) -> dict[str, int]:
        return {arm: sums.people for arm, sums in self._sums.items()}


@lru_cache(maxsize=2_048)
def _p_of(counts: tuple[int, ...], shares: tuple[float, ...]) -> float:
    """Kept for a while: every metric of an experiment asks it of the same customers."""
    return p_of(log_e(counts, shares))


def follow(experiment: Comparison, days: Iterable[Mapping[str, Sums]]) -> Result:
    """The result after these days, each with its sums by arm, looked at at the end of each."""
    following = Following(experiment)
    for day in days:
        following.look(day)
    return following.result
