"""The purity law: a journey's module touches no clock, chance, I/O or logger but the handle's.

Checked on the source when a catalogue is loaded, because production runs workflows outside Temporal's strict sandbox
(two to seven times cheaper per run) and a replay must see what the first run saw.
"""

import ast
from dataclasses import dataclass
from pathlib import Path

_IMPURE_MODULES = frozenset(
    [
        "aiohttp",
        "aiosmtplib",
        "asyncpg",
        "http",
        "httpx",
        "io",
        "logging",
        "multiprocessing",
        "os",
        "pathlib",
        "psycopg",
        "random",
        "requests",
        "secrets",
        "shutil",
        "smtplib",
        "socket",
        "sqlalchemy",
        "sqlite3",
        "structlog",
        "subprocess",
        "tempfile",
        "threading",
        "time",
        "urllib",
    ]
)
_IMPURE_CALLS = frozenset(
    [
        "datetime.now",
        "datetime.utcnow",
        "datetime.today",
        "date.today",
        "datetime.datetime.now",
        "datetime.datetime.utcnow",
        "datetime.date.today",
        "uuid.uuid1",
        "uuid.uuid4",
        "uuid1",
        "uuid4",
        "asyncio.sleep",
        "asyncio.wait_for",
        "asyncio.create_task",
        "asyncio.gather",
        "asyncio.to_thread",
        "open",
        "print",
        "input",
        "exec",
        "eval",
    ]
)


@dataclass(frozen=True, slots=True)
class Impurity:
    """One place that a replay could see differently."""

    file: Path
    line: int
    what: str

    def __str__(self) -> str:
        return f"{self.file.name}:{self.line}: {self.what}"


def impurities(file: Path) -> list[Impurity]:
    """The places in a source file that break the law, outside `if TYPE_CHECKING` or not: imports count anywhere."""
    tree = ast.parse(file.read_text(), str(file))
    return [Impurity(file, line, what) for node in ast.walk(tree) for line, what in _look_at(node)]


def _look_at(node: ast.AST) -> list[tuple[int, str]]:
    match node:
        case ast.Import(names=names):
            modules = [alias.name for alias in names]
        case ast.ImportFrom(module=str(module)):
            modules = [module]
        case ast.Call(func=function) if ast.unparse(function) in _IMPURE_CALLS:
            return [
                (
                    node.lineno,
                    f"{ast.unparse(function)}() is not the same on a replay; use the handle (j.now, j.wait, …)",
                )
            ]
        case _:
            return []
    return [
        (node.lineno, f"imports {m}; journeys reach the world through j only")
        for m in modules
        if m.split(".")[0] in _IMPURE_MODULES
    ]
