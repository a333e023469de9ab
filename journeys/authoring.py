"""Declaring a journey: the decorator, the re-entry rules, and the names of the company's own that templates may use.

Promise: a declaration never raises; what is wrong with it is kept with it, and told when the catalogue is loaded, all at once.
"""

import inspect
import sys
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import reduce, wraps
from operator import or_
from typing import Any, ParamSpec, Self, get_args, get_origin, get_type_hints

from pydantic import BaseModel

from journeys.arms import Plan
from journeys.contracts import Cap, JourneySpec, Plain, Purpose, QuietHours
from journeys.declarations import faults, hints
from journeys.entering import branchable, parameters
from journeys.errors import CatalogueError, Fault, Problem, guess
from journeys.gate.budget import Budget
from journeys.goals import unnamed
from journeys.handle import Journey
from journeys.keepable import is_name
from journeys.policies import (
    After,
    Conversion,
    Exit,
    Limits,
    Moves,
    Once,
    PerKey,
    Ramp,
    Rate,
    Reentry,
    Restart,
    Stage,
    Topic,
    Whenever,
    Window,
    Within,
)
from journeys.spans import span_of
from segments import Predicate, Segment
from segments.language.readings import Day, Epoch, Number, Reading

P = ParamSpec("P")
Steps = Callable[[Journey[Any]], Coroutine[Any, Any, None]]
Declare = Callable[[Steps], "JourneyDefinition"]


def once() -> Once:
    """A customer enters at most once, ever."""
    return Once()


def after(*, days: float = 0, hours: float = 0, minutes: float = 0) -> After:
    """A customer may enter again this long after the last run ended."""
    return After(span_of("after", {"days": days, "hours": hours, "minutes": minutes}))


def within(*, days: float = 0, hours: float = 0, minutes: float = 0) -> Within:
    """A message goes in the customer's own best hour, at most this long after it was due; `within(hours=0)`: at once."""
    return Within(span_of("within", {"days": days, "hours": hours, "minutes": minutes}))


def per_key(prop: str) -> PerKey:
    """A customer enters once for each value of this property of the entering event."""
    return PerKey(prop)


def restart() -> Restart:
    """A customer enters each time they do what brings them in: a run that is open ends then, and a new one begins."""
    return Restart()


def whenever() -> Whenever:
    """A customer enters each time they do what brings them in, as often as that is; not while they are in it."""
    return Whenever()


def left(segment: Segment | str) -> Moves:
    """An exit: the customer leaves a segment after they have entered the journey."""
    return Moves(segment, inside=False)


def entered(segment: Segment | str) -> Moves:
    """An exit: the customer enters a segment after they have entered the journey."""
    return Moves(segment, inside=True)


def per_minute(number: int) -> Rate:
    """So many customers in any minute."""
    return Rate(number, timedelta(minutes=1))


def per_hour(number: int) -> Rate:
    """So many customers in any hour."""
    return Rate(number, timedelta(hours=1))


def per_day(number: int) -> Rate:
    """So many customers in any 24 hours."""
    return Rate(number, timedelta(days=1))


def ramp(*stages: Stage, every: timedelta) -> Ramp[Stage]:
    """Rates or shares that follow each other from the opening on, `ramp(0.01, 0.1, 1.0, every=days(2))`; the last stays."""
    return Ramp(stages, every)


_LONGEST_NAME = 200  # characters


class _Names(frozenset[str]):
    """Names, kept at the top of a module of the catalogue so that its templates may use them."""

    def __new__(cls, *names: str) -> Self:
        """From the names, as the SDKs send them, letter by letter; `a.b` is `b` in the object `a`."""
        for name in names:
            if not is_name(name, _LONGEST_NAME) or not all(name.split(".")):
                raise CatalogueError(
                    f"{cls.__name__}(…) takes names, not {name!r}", remedy=f'write {cls.__name__}("tier", "pet.name")'
                )
        return super().__new__(cls, names)


class Traits(_Names):
    """Traits of the company's own: `own_traits = Traits("tier", "pet.name", income=number())`.

    Templates may say `customer.tier`. One with a reading (`number`, `epoch`, `day`) is read so when it comes in.
    """

    readings: Mapping[str, Reading]

    def __new__(cls, *names: str, **readings: Reading) -> Self:
        """From the names, as the SDKs send them, and how some are to be read."""
        for name, reading in readings.items():
            if not isinstance(reading, Number | Epoch | Day):
                raise CatalogueError(
                    f"Traits({name}=…) takes a reading, not {reading!r}",
                    remedy="write number(), epoch() or day(), with parentheses",
                )
        made = super().__new__(cls, *names, *readings)
        made.readings = readings
        return made


class Properties(_Names):
    """Properties of the company's own events, for templates: `Properties("plan")` lets them say `entry.plan`."""


