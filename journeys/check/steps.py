"""How a journey's source uses its handle: a forgotten `await`, a word that `j` does not know, what a word is not for.

Promise: looks at the source only, so every branch is seen, also one that no walk of the journey comes to.
"""

import ast
import inspect
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path

from journeys.check.arguments import arguments
from journeys.contracts import Channel
from journeys.errors import Fault, Problem
from journeys.handle import Journey
from journeys.rules import Rule

Function = ast.FunctionDef | ast.AsyncFunctionDef
_WORDS = {name: value for name, value in inspect.getmembers(Journey) if not name.startswith("_")}
_WORDS["conditions"] = None
_STEPS = {name: inspect.signature(value) for name, value in _WORDS.items() if inspect.iscoroutinefunction(value)}
#: Words that say something, and do nothing where they stand alone.
_SAYINGS = {
    name: inspect.signature(value) for name, value in _WORDS.items() if inspect.isfunction(value) and name not in _STEPS
}
_USES = {
    "every": "async for n in {}: …",
    "experiment": "async with {} as arm: …",
    "hold_others": "async with {}: …",
    "changed": "if {}: …",
}
#: How Python goes into what a word gives, where it is no step; whatever is not here is waited for.
_GOES_BY = {"every": "async for", "experiment": "async with", "hold_others": "async with"}
#: What words are given; `changed` is looked at more closely.
_TAKES = {name: takes for name, takes in (_STEPS | _SAYINGS).items() if name != "changed"}
_MESSAGES = frozenset(channel.value for channel in Channel)


def misuses(file: Path, tree: ast.Module) -> list[Problem]:
    """What is wrong with the steps that a source file writes."""
    helpers = {node.name for node in tree.body if isinstance(node, ast.AsyncFunctionDef)}
    found: dict[tuple[int, int], Fault] = {}
    for function in ast.walk(tree):
        if isinstance(function, Function):
            for node, fault in _of_function(function, helpers):
                found.setdefault((getattr(node, "lineno", 1), getattr(node, "col_offset", 0) + 1), fault)
    return [fault.at(str(file), *place) for place, fault in sorted(found.items())]


def _of_function(function: Function, helpers: set[str]) -> Iterator[tuple[ast.AST, Fault]]:
    handle = _handle(function)
    awaited = {id(each) for node in ast.walk(function) if isinstance(node, ast.Await) for each in _either(node.value)}
    passed_on = _passed_on(function)
    yield from _gone_into_otherwise(function, handle)
    for node in ast.walk(function):
        match node:
            case ast.Attribute(value=ast.Name(id=name), attr=word) if name == handle and word not in _WORDS:
                yield node, _unknown(name, word)
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=word)) if name == handle and word in _TAKES:
                if wrong := arguments(f"{name}.{word}", _TAKES[word], node):
                    yield node, wrong
                if word in _STEPS and id(node) not in awaited | passed_on:
                    yield node, unawaited(f"{name}.{word}")
            case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=word))) if (
                name == handle and word in _SAYINGS
            ):
                yield node, _alone(f"{name}.{word}(…)", word)
            case ast.Expr(value=ast.Call(func=ast.Name(id=name))) if name in helpers and name != function.name:
                yield node, unawaited(name)
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="changed")) if name == handle and not _is_named(
                node
            ):
                yield node, Fault(f"{name}.changed(…) does not name a change", f'write {name}.changed("a-text")', Rule.WORD)
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=word)) if name == handle and word in {
                "now",
                "entered_at",
            }:
                yield node, Fault(f"{name}.{word} is no function", "write it without parentheses", Rule.WORD)


def _either(value: ast.expr) -> Iterator[ast.expr]:
    """What an expression may be: in `await (a if so else b)` both are awaited."""
    if isinstance(value, ast.IfExp):
        yield from _either(value.body)
        yield from _either(value.orelse)
    else:
        yield value


def _is_named(call: ast.Call) -> bool:
    """Whether a call names something by a text that stands there, so that whoever reads the source knows it, too."""
    match call:
        case ast.Call(args=[ast.Constant(value=str())], keywords=[]):
            return True
    return False


def unawaited(what: str) -> Fault:
    """A step that was called, and never begun."""
    return Fault(f"{what}(…) does nothing without await", f"write await {what}(…)", Rule.AWAIT)


def _alone(said: str, word: str) -> Fault:
    """What says what is waited for, or goes around steps, does nothing where it is a statement of its own."""
    return Fault(f"{said} does nothing by itself", f"write {_use(said, word)}", Rule.AWAIT)


def _use(said: str, word: str) -> str:
    return _USES.get(word, "await j.wait_for({}, timeout=…)").format(said)


def _gone_into_otherwise(function: Function, handle: str | None) -> Iterator[tuple[ast.AST, Fault]]:
    """Where `with`, `for` or `await` stands before a word that is for another of them."""
    for node in ast.walk(function):
        for how, value in _goings(node):
            match value:
                case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=word)) if (
                    name == handle and word in _SAYINGS and how != _GOES_BY.get(word)
                ):
                    said = f"{name}.{word}(…)"
                    yield value, Fault(f"{said} is not for {how}", f"write {_use(said, word)}", Rule.AWAIT)


def _goings(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    match node:
        case ast.With(items=items):
            yield from (("with", item.context_expr) for item in items)
        case ast.AsyncWith(items=items):
            yield from (("async with", item.context_expr) for item in items)
        case ast.For(iter=value):
            yield "for", value
        case ast.AsyncFor(iter=value):
            yield "async for", value
        case ast.comprehension(iter=value, is_async=is_async):
            yield "async for" if is_async else "for", value
        case ast.Await(value=value):
            yield "await", value


def _handle(function: Function) -> str | None:
    """The parameter that is a `Journey`; in a function decorated as a journey the first one."""
    arguments = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    for argument in arguments:
        if argument.annotation is not None and ast.unparse(argument.annotation).strip("'\"").split(".")[-1] == "Journey":
            return argument.arg
    decorators = [ast.unparse(each).partition("(")[0].split(".")[-1] for each in function.decorator_list]
    return arguments[0].arg if arguments and "journey" in decorators else None


def _passed_on(function: Function) -> set[int]:
    """Steps that somebody else awaits: returned, or given to another function."""
    passed: set[int] = set()
    for node in ast.walk(function):
        match node:
            case ast.Return(value=ast.expr() as value) | ast.Lambda(body=value):
                passed.add(id(value))
            case ast.Call(args=arguments, keywords=keywords):
                passed |= {
                    id(each) for each in (*arguments, *(keyword.value for keyword in keywords)) for each in _in_list(each)
                }
    return passed


def _in_list(given: ast.expr) -> Iterator[ast.expr]:
    """It, and what stands in it where it is a list."""
    yield given
    match given:
        case ast.List(elts=each) | ast.Tuple(elts=each) | ast.Starred(value=ast.List(elts=each) | ast.Tuple(elts=each)):
            yield from each
        case ast.ListComp(elt=one) | ast.GeneratorExp(elt=one) | ast.Starred(value=ast.ListComp(elt=one)):
            yield one


def _unknown(handle: str, word: str) -> Fault:
    close = get_close_matches(word, _WORDS, n=1)
    guess = f"did you mean {handle}.{close[0]}? " if close else ""
    known = ", ".join(f"{handle}.{name}" for name in sorted(_WORDS.keys() - _MESSAGES - {"conditions"}))
    messages = f"{guess}Messages go by {', '.join(sorted(_MESSAGES))}"
    return Fault(f"there is no {handle}.{word}", f"{messages}; a journey also has {known}", Rule.WORD)
