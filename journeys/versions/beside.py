"""The author's own modules that a catalogue imports from elsewhere, and what these import in turn.

Promise: looks at the sources only, so that an import inside a function counts, too, whether it has been executed or not.
"""

import ast
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from journeys.deadline import is_authors


def beside(files: dict[str, Path]) -> dict[str, Path]:
    """By name; `files` are the catalogue's own modules. What is installed is not the author's, unless the catalogue is, too."""
    found: dict[str, Path] = {}
    ours = {name.partition(".")[0] for name, file in files.items() if not is_authors(str(file))}
    waiting = list(files.items())
    while waiting:
        for name in _imports(*waiting.pop()):
            known = name in found or any(f"{name}.".startswith(f"{own}.") for own in files)
            file = None if known else _file_of(name)
            if file is not None and (is_authors(str(file)) or name.partition(".")[0] in ours):
                found[name] = file
                waiting.append((name, file))
    return found


def _file_of(name: str) -> Path | None:
    """A module's source, as far as it can be said without executing anybody else's package."""
    top = name.partition(".")[0]
    if top != name and (above := _file_of(top)) is not None and not (is_authors(str(above)) or top in sys.modules):
        return None
    module = sys.modules.get(name)
    try:
        spec = find_spec(name) if module is None else None
    except Exception:  # noqa: BLE001 - a package of theirs is executed by that; loading the archive tells what is wrong
        spec = None
    file = getattr(module, "__file__", None) or (spec.origin if spec and spec.has_location else None)
    return Path(file) if file and file.endswith(".py") else None


def _imports(name: str, file: Path) -> Iterator[str]:
    try:
        tree = ast.parse(file.read_text(encoding="utf-8"))
    except (SyntaxError, ValueError, OSError):
        return
    package = name if file.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _base(node, package)
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def _base(node: ast.ImportFrom, package: str) -> str:
    """What `from … import` begins with, relative ones counted from their package."""
    if not node.level:
        return node.module or ""
    parts = package.split(".")
    return ".".join([*parts[: len(parts) - node.level + 1], *([node.module] if node.module else [])])
