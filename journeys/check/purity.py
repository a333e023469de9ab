"""The purity law: a catalogue's module touches no clock, chance, I/O or logger but the handle's, and remembers nothing.

Checked on the source when a catalogue is loaded, because production runs workflows outside Temporal's strict sandbox
(two to seven times cheaper per run) and a replay must see what the first run saw. What a name
stands for is followed (`journeys.check.meaning`).
"""

import ast
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from journeys.check.meaning import Meanings
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

_CONTEXT = "the process's, and remembered from run to run", "use decimal.localcontext()"
_ZONE = "another time on another machine", "name the zone"

_MODULES: dict[str, _Why] = {
    **dict.fromkeys(("logging", "loguru", "structlog", "warnings"), _TIMELINE),
    **dict.fromkeys(("_random", "numpy.random", "random", "secrets"), _CHANCE),
    **dict.fromkeys(("cProfile", "profile", "sched", "time", "timeit"), _CLOCK),
    **dict.fromkeys(
        (
            *(
                "_io",
                "_socket",
                "_thread",
                "aiohttp",
                "aiosmtplib",
                "asyncpg",
                "atexit",
                "boto3",
                "concurrent",
                "ctypes",
                "ftplib",
            ),
            *(
                "fileinput",
                "gc",
                "getpass",
                "glob",
                "http",
                "httpx",
                "imaplib",
                "importlib",
                "io",
                "linecache",
                "locale",
                "mmap",
            ),
            *(
                "multiprocessing",
                "nt",
                "os",
                "pathlib",
                "platform",
                "posix",
                "psycopg",
                "psycopg2",
                "pymongo",
                "queue",
                "redis",
            ),
            *("requests", "resource", "runpy", "select", "selectors", "shelve", "shutil", "signal", "smtplib", "socket"),
            *("sqlalchemy", "sqlite3", "ssl", "subprocess", "sys", "tempfile", "threading", "traceback", "tracemalloc"),
            *("urllib", "urllib3", "weakref"),
        ),
        _OUTSIDE,
    ),
}
_NAMES: dict[str, _Why] = {
    **dict.fromkeys(("hash", "id", "temporalio.workflow.random", "temporalio.workflow.uuid4"), _CHANCE),
    **dict.fromkeys(("uuid.getnode", "uuid.uuid1", "uuid.uuid4", "uuid.uuid6", "uuid.uuid7", "uuid.uuid8"), _CHANCE),
    **dict.fromkeys(
        (
            *("datetime.datetime.now", "datetime.datetime.utcnow", "datetime.datetime.today", "datetime.date.today"),
            *("datetime.now", "datetime.utcnow", "datetime.today", "date.today"),  # where the import is not at hand
            *("asyncio.get_event_loop", "asyncio.get_running_loop", "asyncio.new_event_loop"),
            *("email.utils.formatdate", "email.utils.localtime", "email.utils.make_msgid"),
        ),
        _CLOCK,
    ),
    **dict.fromkeys(("__builtins__", "__import__", "breakpoint", "compile", "eval", "exec", "input", "open"), _OUTSIDE),
    **dict.fromkeys(("codecs.open", "operator.call", "uuid.os"), _OUTSIDE),
    **dict.fromkeys(
        ("inspect.currentframe", "inspect.getsource", "inspect.getsourcelines", "inspect.stack", "inspect.trace"), _OUTSIDE
    ),
    "globals": ("remembered from run to run", "keep it inside the journey"),
    **dict.fromkeys(("decimal.DefaultContext", "decimal.getcontext", "decimal.setcontext"), _CONTEXT),
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
#: Read in the zone of the machine, unless one is given: by how many arguments one is.
_LOCAL = {
    "datetime.datetime.fromtimestamp": 1,
    "datetime.fromtimestamp": 1,
    "datetime.date.fromtimestamp": 9,
    "date.fromtimestamp": 9,
}
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


@dataclass(frozen=True, slots=True)
class Impurity:
    """One place that a replay could see differently; `at_import`: it is met as soon as the module is imported."""

    problem: Problem
    at_import: bool = False

    def __str__(self) -> str:
        return str(self.problem)


def impurities(file: Path, tree: ast.Module | None = None, meanings: Meanings | None = None) -> list[Impurity]:
    """The places in a source file that break the law, outside `if TYPE_CHECKING` or not: imports count anywhere."""
    tree = tree or ast.parse(file.read_text(encoding="utf-8"), str(file))
    meanings = meanings or Meanings(tree)
    inside = {id(node) for function in ast.walk(tree) if isinstance(function, _FUNCTIONS) for node in _body(function)}
    at_import = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call) and id(node) not in inside}
    found = [
        Impurity(_problem(file, node, fault), id(node) in at_import)
        for node, fault in [
            *(*_imports(tree), *_uses(tree, meanings, at_import)),
            *(*remembered(tree, meanings), *unordered(tree, meanings)),
        ]
    ]
    return sorted(found, key=lambda each: each.problem)


