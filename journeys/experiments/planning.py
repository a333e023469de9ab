"""What an experiment will need, said before it starts and while it runs: people, days, and the least that so many can show.

Promise: pure, by the very rule by which the experiment will be read, so that "enough" means the same before and after.
"""

from math import ceil, sqrt

from journeys.experiments import estimates
from journeys.experiments.declared import Comparison, Kind
from journeys.experiments.estimates import Estimate
from journeys.experiments.sums import Sums
from segments.language.sizing import least_lift, people_for


def needed(experiment: Comparison, before: Sums | None = None) -> int | None:
    """People in all arms who show the declared effect; None where that cannot be said (yet).

    Of a rate the effect says it all. Of money and orders only its lift counts, and how much customers vary has to be known:
    `before` are the sums of earlier ones, without whom it cannot be said.
    """
    if experiment.effect is None or experiment.is_rate:
        return experiment.people_needed
    usual = _usual(experiment, before)
    return None if usual is None else _people(experiment, usual, experiment.effect.lift)


def people_from(experiment: Comparison, before: Sums, lift: float) -> int | None:
    """People in all arms who show a relative lift of a mean or ratio, judged by the sums of customers from before.

    Money varies more than a rate: how much cannot be known from a mean alone. None where nothing varies.
    """
    usual = _usual(experiment, before)
    return None if usual is None else _people(experiment, usual, lift)


def least_shown(experiment: Comparison, base_rate: float, people: int) -> float | None:
    """The smallest relative lift of a rate that so many people in all arms show, in whichever arm it is; None: none does."""
    found = [
        least_lift(base_rate, people, shares=pair, power=experiment.power, beyond=experiment.beyond)
        for pair in experiment.pairs
    ]
    return None if None in found else max(each for each in found if each is not None)


def days_to_go(needed: int, people: int, a_day: float) -> int | None:
    """Whole days until so many people are in, with that many more each day; None: at this pace never."""
    if people >= needed:
        return 0
    return ceil((needed - people) / a_day) if a_day > 0 else None


def at_its_end(experiment: Comparison, a_day: float | None) -> int | None:
    """How many are in all arms at the declared end; None where that cannot be told: without one, or while nobody comes."""
    plan = experiment.plan
    if plan is None:
        return None
    by_days = int(plan.days * a_day) if plan.days is not None and a_day else None
    return min((each for each in (plan.people, by_days) if each is not None), default=None)


def foretold(experiment: Comparison, a_day: float, before: Sums | None = None) -> str:
    """What the experiment needs, with so many customers a day in all arms: people, days, and what a shorter plan can show.

    Example:
        To find a lift of +10 % on a conversion rate of 3 % in 80 of 100 such experiments, 113,614 people are needed: 30 days at
        3,800 a day.
    """
    effect, people = experiment.effect, needed(experiment, before)
    if effect is None:
        return "How many people are needed cannot be said before an effect is declared: effect=Effect(base_rate, lift)."
    if people is None:
        return (
            f"How many people are needed cannot be said yet: it is judged by {experiment.metric.name}, and how much that varies"
            " from customer to customer is not known before some have been measured."
        )
    days = days_to_go(people, 0, a_day)
    how_long = f"{days:,} day{'' if days == 1 else 's'} at {a_day:,.0f} a day" if days is not None else _NOBODY_CAME
    said = (
        f"To find a lift of {100 * effect.lift:+.3g} % on {_level(experiment, before)} in {100 * experiment.power:.0f} of 100"
        f" such experiments, {people:,} people are needed: {how_long}."
    )
    short = too_short(experiment, a_day, before)
    return f"{said} {short}: plan for more, or expect a larger effect." if short else said


def too_short(experiment: Comparison, a_day: float | None = None, before: Sums | None = None) -> str:
    """That its plan ends before its effect can be found, and what it can show; nothing where it does not, or nobody can tell.

    By its people alone, where nobody says how many come a day, or nobody has come.
    """
    wanted, people = needed(experiment, before), at_its_end(experiment, a_day)
    if wanted is None or people is None or people >= wanted:
        return ""
    least = _least(experiment, people, before) if people else None
    shows = "no lift at all" if least is None else f"at least a lift of {100 * least:+.3g} %"
    return f"Its plan ends at {people:,} people, which shows {shows}, and {wanted:,} are needed"


def _usual(experiment: Comparison, before: Sums | None) -> Estimate | None:
    """What a customer is worth, and how much that varies, as the experiment will be read; None where nothing is known of it."""
    ratio = experiment.metric.kind is Kind.RATIO
    if before is None or before.people < _TWO or (ratio and before.x <= 0):
        return None
    of = estimates.adjusted([before])[0] if experiment.metric.before else (estimates.ratio if ratio else estimates.mean)(before)
    return of if of.mean > 0 and of.variance > 0 else None


def _people(experiment: Comparison, usual: Estimate, lift: float) -> int:
    spread = (usual.variance, usual.variance)
    return max(
        people_for(usual.mean * lift, spread, shares=pair, power=experiment.power, beyond=experiment.beyond)
        for pair in experiment.pairs
    )


def _least(experiment: Comparison, people: int, before: Sums | None) -> float | None:
    if experiment.is_rate:
        return None if experiment.effect is None else least_shown(experiment, experiment.effect.base_rate, people)
    usual = _usual(experiment, before)
    return None if usual is None else sqrt(_people(experiment, usual, 1.0) / people)  # N goes by the lift's inverse square


def _level(experiment: Comparison, before: Sums | None) -> str:
    """From where the lift is, and where that is known from."""
    metric, usual = experiment.metric, _usual(experiment, before)
    if experiment.is_rate or usual is None:
        base = experiment.effect.base_rate if experiment.effect else 0.0
        return f"a {metric.name} of {100 * base:.3g} %"
    of = " ".join(filter(None, (f"{metric.name} of {usual.mean:,.2f}", metric.unit)))
    return f"{of} (standard deviation {sqrt(usual.variance):,.2f}, by customers so far)"


_TWO = 2
_NOBODY_CAME = "how long that takes cannot be said yet, since nobody has come lately"
