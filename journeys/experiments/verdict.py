"""What may be concluded from an experiment and what not, in a sentence that needs no statistics to be read.

Promise: pure, of the result alone. A sentence claims no more than the error that was promised allows, and names no cause
for what chance may have done.
"""

from enum import StrEnum
from math import isinf

from journeys.experiments.asked import FIRST, Finding, Interval, fewest
from journeys.experiments.declared import TOGETHER, Comparison, Kind, Metric
from journeys.experiments.following import Result
from journeys.experiments.planning import at_its_end, days_to_go
from journeys.experiments.sequences import Hybrid

#: Rarer than this is told as this: nobody can picture the difference.
_RARELY = 1e-9


class Decision(StrEnum):
    """What a question has come to."""

    #: The arms are not of the declared sizes: nothing counts.
    BROKEN = "broken"
    #: Too few have anything to show.
    EARLY = "early"
    HIGHER = "higher"
    LOWER = "lower"
    #: Nothing shown yet, and the experiment goes on.
    OPEN = "open"
    #: The declared end has come, and no difference was shown.
    NOT_SHOWN = "not shown"
    #: It is of a part of an experiment: of that nothing is concluded, however it looks.
    PART = "part"


def decision(result: Result, finding: Finding) -> Decision:
    """What the question of this finding has come to."""
    if result.split.alarm_at is not None:
        return Decision.BROKEN
    if finding.shown is not None and finding.shown.difference is not None:
        return Decision.HIGHER if finding.shown.difference > 0 else Decision.LOWER
    if finding.means is None:
        return Decision.EARLY
    return Decision.NOT_SHOWN if finding.at_end is not None else Decision.OPEN


def verdict(result: Result) -> str:
    """A sentence for each question: what may be concluded, and what not."""
    if result.split.alarm_at is not None:
        return _broken(result)
    return " ".join(_sentence(result, finding) for finding in result.findings)


def method(experiment: Comparison) -> str:
    """How the experiment is read, and what looking costs, for whoever wants to know what a verdict rests on."""
    told = (_read(experiment), _ends(experiment), _divided(experiment), _measured(experiment.metric))
    return " ".join(filter(None, told))


def _sentence(result: Result, finding: Finding) -> str:
    metric, come_to = result.experiment.metric, decision(result, finding)
    says = _claim(finding, metric, come_to)
    match come_to:
        case Decision.HIGHER | Decision.LOWER:
            told = _best(finding)
            return (
                f"It may be concluded that {says}{_means(told, metric)}, by {_bounds(told, metric)}, but not by how much within"
                f" these bounds{_caution(finding, told)}."
            )
        case Decision.NOT_SHOWN:
            told = finding.at_end or finding
            return (
                f"At the declared end, on {_when(told)}, it may not be concluded that {says}{_means(told, metric)}: a"
                f" difference beyond {_bounds(told, metric)} may be excluded, but not one within these"
                f" bounds{_looking_on(result.experiment)}."
            )
        case Decision.OPEN:
            return (
                f"It may not be concluded yet whether {says}{_means(finding, metric)}: the data agree with"
                f" {_bounds(finding, metric)}, so neither is a difference shown, nor that there is none{_to_go(result)}."
            )
    return f"It may not be concluded yet whether {says}: {_too_few(finding, metric)}."


def _broken(result: Result) -> str:
    counts, shares = result.split.counts, result.experiment.shares
    seen = ", ".join(f"{count:,} in {arm}" for arm, count in counts.items())
    declared = " : ".join(_percent(share) for share in shares.values())
    one_of = min(1 / max(result.split.p, _RARELY), 1 / _RARELY)
    return (
        f"Nothing may be concluded: there are {seen}, which by lot ({declared}) comes about in at most one of {one_of:,.0f}"
        f" experiments, so something else decides who is counted; find it, and begin anew."
    )


def _claim(finding: Finding, metric: Metric, come_to: Decision) -> str:
    """What is concluded, or might be."""
    name, against = finding.question.name, finding.question.against
    if len(finding.groups) == 2:  # noqa: PLR2004 - one against the other
        does = {Decision.HIGHER: "raises", Decision.LOWER: "lowers"}.get(come_to, "changes")
        return f"{name} {does} the {metric.name} against {against}"
    do = {Decision.HIGHER: "more", Decision.LOWER: "less"}.get(come_to, "something else")
    return f"{name.removeprefix(TOGETHER)} together do {do} for the {metric.name} than {against}"


def _means(finding: Finding, metric: Metric) -> str:
    """What was seen of one and of the other."""
    seen = [_level(mean, metric) for mean in finding.means or ()]
    return f" ({' and '.join(seen)})" if len(seen) == 2 else ""  # noqa: PLR2004 - as above


def _bounds(finding: Finding, metric: Metric) -> str:
    """Within what the truth is."""
    apart, lift = finding.interval, finding.lift_interval
    if apart is None:
        return f"a lift of {_lift(lift)}" if lift else "anything"
    return f"{_change(apart, metric)}{f' (a lift of {_lift(lift)})' if lift else ''}"


def _best(finding: Finding) -> Finding:
    """The latest figures that show what was concluded: now, at the declared end, or when it was."""
    shown = finding.shown or finding
    return next((each for each in (finding, finding.at_end) if each is not None and _leaves_no_room(each)), shown)


