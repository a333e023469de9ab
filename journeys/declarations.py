"""What a journey's declaration must satisfy to load: each argument by its kind, then the arguments together.

Promise: all that is wrong with a declaration is told at once, each with what to write instead.
"""

import inspect
import re
from collections.abc import Iterator
from datetime import timedelta
from zoneinfo import ZoneInfo

from pydantic import BaseModel

from journeys import goals, limits
from journeys.contracts import Cap, Channel, JourneySpec, Purpose, QuietHours
from journeys.entering import parameters
from journeys.errors import Fault, InvalidParams, raised
from journeys.gate.budget import Budget, millionths
from journeys.gate.hours import CLOCK_TIME
from journeys.gate.order import HIGHEST
from journeys.handle.said import check_window
from journeys.policies import After, Limits, PerKey, Reentry, Topic, Within
from journeys.rules import Rule
from journeys.spans import describe, too_long
from segments import DefinitionError, Predicate, Segment
from segments.language.segment import check_segment_name

_NAME = re.compile(r"^[a-z][a-z0-9_]{0,63}$")
_OCCURRENCES = 32_000  # the ledger counts a message's occurrences in 16 bits


def faults(spec: JourneySpec, steps: object, params: object) -> Iterator[Fault]:
    """What is wrong with a declaration."""
    if not _NAME.match(spec.name):
        yield Fault("this is no name for a journey", "write it lower_case_with_underscores, with at most 64 characters")
    if not inspect.iscoroutinefunction(steps):
        yield Fault("a journey is an async function", "write async def")
    elif len(inspect.signature(steps).parameters) != 1:
        yield Fault("a journey takes the handle and nothing else", f"write async def {spec.name}(j: Journey)")
    if not (params is None or (isinstance(params, type) and issubclass(params, BaseModel))):
        yield Fault(f"params is a class of parameters, not {_shown(params)}", "derive one from pydantic's BaseModel")
    elif params is not None and spec.entry is not None:
        yield from _defaults(spec.name, params)
    yield from _entry(spec)
    yield from goals.faults_of(spec)
    yield from _reentry(spec)
    yield from _numbers(spec)
    yield from _spans(spec)
    yield from _quiet(spec)
    yield from _caps(spec)
    yield from _sending(spec)
    yield from _topic(spec)
    yield from limits.faults_of(spec)


def _topic(spec: JourneySpec) -> Iterator[Fault]:
    if spec.topic is None:
        return
    if not isinstance(spec.topic, Topic):
        yield Fault(f"topic is a topic, not {_shown(spec.topic)}", 'write topic=Topic("news", en="News and stories")')
    elif not isinstance(spec.topic.name, str) or not _NAME.match(spec.topic.name):
        yield Fault("this is no name for a topic", "write it lower_case_with_underscores, with at most 64 characters")
    elif not spec.topic.titles or not all(isinstance(each, str) and each.strip() for _, each in spec.topic.titles):
        yield Fault("customers see a topic by its title", f'say it, by language: Topic("{spec.topic.name}", en="…", es="…")')
    elif spec.purpose is not Purpose.MARKETING:
        yield Fault("only marketing has a topic that customers turn off", "leave topic= out, or purpose=")


def hints(spec: JourneySpec) -> Iterator[Fault]:
    """What loads, but does not do what one may think."""
    for cap in spec.caps:
        if cap.longest > spec.useless_after:
            dropped = f"a message that the cap of {cap} holds back is dropped, not sent later"
            why = f"useless_after is {describe(spec.useless_after)}"
            yield Fault(f"{dropped}: {why}", "raise it, if the message should wait that long", Rule.CAP)
    if spec.send_time is not None and spec.send_time.span > spec.useless_after:
        longer = f"send_time is {spec.send_time}, and a message is useless {describe(spec.useless_after)} after it was due"
        yield Fault(longer, "raise useless_after=, if the best hour may be later", Rule.LATE)
    yield from limits.hints_of(spec)


def _entry(spec: JourneySpec) -> Iterator[Fault]:
    if isinstance(spec.entry, str):
        try:
            check_segment_name(spec.entry)
        except DefinitionError as error:
            yield Fault(f"entry={spec.entry!r}: {error.problem}", "name a segment by such a name")
    elif spec.entry is not None and not isinstance(spec.entry, Segment):
        advice = 'name it: Segment("…", …)' if isinstance(spec.entry, Predicate) else "give it one, or leave it out"
        yield Fault(f"entry is a Segment or the name of one, not {_shown(spec.entry)}", advice)
    if spec.ends_on_leave and spec.entry is None:
        yield Fault("ends_on_leave needs an entry segment", "declare entry=")


