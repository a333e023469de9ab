"""What a module remembers from one run to the next.

A counter, a list, an attribute of a class, a function or an object of the module that one of its functions changes; a default,
what is around a function, or what a cached one gives, where it lasts as long as the module.

Promise: a module may build what it likes while it is imported; only what its functions change afterwards is found. An object
that another module made is known by its name only.
"""

import ast
from collections.abc import Iterator

from journeys.check.meaning import Function, Meanings, defaults
from journeys.errors import Fault
from journeys.rules import Rule

_CHANGES = frozenset(
    [
        *("add", "append", "appendleft", "clear", "difference_update", "discard", "extend", "extendleft", "insert"),
        *(
            "intersection_update",
            "move_to_end",
            "pop",
            "popitem",
            "popleft",
            "remove",
            "reverse",
            "rotate",
            "setdefault",
            "sort",
        ),
        *("subtract", "symmetric_difference_update", "update"),
        *("__delattr__", "__delitem__", "__iadd__", "__next__", "__setattr__", "__setitem__"),
    ]
)
_TOLD = "is the module's and remembers from run to run, so a replay sees another value"
_Made = ast.List | ast.Dict | ast.Set | ast.ListComp | ast.DictComp | ast.SetComp
_MAKES = frozenset(["bytearray", "collections.Counter", "collections.defaultdict", "collections.deque", "dict", "list", "set"])
#: What is used up by whoever reads it.
_READ_ONCE = frozenset(["enumerate", "filter", "iter", "map", "reversed", "zip"])
_BUILDING = frozenset(["__init__", "__new__", "__post_init__", "__set_name__", "model_post_init"])


def remembered(tree: ast.Module, meanings: Meanings) -> list[tuple[ast.AST, Fault]]:
    """The places where a function changes what belongs to the module."""
    functions = [node for node in ast.walk(tree) if isinstance(node, Function)]
    inside = {part for function in functions for part in _within(function)}
    called = {name for node in ast.walk(tree) if node not in inside for name in _called(node)}
    of_module = {*_named(tree.body), *_cached(functions, meanings)}
    read_once = {name for name, value in _values(tree.body) if _once(value, meanings)}
    found = {
        node: name
        for function in functions
        for node, name in [
            *_changes(function, (of_module | _lasting(function, inside, meanings)) - _own(function)),
            *_changes(function, _lasting(function, inside, meanings)),
            *_read(function, read_once - _own(function)),
        ]
    }
    for made in [node for node in tree.body if getattr(node, "name", None) in called]:
        found |= _of_object(made) if isinstance(made, ast.ClassDef) else _around(made) if isinstance(made, Function) else {}
    return [(node, Fault(f"{name} {_TOLD}", "keep it inside the journey", Rule.REMEMBERS)) for node, name in found.items()]


def _within(function: Function) -> Iterator[ast.AST]:
    for part in function.body if isinstance(function.body, list) else [function.body]:
        yield from ast.walk(part)


def _called(node: ast.AST) -> Iterator[str]:
    """What is called by its name while the module is imported, decorators too."""
    match node:
        case ast.Call(func=ast.Name(id=name)):
            yield name
        case ast.FunctionDef(decorator_list=decorators) | ast.AsyncFunctionDef(decorator_list=decorators):
            yield from (each.id for each in decorators if isinstance(each, ast.Name))


def _named(body: list[ast.stmt]) -> Iterator[str]:
    """The names that a module's own statements bind."""
    for statement in body:
        match statement:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                yield from (alias.asname or alias.name.partition(".")[0] for alias in aliases)
            case _:
                yield from _stored(statement)


def _values(body: list[ast.stmt]) -> Iterator[tuple[str, ast.expr]]:
    for statement in body:
        match statement:
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=value)
                | ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value)
            ):
                yield name, value


def _once(value: ast.expr, meanings: Meanings) -> bool:
    if not isinstance(value, ast.Call):
        return isinstance(value, ast.GeneratorExp)
    return any(each in _READ_ONCE or each.startswith("itertools.") for each in meanings.of(value.func))


def _stored(node: ast.AST) -> Iterator[str]:
    yield from (n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store))


