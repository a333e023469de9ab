"""What a word of the handle is given: a keyword that it does not know, one too many, one too few, a span without its unit.

Promise: as far as names and literals tell; a call that hands on `*args` or `**kwargs` is judged by what stands there.
"""

import ast
import inspect
from collections.abc import Iterator
from difflib import get_close_matches

from journeys.contracts import Channel
from journeys.errors import Fault
from journeys.rules import Rule

_MESSAGES = frozenset(channel.value for channel in Channel)
_SPANS = frozenset({"at", "wait"})
Parameters = list[inspect.Parameter]


def arguments(step: str, takes: inspect.Signature, call: ast.Call) -> Fault | None:
    """What is wrong with the arguments of a word, such as `j.push`."""
    parameters = list(takes.parameters.values())[1:]
    found = _of_span(step, parameters, call) if step.partition(".")[2] in _SPANS else _of_call(step, parameters, call)
    return next((Fault(text, remedy, Rule.WORD) for text, remedy in found), None)


def _of_call(step: str, parameters: Parameters, call: ast.Call) -> Iterator[tuple[str, str]]:
    positional = [each for each in parameters if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)]
    named, several = _named(call), any(each.kind is each.VAR_POSITIONAL for each in parameters)
    if len(call.args) > len(positional) and not several and not _is_open(call):
        only = " and ".join(each.name for each in positional)
        yield f"{step} takes {only} only" if only else f"{step} takes nothing without its name", _by_name(parameters)
    if not call.args and "template" not in named and step.partition(".")[2] in _MESSAGES and not _is_open(call):
        yield f"{step} needs the name of a template", f'write {step}("…")'
    yield from _unknown(step, parameters, named)
    given = {each.name for each in positional[: len(call.args)]} | set(named)
    needed = [
        each.name for each in parameters if each.default is each.empty and each.kind not in _ANY and each.name not in given
    ]
    if needed and not _is_open(call):
        yield f"{step} is not given {needed[0]}", f"it takes {_listed(parameters)}"


_ANY = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def _unknown(step: str, parameters: Parameters, named: list[str]) -> Iterator[tuple[str, str]]:
    if any(each.kind is each.VAR_KEYWORD for each in parameters):
        return
    known = [each.name for each in parameters if each.kind in (each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY)]
    for name in named:
        if name not in known:
            close = get_close_matches(name, known, n=1)
            guess = f"did you mean {close[0]}=? It" if close else "it"
            predicate = f", a predicate, such as {step}(did(…))" if step.endswith(".reached") else ""
            yield f"{step} has no {name}=", f"{guess} takes {_listed(parameters)}{predicate}"


def _by_name(parameters: Parameters) -> str:
    if any(each.kind is each.VAR_KEYWORD for each in parameters):
        return "name what else it is given, such as offer=…"
    named = [f"{each.name}=" for each in parameters if each.kind is each.KEYWORD_ONLY]
    return f"name what else it is given: {', '.join(named)}" if named else "take the rest away"


def _of_span(step: str, parameters: Parameters, call: ast.Call) -> Iterator[tuple[str, str]]:
    for given in call.args[:1]:
        if isinstance(given, ast.Call):
            told = f"{step}({ast.unparse(given)}) takes a span, not an instant"
            yield told, f"write {step}(hours=…), or minutes=, seconds=, days="
        else:
            hours = ast.unparse(_beyond_minus(given) or given)
            told = f"{step}({ast.unparse(given)}) does not say of what"
            yield told, f"write {step}(hours={hours}), or minutes=, seconds=, days="
    yield from _unknown(step, parameters, _named(call))
    for keyword in call.keywords:
        if (number := _beyond_minus(keyword.value)) is not None:
            yield f"{step}({ast.unparse(keyword)}) has passed already", f"write {step}({keyword.arg}={ast.unparse(number)})"
    if not call.args and not call.keywords:
        yield f"{step}() does not say how long", f"write {step}(hours=1)"


def _beyond_minus(value: ast.expr) -> ast.expr | None:
    """The number of one that is below nothing."""
    match value:
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant() as number):
            return number
    return None


def _named(call: ast.Call) -> list[str]:
    return [each.arg for each in call.keywords if each.arg is not None]


def _is_open(call: ast.Call) -> bool:
    """Whether it hands on what does not stand there."""
    return any(each.arg is None for each in call.keywords) or any(isinstance(each, ast.Starred) for each in call.args)


def _listed(parameters: Parameters) -> str:
    return ", ".join(each.name for each in parameters if each.kind is not each.VAR_KEYWORD) or "nothing"
