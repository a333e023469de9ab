"""One question of an experiment as it is looked at, by the difference of two means or by the arms of those who converted.

Promise: pure. What was once shown stays shown, since the error that is promised is that of all looks together.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from math import exp, sqrt
from operator import add
from typing import Any, NamedTuple, Protocol

from journeys.experiments import estimates
from journeys.experiments.counts import lift_of, likely_shares, log_e, p_of
from journeys.experiments.declared import Comparison, Kind, Metric, Question
from journeys.experiments.estimates import Difference, Estimate
from journeys.experiments.sequences import Hybrid
from journeys.experiments.standing import Moment, Stood
from journeys.experiments.sums import Sums

#: A look counts from so many customers in each group who bought: before, a mean is not near enough to a normal one.
FIRST = 25


class Interval(NamedTuple):
    """From, to; of a lift relative (0.1: ten per cent more), else in the unit of the metric."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Finding:
    """The answer to a question as of a look; what cannot be said (yet) is `None`.

    `p` is the smallest of all looks so far, up to this one, whose number is `look` (from 1; 0 before the first); None where
    there were too few at each of them. `shown` is the same finding as of the first look at which p was as small as asked
    for, and `at_end` as of the declared end, where its own, narrower interval holds.
    """

    question: Question
    groups: tuple[Sums, ...]
    look: int = 0
    means: tuple[float, ...] | None = None
    difference: float | None = None
    interval: Interval | None = None
    lift: float | None = None
    lift_interval: Interval | None = None
    p: float | None = None
    shown: "Finding | None" = None
    at_end: "Finding | None" = None


class _Way(Protocol):
    """How a question is answered from the sums of its groups, `ending` at the one look at a declared end."""

    def p(self, groups: Sequence[Sums], *, ending: bool) -> float | None:
        """Of this look; None where nothing can be said of the groups yet."""

    def finding(self, groups: tuple[Sums, ...], *, ending: bool) -> Finding:
        """All that can be said as of this look, without what was before."""


class Asked:
    """A question under way, from its first look on, or from how it `stood`."""

    def __init__(self, experiment: Comparison, question: Question, stood: Stood | None = None) -> None:
        self._question, self._alpha = question, experiment.alpha_each
        self._way: _Way = (_ByConverters if experiment.metric.kind is Kind.RARE else _ByMeans)(experiment, question)
        nothing = Moment(0, None, tuple(Sums() for _ in question.groups))
        self._now, self._shown, self._at_end = stood or Stood(nothing)

    def look(self, sums: Mapping[str, Sums], number: int, *, over: bool) -> None:
        """Look at all sums so far by arm, as the look of this number, at the declared end or after it."""
        groups = tuple([reduce(add, [sums[arm] for arm in group]) for group in self._question.groups])
        ending, before = over and self._at_end is None, self._now.p
        unchanged = groups == self._now.groups and not ending
        if unchanged or (p := self._way.p(groups, ending=ending)) is None:
            self._now = Moment(number, before, groups)
            return
        p = p if before is None else min(before, p)
        self._now = Moment(number, p, groups)
        if ending:
            self._at_end = Moment(number, p, groups, ending=True)
        if self._shown is None and p <= self._alpha:
            self._shown = Moment(number, p, groups, ending)

    @property
    def stood(self) -> Stood:
        """As of the last look."""
        return Stood(self._now, self._shown, self._at_end)

    @property
    def finding(self) -> Finding:
        """The same, as it is told."""
        shown, at_end = (None if each is None else self._told(each) for each in (self._shown, self._at_end))
        return replace(self._told(self._now), shown=shown, at_end=at_end)

    def _told(self, moment: Moment) -> Finding:
        return replace(self._way.finding(moment.groups, ending=moment.ending), look=moment.look, p=moment.p)


