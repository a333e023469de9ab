"""What swallows the end of a run: it unwinds the journey's code by an exception, which nobody but the engine may catch.

Promise: looks at the source only. What is caught is known by its name, whatever an author calls it in that module
(`journeys.check.meaning`); so is `suppress`, and a `finally` that leaves by a way of its own.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

from journeys.check.meaning import Meanings
from journeys.errors import Fault, Problem
from journeys.rules import Rule

_TOLD = "swallows the end of a run (a goal, a withdrawal, an operator's end)"
#: How a run ends, and everything that includes it; asyncio's is how one ends that an operator cancels in Temporal.
_ENDS = frozenset(
    [
        *("BaseException", "BaseExceptionGroup", "Exception.__base__"),
        *("asyncio.CancelledError", "asyncio.exceptions.CancelledError", "temporalio.exceptions.CancelledError"),
    ]
)
_OURS = ("RunEnded", "Unwound")
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
_LOOPS = (ast.For, ast.AsyncFor, ast.While)
_ANYTHING = "write except Exception"


def swallowing(file: Path, tree: ast.Module, meanings: Meanings) -> list[Problem]:
    """Where what ends a run is caught, or lost; a journey that does so cannot be walked either."""
    found = [place for node in ast.walk(tree) for place in _swallows(node, meanings)]
    return [
        Fault(f"{what} {_TOLD}", remedy, Rule.SWALLOWS).at(str(file), node.lineno, node.col_offset + 1)
        for node, what, remedy in found
    ]


def _swallows(node: ast.AST, meanings: Meanings) -> Iterator[tuple[ast.stmt | ast.expr | ast.excepthandler, str, str]]:
    match node:
        case ast.ExceptHandler(type=None):
            yield node, "a bare except", _ANYTHING
        case ast.ExceptHandler(type=ast.expr() as caught) if end := _end(caught, meanings):
            yield node, _named(f"except {ast.unparse(caught)}", end), _ANYTHING
        case ast.Call(func=func, args=caught) if "contextlib.suppress" in meanings.of(func):
            ends = (_end(each, meanings) for each in caught)
            if end := next(filter(None, ends), None):
                yield node, _named(ast.unparse(node), end), "write suppress(Exception)"
        case ast.AsyncFunctionDef(body=body):
            yield from ((each, f"a {_word(each)} in finally", "let it stand behind the finally") for each in _leaving(body))


def _end(caught: ast.expr, meanings: Meanings, passed: frozenset[ast.expr] = frozenset()) -> str | None:
    """What of an end is among what is caught, by its own name."""
    if caught in passed:
        return None
    match caught:
        case ast.Tuple(elts=parts) | ast.List(elts=parts):
            pass
        case ast.BinOp(left=one, right=other):
            parts = [one, other]
        case ast.Starred(value=value) | ast.Call(func=ast.Name(id="tuple"), args=[value]):
            parts = [value]
        case ast.Name():
            parts = meanings.values(caught)
        case _:
            parts = []
    within = (_end(each, meanings, passed | {caught}) for each in parts)
    return next(filter(None, [*filter(_is_end, sorted(meanings.of(caught))), *within]), None)


def _is_end(name: str) -> bool:
    return name in _ENDS or (name.startswith("journeys.") and name.rpartition(".")[2] in _OURS)


def _named(written: str, end: str) -> str:
    """As it is written, and what that is, where it is called otherwise."""
    last = end.rpartition(".")[2]
    return written if last in written or end in written else f"{written}, which is {last},"


def _leaving(body: list[ast.stmt]) -> Iterator[ast.Return | ast.Break | ast.Continue]:
    """The statements that leave a finally of this function, and with it whatever was raised."""
    for node in _within(body, _FUNCTIONS):
        if isinstance(node, ast.Try | ast.TryStar):
            yield from (each for each in _within(node.finalbody, _FUNCTIONS) if isinstance(each, ast.Return))
            leaps = _within(node.finalbody, _FUNCTIONS + _LOOPS)
            yield from (each for each in leaps if isinstance(each, ast.Break | ast.Continue))


def _within(body: list[ast.stmt], but: tuple[type[ast.AST], ...]) -> Iterator[ast.AST]:
    """All that stands in these statements, without what stands in parts of such a kind."""
    waiting: list[ast.AST] = [*body]
    while waiting:
        node = waiting.pop(0)
        if not isinstance(node, but):
            yield node
            waiting += ast.iter_child_nodes(node)


def _word(leaving: ast.stmt) -> str:
    return type(leaving).__name__.lower()
