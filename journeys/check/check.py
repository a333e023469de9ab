"""All that is refused when a catalogue is loaded, found at once: purity, steps, declarations, walks of the plain paths.

Promise: nothing is executed that would hang or act while it is imported, and what hangs all the same is left after a while.
No journey is walked while anything in the catalogue, or in what it brings along, could reach the world by itself.
"""

import ast
import importlib
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from journeys.catalogue import Catalogue, gather, sources
from journeys.check.beside import beside
from journeys.check.drawing import drawn_otherwise
from journeys.check.meaning import Meanings
from journeys.check.purity import impurities
from journeys.check.slips import slips
from journeys.check.starting import circles, unlike_declared
from journeys.check.steps import misuses
from journeys.check.swallowing import swallowing
from journeys.deadline import within
from journeys.errors import CatalogueError, Problem
from journeys.rules import Rule
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
    found.problems += _linked(files)
    if found.problems:
        return found
    read = _read(files | beside(files), found)
    if not read.importable:
        return found
    found.catalogue, problems = gather(module, lambda name: within(limit, lambda: importlib.import_module(name)))
    found.problems += problems
    found.complete = all(name in sys.modules for name in files)
    for name, definition in found.catalogue.journeys.items() if read.pure else ():
        if not any(problem.serious for problem in definition.problems):
            found.seen[name] = look_through(definition)
            found.problems += _unsaid(found.seen[name].problems.values(), found.problems)
            found.problems += unlike_declared(name, found.seen[name], found.catalogue)
            found.problems += drawn_otherwise(name, found.seen[name], found.catalogue)
    found.problems += slips(found.catalogue, [sys.modules[name] for name in files if name in sys.modules], found.seen)
    found.problems += circles(found.seen, found.catalogue)
    return found


def _linked(files: dict[str, Path]) -> list[Problem]:
    """A link by which a module would be two; one that leads back up would do so without end."""
    first: dict[Path, str] = {}
    for name, file in files.items():
        if (other := first.setdefault(_real(file), name)) != name:
            text = f"by a link this is the module {other} once more"
            return [Problem(str(file), 1, 1, text, remedy="take the link away", rule=Rule.FILE)]
    return []


def _real(file: Path) -> Path:
    try:
        return file.resolve()
    except (OSError, RuntimeError):  # a link that leads to itself
        return file


@dataclass
class _Read:
    """What the source shows: whether it may be executed, and whether its journeys may be walked, too."""

    importable: bool = True
    pure: bool = True


def _read(files: dict[str, Path], found: Checked) -> _Read:
    read = _Read()
    for file in files.values():
        try:
            tree = ast.parse(file.read_text(encoding="utf-8"), str(file))
        except SyntaxError as error:
            error.filename = error.filename or str(file)  # a NUL has no place of its own
            found.problems += problem_of(error)
            continue
        except (OSError, ValueError) as error:
            text, remedy = _unreadable(error)
            found.problems.append(Problem(str(file), 1, 1, text, remedy=remedy, rule=Rule.FILE))
            read.importable = False
            continue
        meanings = Meanings(tree)
        impure, swallowed = impurities(file, tree, meanings), swallowing(file, tree, meanings)
        found.problems += [*(each.problem for each in impure), *misuses(file, tree), *swallowed]
        read.importable &= not swallowed and not any(each.at_import for each in impure)
        read.pure &= not impure
    return read


def _unreadable(error: Exception) -> tuple[str, str]:
    if isinstance(error, NotADirectoryError):
        return "a catalogue is a folder of files, and this one is inside of an archive", "unpack it"
    if isinstance(error, OSError):
        return f"this cannot be read ({(error.strerror or str(error)).lower()})", "take it away, or mend it"
    return "this is not UTF-8", "save it as UTF-8"


def _unsaid(problems: Iterable[Problem], said: list[Problem]) -> list[Problem]:
    """Those whose line has not been told of: the source says it better than a walk."""
    lines = {(problem.file, problem.line) for problem in said if problem.serious}
    return [problem for problem in problems if (problem.file, problem.line) not in lines]
