"""The source of the house as the laws read it: every module of every room, and what each uses of others.

Promise: all laws find a use in one way (`House.uses`), however it is written: absolute or relative, through a package's
`__init__`, by `importlib` with a literal, or as an attribute of a door. A fault can be planted without writing a file.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
ROOMS = ("definitions", "journeys", "segments", "activities", "store", "api", "workers")
_PLACE = re.compile(rf"(?:{'|'.join(ROOMS)})(?:\.\w+)+(?::\w+)?")
_BY_NAME = {"importlib.import_module", "importlib.__import__", "__import__"}


class Use(NamedTuple):
    """A name of another module, written out in full, and the line that uses it."""

    line: int
    name: str


@cache
def parsed(text: str) -> ast.Module:
    return ast.parse(text)


def module_of(file: str) -> str:
    """The name under which a file is imported; a package's is its folder's."""
    return file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


@dataclass(frozen=True)
class House:
    """Texts by their path from the root."""

    texts: Mapping[str, str]

    @classmethod
    @cache
    def standing(cls) -> "House":
        """The house as it is."""
        found = [path for room in ROOMS for end in ("py", "sql") for path in (ROOT / room).rglob(f"*.{end}")]
        return cls({path.relative_to(ROOT).as_posix(): path.read_text() for path in sorted(found)})

    def planted(self, file: str, text: str) -> "House":
        """The same with another file in it."""
        return House({**self.texts, file: text})

    @cached_property
    def modules(self) -> dict[str, str]:
        """The files of Python, by the names under which they are imported."""
        return {module_of(file): file for file in self.texts if file.endswith(".py")}

    def tree(self, module: str) -> ast.Module:
        return parsed(self.texts[self.modules[module]])

    def uses(self, module: str) -> list[Use]:
        """Every name of other modules that a module imports or reaches through what it has imported."""
        written = _written(self.texts[self.modules[module]])
        means = {local: self._absolute(module, name) for local, name in written.means.items()}
        found = [Use(line, self._absolute(module, name)) for line, name in written.imports]
        for line, local, rest in written.attributes:
            if means[local] in self.modules:
                found.append(Use(line, f"{means[local]}.{rest}"))
        return found

    def named(self, module: str) -> list[Use]:
        """Places of ours that a module names in a text, to load or start them later: `"store.locks"`, `"store.locks:Lock"`."""
        return [use for use in _places(self.texts[self.modules[module]]) if "." in (self.module(use.name) or "")]

    def module(self, name: str) -> str | None:
        """The module that a dotted name begins with; the longest that there is."""
        while name and name not in self.modules:
            name = name.rpartition(".")[0]
        return name or None

    def place(self, name: str) -> str:
        """Where a name is from: the module that has it, or the one from which a package inside a room hands it on.

        What the door of a room hands on is the door's own.
        """
        module = self.module(name)
        if module is None or module == name or "." not in module:
            return module or name
        first, *rest = name.removeprefix(f"{module}.").split(".")
        means = _written(self.texts[self.modules[module]]).means.get(first)
        origin = self._absolute(module, means) if means else ""
        return self.place(".".join((origin, *rest))) if self.module(origin) not in {None, module} else module

    def _absolute(self, module: str, name: str) -> str:
        """A name that begins with dots, from the root on."""
        rest = name.lstrip(".")
        if rest == name:
            return name
        parts = module.split(".")
        up = len(name) - len(rest) - self.modules[module].endswith("__init__.py")
        return ".".join([*parts[: len(parts) - up], rest]).rstrip(".")


class Written(NamedTuple):
    """What a text imports, by line; what its names mean; and `segments.did`, of which `segments` is such a name."""

    imports: list[Use]
    means: dict[str, str]
    attributes: list[tuple[int, str, str]]


@cache
def _written(text: str) -> Written:
    """The whole of each name, not its beginnings; by name is `importlib.import_module("…")`, whatever that is called here."""
    imports, means, attributes = [], {"__import__": "__import__"}, []
    nodes = list(ast.walk(parsed(text)))
    for node in nodes:
        for name, local in _imported(node):
            imports.append(Use(node.lineno, name))  # type: ignore[attr-defined]  # a statement
            means[local or name.partition(".")[0]] = name if local else name.partition(".")[0]
    inner = {id(node.value) for node in nodes if isinstance(node, ast.Attribute)}
    for node in nodes:
        if isinstance(node, ast.Call) and dotted(node.func, means) in _BY_NAME:
            given = [*node.args[:1], *(each.value for each in node.keywords if each.arg == "name")]
            imports += [Use(node.lineno, each.value) for each in given if isinstance(each, ast.Constant)]
        elif isinstance(node, ast.Attribute) and id(node) not in inner and (name := dotted(node)):
            local, _, rest = name.partition(".")
            if local in means:
                attributes.append((node.lineno, local, rest))
    return Written(imports, means, attributes)


@cache
def _places(text: str) -> list[Use]:
    texts = [node for node in ast.walk(parsed(text)) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    return [Use(node.lineno, str(node.value).replace(":", ".")) for node in texts if _PLACE.fullmatch(str(node.value))]


def _imported(node: ast.AST) -> Iterator[tuple[str, str | None]]:
    """What a statement imports, and what it is called from there on, if not by its first part."""
    match node:
        case ast.Import(names=names):
            yield from ((each.name, each.asname) for each in names)
        case ast.ImportFrom(module=module, names=names, level=level):
            base = "." * level + (f"{module}." if module else "")
            yield from ((base + each.name, each.asname or each.name) for each in names)


def dotted(node: ast.expr, means: Mapping[str, str] | None = None) -> str | None:
    """A name with its attributes; in full, where it is told what its beginning means, and then only if that is known."""
    rest: list[str] = []
    while isinstance(node, ast.Attribute):
        rest.insert(0, node.attr)
        node = node.value
    first = node.id if isinstance(node, ast.Name) else None
    first = means.get(first) if means is not None and first else first
    return ".".join([first, *rest]) if first else None
