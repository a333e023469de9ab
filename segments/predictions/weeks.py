"""How good scores were, week by week, once it was known what came: how true, and how well they ranked (ML-12).

Promise: pure, and of sums over people, which add up: a bin is half a percent of the score, and within one nobody is told apart.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import Protocol

BINS = 200
_FEWEST = 25  # people of either outcome: of fewer, a rank is chance
_TENTH = 0.1
_DAY = timedelta(days=1)
Bin = tuple[int, float, float]  # people, the sum of their probabilities, of how many it came true


class Looked(Protocol):
    """What `store.predictions.Outcome` is: people of one instant, in `BINS` bins by their scores, lowest first."""

    @property
    def as_of(self) -> datetime: ...  # noqa: D102
    @property
    def version(self) -> int: ...  # noqa: D102
    @property
    def bins(self) -> Sequence[Sequence[float]]: ...  # noqa: D102


@dataclass(frozen=True)
class Week:
    """Scores of a week (Monday to Sunday, UTC), of whichever models scored then, and what came of them.

    Attributes:
        begins: Its Monday.
        versions: The models.
        bins: By score, lowest first.
    """

    begins: date
    versions: tuple[int, ...]
    bins: tuple[Bin, ...]

    @cached_property
    def people(self) -> int:
        """How many."""
        return sum(people for people, _, _ in self.bins)

    @property
    def foretold(self) -> float:
        """The mean probability."""
        return sum(foretold for _, foretold, _ in self.bins) / self.people

    @property
    def came(self) -> float:
        """The share of whom it came true."""
        return sum(came for *_, came in self.bins) / self.people

    @property
    def calibration_error(self) -> float:
        """How far groups of alike scores are from what came, by people; in tenths of the people, as on the card."""
        parts = [self._part(n * _TENTH, (n + 1) * _TENTH) for n in range(round(1 / _TENTH))]
        return sum(abs(foretold - came) for _, foretold, came in parts) / self.people

    @property
    def auc(self) -> float | None:
        """Of two people of whom it came true for one, how often that one's score is higher; None of too few."""
        if self._too_few:
            return None
        below = won = 0.0
        for people, _, came in self.bins:
            won += came * (below + (people - came) / 2)
            below += people - came
        return won / (sum(came for *_, came in self.bins) * below)

    @property
    def lift(self) -> float | None:
        """How many times as often it came true of the tenth with the highest scores as of all; None of too few."""
        if self._too_few:
            return None
        people, _, came = self._part(1 - _TENTH, 1)
        return came / people / self.came

    @property
    def _too_few(self) -> bool:
        came = sum(each for *_, each in self.bins)
        return min(came, self.people - came) < _FEWEST

    def _part(self, low: float, high: float) -> tuple[float, float, float]:
        """People from one share of all by rank up to another; of a bin that is cut, as if all in it were alike."""
        found, before = [0.0, 0.0, 0.0], 0.0
        first, last = low * self.people, high * self.people
        for each in self.bins:
            inside = max(0.0, min(last, before + each[0]) - max(first, before))
            part = inside / each[0] if each[0] else 0.0
            found = [one + part * other for one, other in zip(found, each, strict=True)]
            before += each[0]
        return found[0], found[1], found[2]


def weeks(looked: Iterable[Looked]) -> list[Week]:
    """What is known by week, oldest first; who was looked at without bins is in none."""
    by_week: dict[date, list[Looked]] = defaultdict(list)
    for each in looked:
        day = each.as_of.astimezone(UTC).date()
        if sum(people for people, *_ in each.bins):
            by_week[day - day.weekday() * _DAY].append(each)
    return [_week(begins, by_week[begins]) for begins in sorted(by_week)]


def _week(begins: date, some: Sequence[Looked]) -> Week:
    added = [
        [sum(values) for values in zip(*of_bin, strict=True)] for of_bin in zip(*(each.bins for each in some), strict=True)
    ]
    bins = tuple((round(people), foretold, came) for people, foretold, came in added)
    return Week(begins, tuple(sorted({each.version for each in some})), bins)
