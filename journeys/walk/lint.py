"""What loads and runs, but is hardly what its author means: rules over every way through a journey.

Promise: each doubt names file, line and rule, and says what to do; nothing is said of what was not walked.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from difflib import get_close_matches
from itertools import chain
from types import MappingProxyType

from journeys.arms import Experiment, Judge
from journeys.authoring import JourneyDefinition
from journeys.contracts import Channel, Purpose
from journeys.errors import Fault, Problem
from journeys.experiments import Comparison, Metric, too_short
from journeys.heard import OfPeople
from journeys.policies import Conversion
from journeys.rules import Rule
from journeys.walk.details import WITH
from journeys.walk.explore import Effect, Explored, explore
from journeys.walk.in_vain import in_vain
from journeys.walk.late import late
from journeys.walk.unreached import unreached

Doubts = Callable[[JourneyDefinition, Explored], Iterator[Problem]]


def lint(
    definition: JourneyDefinition,
    segments: Collection[str] | None = None,
    experiments: Mapping[str, Experiment] = MappingProxyType({}),
) -> list[Problem]:
    """All doubts about a journey, by file and line; also about segments, where those of its catalogue are given by name.

    `experiments` is what the catalogue declares of them.
    """
    explored = explore(definition)
    strange = [] if segments is None else _other_segments(definition, explored, segments)
    small = _too_small(definition, explored, experiments)
    return sorted({*strange, *small, *chain.from_iterable(doubts(definition, explored) for doubts in _DOUBTS)})


def _no_goal(definition: JourneyDefinition, explored: Explored) -> Iterator[Problem]:
    """A journey says what it is for: by a goal, or at least by what it is measured by."""
    if _measured(definition):
        return
    if any(effect.request and effect.request.purpose is Purpose.MARKETING for effect in _messages(explored)):
        told = "has no goal: who has done what it is for is written to all the same, and nothing tells whether it works"
        yield _at(definition, Fault(told, "declare one, such as goal=purchases, or at least kpi=", Rule.NO_GOAL))
    elif not _silent(explored):
        told = "has no KPI: nothing tells whether it works"
        yield _at(definition, Fault(told, "declare a goal, such as goal=purchases, or kpi=", Rule.NO_KPI))


def _measured(definition: JourneyDefinition) -> bool:
    return definition.spec.measured is not None


def _no_message(definition: JourneyDefinition, explored: Explored) -> Iterator[Problem]:
    """A journey says something to its customer, or does something for them."""
    if _silent(explored):
        told = "sends nothing and does nothing on any path"
        yield _at(definition, Fault(told, "take it out, or write await j.email(…)", Rule.NO_MESSAGE))


def _silent(explored: Explored) -> bool:
    known = explored.complete and not any(path.unknown or path.stop for path in explored.paths)
    return known and not any(_does_something(effect) for path in explored.paths for effect in path.effects)


def _does_something(effect: Effect) -> bool:
    people = any(isinstance(each, OfPeople) for each in effect.expected)
    return people or effect.kind in ("message", "action")


def _twice(definition: JourneyDefinition, explored: Explored) -> Iterator[Problem]:
    """A customer gets a message once on each path, and once at a time.

    A loop that waits is meant, a pass that is said again is changed, and what carries other params is another message.
    """
    for path in explored.paths:
        sent: dict[object, Effect] = {}
        for effect in path.effects:
            if effect.request is None or effect.answer != "sent" or effect.request.channel is Channel.WALLET:
                continue
            key = effect.request.step, effect.said.get(WITH)
            last = sent.get(key)
            if last is not None and effect.place and last.place:
                yield from (_there(definition, effect, fault) for fault in _again(last, effect))
            sent[key] = effect if last is None or last.place == effect.place else last


def _again(last: Effect, effect: Effect) -> Iterator[Fault]:
    if last.place != effect.place:
        told = f"'{effect.what}' may reach the same customer twice: here and at line {last.place[0][1]}"
        yield Fault(told, "send another template, or only on one of the paths", Rule.TWICE)
    elif (last.at, last.slack) == (effect.at, effect.slack):
        told = f"'{effect.what}' reaches the same customer several times at one moment: its loop waits for nothing"
        yield Fault(told, "send it once, put a wait into the loop, or let each say something else by its params", Rule.TWICE)


def _late(definition: JourneyDefinition, explored: Explored) -> Iterator[Problem]:
    for effect, fault in late(definition, explored):
        yield _there(definition, effect, fault) if effect else _at(definition, fault)


def _in_vain(definition: JourneyDefinition, explored: Explored) -> Iterator[Problem]:
    for effect, fault in in_vain(definition, explored):
        yield _there(definition, effect, fault)


def _every(definition: JourneyDefinition, explored: Explored) -> Iterator[Problem]:
    """Turns count from entry: what is looked at before a clock time is waited for is looked at when the customer came in."""
    for path in explored.paths:
        looked: Effect | None = None
        turns = False
        for effect in path.effects:
            if effect.kind == "wait" and effect.what.startswith("every ") and effect.what.endswith(" d"):
                turns, looked = True, None
            elif effect.kind not in ("wait", "message"):
                looked = effect
            elif effect.by_the_clock and turns and looked is not None and effect.place:
                told = (
                    f"'{effect.what}' stands in a j.every, whose turns come at the hour of entry: '{looked.what}' is asked then"
                )
                advice = (
                    f"wait for the time first, in a loop of its own: for _ in range(8): await j.{_call(effect.what)}; then look"
                )
                yield _there(definition, effect, Fault(told, advice, Rule.EVERY))


def _call(what: str) -> str:
    return f'until("{what.removeprefix("until ")}")'


def _too_small(definition: JourneyDefinition, explored: Explored, experiments: Mapping[str, Experiment]) -> Iterator[Problem]:
    """A plan goes on until what it is to find can be found."""
    advice = "plan for more, or expect a larger effect"
    held_out = definition.spec.held_out
    rule = definition.spec.measured
    if held_out is not None and (told := _short(held_out, rule)):
        yield _at(definition, Fault(f"its holdout is too small for its effect. {told}", advice, Rule.TOO_SMALL))
    for effect in (effect for path in explored.paths for effect in path.effects if effect.draws and effect.place):
        declared = experiments.get(effect.draws.experiment) if effect.draws else None
        if declared is not None and (told := _short(declared, rule)):
            yield _there(
                definition, effect, Fault(f"{declared.name} is too small for its effect. {told}", advice, Rule.TOO_SMALL)
            )


def _short(declared: Experiment, rule: Conversion | None) -> str:
    """That a plan is too short; of money nobody can say it without customers (`journeys lint --database`)."""
    judged = (declared.plan and declared.plan.kpi) or (rule and rule.kpi) or Judge.CONVERSION
    return too_short(Comparison.of(declared, Metric("conversion rate"))) if judged == Judge.CONVERSION else ""


def _other_segments(definition: JourneyDefinition, explored: Explored, known: Collection[str]) -> Iterator[Problem]:
    """A segment that is only named may be one of the API, or misspelt."""
    for path in explored.paths:
        for effect in path.effects:
            for name in effect.segments:
                if name not in known and name not in path.segments and effect.place:
                    close = get_close_matches(name, known, n=1)
                    told = f"the catalogue has no segment '{name}'"
                    guess = f"did you mean {close[0]}? " if close else ""
                    advice = f"{guess}If it is defined over the API, all is well"
                    yield _there(definition, effect, Fault(told, advice, Rule.OTHER_SEGMENT))


def _messages(explored: Explored) -> Iterator[Effect]:
    return (effect for path in explored.paths for effect in path.effects if effect.request is not None)


def _at(definition: JourneyDefinition, fault: Fault) -> Problem:
    return definition.problem(fault, serious=False)


def _there(definition: JourneyDefinition, effect: Effect, fault: Fault) -> Problem:
    file, line, _ = effect.place[0]
    return fault.at(file, line, whose=f"journey {definition.name}: ", serious=False)


_DOUBTS: tuple[Doubts, ...] = (_no_goal, _no_message, _twice, unreached, _late, _in_vain, _every)
