"""The author's own modules that a catalogue brings with it: the packages around it, what it imports from beside it, and so on.

Promise: looks at the sources only and executes nothing, so that all of them can be judged before any is imported. An import
inside a function counts, too; one for types only does not.
"""

import ast
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from journeys.deadline import is_authors
from journeys.place import around, spec_of

#: Where the source of a module is, by its name.
Find = Callable[[str], Path | None]


def beside(files: Mapping[str, Path], find: "Find | None" = None) -> dict[str, Path]:
    """By name; `files` are the catalogue's modules. What is installed is not the author's, unless the catalogue is, too.

    `find` says where the source of a module is, where that is not where Python would look.
    """
    installed = {_top(name) for name, file in files.items() if not is_authors(str(file))}
    found: dict[str, Path] = {}
    waiting, seen = list(files.items()), set(files)
    while waiting:
        name, file = waiting.pop()
        for each in {*around(name), *_imports(name, file)} - seen:
            seen.add(each)
            source = (find or _source)(each)
            if source is not None and (is_authors(str(source)) or _top(each) in installed):
                found[each] = source
                waiting.append((each, source))
    return found


def _source(name: str) -> Path | None:
    spec = spec_of(name)
    return Path(spec.origin) if spec and spec.has_location and spec.origin and spec.origin.endswith(".py") else None


def _imports(name: str, file: Path) -> Iterator[str]:
    try:
        tree = ast.parse(file.read_text(encoding="utf-8"))
    except (SyntaxError, ValueError, OSError):  # told where it is judged
        return
    package = name if file.name == "__init__.py" else name.rpartition(".")[0]
    for node in _executed(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _base(node, package)
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def _executed(node: ast.AST) -> Iterator[ast.AST]:
    """All of a module but what stands under `if TYPE_CHECKING:`."""
    yield node
    children = node.orelse if isinstance(node, ast.If) and _for_types(node.test) else ast.iter_child_nodes(node)
    for child in children:
        yield from _executed(child)


def _for_types(test: ast.expr) -> bool:
    return ast.unparse(test).rpartition(".")[2] == "TYPE_CHECKING"


def _base(node: ast.ImportFrom, package: str) -> str:
    """What `from … import` begins with; a relative one is counted from its package."""
    if not node.level:
        return node.module or ""
    parts = package.split(".")
    return ".".join([*parts[: len(parts) - node.level + 1], *([node.module] if node.module else [])])


def _top(name: str) -> str:
    return name.partition(".")[0]
