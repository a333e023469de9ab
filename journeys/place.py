"""Where Python finds things: our own packages first, the user's catalogue from the folder where they stand.

Promise: a folder of the user's that is called like one of ours hides nothing, wherever it is named: in the folder where they
stand, on PYTHONPATH, or beside the program. What was imported before anybody could look, or was written over, is named. To
find a module executes nothing, and nothing of ours but this is needed to look.
"""

import pkgutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

#: The folder that holds our packages.
HOME = Path(__file__).parents[1]
ROOMS = ("activities", "api", "journeys", "segments", "store", "workers")


class _Ours(MetaPathFinder):
    """Finds our packages at home, before anything else is looked at; of any other name it knows nothing."""

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None, /) -> ModuleSpec | None:
        return PathFinder.find_spec(fullname, [str(HOME)], target) if path is None and fullname in ROOMS else None


def stand_here() -> None:
    """Let this folder and its `src` be looked in last: a catalogue there is found, and hides nothing that is installed."""
    here = str(Path.cwd())
    if not _found_first() and not sys.flags.safe_path and sys.path[0] in ("", here):
        del sys.path[0]  # what `python -m` put there; PYTHONPATH is the user's word
    stand_in(here)
    if Path("src").is_dir():
        stand_in(str(Path("src").resolve()))


def stand_in(folder: str) -> None:
    """Let our packages be found first, and a folder be looked in last."""
    if not _found_first():
        sys.meta_path.insert(0, _Ours())
    # An editable install is found by a hook that comes after the path, so that the path has to name our home, too.
    sys.path += [each for each in (str(HOME), folder) if each not in sys.path]


def _found_first() -> bool:
    return any(isinstance(finder, _Ours) for finder in sys.meta_path)


def hidden_room() -> str | None:
    """What stands in the way of one of our packages; none when all are ours."""
    for room in ROOMS:
        spec = find_spec(room)
        found = Path(spec.origin).parent if spec is not None and spec.origin else None
        if found != HOME / room:
            what = f"the folder {found}" if found else f"something without an __init__.py called '{room}'"
            return f"{what} hides a package of journeys that is called '{room}', too"
    return None


def written_over() -> str | None:
    """Who else has put files into one of our packages, where that is so; slow: for when something is broken already."""
    from importlib.metadata import packages_distributions  # noqa: PLC0415 - seldom needed, and not cheap

    owners = packages_distributions()
    for room in ROOMS:
        if others := sorted(set(owners.get(room, ())) - {"journeys"}):
            return (
                f"{', '.join(others)} has a package that is called '{room}', too, and was installed over ours in {HOME}:"
                " install the two into environments of their own, or give theirs another name, and install journeys anew"
            )
    return None


def spec_of(module: str) -> ModuleSpec | None:
    """Where a module is to be found; unlike with `find_spec`, the packages around it are not executed."""
    top, *below = module.split(".")
    spec, name = None, top
    with suppress(ImportError, ValueError, AttributeError):
        spec = find_spec(top) if top else None
    for part in below:
        name = f"{name}.{part}"
        spec = _inside(name, (spec and spec.submodule_search_locations) or ()) if part else None
    return spec


def around(module: str) -> Iterator[str]:
    """The packages that are executed before a module is, the outermost first."""
    parts = module.split(".")
    yield from (".".join(parts[:count]) for count in range(1, len(parts)))


def _inside(name: str, folders: Iterable[str]) -> ModuleSpec | None:
    """A module of a package; a folder without an `__init__.py` is one, too, if nothing else is."""
    portions: list[str] = []
    for finder in map(pkgutil.get_importer, folders):
        spec = finder.find_spec(name) if finder is not None else None
        if spec is not None and spec.loader is not None:
            return spec
        portions += (spec and spec.submodule_search_locations) or ()
    space = ModuleSpec(name, None, is_package=True)
    space.submodule_search_locations = portions
    return space if portions else None


def seen_here(module: str) -> Path | None:
    """The folder of a package where the user stands, as they see it."""
    inside = Path(*module.split("."))
    return next((each for each in (inside, "src" / inside) if (each / "__init__.py").is_file()), None)


def other_catalogue(module: str) -> str | None:
    """What to do where the catalogue that is found is another than the one that the user sees in their folder."""
    seen = seen_here(module)
    if seen is None:
        return None
    spec = spec_of(module)
    found = Path(spec.origin).parent if spec is not None and spec.origin else None
    if found is None or found.resolve() == seen.resolve():
        return None
    return (
        f"JOURNEYS_CATALOGUE={module} is {found}, not the folder {seen} here: give yours a name of its own"
        " and set JOURNEYS_CATALOGUE to that"
    )