@dataclass(frozen=True)
class JourneyDefinition:
    """A journey: what it declares, and its steps."""

    spec: JourneySpec
    steps: Steps
    params: type[BaseModel] | None = None
    #: What is wrong with the declaration, and what its author should know.
    problems: tuple[Problem, ...] = field(default=(), compare=False)

    @property
    def name(self) -> str:
        """The journey's name: the function's, and the workflow type in Temporal."""
        return self.spec.name

    def problem(self, fault: Fault, *, serious: bool = True) -> Problem:
        """Something that is wrong with it, at the place where it is declared."""
        return _problem(self.steps, self.name, fault, serious=serious)

    def __call__(self, j: Journey) -> Coroutine[Any, Any, None]:
        """Run the steps, so that a journey can be a helper of another."""
        return self.steps(j)

    def accept(self, params: dict[str, Any]) -> dict[str, Any]:
        """Validate a run's parameters and return them as JSON values.

        Raises:
            InvalidParams: they are not those the journey declares.
        """
        return parameters(self.name, self.params, params)

    def branchable(self, accepted: dict[str, Any]) -> dict[str, Plain]:
        """The accepted parameters that may enter a history: numbers, flags, ids and choices, never free text."""
        return branchable(self.params, accepted)


def _unknown_told(declares: Callable[P, Declare]) -> Callable[P, Declare]:
    """Keywords that it does not have are told as all else that is wrong, instead of hiding it."""
    known = inspect.signature(declares).parameters

    @wraps(declares)
    def telling(*given: P.args, **named: P.kwargs) -> Declare:
        unknown = [Fault(f"@journey has no {name}=", guess(name, known)) for name in named if name not in known]
        declare = declares(*given, **{name: value for name, value in named.items() if name in known})  # type: ignore[arg-type]
        if not unknown:
            return declare

        def declare_all_the_same(steps: Steps) -> JourneyDefinition:
            made = declare(steps)
            return replace(made, problems=(*made.problems, *map(made.problem, unknown)))

        return declare_all_the_same

    return telling


