"""All that is refused when a catalogue is loaded, found at once: purity, steps, declarations, walks of the plain paths.

Promise: nothing is executed that would hang or act while it is imported, and what hangs all the same is left after a while.
"""

import ast
import importlib
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from journeys.catalogue import Catalogue, gather, sources
from journeys.check.purity import impurities
from journeys.check.steps import misuses, swallowing
from journeys.deadline import is_authors, within
from journeys.errors import CatalogueError, Problem
from journeys.telling import problem_of
from journeys.walk.seen import Seen, look_through

#: How long one module may take to be imported, in processor time.
IMPORT = timedelta(seconds=5)


@dataclass
class Checked:
    """A catalogue as far as it loads, what its journeys do, and what is wrong; `complete`: all modules could be imported."""

    catalogue: Catalogue | None = None
    seen: dict[str, Seen] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    complete: bool = False


def check(module: str, *, limit: timedelta = IMPORT) -> Checked:
    """Look at every module of a catalogue and at every journey in it."""
    found = Checked()
    try:
        files = sources(module)
    except CatalogueError as error:
        found.problems += error.problems
        return found
    if not _read(files, found):
        return found
    found.catalogue, problems = gather(module, lambda name: within(limit, lambda: importlib.import_module(name)))
    found.problems += problems
    found.complete = all(name in sys.modules for name in files)
    _read(_beside(files), found)
    for name, definition in found.catalogue.journeys.items():
        if not any(problem.serious for problem in definition.problems):
            found.seen[name] = look_through(definition)
            found.problems += _unsaid(found.seen[name].problems.values(), found.problems)
    return found


def _read(files: dict[str, Path], found: Checked) -> bool:
    """What the source shows; false where it must not be executed."""
    safe = True
    for file in files.values():
        try:
            tree = ast.parse(file.read_text(encoding="utf-8"), str(file))
        except (SyntaxError, UnicodeDecodeError, ValueError) as error:
            found.problems += problem_of(error) if isinstance(error, SyntaxError) else [Problem(str(file), 1, 1, "not UTF-8")]
            continue
        impure, swallowed = impurities(file, tree), swallowing(file, tree)
        found.problems += [*(each.problem for each in impure), *misuses(file, tree), *swallowed]
        safe &= not swallowed and not any(each.at_import for each in impure)
    return safe


def _beside(files: dict[str, Path]) -> dict[str, Path]:
    """The author's own modules that the catalogue imports from elsewhere, and what these import."""
    found: dict[str, Path] = {}
    waiting = list(files.values())
    while waiting:
        for name in _imports(waiting.pop()):
            file = getattr(sys.modules.get(name), "__file__", None)
            if file and name not in files and name not in found and is_authors(file):
                found[name] = Path(file)
                waiting.append(Path(file))
    return found


def _imports(file: Path) -> Iterator[str]:
    try:
        tree = ast.parse(file.read_text(encoding="utf-8"))
    except (SyntaxError, ValueError, OSError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _unsaid(problems: Iterable[Problem], said: list[Problem]) -> list[Problem]:
    """Those whose line has not been told of: the source says it better than a walk."""
    lines = {(problem.file, problem.line) for problem in said if problem.serious}
    return [problem for problem in problems if (problem.file, problem.line) not in lines]
