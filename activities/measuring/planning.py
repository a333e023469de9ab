"""What experiments and holdouts will need, said before they begin: people and days, by who is there and who comes (GOV-03).

Promise: by the very rule by which they will be read; a plan that is too small for its effect is told with the number it needs.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import prod
from types import MappingProxyType

from activities.measuring.looking import CONVERSION, metric_of
from journeys.arms import HOLDOUT, Experiment
from journeys.contracts import JourneySpec, Purpose
from journeys.experiments import Comparison, Sums, days_to_go, foretold, needed, too_short
from journeys.policies import Conversion, GlobalHoldout
from segments import Effect, Segment
from segments.ask.declared import leaves_alone
from segments.predictions.declared import Declared
from store import Database
from store.measuring.experiments import comings, exposed_a_day, usual
from store.segments.sizes import sizes

#: Without a declared end, so many days are too long to wait for an effect.
TOO_LONG = 90
#: Where the company's holdout, which is of no journey, stands among them.
COMPANY = ""
_LATELY = timedelta(days=28)


@dataclass(frozen=True, slots=True)
class Planned:
    """An experiment of a journey, and what it needs, as far as an effect is declared, with it or with the entry segment."""

    experiment: Experiment
    #: The entry segment, how many are in it now, and how many a day lately came into it whom no holdout keeps from this.
    segment: str | None = None
    members: int = 0
    a_day: float = 0.0
    effect: Effect | None = None
    #: By which rule it is measured, and what customers came to by it so far; None where that is not known.
    rule: Conversion | None = None
    before: Sums | None = None

    @property
    def of_company(self) -> bool:
        """Whether it is the company's holdout."""
        return self.experiment.name.startswith(HOLDOUT) and "/" not in self.experiment.name

    @property
    def judged(self) -> str:
        """By which metric: what it declares, else what its journey does."""
        plan = self.experiment.plan
        return str((plan and plan.kpi) or (self.rule and self.rule.kpi) or CONVERSION)

    @property
    def comparison(self) -> Comparison:
        """It by that."""
        plan = self.experiment.plan
        metric = metric_of(self.judged, self.rule or Conversion(), rare=plan is not None and plan.rare)
        return replace(Comparison.of(self.experiment, metric), effect=self.effect)

    @property
    def people_needed(self) -> int | None:
        """In all arms together."""
        return needed(self.comparison, self.before)

    @property
    def days(self) -> int | None:
        """Until so many have come; None: nobody has come lately, or nobody knows how many are needed."""
        people = self.people_needed
        return None if people is None else days_to_go(people, 0, self.a_day)

    @property
    def said(self) -> str:
        """What it needs, and who is there, in sentences."""
        there = f" {self.segment} has {self.members:,} members now." if self.segment else ""
        return foretold(self.comparison, self.a_day, self.before) + there

    @property
    def too_small(self) -> bool:
        """Whether it cannot find at its declared end, or without one within some months, what it is to find."""
        plan = self.experiment.plan
        if plan is not None and plan.ends:
            return bool(too_short(self.comparison, self.a_day, self.before))
        return self.days is not None and self.days > TOO_LONG

    @property
    def warning(self) -> str:
        """What is wrong, where it is too small."""
        advice = "" if too_short(self.comparison, self.a_day, self.before) else " Widen the segment, or expect a larger effect."
        return f"{self.experiment.name} is too small for its effect. {self.said}{advice}"


async def planned(
    database: Database,
    specs: Iterable[JourneySpec],
    asked: Mapping[str, Sequence[Experiment]],
    segments: Mapping[str, Segment],
    at: datetime,
    company: GlobalHoldout | None = None,
    predictions: Mapping[str, Declared] = MappingProxyType({}),
) -> dict[str, list[Planned]]:
    """What these journeys have planned, by journey: its holdout, and the experiments that it asks about; and the company's.

    `predictions` are the catalogue's.
    """
    told = {spec.name: (spec, list(_experiments(spec, asked))) for spec in specs}
    names = sorted({str(spec.entered_by) for spec, found in told.values() if found and spec.entered_by is not None})
    members = await sizes(database, names) if names else {}
    a_day = await comings(database, names, at - _LATELY, at) if names else {}
    left = {name: await leaves_alone(database, predictions, segments.get(name)) for name in names}
    found = {
        name: [
            Planned(
                each,
                spec.entered_by,
                members.get(spec.entered_by or "", 0),
                a_day.get(spec.entered_by or "", 0.0) * _through(spec, each, company, left.get(spec.entered_by or "", {})),
                _effect(each, segments.get(spec.entered_by or "")),
                spec.measured,
            )
            for each in experiments
        ]
        for name, (spec, experiments) in told.items()
    }
    if company is not None:
        own = Experiment.of_holdout(company.name, company.share, company.plan)
        days = await exposed_a_day(database, company.name, at - _LATELY, at)
        found[COMPANY] = [Planned(own, a_day=days, effect=_effect(own, None), rule=company.conversion)]
    return await _as_before(database, found)


async def _as_before(database: Database, found: Mapping[str, list[Planned]]) -> dict[str, list[Planned]]:
    """With what customers came to so far, where it is asked for: of rates an effect says it all."""
    asked = [name for name, plans in found.items() if any(not each.comparison.is_rate for each in plans)]
    so_far = {key: Sums(*each) for key, each in (await usual(database, asked)).items()} if asked else {}
    return {name: [replace(each, before=so_far.get((name, each.judged))) for each in plans] for name, plans in found.items()}


def _through(spec: JourneySpec, experiment: Experiment, company: GlobalHoldout | None, foretold: Mapping[str, float]) -> float:
    """Which part of those who come no holdout keeps from an experiment: the company's is asked before the journey's."""
    of_company = 1 - company.share if company is not None and spec.purpose is Purpose.MARKETING else 1.0
    of_predictions = prod(1 - share for share in foretold.values())
    return of_company * of_predictions * (1 if experiment == spec.held_out else 1 - spec.holdout)


def _experiments(spec: JourneySpec, asked: Mapping[str, Sequence[Experiment]]) -> Iterator[Experiment]:
    if spec.held_out is not None:
        yield spec.held_out
    yield from asked.get(spec.name, ())


def _effect(experiment: Experiment, segment: Segment | None) -> Effect | None:
    """What it is to find; else what its entry segment is meant to achieve."""
    declared = None if experiment.plan is None else experiment.plan.effect
    return declared or (None if segment is None else segment.effect)