@_unknown_told
def journey(
    bare: None = None,
    /,
    *,
    entry: Segment | str | None = None,
    goal: Predicate | Mapping[str, Predicate] | None = None,
    reentry: Reentry | None = None,
    params: type[BaseModel] | None = None,
    purpose: Purpose = Purpose.MARKETING,
    ends_on_leave: bool = False,
    max_lateness: timedelta = timedelta(hours=4),
    useless_after: timedelta = timedelta(hours=12),
    holdout: float = 0.0,
    quiet_hours: QuietHours | None = None,
    caps: tuple[Cap, ...] = (),
    timezone: str = "UTC",
    most: int | None = None,
    window: Window | None = None,
    send_time: Within | None = None,
    priority: int = 0,
    budget: Budget | None = None,
    opens: datetime | None = None,
    closes: datetime | None = None,
    entry_hours: Window | None = None,
    capacity: int | None = None,
    rate: Rate | Ramp[Rate] | None = None,
    share: float | Ramp[float] | None = None,
    max_wait: timedelta | None = None,
    exits: Mapping[str, Exit] | None = None,
    kpi: Predicate | None = None,
    topic: Topic | None = None,
    conversion: Conversion | None = None,
    plan: Plan | None = None,
) -> Callable[[Steps], JourneyDefinition]:
    """Declare a journey.

    Args:
        entry: The segment whose members enter; a text names one of the catalogue or one that is defined through the API
            (`PUT /v1/segments/{name}`), for which the journey waits if need be. None: it is started by API only.
        goal: The conversion that ends a run at once; several by name: `{"bought": purchases, "booked": did("Drive Booked")}`.
        reentry: `once()` (the default), `after(...)`, `per_key(...)`, `restart()` or `whenever()`.
        params: A pydantic model of the parameters a start takes; who enters by a segment gets its defaults.
        purpose: What consent its messages need.
        ends_on_leave: Whether leaving the entry segment ends the run.
        max_lateness: An entry older than this when it is noticed does not start a run.
        useless_after: How long after it was due a message may still be sent.
        holdout: The fraction of runs whose messages are withheld, to measure lift.
        quiet_hours: When no message is sent, in the customer's zone.
        caps: Frequency caps. They count the messages of all journeys, and hold back this one's marketing only: it waits, and
            is dropped where its deadline comes first. For all journeys alike, declare the same caps in each of them; whatever
            they say, `JOURNEYS_MOST_PER_DAY` is a ceiling for everybody's.
        timezone: The zone of customers who have none of their own (IANA name).
        most: How many messages a run may ask for, sent or not, before it is ended; None: `JOURNEYS_MOST_PER_RUN`.
        window: Outside of which no marketing goes out, in the customer's zone: `Window("09:00", "20:00")`.
        send_time: `within(hours=24)`: marketing goes in the customer's own best hour in that time.
        priority: Of two journeys that are due at once for one customer the higher writes; the lower waits, or is dropped.
        budget: What it may spend in messages or money: `Budget(messages=10_000, per="day")`.
        opens: Nobody enters before this instant.
        closes: Nobody enters from this instant on.
        entry_hours: When customers enter, on the clock of `timezone`: `Window("09:00", "18:00", ("mon", "tue"))`.
        capacity: At most so many customers are in it at once.
        rate: At most so many enter in a span, `per_hour(100)`; growing: `ramp(per_hour(100), per_hour(1_000), every=days(1))`.
        share: Only this fraction of the customers enters, `0.1`; growing: `ramp(0.01, 0.1, 1.0, every=days(2))`.
        max_wait: How long somebody who does not fit waits to be let in; None: `max_lateness`.
        exits: What else ends a run at once, by name: an event `did(…)`, `left(vips)` or `entered(vips)`, an instant, an age.
        kpi: What it is measured by, where that is not its goal.
        conversion: How it is told whether it works: for how long what counts, what it is judged by, in which currency:
            `Conversion(within=days(14), kpi="revenue", currency="EUR")`; without it seven days from the exposure.
        plan: When its holdout is read, and what it is to find: `Plan(people=40_000, effect=Effect(0.03, 0.1))`.
        topic: What its marketing is about, which customers can turn off by itself: `Topic("news", en="News and stories")`.
        bare: Nothing; a function stands here when the parentheses were forgotten, and a value when its name was.
    """

    def declare(steps: Steps) -> JourneyDefinition:
        name = getattr(steps, "__name__", repr(steps))
        spec = JourneySpec(
            name=name,
            entry=entry,
            goal=_any_of(goal),
            reentry=Once() if reentry is None else reentry,
            purpose=purpose,
            ends_on_leave=ends_on_leave,
            max_lateness=max_lateness,
            useless_after=useless_after,
            holdout=holdout,
            quiet_hours=quiet_hours,
            caps=caps if isinstance(caps, tuple) else tuple(caps) if isinstance(caps, list) else (caps,),
            timezone=timezone,
            most=most,
            window=window,
            send_time=send_time,
            priority=priority,
            budget=budget,
            topic=topic,
            limits=_limits(opens, closes, entry_hours, capacity, rate, share, max_wait),
            goals=goal if isinstance(goal, Mapping) else {},
            exits=exits if isinstance(exits, Mapping) else {},
            kpi=kpi,
            conversion=conversion,
            plan=plan,
            entry_model=_entry_model(steps),
            about=inspect.cleandoc(steps.__doc__ or ""),
        )
        wrong = [*faults(spec, steps, params), *_unnamed(bare), *unnamed(exits)]
        problems = [_problem(steps, name, fault) for fault in wrong]
        problems += [] if wrong else [_problem(steps, name, fault, serious=False) for fault in hints(spec)]
        return JourneyDefinition(spec, steps, None if wrong else params, tuple(problems))

    return declare(bare) if inspect.isfunction(bare) else declare


def _any_of(goal: Predicate | Mapping[str, Predicate] | None) -> Predicate | None:
    """One of several goals; what is no predicate is told when the catalogue is loaded."""
    if not isinstance(goal, Mapping):
        return goal
    goals = [each for each in goal.values() if isinstance(each, Predicate)]
    return reduce(or_, goals) if goals else None


def _limits(*declared: Any) -> Limits | None:
    """When a journey takes customers in, and how many; None where nothing of it is declared."""
    return Limits(*declared) if any(each is not None for each in declared) else None


def _entry_model(steps: Steps) -> type[BaseModel] | None:
    """What `j: Journey[Answer]` says of the entering event."""
    try:
        annotations = get_type_hints(steps)
    except Exception:  # noqa: BLE001 - a name that means nothing is told where the module is imported
        return None
    named = [model for kind in annotations.values() for model in get_args(kind) if get_origin(kind) is Journey]
    return next((model for model in named if isinstance(model, type) and issubclass(model, BaseModel)), None)


def _unnamed(bare: object) -> list[Fault]:
    if bare is None:
        return []
    if inspect.isfunction(bare):
        return [Fault("its parentheses are missing", "write @journey(…)")]
    return [Fault("what is declared has a name", "write @journey(entry=…), @journey(goal=…)")]


def _problem(steps: Steps, name: str, fault: Fault, *, serious: bool = True) -> Problem:
    code = getattr(inspect.unwrap(steps), "__code__", None)
    module = sys.modules.get(getattr(steps, "__module__", ""))
    file, line = (code.co_filename, code.co_firstlineno) if code else (getattr(module, "__file__", None) or "", 1)
    return fault.at(file, line, whose=f"journey {name}: ", serious=serious)