def _leaves_no_room(finding: Finding) -> bool:
    """Whether these figures leave no room for there being no difference."""
    bounds = finding.interval or finding.lift_interval
    return bounds is not None and not bounds.low <= 0 <= bounds.high


def _caution(finding: Finding, told: Finding) -> str:
    """What else a reader should know of something shown."""
    if told is finding.shown:
        return f", and these are the figures of {_when(told)}: by those of today alone it may have faded"
    if told is finding.at_end:
        return f", and these are the figures of the declared end, on {_when(told)}"
    if finding.at_end is None:
        return ", and what is stopped as soon as it shows looks larger than it is"
    return ""


def _when(told: Finding) -> str:
    """Of which look these figures are: one a day, counted from 1."""
    return f"day {told.look:,} with {_count(sum(group.people for group in told.groups), 'person', 'people')}"


def _looking_on(experiment: Comparison) -> str:
    rule = experiment.rule(experiment.questions[0])
    return f"; later looks count only at {_percent(rule.always.alpha)}" if isinstance(rule, Hybrid) else ""


def _to_go(result: Result) -> str:
    experiment, needed = result.experiment, result.experiment.people_needed
    if experiment.effect is None or needed is None or result.people >= needed:
        return ""
    days = days_to_go(needed, result.people, result.a_day)
    at_pace = "" if days is None else f", {_count(days, 'day', 'days')} of looks at the pace so far"
    more, end = needed - result.people, None if result.over else at_its_end(experiment, result.a_day)
    ends = f", but its plan ends at {_count(end, 'person', 'people')}" if end is not None and end < needed else ""
    return (
        f"; {_count(more, 'person more is', 'people more are')} needed to show a lift of {_signed(experiment.effect.lift)} in"
        f" {100 * experiment.power:.0f} of 100 cases{at_pace}{ends}"
    )


def _too_few(finding: Finding, metric: Metric) -> str:
    if metric.kind is Kind.RARE:
        return "nobody has converted"
    few = fewest(metric, finding.groups)
    have = "has" if few == 1 else "have"
    what = {Kind.RATE: f"{have} converted (or, of nearly all, {have} not)"}.get(metric.kind, f"{have} any {metric.name}")
    if few < FIRST:
        customers = _count(few, "customer", "customers")
        only = f"in the smallest group only {customers} {what}"
        if metric.comes_true:
            only = f"in the smallest group it came true for only {customers} (or, of nearly all, did not)"
        return f"{only}, and below {FIRST} a comparison could not keep its promise"
    return "there is no variation to compare it with"


def _read(experiment: Comparison) -> str:
    errs = f"where nothing differs, a difference is claimed in at most {100 * experiment.alpha:.3g} of 100 experiments"
    rule = experiment.rule(experiment.questions[0])
    if experiment.metric.kind is Kind.RARE:
        return f"It is read by the arms in which the converters are, exactly and at each look: {errs}."
    if not isinstance(rule, Hybrid):
        return (
            f"It is read at each look by an interval that holds at all of them: {errs}. Its price is 1.9 times the people"
            " of a single look."
        )
    return (
        f"It is read at each look strictly, and once at its declared end nearly as if there had been no other: {errs}. What is"
        " not shown at the end may be looked at longer, and is then read strictly."
    )


def _ends(experiment: Comparison) -> str:
    plan = experiment.plan
    if plan is None or not plan.ends:
        return ""
    ends = [f"{_count(plan.people, 'person', 'people')} in all arms"] if plan.people is not None else []
    ends += [_count(plan.days, "day", "days")] if plan.days is not None else []
    return f"Its declared end is after {' or '.join(ends)}{', whichever is first' if len(ends) > 1 else ''}."


def _divided(experiment: Comparison) -> str:
    number = len(experiment.questions)
    each = f"Each of its {number} questions is held to {_percent(experiment.alpha_each)}, so that this is so of all together."
    return each if number > 1 else ""


def _measured(metric: Metric) -> str:
    said = []
    if metric.cap is not None:
        said.append(f"What is above {_level(metric.cap, metric)} counts as that much.")
    if metric.before:
        said.append("It is adjusted by what the same customers did before, which makes the bounds narrower and moves none.")
    if metric.kind is Kind.RATIO:
        said.append("Its error is that of customers, who were drawn, not of orders.")
    return " ".join(said)


def _level(value: float, metric: Metric) -> str:
    return _percent(value) if metric.kind in (Kind.RATE, Kind.RARE) else f"{value:,.2f} {metric.unit}".rstrip()


def _change(bounds: Interval, metric: Metric) -> str:
    if metric.kind is Kind.RATE:
        low, high = (f"{100 * each:+.2g}" for each in bounds)
        return f"{low} to {high} points"
    low, high = (f"{each:+,.2f}" for each in bounds)
    return f"{low} to {high} {metric.unit}".rstrip()


def _lift(bounds: Interval) -> str:
    return " to ".join("any height" if isinf(each) else _signed(each) for each in bounds)


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"


def _signed(share: float) -> str:
    return f"{100 * share:+.2g} %" if abs(share) < 1 else f"{100 * share:+,.0f} %"


def _count(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"
