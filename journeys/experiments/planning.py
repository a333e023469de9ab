"""What an experiment will need, said before it starts and while it runs: people, days, and the least that so many can show.

Promise: pure, by the very rule by which the experiment will be read, so that "enough" means the same before and after.
"""

from math import ceil

from journeys.experiments import estimates
from journeys.experiments.declared import Comparison
from journeys.experiments.sums import Sums
from segments.language.sizing import least_lift, people_for


def people_from(experiment: Comparison, before: Sums, lift: float) -> int:
    """People in all arms who show a relative lift of a mean, judged by the sums of customers from before the experiment.

    Money varies more than a rate: how much cannot be known from a mean alone. Two customers or more, and a mean other than 0.
    """
    usual = estimates.mean(before)
    spread = (usual.variance, usual.variance)
    return max(
        people_for(usual.mean * lift, spread, shares=pair, power=experiment.power, beyond=experiment.beyond)
        for pair in experiment.pairs
    )


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


def foretold(experiment: Comparison, a_day: float) -> str:
    """What the experiment needs, with so many customers a day in all arms: people, days, and what a shorter plan can show.

    Example:
        To find +0.1 on a rate of 0.03 in 80 of 100 such experiments, 113,614 people are needed: 30 days at 3,800 a day.
    """
    effect, needed = experiment.effect, experiment.people_needed
    if effect is None or needed is None:
        return "How many people are needed cannot be said before an effect is declared: effect=Effect(base_rate, lift)."
    days = days_to_go(needed, 0, a_day)
    how_long = "at this pace never reached" if days is None else f"{days:,} days at {a_day:,.0f} a day"
    said = (
        f"To find {effect.lift:+.3g} on a rate of {effect.base_rate:.3g} in {100 * experiment.power:.0f} of 100 such"
        f" experiments, {needed:,} people are needed: {how_long}."
    )
    short = too_short(experiment, a_day)
    return f"{said} {short}: plan for more, or expect a larger effect." if short else said


def too_short(experiment: Comparison, a_day: float | None = None) -> str:
    """That its plan ends before its effect can be found, and what it can show; nothing where it does not, or nobody can tell.

    By its people alone, where nobody says how many come a day.
    """
    effect, needed, people = experiment.effect, experiment.people_needed, _at_its_end(experiment, a_day)
    if effect is None or needed is None or people is None or people >= needed:
        return ""
    least = least_shown(experiment, effect.base_rate, people) if people else None
    shows = "no lift at all" if least is None else f"at least {least:+.3g}"
    return f"Its plan ends at {people:,} people, which shows {shows}, and {needed:,} are needed"


def _at_its_end(experiment: Comparison, a_day: float | None) -> int | None:
    """How many are in all arms at the declared end; None where that cannot be told."""
    plan = experiment.plan
    if plan is None:
        return None
    by_days = None if plan.days is None or a_day is None else int(plan.days * a_day)
    return min((each for each in (plan.people, by_days) if each is not None), default=None)
