"""Loading an archive: its modules are executed into modules of its own, so that versions stand side by side in one process.

Promise: what a version imports of its own is its own, by absolute, relative and late imports; everything else is the
process's. No module of it can be imported by anybody else: it stands under a name that no import statement can say,
because dataclasses and pydantic look a class's module up by name. Tracebacks show the version's file, line and source.
"""

import builtins
import linecache
import sys
from collections.abc import Mapping, Sequence
from importlib.util import resolve_name
from types import ModuleType
from typing import TYPE_CHECKING, Any

from journeys.catalogue import Catalogue, gathered
from journeys.errors import CatalogueError
from journeys.telling import problem_of

if TYPE_CHECKING:  # what is loaded is handed in, and the sandbox imports this module anew for each run
    from journeys.versions.archive import Archive


def load(archive: "Archive") -> Catalogue:
    """The catalogue that an archive holds.

    Raises:
        CatalogueError: a module of it cannot be executed, or what it declares cannot work.
    """
    modules = _Modules(archive)
    own = sorted(name for name in archive.modules if f"{name}.".startswith(f"{archive.package}."))
    try:
        found, problems = gathered(archive.package, [modules.named(name) for name in own])
    except Exception as error:  # an author's module may raise anything
        raise CatalogueError(*problem_of(error, f"version {archive.id}")) from error
    if serious := [problem for problem in problems if problem.serious]:
        raise CatalogueError(*serious)
    return found


class _Modules:
    """The modules of one version, each executed when it is first asked for."""

    def __init__(self, archive: "Archive") -> None:
        self._archive = archive
        self._found: dict[str, ModuleType] = {}
        #: Folders above modules; what stands in their `__init__.py` counts only where somebody imports it by name.
        self._above = {name[:at] for name in archive.modules for at, letter in enumerate(name) if letter == "."}

    def named(self, name: str) -> ModuleType:
        """A module of the version, after the packages that it is in."""
        if name in self._found:
            return self._found[name]
        above, _, last = name.rpartition(".")
        parent = self.named(above) if above else None
        if name not in self._found:  # the package may have imported it
            self._execute(name)
        if parent is not None:
            setattr(parent, last, self._found[name])
        return self._found[name]

    def _execute(self, name: str) -> None:
        if not self._has(name):
            raise ModuleNotFoundError(f"No module named '{name}'", name=name)
        module = self._found[name] = sys.modules[self._own_name(name)] = self._made(name)
        if name not in self._archive.modules:
            return
        try:
            exec(self._archive.code(name), vars(module))  # noqa: S102 - the author's code, as an import would
        except BaseException:
            del self._found[name], sys.modules[self._own_name(name)]
            raise

    def _made(self, name: str) -> ModuleType:
        module = ModuleType(self._own_name(name))
        package = name in self._above or self._archive.modules[name].endswith("/__init__.py")
        module.__package__ = module.__name__ if package else module.__name__.rpartition(".")[0]
        if package:
            module.__path__ = []
        if name in self._archive.modules:
            module.__file__ = self._archive.shown(name)
            text = self._archive.texts[self._archive.modules[name]]
            linecache.cache[module.__file__] = (len(text), None, text.splitlines(keepends=True), module.__file__)
        vars(module)["__builtins__"] = vars(builtins) | {"__import__": self._import}
        return module

    def _import(
        self,
        name: str,
        globals: Mapping[str, Any] | None = None,  # noqa: A002 - Python's name
        locals: Mapping[str, Any] | None = None,  # noqa: A002 - Python's name
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> ModuleType:
        """What `import` does in the version's modules."""
        full = self._resolved(name, str((globals or {}).get("__package__") or ""), level)
        if not self._has(full):
            return builtins.__import__(name, globals, locals, fromlist or (), level)
        module = self.named(full)
        if not fromlist:
            return module if level else self.named(full.partition(".")[0])
        listed = [*fromlist, *(getattr(module, "__all__", ()) if "*" in fromlist else ())]
        for each in listed:
            if not hasattr(module, each) and self._has(f"{full}.{each}"):
                self.named(f"{full}.{each}")
        return module

    def _resolved(self, name: str, package: str, level: int) -> str:
        return resolve_name("." * level + name, package.replace(self._mark, "")) if level else name

    def _has(self, name: str) -> bool:
        return name in self._archive.modules or name in self._above

    def _own_name(self, name: str) -> str:
        top, dot, rest = name.partition(".")
        return f"{top}{self._mark}{dot}{rest}"

    @property
    def _mark(self) -> str:
        return f"@{self._archive.id}"
