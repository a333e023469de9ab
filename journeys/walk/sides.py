"""What a journey's own code compares a field with, so that a walk shows both sides of each number.

Promise: read from the source, names of the module included. Where a field is used otherwise (it is reckoned with, handed to a
function, or held against what is only known when it runs), nothing is said of it.
"""

import ast
import inspect
import types
from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import lru_cache
from linecache import getlines
from typing import Any

Steps = Callable[..., Any]


@lru_cache(256)
def source_of(steps: Steps) -> ast.AsyncFunctionDef | None:
    """A journey's function as it is written; None where it is no function, or its file is not to be had."""
    steps = inspect.unwrap(steps)
    if not inspect.isfunction(steps):
        return None
    tree = ast.parse("".join(getlines(steps.__code__.co_filename)))
    named = (node for node in ast.walk(tree) if isinstance(node, ast.AsyncFunctionDef) and node.name == steps.__name__)
    return next((node for node in named if node.args.args and steps.__code__.co_firstlineno in lines_of(node)), None)


def lines_of(node: ast.AsyncFunctionDef | ast.Call) -> range:
    """The lines on which it stands, those of its decorators too."""
    first = min((each.lineno for each in getattr(node, "decorator_list", ())), default=node.lineno)
    return range(first, (node.end_lineno or node.lineno) + 1)


@lru_cache(1_024)
def sides(steps: Steps, field: str) -> tuple[float, ...] | None:
    """Numbers on both sides of all that a field is compared with; None where the source does not tell."""
    written = source_of(steps)
    if written is None:
        return None
    known = getattr(inspect.unwrap(steps), "__globals__", {})
    asked: set[int] = set()
    found: set[float] = set()
    for node in ast.walk(written):
        for place, number in _asked(node, field, known):
            asked.add(id(place))
            found |= {number} if isinstance(number, bool) else {number - 1, number, number + 1}
    mentioned = [node for node in ast.walk(written) if _is_field(node, field)]
    return tuple(sorted(found)) if mentioned and all(id(node) in asked for node in mentioned) else None


@lru_cache(256)
def numbers_in(steps: Steps) -> tuple[float, ...]:
    """The numbers that a journey's own code names, and those around them."""
    return tuple(sorted(_near(steps.__code__))) if inspect.isfunction(steps) else ()


def _near(code: types.CodeType) -> set[float]:
    found: set[float] = set()
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            found |= _near(constant)
        elif isinstance(constant, int | float) and not isinstance(constant, bool):
            found |= {constant - 1, constant, constant + 1}
    return found


def _asked(node: ast.AST, field: str, known: dict[str, Any]) -> Iterator[tuple[ast.AST, float]]:
    """Where a field is compared with a number, or asked whether it is more than nothing."""
    match node:
        case ast.Compare(left=left, comparators=others):
            numbers = [number for each in (left, *others) if not _is_field(each, field) for number in _numbers(each, known)]
            fields = [each for each in (left, *others) if _is_field(each, field)]
            if None not in numbers:
                yield from ((each, number) for each in fields for number in numbers if number is not None)
        case ast.If(test=test) | ast.While(test=test) | ast.IfExp(test=test):
            yield from ((test, 0) for _ in [0] if _is_field(test, field))
        case ast.UnaryOp(op=ast.Not(), operand=operand) if _is_field(operand, field):
            yield operand, 0
        case ast.BoolOp(values=values):
            yield from ((each, 0) for each in values if _is_field(each, field))


def _is_field(node: ast.AST, field: str) -> bool:
    match node:
        case ast.Attribute(attr=name) | ast.Subscript(slice=ast.Constant(value=name)):
            return bool(name == field)
        case ast.Call(func=ast.Attribute(attr="get"), args=[ast.Constant(value=name), *_]):
            return bool(name == field)
    return False


def _numbers(node: ast.expr, known: dict[str, Any]) -> Iterator[float | None]:
    """The numbers that an expression may be; None where that is not known. A text or None is compared, and is no number."""
    match node:
        case ast.Tuple(elts=each) | ast.List(elts=each) | ast.Set(elts=each):
            yield from (number for one in each for number in _numbers(one, known))
        case ast.Constant(value=value):
            yield from _number(value)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            yield from (None if number is None else -number for number in _numbers(operand, known))
        case ast.Name(id=name) if name in known:
            yield from _number(known[name])
        case _:
            yield None


def _number(value: object) -> Iterator[float | None]:
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        yield float(value) if isinstance(value, Decimal) else value
    elif not isinstance(value, str | bool | None):
        yield None
