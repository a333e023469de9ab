"""Steps that are written and stand on no path: behind a condition that never holds, or behind what is never left.

Promise: what the clock or a free value decides is not walked on both sides, and so is not doubted.
"""

import ast
import inspect
from collections.abc import Iterator

from pydantic import BaseModel

from journeys.authoring import JourneyDefinition
from journeys.errors import Problem
from journeys.handle import Journey
from journeys.rules import Rule
from journeys.walk.explore import Enough, Explored
from journeys.walk.samples import is_walked
from journeys.walk.sides import lines_of, source_of

_EFFECTS = {name for name, value in inspect.getmembers(Journey, inspect.iscoroutinefunction) if not name.startswith("_")}
_CLOCK = {"now", "entered_at"}
_Branch = ast.If | ast.While | ast.IfExp | ast.Match
_LOOPS = ast.For | ast.AsyncFor | ast.While
_LEAVES = ast.Return | ast.Break | ast.Continue | ast.Raise


def unreached(definition: JourneyDefinition, explored: Explored) -> Iterator[Problem]:
    """Every effect that is written stands on some path."""
    steps = source_of(definition.steps) if _known(explored) else None
    if steps is None:
        return
    handle = steps.args.args[0].arg
    file = inspect.unwrap(definition.steps).__code__.co_filename
    seen = {line for path in explored.paths for effect in path.effects for name, line, _ in effect.place if name == file}
    undecided = list(_undecided(steps, handle, definition, _free_answers(definition, explored)))
    cut_off = list(_cut_off(steps, explored, file))
    for call in _calls(steps, handle):
        if seen.isdisjoint(lines_of(call)) and not any(_decides(branch, call) for branch in undecided):
            told = f"journey {definition.name}: {ast.unparse(call.func)} is on no path"
            remedy = "take it out, or mend the condition before it"
            if not explored.complete or any(call.lineno > line for line in cut_off):
                told += f" of the {len(explored.paths)} that were walked, and so is not checked"
                remedy = "there are more paths than are walked: try it in a test, or divide the journey"
            yield Problem(file, call.lineno, 1, told, False, remedy, Rule.UNREACHED)


def _known(explored: Explored) -> bool:
    stopped = any(path.stop is not None and not isinstance(path.stop, Enough) for path in explored.paths)
    return not stopped and not any(path.unknown for path in explored.paths)


def _calls(steps: ast.AsyncFunctionDef, handle: str) -> Iterator[ast.Call]:
    for node in ast.walk(steps):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=word)) if name == handle and word in _EFFECTS:
                yield node


def _cut_off(steps: ast.AsyncFunctionDef, explored: Explored, file: str) -> Iterator[int]:
    """The last lines of loops that went on for longer than a way is walked: what stands behind one was not come to."""
    ends = [path.effects[-1].place for path in explored.paths if isinstance(path.stop, Enough) and path.effects]
    left = {line for end in ends for name, line, _ in end if name == file}
    for loop in ast.walk(steps):
        if isinstance(loop, _LOOPS) and any(loop.lineno <= line <= (loop.end_lineno or 0) for line in left):
            yield loop.end_lineno or 0


def _free_answers(definition: JourneyDefinition, explored: Explored) -> set[str]:
    """The fields of what services give, and contexts tell, that are not walked on both sides."""
    models = {service.model for path in explored.paths for service in path.services.values() if service.model}
    models |= {context.model for path in explored.paths for context in path.contexts.values()}
    return {name for model in models for name in model.model_fields if _is_free(definition, model, name)}


def _undecided(steps: ast.AsyncFunctionDef, handle: str, definition: JourneyDefinition, free: set[str]) -> Iterator[_Branch]:
    """The branches that hang on what is not walked on both sides, also by way of a variable."""
    names: set[str] = set()
    assigned = [
        node for node in ast.walk(steps) if isinstance(node, ast.Assign | ast.AnnAssign | ast.NamedExpr | ast.AugAssign)
    ]
    for _ in assigned:
        for node in assigned:
            if node.value is not None and _hangs(node.value, handle, definition, names, free):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                names |= {each.id for target in targets for each in ast.walk(target) if isinstance(each, ast.Name)}
    for branch in ast.walk(steps):
        if isinstance(branch, _Branch) and _hangs(_asked(branch), handle, definition, names, free):
            yield branch


def _asked(branch: _Branch) -> ast.expr:
    return branch.subject if isinstance(branch, ast.Match) else branch.test


def _hangs(expression: ast.expr, handle: str, definition: JourneyDefinition, names: set[str], free: set[str]) -> bool:
    models = {"params": definition.params, "entry": definition.spec.entry_model}
    for node in ast.walk(expression):
        match node:
            case ast.Name(id=name) if name in names:
                return True
            case ast.Attribute(value=ast.Name(id=name), attr=word) if name == handle and word in _CLOCK:
                return True
            case ast.Attribute(value=ast.Attribute(value=ast.Name(id=name), attr=part), attr=word) if (
                name == handle and part in models
            ):
                if _is_free(definition, models[part], word):
                    return True
            case ast.Attribute(attr=word) if word in free:
                return True
            case (
                ast.Call(func=ast.Attribute(value=ast.Attribute(attr="answer"), attr="get"), args=[key, *_])
                | ast.Subscript(value=ast.Attribute(attr="answer"), slice=key)
            ) if getattr(key, "value", None) != "outcome":  # told beside the choice: maybe no number
                return True
    return False


def _is_free(definition: JourneyDefinition, model: type[BaseModel] | None, name: str) -> bool:
    field = model.model_fields.get(name) if model else None
    return field is not None and not is_walked(definition.steps, name, field.annotation)


def _decides(branch: _Branch, call: ast.Call) -> bool:
    """Whether a branch decides if a call is come to: it stands in it, or after one that may leave."""
    inside = any(node is call for node in ast.walk(branch))
    return inside or (branch.lineno < call.lineno and any(isinstance(node, _LEAVES) for node in ast.walk(branch)))