def _defaults(name: str, params: type[BaseModel]) -> Iterator[Fault]:
    """Whoever enters by the segment brings no parameters, so the model has to do without."""
    try:
        parameters(name, params, {})
    except InvalidParams as error:
        fields = ", ".join(where.rpartition("/")[2] for where, _ in error.problems)
        why = f"who enters by the segment brings no parameters, and {params.__name__} lacks a default that fits: {fields}"
        yield Fault(why, "give it one, or remove entry=")


def _reentry(spec: JourneySpec) -> Iterator[Fault]:
    rule = spec.reentry
    if inspect.isfunction(rule):
        example = {"after": "after(days=7)", "per_key": 'per_key("cart_id")'}.get(rule.__name__, f"{rule.__name__}()")
        yield Fault(f"reentry={rule.__name__} is not called", f"write reentry={example}")
    elif not isinstance(rule, Reentry):
        rules = "write once(), after(days=…), per_key(…), restart() or whenever()"
        yield Fault(f"reentry is a rule, not {_shown(rule)}", rules)
    elif isinstance(rule, After) and rule.cooldown < timedelta(0):
        yield Fault("after(…) is negative", "write after(days=7)")
    elif isinstance(rule, PerKey) and not (isinstance(rule.property, str) and rule.property):
        yield Fault(f"per_key takes the name of a property, not {_shown(rule.property)}", 'write per_key("cart_id")')
    elif isinstance(rule, PerKey) and spec.entry is None:
        yield Fault("per_key needs an entry segment", "declare entry=")


def _numbers(spec: JourneySpec) -> Iterator[Fault]:
    for name, span in (("max_lateness", spec.max_lateness), ("useless_after", spec.useless_after)):
        if not isinstance(span, timedelta):
            yield Fault(f"{name} is a span, not {_shown(span)}", f"write {name}=timedelta(hours=4)")
        elif span <= timedelta(0):
            yield Fault(f"{name} is not positive", f"write {name}=timedelta(hours=4)")
    if isinstance(spec.holdout, bool) or not isinstance(spec.holdout, int | float) or not 0 <= spec.holdout < 1:
        yield Fault(
            f"holdout cannot be {_shown(spec.holdout)}", "give it a fraction from 0 up to, not including, 1: holdout=0.1"
        )
    if spec.most is not None and (not isinstance(spec.most, int) or not 0 < spec.most <= _OCCURRENCES):
        yield Fault(f"most is a number of messages, not {_shown(spec.most)}", f"give it one from 1 to {_OCCURRENCES:,}")
    if not isinstance(spec.purpose, Purpose):
        known = " or ".join(f"Purpose.{each.name}" for each in Purpose)
        yield Fault(f"purpose cannot be {_shown(spec.purpose)}", f"write {known}")
    if not isinstance(spec.ends_on_leave, bool):
        yield Fault(f"ends_on_leave is a flag, not {_shown(spec.ends_on_leave)}", "write True or False")
    if not isinstance(spec.timezone, str) or not _zone_exists(spec.timezone):
        yield Fault(f"timezone={spec.timezone!r} is no IANA time zone", 'write one such as "Europe/Madrid"')


def _spans(spec: JourneySpec) -> Iterator[Fault]:
    """What is longer than any calendar would fail in each customer's entry."""
    limits = spec.limits or Limits()
    declared = {
        "reentry=after(…)": getattr(spec.reentry, "cooldown", None),
        "max_lateness": spec.max_lateness,
        "useless_after": spec.useless_after,
        "send_time": getattr(spec.send_time, "span", None),
        "max_wait": limits.max_wait,
        "every of a ramp of rates": getattr(limits.rate, "every", None),
        "every of a ramp of shares": getattr(limits.share, "every", None),
    }
    declared |= {f"exit {name!r}": each for name, each in spec.exits.items()}
    spans = [getattr(cap, "within", None) for cap in spec.caps]
    declared["the span of a cap"] = max((each for each in spans if isinstance(each, timedelta)), default=None)
    for name, span in declared.items():
        yield from too_long(name, span)


