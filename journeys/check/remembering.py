"""What a module remembers from one run to the next: a counter, a list, a class attribute that one of its functions changes.

Promise: a module may build what it likes while it is imported; only what its functions change afterwards is found.
"""

import ast
from collections.abc import Iterator

from journeys.errors import Fault
from journeys.rules import Rule

_CHANGES = frozenset(
    [
        *("add", "append", "appendleft", "clear", "difference_update", "discard", "extend", "extendleft", "insert"),
        *("intersection_update", "pop", "popitem", "popleft", "remove", "reverse", "setdefault", "sort", "subtract", "update"),
    ]
)
_TOLD = "is the module's and remembers from run to run, so a replay sees another value"
Function = ast.FunctionDef | ast.AsyncFunctionDef


def remembered(tree: ast.Module) -> list[tuple[ast.AST, Fault]]:
    """The places where a function changes what belongs to the module."""
    of_module = set(_named(tree.body))
    return [
        (node, Fault(f"{name} {_TOLD}", "keep it inside the journey", Rule.REMEMBERS))
        for function in ast.walk(tree)
        if isinstance(function, Function)
        for node, name in _changes(function, of_module - _own(function))
    ]


def _named(body: list[ast.stmt]) -> Iterator[str]:
    """The names that a module's own statements bind, functions apart."""
    for statement in body:
        match statement:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                continue
            case ast.ClassDef(name=name):
                yield name
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                yield from (alias.asname or alias.name.partition(".")[0] for alias in aliases)
            case _:
                yield from _stored(statement)


def _stored(node: ast.AST) -> Iterator[str]:
    yield from (n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store))


def _own(function: Function) -> set[str]:
    """The names that a function binds for itself."""
    arguments = function.args
    given = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
    declared = {name for node in ast.walk(function) if isinstance(node, ast.Global) for name in node.names}
    return ({each.arg for each in given if each} | set(_stored(function))) - declared


def _changes(function: Function, of_module: set[str]) -> Iterator[tuple[ast.AST, str]]:
    for node in ast.walk(function):
        match node:
            case ast.Global(names=names):
                yield from ((node, name) for name in names)
            case ast.Attribute(ctx=ast.Store() | ast.Del()) | ast.Subscript(ctx=ast.Store() | ast.Del()):
                changed = _root(node)
            case ast.Call(func=ast.Attribute(value=value, attr=method)) if method in _CHANGES:
                changed = _root(value)
            case ast.Call(func=ast.Name(id="next"), args=[ast.Name(id=name), *_]):
                changed = name
            case _:
                continue
        if not isinstance(node, ast.Global) and changed in of_module:
            yield node, changed


def _root(node: ast.AST) -> str:
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""