def impure(texts: Mapping[str, str]) -> list[Problem]:
    """The same of modules that stand in no file, by their place; one that cannot be read is told where it is executed."""
    found: list[Problem] = []
    for place, text in texts.items():
        with suppress(SyntaxError, ValueError):
            found += [each.problem for each in impurities(Path(place), ast.parse(text))]
    return found


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


def _uses(tree: ast.Module, meanings: Meanings, at_import: set[int]) -> Iterator[tuple[ast.AST, Fault]]:
    hashing = {id(part) for node in ast.walk(tree) if getattr(node, "name", "") == "__hash__" for part in ast.walk(node)}
    for node in ast.walk(tree):
        if id(node) in hashing:
            continue
        if isinstance(node, ast.Call) and (why := _of_call(node, meanings)):
            yield node, _fault(f"{ast.unparse(node)} is", why)
        elif isinstance(node, ast.Attribute | ast.Name) and isinstance(node.ctx, ast.Load):
            # A use of what may not be imported is told once, at the import, and an alias where it is made, unless it acts
            # before anything else is looked at.
            acts = id(node) in at_import
            meant = meanings.said(node) if isinstance(node, ast.Name) and not acts else meanings.of(node)
            whys = [_NAMES.get(each) or (_of_module(each) if acts else _reached(node, each)) for each in sorted(meant)]
            whys += [_CHANCE] if getattr(node, "attr", "") == "__hash__" else []
            if why := next(filter(None, whys), None):
                yield node, _fault(f"{ast.unparse(node)}() is", why)


def _reached(node: ast.expr, meant: str) -> _Why | None:
    """Of a module that was not imported by its own name."""
    return _MODULES.get(meant) if isinstance(node, ast.Attribute) and "." in meant else None


def _of_call(call: ast.Call, meanings: Meanings) -> _Why | None:
    """What a call alone tells: a method named by a text, and times in the zone of the machine."""
    meant, given = meanings.of(call.func), len(call.args) + len(call.keywords)
    match call:
        case ast.Call(func=ast.Attribute(attr="astimezone")) if not given:
            return _ZONE
        case ast.Call(args=[ast.Constant(value="now" | "today" | "utcnow")]) if meant & {
            "operator.attrgetter",
            "operator.methodcaller",
        }:
            return _CLOCK
    if any(given <= _LOCAL.get(each, -1) for each in meant):
        return _ZONE
    return next((_NAMES[each] for each in sorted(meanings.of(call)) if each in _NAMES), None)


def _fault(what: str, why: _Why) -> Fault:
    return Fault(f"{what} {why[0]}", why[1], Rule.IMPURE)


def _of_module(name: str) -> _Why | None:
    parts = name.split(".")
    return next((why for n in range(1, len(parts) + 1) if (why := _MODULES.get(".".join(parts[:n])))), None)