def _quiet(spec: JourneySpec) -> Iterator[Fault]:
    quiet = spec.quiet_hours
    if quiet is None:
        return
    if not isinstance(quiet, QuietHours):
        yield Fault(f"quiet_hours cannot be {_shown(quiet)}", 'write QuietHours("22:00", "08:00")')
    elif not all(isinstance(each, str) and CLOCK_TIME.fullmatch(each) for each in (quiet.start, quiet.end)):
        yield Fault(f"quiet hours are not {_shown(quiet.start)} to {_shown(quiet.end)}", "write two different times, HH:MM")
    elif quiet.start == quiet.end:
        yield Fault(f"quiet hours are not {quiet.start} to {quiet.start}", "write two different times, HH:MM")


def _caps(spec: JourneySpec) -> Iterator[Fault]:
    for cap in spec.caps:
        if isinstance(cap, Cap):
            yield from _cap(cap)
        else:
            yield Fault(f"caps holds Cap(…) only, not {_shown(cap)}", "write caps=(Cap(3, timedelta(days=7)),)")


def _cap(cap: Cap) -> Iterator[Fault]:
    if isinstance(cap.messages, bool) or not isinstance(cap.messages, int) or not isinstance(cap.within, timedelta | None):
        yield Fault(f"a cap is not Cap({cap.messages!r}, {cap.within!r})", "write Cap(3, timedelta(days=7))")
    elif (cap.within is None) is (cap.calendar is None):
        advice = 'write Cap(3, timedelta(days=7)) or Cap(3, calendar="week")'
        yield Fault("a cap is for a span or by the calendar, one of the two", advice)
    elif cap.messages < 1 or (cap.within is not None and cap.within <= timedelta(0)):
        yield Fault("a cap of nothing", "give it 1 message or more in a span > 0")
    if cap.calendar not in (None, "day", "week", "month"):
        yield Fault(f"a cap goes by no calendar {_shown(cap.calendar)}", 'write calendar="day", "week" or "month"')
    if cap.channel not in (None, *Channel):
        known = ", ".join(repr(each.value) for each in Channel)
        yield Fault(f"a cap is for no channel {_shown(cap.channel)}", f"write channel={known}, or leave it out for all")
    if cap.purpose not in (None, Purpose.MARKETING):
        yield Fault(f"a cap does not count {_shown(cap.purpose)}", "write Purpose.MARKETING or, for all messages, purpose=None")


def _sending(spec: JourneySpec) -> Iterator[Fault]:
    """When its messages may go, how important they are, and what they may cost."""
    if spec.window is not None:
        yield from raised("window", lambda: check_window("window", spec.window))
    if spec.send_time is not None and not isinstance(spec.send_time, Within):
        yield Fault(f"send_time cannot be {_shown(spec.send_time)}", "write send_time=within(hours=24)")
    if isinstance(spec.priority, bool) or not isinstance(spec.priority, int) or abs(spec.priority) > HIGHEST:
        yield Fault(f"priority cannot be {_shown(spec.priority)}", f"write a whole number from -{HIGHEST} to {HIGHEST}")
    if spec.budget is not None:
        yield from _budget(spec.budget)


def _budget(budget: Budget) -> Iterator[Fault]:
    example = 'write Budget(messages=10_000, per="day") or Budget(money=500, per="month")'
    if not isinstance(budget, Budget) or (budget.messages is None) is (budget.money is None):
        yield Fault(f"budget cannot be {_shown(budget)}", example)
        return
    messages = budget.messages
    if messages is not None and (isinstance(messages, bool) or not isinstance(messages, int) or messages < 0):
        yield Fault(f"a budget's messages are not {_shown(budget.messages)}", example)
    elif budget.money is not None:
        yield from raised("budget", lambda: millionths(budget.money))
    if budget.per not in (None, "day", "week", "month"):
        yield Fault(
            f"a budget is not per={_shown(budget.per)}", 'write per="day", "week" or "month", or leave it out: for all time'
        )
    if budget.when_spent not in ("skip", "wait") or (budget.when_spent == "wait" and budget.per is None):
        told = f"a budget without a next period does not {_shown(budget.when_spent)}"
        yield Fault(told, 'write when_spent="skip" or, with per=, "wait"')


def _zone_exists(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True


def _shown(value: object) -> str:
    """A value as its author wrote it; of an object, its kind."""
    if isinstance(value, str | int | float | bool | tuple | list | dict | timedelta | None):
        return repr(value)
    return getattr(value, "__name__", "") or f"a {type(value).__name__}"
