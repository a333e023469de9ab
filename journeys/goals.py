"""What goals, exits and the KPI of a journey must satisfy to load: each by its kind, with what to write instead."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from journeys.arms import Plan
from journeys.contracts import JourneySpec
from journeys.errors import Fault
from journeys.keepable import is_name
from journeys.policies import Conversion, Credit, GlobalHoldout, Kpi, Moves, Since
from journeys.spans import too_long
from segments import DefinitionError, Predicate, Segment, check_goal
from segments.language.segment import check_segment_name

_LONGEST = 64  # of a name, characters


def faults_of(spec: JourneySpec) -> Iterator[Fault]:
    """What is wrong with what ends a journey's runs, and with what it is measured by."""
    yield from _goals(spec)
    if spec.kpi is not None:
        yield from _by_event("kpi", spec.kpi)
    if spec.conversion is not None:
        yield from _conversion(spec.conversion)
    if spec.plan is not None:
        yield from _planned(spec)
    for name, each in spec.exits.items():
        yield from _named("exit", name)
        yield from _exit(name, each)
    for name in spec.exits.keys() & spec.goals.keys():
        yield Fault(f"a goal and an exit are both called {name!r}", "rename one: a run is recorded under it")


def of_company(holdout: GlobalHoldout) -> Iterator[Fault]:
    """What is wrong with how the company's holdout is drawn and read."""
    if not is_name(holdout.salt, _LONGEST) or "/" in holdout.salt:
        yield Fault(
            f"the salt is a text of 1 to 64 characters without a slash, not {_shown(holdout.salt)}", 'write salt="2027"'
        )
    if not isinstance(holdout.plan, Plan | None):
        yield Fault(f"plan cannot be {_shown(holdout.plan)}", "write plan=Plan(days=90)")
    if holdout.conversion is not None:
        yield from _conversion(holdout.conversion)


def unnamed(exits: object) -> Iterator[Fault]:
    """What is wrong with exits that have no names."""
    if exits is not None and not isinstance(exits, Mapping):
        yield Fault(f"exits are named, not a {type(exits).__name__}", 'write exits={"cancelled": did("Order Cancelled")}')


def _goals(spec: JourneySpec) -> Iterator[Fault]:
    for name, goal in spec.goals.items():
        yield from _named("goal", name)
        yield from _by_event(f"goal {name!r}", goal)
    if not spec.goals and spec.goal is not None:
        yield from _by_event("goal", spec.goal)


def _named(what: str, name: object) -> Iterator[Fault]:
    if not is_name(name, _LONGEST):
        yield Fault(f"the name of a {what} is a text of 1 to 64 characters, not {name!r}", 'write one such as "bought"')


def _by_event(what: str, predicate: object) -> Iterator[Fault]:
    if not isinstance(predicate, Predicate):
        yield Fault(f"{what} cannot be {_shown(predicate)}", "make it of did(…), such as goal=purchases")
        return
    try:
        check_goal(predicate)
    except DefinitionError as error:
        yield Fault(str(error), "ask for events; let a segment with only= ask the rest")


def _exit(name: str, each: object) -> Iterator[Fault]:
    match each:
        case Predicate():
            yield from _by_event(f"exit {name!r}", each)
        case Moves(segment=Segment()):
            pass
        case Moves(segment=str() as segment):
            yield from _segment(name, segment)
        case timedelta():
            if each <= timedelta(0):
                yield Fault(f"exit {name!r} is an age that is over at once: {each!r}", "write timedelta(days=30)")
        case _ if isinstance(each, datetime):  # in Temporal's sandbox it is no class, which `case datetime()` asks for
            if each.tzinfo is None:
                yield Fault(f"exit {name!r} is an instant without its zone", "write datetime(2026, 12, 24, tzinfo=UTC)")
        case _:
            kinds = 'write did(…), left(vips), entered("vip-at-risk"), an instant or an age such as timedelta(days=30)'
            yield Fault(f"exit {name!r} cannot be {_shown(each)}", kinds)


def _segment(name: str, segment: str) -> Iterator[Fault]:
    try:
        check_segment_name(segment)
    except DefinitionError as error:
        yield Fault(f"exit {name!r}: {error.problem}", "name a segment as it is defined")


def _conversion(declared: object) -> Iterator[Fault]:
    """How it is told whether the journey works."""
    if not isinstance(declared, Conversion):
        yield Fault(f"conversion cannot be {_shown(declared)}", "write Conversion(within=days(7))")
        return
    yield from _what_counts(declared)
    for name, kind in (("since", Since), ("credit", Credit), ("kpi", Kpi)):
        if (value := getattr(declared, name)) not in set(kind):
            known = ", ".join(f'"{each}"' for each in kind)
            yield Fault(f"conversion: {name} cannot be {_shown(value)}", f"write {known}")
    for name in ("within", "before"):
        span = getattr(declared, name)
        if not isinstance(span, timedelta) or span <= timedelta(0):
            yield Fault(f"conversion: {name} is no span above 0", f"write {name}=days(7)")
        else:
            yield from too_long(f"{name} of its conversion", span)
    if declared.currency is not None and not (isinstance(declared.currency, str) and len(declared.currency) == _LETTERS):
        yield Fault(f"conversion: {_shown(declared.currency)} is no currency", 'write currency="EUR"')
    if declared.cap is not None and not (_is_number(declared.cap) and declared.cap > 0):
        yield Fault(f"conversion: the cap is no sum of money: {_shown(declared.cap)}", "write cap=500")
    if declared.margin is not None and not (_is_number(declared.margin) and 0 < declared.margin <= 1):
        yield Fault(f"conversion: the margin is no part of the revenue: {_shown(declared.margin)}", "write margin=0.35")


_LETTERS = 3


def _planned(spec: JourneySpec) -> Iterator[Fault]:
    """For how long its holdout goes on, and to find what."""
    if not isinstance(spec.plan, Plan):
        yield Fault(f"plan cannot be {_shown(spec.plan)}", "write plan=Plan(days=28, effect=Effect(0.03, 0.1))")
    elif not spec.holdout:
        advice = "declare holdout=0.1, or give the plan to an Experiment(…)"
        yield Fault("a plan says how its holdout is read, and it has none", advice)


def _what_counts(declared: Conversion) -> Iterator[Fault]:
    if declared.by is not None:
        yield from _by_event("what a conversion is by", declared.by)
    orders = declared.orders
    if not isinstance(orders, Predicate) or not orders.to_json().keys() <= {"did", "where"}:
        yield Fault("conversion: orders are events of one type", 'write orders=did("Order Completed").where(…)')


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _shown(value: object) -> str:
    return repr(value) if isinstance(value, str | int | float | tuple | list) else f"a {type(value).__name__}"
