"""What loads and runs, but is hardly what its author means: rules over every way through a journey.

Promise: each finding names file, line and rule, and says what to do; nothing is said of what was not walked.
"""

import ast
import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from journeys.authoring import JourneyDefinition
from journeys.contracts import Purpose
from journeys.handle import Journey
from journeys.walk.explore import Effect, Explored, explore

_EFFECTS = {name for name, value in inspect.getmembers(Journey, inspect.iscoroutinefunction) if not name.startswith("_")}
_CLOCK = {"now", "entered_at"}


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One doubt about a journey; line counts from 1."""

    file: str
    line: int
    rule: str
    text: str


Rule = Callable[[JourneyDefinition, Explored], Iterator[Finding]]


def lint(definition: JourneyDefinition) -> list[Finding]:
    """All doubts about a journey, by file and line."""
    explored = explore(definition)
    return sorted({finding for rule in RULES.values() for finding in rule(definition, explored)})


def _no_goal(definition: JourneyDefinition, explored: Explored) -> Iterator[Finding]:
    """A journey that sends marketing has a goal, or nobody knows whether it works, and it writes to who has converted."""
    marketing = [e for e in _messages(explored) if e.request and e.request.purpose is Purpose.MARKETING]
    if definition.spec.goal is None and marketing:
        told = "has no goal: who has done what it is for is written to all the same, and nothing tells whether it works"
        yield _at(definition, "no-goal", f"{told}; declare one, such as goal=purchases")


def _no_message(definition: JourneyDefinition, explored: Explored) -> Iterator[Finding]:
    """A journey says something to its customer."""
    if explored.complete and not any(_messages(explored)) and not any(path.unknown or path.stop for path in explored.paths):
        yield _at(definition, "no-message", "sends nothing on any path; take it out, or write await j.email(…)")


def _twice(definition: JourneyDefinition, explored: Explored) -> Iterator[Finding]:
    """A customer gets a message once on each path; a loop is meant."""
    for path in explored.paths:
        places: dict[str, Effect] = {}
        for effect in path.effects:
            if effect.request is None or effect.answer != "sent":
                continue
            first = places.setdefault(effect.request.step, effect)
            if first.place != effect.place and effect.place:
                again = f"'{effect.what}' may reach the same customer twice: here and at line {first.place[0][1]}"
                yield _place(definition, effect, "sent-twice", f"{again}; send another template, or only on one of the paths")


def _unreached(definition: JourneyDefinition, explored: Explored) -> Iterator[Finding]:
    """Every effect that is written stands on some path."""
    steps = definition.steps
    if not inspect.isfunction(steps) or not explored.complete or any(path.unknown or path.stop for path in explored.paths):
        return
    file = Path(steps.__code__.co_filename)
    tree = ast.parse(file.read_text(encoding="utf-8"))
    written = next((n for n in ast.walk(tree) if isinstance(n, ast.AsyncFunctionDef) and n.name == steps.__name__), None)
    if written is None or not written.args.args:
        return
    handle = written.args.args[0].arg
    uses = [
        n for n in ast.walk(written) if isinstance(n, ast.Attribute) and isinstance(n.value, ast.Name) and n.value.id == handle
    ]
    if any(use.attr in _CLOCK for use in uses):
        return  # what the clock decides is not walked
    seen = {line for path in explored.paths for effect in path.effects for _, line, _ in effect.place}
    for call in ast.walk(written):
        match call:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=word)) if name == handle and word in _EFFECTS:
                if seen.isdisjoint(range(call.lineno, (call.end_lineno or call.lineno) + 1)):
                    told = f"{handle}.{word} is on no path; take it out, or mend the condition before it"
                    yield Finding(str(file), call.lineno, "unreached", f"journey {definition.name}: {told}")


def _messages(explored: Explored) -> Iterator[Effect]:
    return (effect for path in explored.paths for effect in path.effects if effect.request is not None)


def _at(definition: JourneyDefinition, rule: str, text: str) -> Finding:
    problem = definition.problem(text, serious=False)
    return Finding(problem.file, problem.line, rule, f"journey {definition.name} {text}")


def _place(definition: JourneyDefinition, effect: Effect, rule: str, text: str) -> Finding:
    file, line, _ = effect.place[0]
    return Finding(file, line, rule, f"journey {definition.name}: {text}")


RULES: dict[str, Rule] = {
    "no-goal": _no_goal,
    "no-message": _no_message,
    "sent-twice": _twice,
    "unreached": _unreached,
}
