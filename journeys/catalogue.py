"""The catalogue: every journey and segment that a company's module holds, found by importing it.

Solved once for Temporal's strict sandbox too: the sandbox re-imports modules for each run, so the workflow asks for the
catalogue by the module name in `journeys.current`, which is the only module passed through.
"""

import importlib
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any

from journeys.authoring import JourneyDefinition
from journeys.errors import CatalogueError, ImpureJourney
from journeys.purity import impurities
from segments import Segment


@dataclass(frozen=True)
class Catalogue:
    """Journeys and segments by name."""

    module: str
    journeys: MappingProxyType[str, JourneyDefinition]
    segments: MappingProxyType[str, Segment]

    def journey(self, name: str) -> JourneyDefinition:
        """A journey by its name.

        Raises:
            CatalogueError: there is none.
        """
        try:
            return self.journeys[name]
        except KeyError:
            known = ", ".join(sorted(self.journeys)) or "none"
            raise CatalogueError(f"no journey '{name}' in module '{self.module}'; it has: {known}") from None

    def entered_by(self, segment: str) -> list[JourneyDefinition]:
        """The journeys that members of a segment enter."""
        return [j for j in self.journeys.values() if j.spec.entered_by == segment]

    @property
    def entries(self) -> dict[str, str]:
        """The name of the segment that each journey is entered by; without those that are started by API only."""
        return {name: j.spec.entered_by for name, j in self.journeys.items() if j.spec.entered_by is not None}


@cache
def load(module: str) -> Catalogue:
    """Import a catalogue module with its submodules and gather what they define.

    Raises:
        CatalogueError: it cannot be imported, or two things share a name.
        ImpureJourney: a module that defines a journey touches a clock, chance or I/O.
    """
    modules = list(_import_all(module))
    journeys = _by_name(modules, JourneyDefinition)
    segments = _by_name(modules, Segment)
    for definition in journeys.values():
        entry = definition.spec.entry
        if isinstance(entry, Segment) and segments.setdefault(entry.name, entry) != entry:
            raise CatalogueError(f"two different segments are called '{entry.name}'")
    return Catalogue(module, MappingProxyType(journeys), MappingProxyType(segments))


def check_purity(catalogue: Catalogue) -> None:
    """Hold every source file that defines a journey of the catalogue to the purity law.

    Raises:
        ImpureJourney: with every place that breaks it.
    """
    files = {Path(d.steps.__code__.co_filename) for d in catalogue.journeys.values() if hasattr(d.steps, "__code__")}
    if found := [str(i) for file in sorted(files) for i in impurities(file)]:
        raise ImpureJourney("journeys must replay the same: " + "; ".join(found))


def _import_all(module: str) -> Iterator[ModuleType]:
    try:
        root = importlib.import_module(module)
        yield root
        for info in pkgutil.walk_packages(getattr(root, "__path__", []), f"{module}."):
            yield importlib.import_module(info.name)
    except CatalogueError:
        raise
    except Exception as error:
        raise CatalogueError(
            f"the catalogue '{module}' cannot be loaded ({type(error).__name__}: {error}); see JOURNEYS_CATALOGUE"
        ) from error


def _by_name(modules: list[ModuleType], kind: type[Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for module in modules:
        for thing in vars(module).values():
            if isinstance(thing, kind) and found.setdefault(thing.name, thing) is not thing and found[thing.name] != thing:
                raise CatalogueError(f"two different {kind.__name__}s are called '{thing.name}' (second in {module.__name__})")
    return found
