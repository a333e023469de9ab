"""The purity law: a catalogue's module touches no clock, chance, I/O or logger but the handle's, and remembers nothing.

Checked on the source when a catalogue is loaded, because production runs workflows outside Temporal's strict sandbox
(two to seven times cheaper per run) and a replay must see what the first run saw. A name is followed through `import … as …`.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from journeys.check.remembering import remembered
from journeys.check.unordered import unordered
from journeys.errors import Fault, Problem
from journeys.rules import Rule

_Why = tuple[str, str]
_CHANCE = "another value on a replay", "for a random share send only= to a segment of bucket(…)"
_CLOCK = "another time on a replay", "use j.now"
_OUTSIDE = "out of a replay's sight", "journeys reach the world through j only"
_TIMELINE = "said again on each replay", "take it out; the run's timeline tells what it did"
_WAIT = "no wait that outlives a worker", "use await j.wait(…)"
_TASKS = "not for a journey, where a replay must see each branch again", "use await j.together(…)"

_MODULES: dict[str, _Why] = {
    **dict.fromkeys(("logging", "loguru", "structlog"), _TIMELINE),
    **dict.fromkeys(("numpy.random", "random", "secrets"), _CHANCE),
    **dict.fromkeys(("time",), _CLOCK),
    **dict.fromkeys(
        (
            *(
                "_thread",
                "aiohttp",
                "aiosmtplib",
                "asyncpg",
                "boto3",
                "concurrent",
                "ctypes",
                "ftplib",
                "glob",
                "http",
                "httpx",
            ),
            *("imaplib", "importlib", "io", "multiprocessing", "os", "pathlib", "psycopg", "psycopg2", "pymongo", "redis"),
            *("requests", "select", "shelve", "shutil", "signal", "smtplib", "socket", "sqlalchemy", "sqlite3", "ssl"),
            *("subprocess", "sys", "tempfile", "threading", "urllib", "urllib3"),
        ),
        _OUTSIDE,
    ),
}
_NAMES: dict[str, _Why] = {
    **dict.fromkeys(("hash", "id", "uuid.uuid1", "uuid.uuid4"), _CHANCE),
    **dict.fromkeys(
        (
            *("datetime.datetime.now", "datetime.datetime.utcnow", "datetime.datetime.today", "datetime.date.today"),
            *("datetime.now", "datetime.utcnow", "datetime.today", "date.today"),  # where the import is not at hand
        ),
        _CLOCK,
    ),
    **dict.fromkeys(("__import__", "breakpoint", "compile", "eval", "exec", "input", "open"), _OUTSIDE),
    "print": _TIMELINE,
    **dict.fromkeys(("asyncio.sleep", "asyncio.timeout", "asyncio.wait_for"), _WAIT),
    **dict.fromkeys(
        (
            *("asyncio.TaskGroup", "asyncio.create_task", "asyncio.ensure_future", "asyncio.gather", "asyncio.run"),
            *("asyncio.to_thread", "asyncio.wait"),
        ),
        _TASKS,
    ),
}
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


@dataclass(frozen=True, slots=True)
class Impurity:
    """One place that a replay could see differently; `at_import`: it is met as soon as the module is imported."""

    problem: Problem
    at_import: bool = False

    def __str__(self) -> str:
        return str(self.problem)


def impurities(file: Path, tree: ast.Module | None = None) -> list[Impurity]:
    """The places in a source file that break the law, outside `if TYPE_CHECKING` or not: imports count anywhere."""
    tree = tree or ast.parse(file.read_text(encoding="utf-8"), str(file))
    inside = {id(node) for function in ast.walk(tree) if isinstance(function, _FUNCTIONS) for node in _body(function)}
    at_import = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call) and id(node) not in inside}
    found = [
        Impurity(_problem(file, node, fault), id(node) in at_import)
        for node, fault in [*_imports(tree), *_uses(tree, _meanings(tree), at_import), *remembered(tree), *unordered(tree)]
    ]
    return sorted(found, key=lambda each: each.problem)


def _problem(file: Path, node: ast.AST, fault: Fault) -> Problem:
    return fault.at(str(file), getattr(node, "lineno", 1), getattr(node, "col_offset", 0) + 1)


def _body(function: ast.AST) -> Iterator[ast.AST]:
    body = getattr(function, "body", [])
    for part in body if isinstance(body, list) else [body]:
        yield from ast.walk(part)


def _imports(tree: ast.Module) -> Iterator[tuple[ast.AST, Fault]]:
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=aliases):
                modules = [alias.name for alias in aliases]
            case ast.ImportFrom(module=str(module), names=aliases, level=0):
                modules = [module] if _of_module(module) else [f"{module}.{alias.name}" for alias in aliases]
            case _:
                continue
        yield from ((node, _fault(f"imports {name}:", why)) for name in modules if (why := _of_module(name)))


def _uses(tree: ast.Module, meanings: dict[str, str], at_import: set[int]) -> Iterator[tuple[ast.AST, Fault]]:
    hashing = {id(part) for node in ast.walk(tree) if getattr(node, "name", "") == "__hash__" for part in ast.walk(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute | ast.Name) and isinstance(node.ctx, ast.Load) and id(node) not in hashing:
            meant = _meant(node, meanings)
            # A use of what may not be imported is told once, at the import, unless it acts before anything else is looked at.
            if why := _NAMES.get(meant) or (_of_module(meant) if id(node) in at_import else None):
                yield node, _fault(f"{ast.unparse(node)}() is", why)


def _fault(what: str, why: _Why) -> Fault:
    return Fault(f"{what} {why[0]}", why[1], Rule.IMPURE)


def _of_module(name: str) -> _Why | None:
    parts = name.split(".")
    return next((why for n in range(1, len(parts) + 1) if (why := _MODULES.get(".".join(parts[:n])))), None)


def _meanings(tree: ast.Module) -> dict[str, str]:
    """What the names of a module stand for: `{"dt": "datetime.datetime"}`; a builtin for itself, unless it is hidden."""
    nodes = list(ast.walk(tree))
    hidden = {node.arg for node in nodes if isinstance(node, ast.arg)}
    hidden |= {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    hidden |= {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)}
    meanings = {name: name for name in {dotted.partition(".")[0] for dotted in _NAMES} - hidden}
    for node in nodes:
        match node:
            case ast.Import(names=aliases):
                meanings |= {a.asname or _root(a.name): a.name if a.asname else _root(a.name) for a in aliases}
            case ast.ImportFrom(module=str(module), names=aliases):
                meanings |= {alias.asname or alias.name: f"{module}.{alias.name}" for alias in aliases}
    return meanings


def _meant(node: ast.expr, meanings: dict[str, str]) -> str:
    match node:
        case ast.Name(id=name):
            return meanings.get(name, "")
        case ast.Attribute(value=value, attr=attribute) if of := _meant(value, meanings):
            return f"{of}.{attribute}"
    return ""


def _root(name: str) -> str:
    return name.partition(".")[0]
