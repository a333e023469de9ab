"""What a word of the handle is given: a keyword that it does not know, one too many, one too few, a span without its unit.

Promise: as far as names and literals tell; a call that hands on `*args` or `**kwargs` is judged by what stands there.
"""

import ast
import inspect
from collections.abc import Iterator
from difflib import get_close_matches

from journeys.contracts import Channel
from journeys.errors import Fault
from journeys.gate.hours import CLOCK_TIME
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
    word = step.partition(".")[2]
    if instead := _INSTEAD.get(word, _nothing)(step, call):
        yield instead
        return
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


def _nothing(step: str, call: ast.Call) -> tuple[str, str] | None:  # noqa: ARG001 - as the others
    return None


def _of_first(step: str, call: ast.Call) -> tuple[str, str] | None:
    """What is waited for has names; a step is nothing to wait for."""
    if call.args and not _is_open(call):
        named = ", ".join(f"{'abcdefgh'[n % 8]}={ast.unparse(each)}" for n, each in enumerate(call.args))
        return f"{step} takes each thing under a name of yours", f"write {step}({named}, timeout=days(3))"
    return _of_wait_for(step, call)


def _of_wait_for(step: str, call: ast.Call) -> tuple[str, str] | None:
    handle = step.partition(".")[0]
    for given in (*call.args, *(keyword.value for keyword in call.keywords)):
        match given:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=word)) if name == handle and word in _ASKED:
                what = ", ".join(ast.unparse(each) for each in given.args)
                instead = _ASKED[word].format(what)
                told = f"{step} waits for something, and {handle}.{word}(…) asks whether it is so now"
                waited = f"{handle}.{instead}" if word == "is_in" else instead or "did(…)"
                return told, f"write {step}({'a=' if step.endswith('.first') else ''}{waited}, timeout=days(3))"
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=word)) if name == handle and word in _MESSAGES:
                told = f"{step} waits for something, and {handle}.{word}(…) is a step of its own"
                return told, f"write r = await {ast.unparse(given)}, and then {step}({handle}.delivered(r), …)"
    return None


def _of_together(step: str, call: ast.Call) -> tuple[str, str] | None:
    match call.args:
        case [ast.List(elts=each) | ast.Tuple(elts=each)]:
            return f"{step} takes its branches one by one, not in a list", f"write {step}({', '.join(map(ast.unparse, each))})"
        case [(ast.ListComp() | ast.GeneratorExp()) as several]:
            return f"{step} takes its branches one by one, not in a list", f"write {step}(*{ast.unparse(several)})"
    return None


#: What asks whether something is so now, and how the same is waited for.
_ASKED = {"is_in": "entered({})", "reached": "{}"}
_INSTEAD = {"first": _of_first, "wait_for": _of_wait_for, "together": _of_together}
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
    for given in call.args:
        number = _without_minus(given)
        match number:
            case ast.Constant(value=str() as said) if CLOCK_TIME.fullmatch(said):
                told = f"{step}({ast.unparse(given)}) is a time of day, and {step} takes a span"
                yield told, f'write {step.partition(".")[0]}.until("{said}")'
            case ast.Constant():
                told = f"{step}({ast.unparse(given)}) does not say of what"
                yield told, f"write {step}(hours={ast.unparse(number)}), or minutes=, seconds=, days="
            case ast.Call(func=ast.Name(id="datetime" | "date") | ast.Attribute(attr="datetime" | "date")):
                told = f"{step}({ast.unparse(given)}) takes a span, not an instant"
                yield told, f"write {step}(hours=…), or minutes=, seconds=, days="
    yield from _unknown(step, parameters, _named(call))
    for keyword in call.keywords:
        if (below := _beyond_minus(keyword.value)) is not None:
            yield f"{step}({ast.unparse(keyword)}) has passed already", f"write {step}({keyword.arg}={ast.unparse(below)})"
    if not call.args and not call.keywords:
        yield f"{step}() does not say how long", f"write {step}(hours=1)"


def _without_minus(value: ast.expr) -> ast.expr:
    return _beyond_minus(value) or value


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
