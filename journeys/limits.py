"""What the limits of a journey must satisfy to load: each by its kind, then together."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise

from journeys.contracts import JourneySpec
from journeys.errors import CatalogueError
from journeys.gate.hours import window
from journeys.policies import Limits, Ramp, Rate, Window
from journeys.spans import describe


def faults_of(spec: JourneySpec) -> Iterator[str]:
    """What is wrong with when a journey takes customers in, and how many."""
    limits = spec.limits
    if limits is None:
        return
    yield from _instants(limits)
    yield from _hours(limits)
    if limits.capacity is not None and (not _is_number(limits.capacity) or limits.capacity < 1):
        yield f"capacity is how many customers are in it at once, 1 or more, not {limits.capacity!r}; to let nobody in, kill it"
    yield from _rate(limits)
    yield from _share(limits)
    if any(isinstance(each, Ramp) for each in (limits.rate, limits.share)) and limits.opens is None:
        yield "a ramp counts from the journey's opening: say when that is, opens=datetime(2026, 5, 1, tzinfo=UTC)"
    if limits.max_wait is not None and (not isinstance(limits.max_wait, timedelta) or limits.max_wait < timedelta(0)):
        yield f"max_wait is a span such as timedelta(days=2), not {limits.max_wait!r}"


def hints_of(spec: JourneySpec) -> Iterator[str]:
    """What loads, but does not do what one may think."""
    limits = spec.limits
    if limits is None:
        return
    wait = spec.max_lateness if limits.max_wait is None else limits.max_wait
    if isinstance(limits.share, Ramp) and wait < limits.share.every:
        yield (
            f"whoever is not in the share yet waits {describe(wait)} at the longest, and a stage of its ramp lasts"
            f" {describe(limits.share.every)}: most of them never enter; raise max_wait, if they should"
        )
    if limits.hours is not None and wait < timedelta(days=1):
        yield (
            f"who comes outside its hours, {limits.hours}, waits {describe(wait)} at the longest, and is refused then;"
            " raise max_wait, if they should enter when it opens"
        )
    if limits.max_wait is not None and all(
        each is None for each in (limits.opens, limits.hours, limits.capacity, limits.rate, limits.share)
    ):
        yield "max_wait has no effect: nothing is declared for which somebody would wait, such as capacity= or rate="


def _instants(limits: Limits) -> Iterator[str]:
    fine = True
    for name, at in (("opens", limits.opens), ("closes", limits.closes)):
        if at is not None and (not isinstance(at, datetime) or at.tzinfo is None):
            fine = False
            yield f"{name} is an instant with its zone, such as datetime(2026, 5, 1, 9, tzinfo=UTC), not {at!r}"
    if fine and limits.opens and limits.closes and limits.closes <= limits.opens:
        yield f"it closes ({limits.closes:%Y-%m-%d %H:%M}) before it opens ({limits.opens:%Y-%m-%d %H:%M}): nobody could enter"


def _hours(limits: Limits) -> Iterator[str]:
    hours = limits.hours
    if hours is None:
        return
    if not isinstance(hours, Window):
        yield f'entry_hours is Window("09:00", "18:00"), not {hours!r}'
        return
    try:
        window(hours.start, hours.end, hours.weekdays)
    except CatalogueError as error:
        yield f"entry_hours: {error}"


def _rate(limits: Limits) -> Iterator[str]:
    if limits.rate is None:
        return
    stages = limits.rate.stages if isinstance(limits.rate, Ramp) else (limits.rate,)
    if not stages or not all(isinstance(each, Rate) for each in stages):
        yield f"rate is per_hour(100), or ramp(per_hour(100), per_hour(1_000), every=timedelta(days=1)), not {limits.rate!r}"
    elif not all(_is_number(each.number) and each.number >= 1 for each in stages):
        yield "a rate lets 1 customer or more in: per_hour(100); to let nobody in, kill the journey"
    yield from _every(limits.rate)


def _share(limits: Limits) -> Iterator[str]:
    if limits.share is None:
        return
    stages = limits.share.stages if isinstance(limits.share, Ramp) else (limits.share,)
    if not stages or not all(isinstance(s, int | float) and not isinstance(s, bool) and 0 < s <= 1 for s in stages):
        yield f"share is a fraction above 0 up to 1, or ramp(0.01, 0.1, 1.0, every=timedelta(days=2)), not {limits.share!r}"
    elif any(later <= sooner for sooner, later in pairwise(stages)):
        yield "the shares of a ramp grow: who is in a journey's share stays in it"
    yield from _every(limits.share)


def _every(ramp: object) -> Iterator[str]:
    if isinstance(ramp, Ramp) and (not isinstance(ramp.every, timedelta) or ramp.every <= timedelta(0)):
        yield f"a ramp says how long each stage lasts, every=timedelta(days=1), not {ramp.every!r}"


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