class _ByMeans:
    """By the difference of means, ratios or rates, in standard errors."""

    def __init__(self, experiment: Comparison, question: Question) -> None:
        self._question, self._metric, self._rule = question, experiment.metric, experiment.rule(question)

    def p(self, groups: Sequence[Sums], *, ending: bool) -> float | None:
        if (arms := estimated(self._metric, groups)) is None:
            return None
        value, error = estimates.difference(arms)
        p = self._rule.p(value / error, _people(groups))
        return min(p, self._rule.p_at_end(value / error)) if ending and isinstance(self._rule, Hybrid) else p

    def finding(self, groups: tuple[Sums, ...], *, ending: bool) -> Finding:
        if (arms := estimated(self._metric, groups)) is None:
            return Finding(self._question, groups)
        width = self._width(_people(groups), ending=ending)
        apart = estimates.difference(arms)
        found = Finding(
            self._question,
            groups,
            means=tuple(arm.mean for arm in arms),
            difference=apart.value,
            interval=_around(apart, width),
        )
        return found if (lift := _lift(arms, width)) is None else replace(found, **_as_lift(lift, width))

    def _width(self, people: int, *, ending: bool) -> float:
        if isinstance(self._rule, Hybrid):
            return self._rule.width_at_end if ending else self._rule.always.width(people)
        return self._rule.width(people)


class _ByConverters:
    """By the arms in which the converters are, against the shares by which all customers were assigned."""

    def __init__(self, experiment: Comparison, question: Question) -> None:
        treated, control = (sum(experiment.shares[arm] for arm in group) for group in question.groups)
        self._question, self._alpha = question, experiment.alpha_each
        self._assigned = treated / (treated + control)
        self._concentration = experiment.concentration(question)

    def p(self, groups: Sequence[Sums], *, ending: bool) -> float | None:  # noqa: ARG002 - the end is a look like any
        counts = [group.nonzero for group in groups]
        shares = (self._assigned, 1 - self._assigned)
        return p_of(log_e(counts, shares, self._concentration)) if any(counts) else None

    def finding(self, groups: tuple[Sums, ...], *, ending: bool) -> Finding:  # noqa: ARG002 - as above
        treated, control = (group.nonzero for group in groups)
        if not (treated + control and all(group.people for group in groups)):
            return Finding(self._question, groups)
        rates = tuple(group.nonzero / group.people for group in groups)
        among = (treated / (treated + control), *likely_shares(treated, control, self._alpha, self._concentration))
        lift, low, high = (lift_of(share, self._assigned) for share in among)
        return Finding(
            self._question, groups, means=rates, difference=rates[0] - rates[1], lift=lift, lift_interval=Interval(low, high)
        )


def fewest(metric: Metric, groups: Sequence[Sums]) -> int:
    """Customers with anything to show, in the group that has fewest: who bought; of a rate, who did or who did not."""
    few = min([group.nonzero for group in groups])
    return min(few, *[group.people - group.nonzero for group in groups]) if metric.kind is Kind.RATE else few


def estimated(metric: Metric, groups: Sequence[Sums]) -> list[Estimate] | None:
    """The estimate of each group; None while there are too few, or no variation at all, to compare them by."""
    if fewest(metric, groups) < FIRST or (metric.kind is Kind.RATIO and min(group.x for group in groups) <= 0):
        return None
    if metric.before:
        arms = estimates.adjusted(groups)
    else:
        arms = list(map(estimates.ratio if metric.kind is Kind.RATIO else estimates.mean, groups))
    return arms if any(arm.variance for arm in arms) else None


def _lift(arms: Sequence[Estimate], width: float) -> Difference | None:
    """Of one against another; of four there is none, nor where a mean may be nothing: then their ratio may be anything."""
    if len(arms) != 2 or not all(_is_clear(arm, width) for arm in arms):  # noqa: PLR2004
        return None
    return estimates.lift(*arms)


def _is_clear(arm: Estimate, width: float) -> bool:
    return arm.mean > width * sqrt(arm.variance / arm.people)


def _as_lift(logarithm: Difference, width: float) -> dict[str, Any]:
    low, high = _around(logarithm, width)
    return {"lift": exp(logarithm.value) - 1, "lift_interval": Interval(exp(low) - 1, exp(high) - 1)}


def _around(middle: Difference, width: float) -> Interval:
    return Interval(middle.value - width * middle.error, middle.value + width * middle.error)


def _people(groups: Sequence[Sums]) -> int:
    return sum([group.people for group in groups])
