"""What a module remembers from one run to the next.

A counter, a list, an attribute of a class, a function or an object of the module that one of its functions changes: by a method
of its own, by a function such as `heappush`, or in place (`+=`). A default, what is around a function, or what a cached one
gives, where it lasts as long as the module.

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
_CONTEXTS = frozenset(["contextvars.ContextVar"])
#: What is used up by whoever reads it.
_READ_ONCE = frozenset(["enumerate", "filter", "iter", "map", "reversed", "zip"])
#: What changes the first thing that it is given.
_CHANGERS = frozenset(
    [
        *("delattr", "next", "setattr"),
        *(f"bisect.{name}" for name in ("insort", "insort_left", "insort_right")),
        *(f"heapq.{name}" for name in ("heapify", "heappop", "heappush", "heappushpop", "heapreplace")),
        *(f"operator.{name}" for name in ("delitem", "iadd", "iand", "iconcat", "imul", "ior", "isub", "ixor", "setitem")),
    ]
)
_OWNERS = _MAKES | {"object", "type"}
_BUILDING = frozenset(["__init__", "__new__", "__post_init__", "__set_name__", "model_post_init"])


def remembered(tree: ast.Module, meanings: Meanings) -> list[tuple[ast.AST, Fault]]:
    """The places where a function changes what belongs to the module."""
    functions = [node for node in ast.walk(tree) if isinstance(node, Function)]
    inside = {part for function in functions for part in _within(function)}
    called = {name for node in ast.walk(tree) if node not in inside for name in _called(node)}
    of_module = {*_named(tree.body), *_cached(functions, meanings)}
    values = list(_values(tree.body))
    made = {name for name, value in values if _is_made(value, meanings)}
    kept = {name for name, value in values if isinstance(value, ast.Call) and meanings.of(value.func) & _CONTEXTS}
    read_once = {name for name, value in values if _once(value, meanings)}
    found = {
        node: name
        for function in functions
        for node, name in [
            *_changes(function, (of_module | _lasting(function, inside, meanings)) - _own(function), meanings),
            *_changes(function, _lasting(function, inside, meanings), meanings),
            *_in_place(function, made - _own(function), _lasting(function, inside, meanings)),
            *_by_method(function, made - _own(function), _bound(values, made)),
            *_set(function, kept - _own(function)),
            *_read(function, read_once - _own(function)),
        ]
    }
    for made_of in [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]:
        found |= _of_class(made_of, meanings)
    for each in [node for node in tree.body if getattr(node, "name", None) in called]:
        if isinstance(each, ast.ClassDef):
            found |= _of_object(each, meanings)
        elif isinstance(each, Function):
            found |= _around(each, meanings)
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
    added = {node.target for node in _within(function) if isinstance(node, ast.AugAssign)}
    stored = (node for node in _within(function) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store))
    bound = [node.id for node in stored if node not in added]
    known = {name: root for name, root in pairs if root in of_module}
    return {name: root for name, root in known.items() if bound.count(name) == [*pairs].count((name, root))}


def _changes(function: Function, of_module: set[str], meanings: Meanings) -> Iterator[tuple[ast.AST, str]]:
    aliases = _aliases(function, of_module)
    for node in _within(function):
        if isinstance(node, ast.Global):
            yield from ((node, name) for name in node.names)
        elif (changed := _changed(node, meanings)) is not None:
            root = _root(changed)
            if (name := aliases.get(root, root)) in of_module:
                yield node, name


def _changed(node: ast.AST, meanings: Meanings) -> ast.AST | None:
    """What a node changes, or whose part it changes."""
    match node:
        case ast.Attribute(ctx=ast.Store() | ast.Del()) | ast.Subscript(ctx=ast.Store() | ast.Del()):
            return node
        case ast.Call(func=ast.Attribute(value=owner, attr=method), args=arguments) if method in _CHANGES:
            return arguments[0] if arguments and meanings.of(owner) & _OWNERS else owner  # list.append(SEEN, …)
        case ast.Call(func=func, args=[first, *_]) if meanings.of(func) & _CHANGERS:
            return first
    return None


def _in_place(function: Function, made: set[str], lasting: set[str]) -> Iterator[tuple[ast.AST, str]]:
    """Where `+=` and the like change a thing by another name, or a default: a number would be another one afterwards."""
    aliases = _aliases(function, made)
    added = [node.target for node in _within(function) if isinstance(node, ast.AugAssign)]
    stored = [node.id for node in _within(function) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)]
    for target in added:
        if isinstance(target, ast.Name):
            often = sum(isinstance(each, ast.Name) and each.id == target.id for each in added)
            if target.id in aliases or (target.id in lasting and stored.count(target.id) == often):
                yield target, aliases.get(target.id, target.id)


def _bound(values: list[tuple[str, ast.expr]], made: set[str]) -> dict[str, str]:
    """Names of the module for a method that changes one of its things, such as `ADD = SEEN.append`."""
    return {name: _root(value) for name, value in values if _is_changer(value) and _root(value) in made}


def _is_changer(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load) and node.attr in _CHANGES


def _by_method(function: Function, made: set[str], bound: dict[str, str]) -> Iterator[tuple[ast.AST, str]]:
    """Where a method that changes a thing is handed on, or is called by a name of the module."""
    own = _own(function)
    called = {node.func for node in _within(function) if isinstance(node, ast.Call)}
    for node in _within(function):
        if isinstance(node, ast.Name) and node.id in bound.keys() - own:
            yield node, bound[node.id]
        elif _is_changer(node) and node not in called and _root(node) in made:
            yield node, _root(node)


def _set(function: Function, kept: set[str]) -> Iterator[tuple[ast.AST, str]]:
    """Where what a module keeps for each context is set."""
    for node in _within(function):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="set" | "reset")) if name in kept:
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


def _methods(made: ast.ClassDef) -> Iterator[tuple[ast.FunctionDef | ast.AsyncFunctionDef, str]]:
    """Its methods, each with the name by which it calls its object, or its class."""
    for method in made.body:
        if isinstance(method, ast.FunctionDef | ast.AsyncFunctionDef) and method.args.args:
            yield method, method.args.args[0].arg


def _of_object(made: ast.ClassDef, meanings: Meanings) -> dict[ast.AST, str]:
    """What the objects of a class change of themselves, where the module keeps one."""
    return {
        node: f"{made.name}'s {own}"
        for method, own in _methods(made)
        if method.name not in _BUILDING
        for node, _ in _changes(method, {own}, meanings)
    }


def _of_class(made: ast.ClassDef, meanings: Meanings) -> dict[ast.AST, str]:
    """What the methods of a class change of the class, which all of its objects share."""
    shared = _shared(made, meanings)
    return {
        node: made.name
        for method, own in _methods(made)
        for node in _within(method)
        if (changed := _changed(node, meanings)) is not None
        and (_is_of_its_class(changed, own, shared) or (_root(changed) == own and _is_of_class(method, meanings)))
    }


def _shared(made: ast.ClassDef, meanings: Meanings) -> set[str]:
    """What the body of a class makes once, and no object replaces; of a model each gets a copy of what is annotated."""
    once = {
        name
        for statement in made.body
        if not (isinstance(statement, ast.AnnAssign) and made.bases and "ClassVar" not in ast.unparse(statement.annotation))
        for name, value in _values([statement])
        if _is_made(value, meanings)
    }
    parts = [part for method, _ in _methods(made) for part in _within(method)]
    added = {part.target for part in parts if isinstance(part, ast.AugAssign)}
    stored = {part for part in parts if isinstance(part, ast.Attribute) and isinstance(part.ctx, ast.Store)}
    return once - {part.attr for part in stored - added}


def _is_of_its_class(changed: ast.AST, own: str, shared: set[str]) -> bool:
    """Whether it belongs to `type(self)`, to `self.__class__`, or to what the class has made."""
    innermost = changed
    while isinstance(innermost, ast.Attribute | ast.Subscript) and isinstance(innermost.value, ast.Attribute | ast.Subscript):
        innermost = innermost.value
    match innermost:
        case ast.Attribute(value=ast.Name(id=name), attr=attribute) if name == own:
            return attribute in shared or (attribute == "__class__" and innermost is not changed)
        case ast.Attribute(value=ast.Call(func=ast.Name(id="type"), args=[ast.Name(id=name)])):
            return name == own
    return False


def _is_of_class(method: ast.FunctionDef | ast.AsyncFunctionDef, meanings: Meanings) -> bool:
    return any("classmethod" in meanings.of(each) for each in method.decorator_list)


def _around(maker: Function, meanings: Meanings) -> dict[ast.AST, str]:
    """What the functions that a called one makes change of what is around them."""
    inner = [node for node in _within(maker) if isinstance(node, Function)]
    changed = {node: name for function in inner for node, name in _changes(function, _own(maker) - _own(function), meanings)}
    return changed | {
        node: name for function in inner for node in _within(function) if isinstance(node, ast.Nonlocal) for name in node.names
    }


def _root(node: ast.AST) -> str:
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return f"{node.func.id}()"
    return node.id if isinstance(node, ast.Name) else ""
