"""Where a module goes through a set: texts stand in another order in every process, so a replay elsewhere takes other steps.

Promise: looks at the source only; what is asked of a set in any order (`in`, `len`, `sorted`, `any`, …) is not found.
"""

import ast
from collections.abc import Iterator

from journeys.errors import Fault
from journeys.rules import Rule

_SETS = frozenset(["set", "frozenset"])
_STAY_SETS = frozenset(["copy", "difference", "intersection", "symmetric_difference", "union"])
#: What keeps the order of what it is given.
_IN_ORDER = frozenset(["enumerate", "filter", "iter", "list", "map", "next", "reversed", "tuple", "zip"])
#: What comes to the same in any order.
_IN_ANY = frozenset(["all", "any", "frozenset", "len", "max", "min", "set", "sorted", "sum"])


def unordered(tree: ast.Module) -> list[tuple[ast.AST, Fault]]:
    """The places where the order of a set is seen."""
    nodes = list(ast.walk(tree))
    sets = _names(nodes)
    free = {id(part) for node in nodes for part in _in_any_order(node)}
    return [
        (each, _fault(each)) for node in nodes if id(node) not in free for each in _gone_through(node) if _is_set(each, sets)
    ]


def _fault(node: ast.expr) -> Fault:
    told = ast.unparse(node)
    return Fault(f"{told} is a set, whose order is another one in each process", f"write sorted({told})", Rule.IMPURE)


def _gone_through(node: ast.AST) -> Iterator[ast.expr]:
    match node:
        case ast.For(iter=through) | ast.AsyncFor(iter=through) | ast.Starred(value=through) | ast.YieldFrom(value=through):
            yield through
        case ast.comprehension(iter=through):
            yield through
        case ast.Assign(targets=[ast.Tuple() | ast.List(), *_], value=value):
            yield value
        case ast.Call(args=arguments) if _called(node) in _IN_ORDER:
            yield from arguments
        case ast.Call(func=ast.Attribute(attr="fromkeys" | "join"), args=arguments):
            yield from arguments


def _in_any_order(node: ast.AST) -> Iterator[ast.AST]:
    """What may go through a set: it makes another one, or is asked for what is the same in any order."""
    if isinstance(node, ast.SetComp):
        yield from node.generators
    elif isinstance(node, ast.Call) and _called(node) in _IN_ANY:
        yield from (part for each in node.args if isinstance(each, ast.GeneratorExp | ast.ListComp) for part in each.generators)
        yield from (each for each in node.args if isinstance(each, ast.Call))


def _called(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else ""


def _is_set(node: ast.expr, names: set[str]) -> bool:
    match node:
        case ast.Name(id=name):
            return name in names
        case ast.Call(func=ast.Attribute(value=value, attr=method)):
            return method in _STAY_SETS and _is_set(value, names)
        case ast.BinOp(left=one, op=ast.BitAnd() | ast.BitOr() | ast.BitXor() | ast.Sub(), right=other):
            return _is_set(one, names) or _is_set(other, names)
        case ast.IfExp(body=one, orelse=other):
            return _is_set(one, names) or _is_set(other, names)
        case ast.NamedExpr(value=value):
            return _is_set(value, names)
    return isinstance(node, ast.Set | ast.SetComp) or (isinstance(node, ast.Call) and _called(node) in _SETS)


def _names(nodes: list[ast.AST]) -> set[str]:
    """The names that a module uses for sets, and for nothing else."""
    bound = [(target.id, value) for node in nodes for target, value in _bindings(node) if isinstance(target, ast.Name)]
    stored = [node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)]
    stored += [node.arg for node in nodes if isinstance(node, ast.arg)]
    sets: set[str] = set()
    while more := {name for name, value in bound if _is_set(value, sets)} - sets:
        sets |= more
    kept = [name for name, value in bound if _is_set(value, sets)]
    return {name for name in sets if kept.count(name) == stored.count(name)}


def _bindings(node: ast.AST) -> Iterator[tuple[ast.expr, ast.expr]]:
    match node:
        case ast.Assign(targets=targets, value=value):
            yield from ((target, value) for target in targets)
        case ast.AnnAssign(target=target, value=ast.expr() as value) | ast.NamedExpr(target=target, value=value):
            yield target, value
