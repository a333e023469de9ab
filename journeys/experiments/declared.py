"""An experiment by one metric: what is measured, in which arms, by which rule it is read, and what is asked of it.

Promise: plain values, checked when they are made. How an experiment is read follows from them alone, not from what was seen.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import product
from math import isclose, prod, sqrt
from typing import NamedTuple, Self

from journeys.arms import Experiment, Plan, check_experiment
from journeys.errors import CatalogueError, guess
from journeys.experiments.counts import CONVERTERS
from journeys.experiments.sequences import ConfidenceSequence, Hybrid, tuned
from segments import Effect
from segments.language.sizing import people_needed

#: The people for whom a sequence is narrowest when neither plan nor effect says it.
_NOBODY_SAID = 5_000
_TWO = 2
#: Before the two levels whose interaction is asked about.
TOGETHER = "interaction of "


class Kind(StrEnum):
    """How a measure is made of the sums: `journeys.experiments.sums.Sums` says what y and x are."""

    #: The fraction of the customers with y = 1.
    RATE = "rate"
    #: The same where few convert: exact from the first one, by the arms in which the converters are.
    RARE = "rare"
    #: y by customers: money or orders for each.
    MEAN = "mean"
    #: All y by all x: money by orders.
    RATIO = "ratio"


@dataclass(frozen=True, slots=True)
class Metric:
    """What is compared: its name as a sentence says it ("conversion rate", "revenue per customer"), and how it is made.

    Args:
        name: What the sentence of a report calls it.
        kind: How it is made.
        unit: Of a mean or ratio, such as "EUR".
        cap: What a customer's amount counts for at most, in the unit; without one a single large order can hide any effect.
        before: x is the customer's amount from before the experiment, and y is adjusted by it (CUPED).
        comes_true: Nobody converts by it: it is the share of whom something comes true.
    """

    name: str
    kind: Kind = Kind.RATE
    unit: str = ""
    cap: float | None = None
    before: bool = False
    comes_true: bool = False

    def __post_init__(self) -> None:
        if self.before and self.kind in (Kind.RARE, Kind.RATIO):
            raise CatalogueError(f'metric "{self.name}": a {self.kind} cannot be adjusted', remedy="leave out before=")
        if self.cap is not None and not (self.cap > 0 and self.kind in (Kind.MEAN, Kind.RATIO)):
            raise CatalogueError(f'metric "{self.name}": cap={self.cap!r}', remedy="give a mean or ratio an amount above 0")


class Question(NamedTuple):
    """Which arms are compared with which: `groups` of arms whose customers count as one.

    Two groups are one against the other. Four are the interaction of two factors: whether both together make another
    difference than each by itself would add up to.
    """

    name: str
    against: str
    groups: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Comparison:
    """Arms with shares, of which one is the control, and what is asked of them.

    With a `plan` it is read as a hybrid: strictly at each look, with nearly all of the 5 % at the declared end. Without one,
    by a sequence that has no end and needs 1.9 times the people for the same power. A rare measure is always read so, exactly.

    With `factors`, each by its levels of which the first is the ordinary one, the arms are all combinations, named by their
    levels with an underscore between them ("emoji_morning"), and the questions are those of the factors: each level against
    the first over all that it was combined with, and of two factors of two levels whether they change each other.

    Args:
        name: As in `j.experiment`, or `$holdout/<journey>`.
        metric: What is compared.
        shares: The fraction of the customers in each arm, adding up to 1.
        control: The arm with which the others are compared.
        plan: The declared end.
        effect: What it is to find: the control's rate and the relative lift upon it.
        alpha: In which fraction of experiments without any effect one may be claimed, over all looks and questions together.
        power: In which fraction of experiments the effect is to be found.

    Raises:
        CatalogueError: it is no experiment; the message says what to write.
    """

    name: str
    metric: Metric
    shares: Mapping[str, float]
    control: str
    plan: Plan | None = None
    effect: Effect | None = None
    alpha: float = 0.05
    power: float = 0.8
    factors: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_experiment(self.name, dict(self.shares))
        if self.control not in self.shares:
            raise CatalogueError(
                f"experiment {self.name} has no arm {self.control!r}",
                remedy=f"name its control: {guess(self.control, self.shares)}",
            )
        for what, value in (("alpha", self.alpha), ("power", self.power)):
            if not 0 < value < 1:
                raise CatalogueError(f"experiment {self.name}: {what}={value!r}", remedy="write a fraction such as 0.05")
        if self.factors:
            self._check_factors()

    def _check_factors(self) -> None:
        """Levels of one factor can be compared over those of the others only if these have the same shares beside each."""
        made = {"_".join(levels): levels for levels in product(*self.factors.values())}
        if made.keys() != self.shares.keys() or any(len(levels) < _TWO for levels in self.factors.values()):
            raise CatalogueError(
                f"experiment {self.name}: its arms are not all combinations of two levels or more of its factors",
                remedy=f"give shares to {', '.join(made)}",
            )
        of_level = {(n, level): self._of(self._with(n, level)) for n, level in self._levels()}
        if not all(
            isclose(self.shares[arm], prod(of_level[pair] for pair in enumerate(made[arm])), abs_tol=1e-9) for arm in made
        ):
            raise CatalogueError(
                f"experiment {self.name}: a level has another share beside one level of a factor than beside another",
                remedy="give each arm the product of its levels' shares",
            )

    @classmethod
    def of(cls, declared: Experiment, metric: Metric) -> Self:
        """What an author declares, by one metric."""
        plan, levels = declared.plan, {factor: tuple(of) for factor, of in declared.factors.items()}
        effect = None if plan is None else plan.effect
        return cls(declared.name, metric, declared.arms, declared.control, plan, effect, factors=levels)

    @property
    def questions(self) -> tuple[Question, ...]:
        """What is asked; `alpha` is divided among them."""
        if not self.factors:
            return tuple(Question(arm, self.control, ((arm,), (self.control,))) for arm in self.shares if arm != self.control)
        main = [
            Question(f"{factor} {level}", f"{factor} {levels[0]}", (self._with(n, level), self._with(n, levels[0])))
            for n, (factor, levels) in enumerate(self.factors.items())
            for level in levels[1:]
        ]
        return (*main, *self._interaction())

    def _interaction(self) -> tuple[Question, ...]:
        match [tuple(levels) for levels in self.factors.values()]:
            case [(plain, one), (usual, other)] if self.metric.kind is not Kind.RARE:
                first, second = self.factors
                cells = tuple((f"{a}_{b}",) for a, b in ((one, other), (plain, other), (one, usual), (plain, usual)))
                return (Question(f"{TOGETHER}{first} {one} and {second} {other}", "the sum of both", cells),)
        return ()

    @property
    def alpha_each(self) -> float:
        """What each question may err in, so that all together err in at most `alpha` (Bonferroni)."""
        return self.alpha / len(self.questions)

    def share(self, question: Question) -> float:
        """The fraction of all customers whom a question is about."""
        return sum(map(self._of, question.groups))

    def rule(self, question: Question) -> ConfidenceSequence | Hybrid:
        """How a question is read, fixed before anything is seen."""
        if self._is_hybrid:
            return Hybrid.at(self.alpha_each, self._expected * self.share(question))
        return ConfidenceSequence.at(self.alpha_each, self._expected * self.share(question))

    def concentration(self, question: Question) -> float:
        """How far the arms of the converters may lean, for a rare measure: narrowest at the converters who are expected."""
        if self.effect is None:
            return CONVERTERS
        converters = self._expected * self.share(question) * self.effect.base_rate
        return max(converters / tuned(self.alpha_each) - 1, 1.0)

    @property
    def is_rate(self) -> bool:
        """Whether it is judged by who converts, which a declared effect is of."""
        return self.metric.kind in (Kind.RATE, Kind.RARE)

    @property
    def beyond(self) -> float:
        """How many standard errors a difference must reach at the declared end, or where a sequence is narrowest."""
        if self._is_hybrid:
            return Hybrid.at(self.alpha_each, 1).width_at_end  # whenever that is
        return sqrt(1 + tuned(self.alpha_each))

    @property
    def people_needed(self) -> int | None:
        """People in all arms together who show the declared effect with the declared power, whichever arm has it.

        None without a declared effect, and of money and orders (`planning.needed`). An interaction is no part of this: one as
        large as an effect needs four times as many.
        """
        if self.effect is None or not self.is_rate:
            return None
        return max(people_needed(self.effect, shares=pair, power=self.power, beyond=self.beyond) for pair in self.pairs)

    @property
    def pairs(self) -> list[tuple[float, float]]:
        """Of each question about two groups, the fraction of all customers in the one it is against, and in the other."""
        return [(self._of(q.groups[1]), self._of(q.groups[0])) for q in self.questions if len(q.groups) == _TWO]

    def _of(self, group: Iterable[str]) -> float:
        return sum(self.shares[arm] for arm in group)

    @property
    def _is_hybrid(self) -> bool:
        return self.plan is not None and self.plan.ends and self.metric.kind is not Kind.RARE

    @property
    def _expected(self) -> int:
        """How many people there may be in all arms."""
        planned = None if self.plan is None else self.plan.people
        return planned or self.people_needed or _NOBODY_SAID

    def _levels(self) -> list[tuple[int, str]]:
        return [(n, level) for n, levels in enumerate(self.factors.values()) for level in levels]

    def _with(self, factor: int, level: str) -> tuple[str, ...]:
        """The arms with a level of a factor."""
        return tuple("_".join(levels) for levels in product(*self.factors.values()) if levels[factor] == level)
