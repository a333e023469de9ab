"""What the limits of a journey must satisfy to load: each by its kind, then together."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise

from journeys.contracts import JourneySpec
from journeys.errors import Fault, raised
from journeys.gate.hours import window
from journeys.policies import Limits, Ramp, Rate, Window
from journeys.rules import Rule
from journeys.spans import describe

_INSTANT = "datetime(2026, 5, 1, 9, tzinfo=UTC)"


def faults_of(spec: JourneySpec) -> Iterator[Fault]:
    """What is wrong with when a journey takes customers in, and how many."""
    limits = spec.limits
    if limits is None:
        return
    yield from _instants(limits)
    yield from _hours(limits)
    if limits.capacity is not None and (not _is_number(limits.capacity) or limits.capacity < 1):
        yield Fault(
            f"capacity is how many customers are in it at once, not {limits.capacity!r}",
            "write 1 or more; to let nobody in, kill the journey",
        )
    yield from _rate(limits)
    yield from _share(limits)
    if any(isinstance(each, Ramp) for each in (limits.rate, limits.share)) and limits.opens is None:
        yield Fault("a ramp counts from the journey's opening", f"say when that is, opens={_INSTANT}")
    if limits.max_wait is not None and (not isinstance(limits.max_wait, timedelta) or limits.max_wait < timedelta(0)):
        yield Fault(f"max_wait is a span, not {limits.max_wait!r}", "write max_wait=timedelta(days=2)")


def hints_of(spec: JourneySpec) -> Iterator[Fault]:
    """What loads, but does not do what one may think."""
    limits = spec.limits
    if limits is None:
        return
    wait = spec.max_lateness if limits.max_wait is None else limits.max_wait
    if isinstance(limits.share, Ramp) and wait < limits.share.every:
        never = f"a stage of its ramp lasts {describe(limits.share.every)}, and most of those who are not in it yet never enter"
        yield _too_short(wait, never)
    if limits.hours is not None and wait < timedelta(days=1):
        yield _too_short(wait, f"who comes outside its hours, {limits.hours}, is refused when they are over")
    if limits.max_wait is not None and limits == Limits(closes=limits.closes, max_wait=limits.max_wait):
        nothing = "max_wait has no effect: nothing is declared for which somebody would wait"
        yield Fault(nothing, "leave it out, or declare capacity= or rate=", Rule.WAIT)


def _too_short(wait: timedelta, told: str) -> Fault:
    return Fault(f"somebody waits {describe(wait)} at the longest: {told}", "raise max_wait, if they should enter", Rule.WAIT)


def _instants(limits: Limits) -> Iterator[Fault]:
    fine = True
    for name, at in (("opens", limits.opens), ("closes", limits.closes)):
        if at is not None and (not isinstance(at, datetime) or at.tzinfo is None):
            fine = False
            yield Fault(f"{name} is an instant with its zone, not {at!r}", f"write {name}={_INSTANT}")
    if fine and limits.opens and limits.closes and limits.closes <= limits.opens:
        told = f"it closes ({limits.closes:%Y-%m-%d %H:%M}) before it opens ({limits.opens:%Y-%m-%d %H:%M}): nobody could enter"
        yield Fault(told, "let closes= be later than opens=")


def _hours(limits: Limits) -> Iterator[Fault]:
    hours = limits.hours
    if hours is None:
        return
    if not isinstance(hours, Window):
        yield Fault(f"entry_hours is a window, not {hours!r}", 'write entry_hours=Window("09:00", "18:00")')
        return
    yield from raised("entry_hours", lambda: window(hours.start, hours.end, hours.weekdays))


def _rate(limits: Limits) -> Iterator[Fault]:
    if limits.rate is None:
        return
    stages = limits.rate.stages if isinstance(limits.rate, Ramp) else (limits.rate,)
    if not stages or not all(isinstance(each, Rate) for each in stages):
        growing = "ramp(per_hour(100), per_hour(1_000), every=timedelta(days=1))"
        yield Fault(f"rate is no rate: {limits.rate!r}", f"write per_hour(100), or {growing}")
    elif not all(_is_number(each.number) and each.number >= 1 for each in stages):
        yield Fault("a rate lets 1 customer or more in", "write per_hour(100); to let nobody in, kill the journey")
    yield from _every(limits.rate)


def _share(limits: Limits) -> Iterator[Fault]:
    if limits.share is None:
        return
    stages = limits.share.stages if isinstance(limits.share, Ramp) else (limits.share,)
    if not stages or not all(isinstance(s, int | float) and not isinstance(s, bool) and 0 < s <= 1 for s in stages):
        growing = "ramp(0.01, 0.1, 1.0, every=timedelta(days=2))"
        yield Fault(f"share is a fraction above 0 up to 1, not {limits.share!r}", f"write 0.1, or {growing}")
    elif any(later <= sooner for sooner, later in pairwise(stages)):
        yield Fault("the shares of a ramp grow: who is in a journey's share stays in it", "put the smaller ones first")
    yield from _every(limits.share)


def _every(ramp: object) -> Iterator[Fault]:
    if isinstance(ramp, Ramp) and (not isinstance(ramp.every, timedelta) or ramp.every <= timedelta(0)):
        yield Fault(f"every is how long each stage of a ramp lasts, not {ramp.every!r}", "write every=timedelta(days=1)")


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
