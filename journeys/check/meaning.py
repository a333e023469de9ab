"""What the names of a source file stand for: a builtin, what was imported, or either of them by another name.

Promise: a name is looked up in its own scope and those around it, as Python does; assignments of one name to another, defaults
of parameters and `getattr` with a text are followed. What comes out of a call or an attribute of an object is not known.
"""

import ast
from collections.abc import Iterator

Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_Inner = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
_Scope = ast.AST
#: What binds a name: another expression, a dotted name, or nothing that is known.
_Bound = ast.expr | str | None


class Meanings:
    """The scopes of a module, and what is bound in each."""

    def __init__(self, tree: ast.Module) -> None:
        self._around: dict[_Scope, _Scope] = {}
        self._scopes: dict[ast.AST, _Scope] = {}
        self._bound: dict[_Scope, dict[str, list[_Bound]]] = {tree: {}}
        self._assigned: set[ast.expr] = set()
        for node in tree.body:
            self._visit(node, tree)

    def of(self, node: ast.expr) -> set[str]:
        """The dotted names that an expression may stand for; a name that nothing binds stands for itself."""
        return {name.removeprefix("builtins.") for name in self._of(node, frozenset())}

    def values(self, node: ast.Name) -> list[ast.expr]:
        """All that a name was assigned, defaults too, where that is all that binds it; else nothing is known."""
        bound = self._found(node)
        values = [each for each in bound or () if isinstance(each, ast.expr)]
        return values if bound is not None and len(values) == len(bound) else []

    def said(self, node: ast.Name) -> set[str]:
        """The same of a name, without what other names were assigned to it."""
        bound = self._found(node)
        return self.of(node) if bound is None or any(isinstance(each, str) for each in bound) else set()

    def _of(self, node: ast.expr, passed: frozenset[ast.expr]) -> set[str]:
        if node in passed:
            return set()
        passed |= {node}
        match node:
            case ast.Name(id=name):
                bound = self._found(node)
                texts = {name} if bound is None else {each for each in bound if isinstance(each, str)}
                values = [each for each in bound or () if isinstance(each, ast.expr)]
                return texts.union(*(self._of(value, passed) for value in values))
            case ast.Attribute(value=value, attr=attribute):
                return {f"{of}.{attribute}" for of in self._of(value, passed)}
            case ast.Call(func=func, args=[value, ast.Constant(value=str(attribute)), *_]):
                asked = self._of(value, passed) if self._of(func, passed) & {"getattr", "builtins.getattr"} else ()
                return {f"{of}.{attribute}" for of in asked}
            case ast.IfExp(body=one, orelse=other):
                several = [one, other]
            case ast.BoolOp(values=several):
                pass
            case _:
                several = []
        return set[str]().union(*(self._of(each, passed) for each in several))

    def _found(self, node: ast.Name) -> list[_Bound] | None:
        scope = self._scope(node)
        return None if scope is None else self._bound[scope][node.id]

    def _scope(self, node: ast.Name) -> _Scope | None:
        """Where a name is bound."""
        scope = first = self._scopes[node]
        while node.id not in self._bound[scope] or (isinstance(scope, ast.ClassDef) and scope is not first):
            if scope not in self._around:
                return None
            scope = self._around[scope]
        return scope

    def _visit(self, node: ast.AST, scope: _Scope) -> None:
        self._scopes[node] = scope
        if node not in self._assigned:
            self._bind(node, scope)
        inner = scope
        if isinstance(node, Function | ast.ClassDef | _Inner):
            inner = node
            self._around[node], self._bound[node] = scope, {}
        if isinstance(node, Function):
            for name, bound in _given(node.args):
                self._bound[node].setdefault(name, []).append(bound)
        for part, value in ast.iter_fields(node):
            within = inner if part == "body" or isinstance(node, _Inner) else scope
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST):
                    self._visit(child, within)

    def _bind(self, node: ast.AST, scope: _Scope) -> None:
        where = self._bound[self._open(scope) if isinstance(node, ast.NamedExpr) else scope]
        for name, bound in _bindings(node):
            where.setdefault(name, []).append(bound)
        for target, value in _assignments(node):
            where.setdefault(target.id, []).append(value)
            self._assigned.add(target)
        for target in _kept(node):
            where.setdefault(target.id, [])
            self._assigned.add(target)

    def _open(self, scope: _Scope) -> _Scope:
        """Where `:=` binds: around comprehensions."""
        while isinstance(scope, _Inner):
            scope = self._around[scope]
        return scope


def _bindings(node: ast.AST) -> Iterator[tuple[str, _Bound]]:
    match node:
        case ast.Import(names=aliases):
            yield from ((a.asname, a.name) if a.asname else (_root(a.name), _root(a.name)) for a in aliases)
        case ast.ImportFrom(module=module, names=aliases, level=level):
            yield from ((a.asname or a.name, f"{'.' * level}{module or ''}.{a.name}") for a in aliases)
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name, None
        case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
            yield name, None
        case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
            yield name, None


def _assignments(node: ast.AST) -> Iterator[tuple[ast.Name, ast.expr]]:
    match node:
        case ast.Assign(targets=targets, value=value):
            yield from (pair for target in targets for pair in _assigned(target, value))
        case ast.AnnAssign(target=target, value=ast.expr() as value) | ast.NamedExpr(target=target, value=value):
            yield from _assigned(target, value)


def _assigned(target: ast.expr, value: ast.expr) -> Iterator[tuple[ast.Name, ast.expr]]:
    match target, value:
        case ast.Name(), _:
            yield target, value
        case ((ast.Tuple(elts=targets) | ast.List(elts=targets)), (ast.Tuple(elts=values) | ast.List(elts=values))):
            for one, its in zip(targets, values, strict=False):
                yield from _assigned(one, its)


def _kept(node: ast.AST) -> Iterator[ast.Name]:
    """What stays of the kind that it is: a set to which others are added in place."""
    match node:
        case ast.AugAssign(target=ast.Name() as target, op=ast.BitAnd() | ast.BitOr() | ast.BitXor() | ast.Sub()):
            yield target


def _given(arguments: ast.arguments) -> Iterator[tuple[str, _Bound]]:
    """Parameters, with what they default to; nothing is known of one that defaults to something empty, such as `set()`."""
    yield from ((name, None if _is_empty(default) else default) for name, default in defaults(arguments))
    yield from ((each.arg, None) for each in (arguments.vararg, arguments.kwarg) if each)


def _is_empty(default: ast.expr | None) -> bool:
    return isinstance(default, ast.Call) and not default.args and not default.keywords


def defaults(arguments: ast.arguments) -> list[tuple[str, ast.expr | None]]:
    """The parameters of a function by name, each with its default."""
    named = [*arguments.posonlyargs, *arguments.args]
    padded = [*[None] * (len(named) - len(arguments.defaults)), *arguments.defaults, *arguments.kw_defaults]
    return [(each.arg, default) for each, default in zip([*named, *arguments.kwonlyargs], padded, strict=True)]


def _root(name: str) -> str:
    return name.partition(".")[0]
