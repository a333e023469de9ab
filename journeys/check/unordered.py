"""Where a module goes through a set: texts stand in another order in every process, so a replay elsewhere takes other steps.

Promise: looks at the source only; what is asked of a set in any order (`in`, `len`, `any`, `sorted` without a key), and the one
thing of a set that has been asked for `len(…) == 1`, is not found.
"""

import ast
from collections.abc import Iterator

from journeys.check.meaning import Meanings
from journeys.errors import Fault
from journeys.rules import Rule

_SETS = frozenset(["set", "frozenset"])
_STAY_SETS = frozenset(["copy", "difference", "intersection", "symmetric_difference", "union"])
#: What keeps the order of what it is given.
_IN_ORDER = frozenset(["enumerate", "filter", "iter", "list", "map", "next", "reversed", "tuple", "zip"])
#: What comes to the same in any order.
_IN_ANY = frozenset(["all", "any", "frozenset", "len", "max", "min", "set", "sorted", "sum"])

_KEYED = frozenset(["max", "min", "sorted"])


def unordered(tree: ast.Module, meanings: Meanings) -> list[tuple[ast.AST, Fault]]:
    """The places where the order of a set is seen."""
    nodes = list(ast.walk(tree))
    free = {id(part) for node in nodes for part in _in_any_order(node, meanings)}
    alone = {single for node in nodes for single in _of_one(node)}
    through = (each for node in nodes if id(node) not in free for each in _gone_through(node, meanings, alone))
    return [(each, _fault(each)) for each in through if _is_set(each, meanings)]


def _fault(node: ast.expr) -> Fault:
    told = ast.unparse(node)
    return Fault(f"{told} is a set, whose order is another one in each process", f"write sorted({told})", Rule.IMPURE)


def _of_one(node: ast.AST) -> Iterator[str]:
    """What is asked whether it holds one thing only, which then is the first of it in any order."""
    match node:
        case ast.Compare(
            left=ast.Call(func=ast.Name(id="len"), args=[asked]), ops=[ast.Eq()], comparators=[ast.Constant(value=1)]
        ):
            yield ast.unparse(asked)


def _gone_through(node: ast.AST, meanings: Meanings, alone: set[str]) -> Iterator[ast.expr]:
    match node:
        case ast.For(iter=through) | ast.AsyncFor(iter=through) | ast.Starred(value=through) | ast.YieldFrom(value=through):
            yield through
        case ast.comprehension(iter=through):
            yield through
        case ast.Assign(targets=[ast.Tuple() | ast.List(), *_], value=value):
            yield value
        case ast.Call(args=arguments) if meanings.of(node.func) & _IN_ORDER:
            yield from arguments
        case ast.Call(func=ast.Attribute(attr="fromkeys" | "join"), args=arguments):
            yield from arguments
        case ast.Call(func=ast.Attribute(value=value, attr="pop"), args=[]) if ast.unparse(value) not in alone:
            yield value
        case ast.Call(args=arguments) if _by_key(node, meanings):
            yield from arguments


def _by_key(call: ast.Call, meanings: Meanings) -> bool:
    """Whether those that are equal by a key stay, or are found, in the order in which they come."""
    return bool(meanings.of(call.func) & _KEYED) and any(each.arg == "key" for each in call.keywords)


def _in_any_order(node: ast.AST, meanings: Meanings) -> Iterator[ast.AST]:
    """What may go through a set: it makes another one, or is asked for what is the same in any order."""
    if isinstance(node, ast.SetComp):
        yield from node.generators
    elif isinstance(node, ast.Call) and meanings.of(node.func) & _IN_ANY and not _by_key(node, meanings):
        yield from (part for each in node.args if isinstance(each, ast.GeneratorExp | ast.ListComp) for part in each.generators)
        yield from (each for each in node.args if isinstance(each, ast.Call))


def _is_set(node: ast.expr, meanings: Meanings, passed: frozenset[ast.expr] = frozenset()) -> bool:
    """Whether it is a set whatever happens; of a name, if all that it stands for is one."""

    def are(*parts: ast.expr) -> list[bool]:
        return [_is_set(each, meanings, passed | {node}) for each in parts if each not in passed]

    match node:
        case ast.Name():
            known = are(*meanings.values(node))
            return bool(known) and all(known)
        case ast.Call(func=ast.Attribute(value=value, attr=method)) if method in _STAY_SETS:
            return any(are(value))
        case (
            ast.BinOp(left=one, op=ast.BitAnd() | ast.BitOr() | ast.BitXor() | ast.Sub(), right=other)
            | ast.IfExp(body=one, orelse=other)
        ):
            return any(are(one, other))
        case ast.NamedExpr(value=value):
            return any(are(value))
        case ast.Call(func=func):
            return bool(meanings.of(func) & _SETS)
    return isinstance(node, ast.Set | ast.SetComp)
