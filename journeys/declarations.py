"""What a journey's declaration must satisfy to load: each argument by its kind, then the arguments together.

Promise: all that is wrong with a declaration is told at once, each with what to write instead.
"""

import inspect
import re
from collections.abc import Iterator
from datetime import timedelta
from zoneinfo import ZoneInfo

from pydantic import BaseModel

from journeys.contracts import After, Cap, Channel, JourneySpec, PerKey, Purpose, QuietHours, Reentry
from journeys.errors import CatalogueError
from journeys.gate.budget import Budget, millionths
from journeys.gate.order import HIGHEST
from journeys.gate.window import CLOCK_TIME, Within
from journeys.handle.said import check_window
from journeys.spans import describe
from segments import DefinitionError, Predicate, Segment, check_goal
from segments.language.segment import check_segment_name

_NAME = re.compile(r"^[a-z][a-z0-9_]{0,63}$")
_OCCURRENCES = 32_000  # the ledger counts a message's occurrences in 16 bits


def faults(spec: JourneySpec, steps: object, params: object) -> Iterator[str]:
    """What is wrong with a declaration."""
    if not _NAME.match(spec.name):
        yield "a journey's name is lower_case_with_underscores, at most 64 characters"
    if not inspect.iscoroutinefunction(steps):
        yield "a journey is an async function: write async def"
    elif len(inspect.signature(steps).parameters) != 1:
        yield f"a journey takes the handle and nothing else: async def {spec.name}(j: Journey)"
    if not (params is None or (isinstance(params, type) and issubclass(params, BaseModel))):
        yield f"params is a class that derives from pydantic's BaseModel, not {_shown(params)}"
    yield from _entry(spec)
    yield from _goal(spec)
    yield from _reentry(spec)
    yield from _numbers(spec)
    yield from _quiet(spec)
    yield from _caps(spec)
    yield from _sending(spec)


def hints(spec: JourneySpec) -> Iterator[str]:
    """What loads, but does not do what one may think."""
    for cap in spec.caps:
        if cap.longest > spec.useless_after:
            yield (
                f"a message that the cap of {cap} holds back is dropped, not sent later:"
                f" useless_after is {describe(spec.useless_after)}; raise it, if the message should wait that long"
            )
    if spec.send_time is not None and spec.send_time.span > spec.useless_after:
        yield (
            f"{spec.send_time} is longer than a message is useful: useless_after is {describe(spec.useless_after)};"
            " raise it, if the best hour may be later"
        )


def _entry(spec: JourneySpec) -> Iterator[str]:
    if isinstance(spec.entry, str):
        try:
            check_segment_name(spec.entry)
        except DefinitionError as error:
            yield f"entry={spec.entry!r}: {error.problem}"
    elif spec.entry is not None and not isinstance(spec.entry, Segment):
        advice = '; name it: Segment("…", …)' if isinstance(spec.entry, Predicate) else ""
        yield f"entry is a Segment or the name of one, not {_shown(spec.entry)}{advice}"
    if spec.ends_on_leave and spec.entry is None:
        yield "ends_on_leave needs an entry segment: entry="


def _goal(spec: JourneySpec) -> Iterator[str]:
    if spec.goal is None:
        return
    if not isinstance(spec.goal, Predicate):
        yield f"goal is made of did(…), such as goal=purchases, not {_shown(spec.goal)}"
        return
    try:
        check_goal(spec.goal)
    except DefinitionError as error:
        yield str(error)


def _reentry(spec: JourneySpec) -> Iterator[str]:
    rule = spec.reentry
    if inspect.isfunction(rule):
        example = {"once": "once()", "after": "after(days=7)", "per_key": 'per_key("cart_id")'}.get(rule.__name__, "once()")
        yield f"reentry={rule.__name__} is not called: write reentry={example}"
    elif not isinstance(rule, Reentry):
        yield f"reentry is once(), after(days=…) or per_key(…), not {_shown(rule)}"
    elif isinstance(rule, After) and rule.cooldown < timedelta(0):
        yield "after(...) must not be negative"
    elif isinstance(rule, PerKey) and not (isinstance(rule.property, str) and rule.property):
        yield f'per_key takes the name of a property, per_key("cart_id"), not {_shown(rule.property)}'
    elif isinstance(rule, PerKey) and spec.entry is None:
        yield "per_key needs an entry segment: entry="


