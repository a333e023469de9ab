"""What experiments and holdouts will need, said before they begin: people and days, by who is there and who comes (GOV-03).

Promise: by the very rule by which they will be read; a plan that is too small for its effect is told with the number it needs.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from journeys.arms import Experiment
from journeys.contracts import JourneySpec
from journeys.experiments import Comparison, Kind, Metric, days_to_go, foretold, too_short
from segments import Effect, Segment
from store import Database
from store.measuring.experiments import comings
from store.segments.rows import sizes

#: Without a declared end, so many days are too long to wait for an effect.
TOO_LONG = 90


@dataclass(frozen=True, slots=True)
class Planned:
    """An experiment of a journey, and what it needs, as far as an effect is declared, with it or with the entry segment."""

    experiment: Experiment
    #: The entry segment, how many are in it now, and how many came into it a day lately.
    segment: str | None = None
    members: int = 0
    a_day: float = 0.0
    effect: Effect | None = None

    @property
    def comparison(self) -> Comparison:
        """It by its conversion rate, which is what an effect is of."""
        plan = self.experiment.plan
        kind = Kind.RARE if plan is not None and plan.rare else Kind.RATE
        return replace(Comparison.of(self.experiment, Metric("conversion rate", kind)), effect=self.effect)

    @property
    def people_needed(self) -> int | None:
        """In all arms together."""
        return self.comparison.people_needed

    @property
    def days(self) -> int | None:
        """Until so many have come; None: never at this pace, or nobody knows how many are needed."""
        needed = self.people_needed
        return None if needed is None else days_to_go(needed, 0, self.a_day)

    @property
    def said(self) -> str:
        """What it needs, and who is there, in sentences."""
        there = f" {self.segment} has {self.members:,} members now." if self.segment else ""
        return foretold(self.comparison, self.a_day) + there

    @property
    def too_small(self) -> bool:
        """Whether it cannot find at its declared end, or without one within some months, what it is to find."""
        if self.people_needed is None:
            return False
        plan = self.experiment.plan
        if plan is not None and plan.ends:
            return bool(too_short(self.comparison, self.a_day))
        return self.days is None or self.days > TOO_LONG

    @property
    def warning(self) -> str:
        """What is wrong, where it is too small."""
        advice = "" if too_short(self.comparison, self.a_day) else " Widen the segment, or expect a larger effect."
        return f"{self.experiment.name} is too small for its effect. {self.said}{advice}"


async def planned(
    database: Database,
    specs: Iterable[JourneySpec],
    asked: Mapping[str, Sequence[Experiment]],
    segments: Mapping[str, Segment],
    at: datetime,
) -> dict[str, list[Planned]]:
    """What these journeys have planned: each its holdout, and the experiments that it asks about (by journey)."""
    told = {spec.name: (spec, list(_experiments(spec, asked))) for spec in specs}
    names = sorted({str(spec.entered_by) for spec, found in told.values() if found and spec.entered_by is not None})
    members = await sizes(database, names) if names else {}
    a_day = await comings(database, names, at - timedelta(days=28), at) if names else {}
    return {
        name: [
            Planned(
                each,
                spec.entered_by,
                members.get(spec.entered_by or "", 0),
                a_day.get(spec.entered_by or "", 0.0),
                _effect(each, segments.get(spec.entered_by or "")),
            )
            for each in found
        ]
        for name, (spec, found) in told.items()
    }


def _experiments(spec: JourneySpec, asked: Mapping[str, Sequence[Experiment]]) -> Iterator[Experiment]:
    if spec.held_out is not None:
        yield spec.held_out
    yield from asked.get(spec.name, ())


def _effect(experiment: Experiment, segment: Segment | None) -> Effect | None:
    """What it is to find; else what its entry segment is meant to achieve."""
    declared = None if experiment.plan is None else experiment.plan.effect
    return declared or (None if segment is None else segment.effect)