def _own(function: Function) -> set[str]:
    """The names that a function binds for itself, but for those that are the module's things by another name."""
    arguments = function.args
    given = {each.arg for each in (arguments.vararg, arguments.kwarg) if each} | {name for name, _ in defaults(arguments)}
    parts = list(_within(function))
    declared = {name for node in parts if isinstance(node, ast.Global) for name in node.names}
    named = {node.name for node in parts if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)}
    stored = {name for part in parts for name in _stored(part)}
    return (given | named | stored) - declared


def _lasting(function: Function, inside: set[ast.AST], meanings: Meanings) -> set[str]:
    """Parameters of a module's function whose default is made once, and is changed by whoever changes them."""
    if function in inside:
        return set()
    return {name for name, default in defaults(function.args) if default and _is_made(default, meanings)}


def _is_made(value: ast.expr, meanings: Meanings) -> bool:
    """Whether it is a new thing that can be changed."""
    return isinstance(value, _Made) or (isinstance(value, ast.Call) and bool(meanings.of(value.func) & _MAKES))


def _cached(functions: list[Function], meanings: Meanings) -> Iterator[str]:
    """What functions give to all who call them, as `name()`."""
    for function in functions:
        if isinstance(function, ast.Lambda):
            continue
        for each in function.decorator_list:
            if meanings.of(each.func if isinstance(each, ast.Call) else each) & {"functools.cache", "functools.lru_cache"}:
                yield f"{function.name}()"


def _aliases(function: Function, of_module: set[str]) -> dict[str, str]:
    """Names of a function that are never anything but a thing of the module, with that thing's name."""
    pairs = [
        (node.targets[0].id, _root(node.value))
        for node in _within(function)
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    ]
    bound = [name for part in function.body for name in _stored(part)] if isinstance(function.body, list) else []
    known = {name: root for name, root in pairs if root in of_module}
    return {name: root for name, root in known.items() if bound.count(name) == [*pairs].count((name, root))}


def _changes(function: Function, of_module: set[str]) -> Iterator[tuple[ast.AST, str]]:
    aliases = _aliases(function, of_module)
    for node in _within(function):
        match node:
            case ast.Global(names=names):
                yield from ((node, name) for name in names)
            case ast.Attribute(ctx=ast.Store() | ast.Del()) | ast.Subscript(ctx=ast.Store() | ast.Del()):
                changed = _root(node)
            case ast.Call(func=ast.Attribute(value=value, attr=method)) if method in _CHANGES:
                changed = _root(value)
                if changed == "object" and node.args:  # object.__setattr__(…)
                    changed = _root(node.args[0])
            case ast.Call(func=ast.Name(id="next" | "setattr" | "delattr"), args=[first, *_]):
                changed = _root(first)
            case _:
                continue
        if not isinstance(node, ast.Global) and (name := aliases.get(changed, changed)) in of_module:
            yield node, name


def _read(function: Function, read_once: set[str]) -> Iterator[tuple[ast.AST, str]]:
    parts = list(_within(function))
    told = {
        node.args[0] for node in parts if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "next" and node.args
    }
    told |= {node.value for node in parts if isinstance(node, ast.Attribute) and node.attr in _CHANGES}
    for node in parts:
        if isinstance(node, ast.Name) and node.id in read_once and node not in told:
            yield node, node.id


def _of_object(made: ast.ClassDef) -> dict[ast.AST, str]:
    """What the objects of a class change of themselves, where the module keeps one."""
    return {
        node: f"{made.name}'s {own}"
        for method in made.body
        if isinstance(method, ast.FunctionDef | ast.AsyncFunctionDef) and method.name not in _BUILDING and method.args.args
        for own in [method.args.args[0].arg]
        for node, _ in _changes(method, {own})
    }


def _around(maker: Function) -> dict[ast.AST, str]:
    """What the functions that a called one makes change of what is around them."""
    inner = [node for node in _within(maker) if isinstance(node, Function)]
    changed = {node: name for function in inner for node, name in _changes(function, _own(maker) - _own(function))}
    return changed | {
        node: name for function in inner for node in _within(function) if isinstance(node, ast.Nonlocal) for name in node.names
    }


def _root(node: ast.AST) -> str:
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return f"{node.func.id}()"
    return node.id if isinstance(node, ast.Name) else ""