def _numbers(spec: JourneySpec) -> Iterator[str]:
    for name, span in (("max_lateness", spec.max_lateness), ("useless_after", spec.useless_after)):
        if not isinstance(span, timedelta):
            yield f"{name} is a span such as timedelta(hours=4), not {_shown(span)}"
        elif span <= timedelta(0):
            yield f"{name} must be positive"
    if isinstance(spec.holdout, bool) or not isinstance(spec.holdout, int | float) or not 0 <= spec.holdout < 1:
        yield f"holdout is a fraction from 0 up to, not including, 1, not {_shown(spec.holdout)}"
    if spec.most is not None and (not isinstance(spec.most, int) or not 0 < spec.most <= _OCCURRENCES):
        yield f"most is a number of messages, 1 to {_OCCURRENCES:,}, not {_shown(spec.most)}"
    if not isinstance(spec.purpose, Purpose):
        yield f"purpose is {' or '.join(f'Purpose.{each.name}' for each in Purpose)}, not {_shown(spec.purpose)}"
    if not isinstance(spec.ends_on_leave, bool):
        yield f"ends_on_leave is True or False, not {_shown(spec.ends_on_leave)}"
    if not isinstance(spec.timezone, str) or not _zone_exists(spec.timezone):
        yield f"timezone={spec.timezone!r} is no IANA time zone, such as Europe/Madrid"


def _quiet(spec: JourneySpec) -> Iterator[str]:
    quiet = spec.quiet_hours
    if quiet is None:
        return
    if not isinstance(quiet, QuietHours):
        yield f'quiet_hours is QuietHours("22:00", "08:00"), not {_shown(quiet)}'
    elif not all(isinstance(each, str) and CLOCK_TIME.match(each) for each in (quiet.start, quiet.end)):
        yield f"quiet hours are two different times, HH:MM, not {_shown(quiet.start)} and {_shown(quiet.end)}"
    elif quiet.start == quiet.end:
        yield f"quiet hours are two different times, HH:MM, not {quiet.start} twice"


def _caps(spec: JourneySpec) -> Iterator[str]:
    for cap in spec.caps:
        if isinstance(cap, Cap):
            yield from _cap(cap)
        else:
            yield f"caps holds Cap(messages, span) only, caps=(Cap(3, timedelta(days=7)),), not {_shown(cap)}"


def _cap(cap: Cap) -> Iterator[str]:
    if isinstance(cap.messages, bool) or not isinstance(cap.messages, int) or not isinstance(cap.within, timedelta | None):
        yield f"a cap is Cap(3, timedelta(days=7)), not Cap({cap.messages!r}, {cap.within!r})"
    elif (cap.within is None) is (cap.calendar is None):
        yield 'a cap is for a span or by the calendar, one of the two: Cap(3, timedelta(days=7)) or Cap(3, calendar="week")'
    elif cap.messages < 1 or (cap.within is not None and cap.within <= timedelta(0)):
        yield "a cap needs messages >= 1 in a span > 0"
    if cap.calendar not in (None, "day", "week", "month"):
        yield f'a cap goes by calendar="day", "week" or "month", not {_shown(cap.calendar)}'
    if cap.channel not in (None, *Channel):
        yield f"a cap is for channel={', '.join(repr(each.value) for each in Channel)} or for all, not {_shown(cap.channel)}"
    if cap.purpose not in (None, Purpose.MARKETING):
        yield f"a cap counts Purpose.MARKETING or, with purpose=None, all messages, not {_shown(cap.purpose)}"


def _sending(spec: JourneySpec) -> Iterator[str]:
    """When its messages may go, how important they are, and what they may cost."""
    if spec.window is not None:
        try:
            check_window("@journey", spec.window)
        except CatalogueError as error:
            yield str(error)
    if spec.send_time is not None and not isinstance(spec.send_time, Within):
        yield f"send_time is within(hours=24), not {_shown(spec.send_time)}"
    if isinstance(spec.priority, bool) or not isinstance(spec.priority, int) or abs(spec.priority) > HIGHEST:
        yield f"priority is a whole number from -{HIGHEST} to {HIGHEST}, not {_shown(spec.priority)}"
    if spec.budget is not None:
        yield from _budget(spec.budget)


def _budget(budget: Budget) -> Iterator[str]:
    if not isinstance(budget, Budget) or (budget.messages is None) is (budget.money is None):
        yield f'budget is Budget(messages=10_000, per="day") or Budget(money=500, per="month"), not {_shown(budget)}'
        return
    if budget.messages is not None and (isinstance(budget.messages, bool) or not isinstance(budget.messages, int)):
        yield f"a budget's messages are a whole number, not {_shown(budget.messages)}"
    elif budget.money is not None:
        try:
            millionths(budget.money)
        except CatalogueError as error:
            yield f"budget: {error}"
    if budget.per not in (None, "day", "week", "month"):
        yield f'a budget is per="day", "week", "month" or, without it, for all time, not {_shown(budget.per)}'
    if budget.when_spent not in ("skip", "wait") or (budget.when_spent == "wait" and budget.per is None):
        yield 'when_spent is "skip" or, with per=, "wait" for the next period'


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
