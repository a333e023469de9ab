"""Where Python finds things: our own packages first, the user's catalogue from the folder where they stand.

Promise: a folder of the user's that is called like one of ours hides nothing, wherever it is named: in the folder where they
stand, on PYTHONPATH, or beside the program. What was imported before anybody could look is named.
"""

import sys
from collections.abc import Sequence
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
    """Let the current folder be looked in last: a catalogue in it is found, and nothing in it hides what is installed."""
    if not any(isinstance(finder, _Ours) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Ours())
    here, home = str(Path.cwd()), str(HOME)
    if not sys.flags.safe_path and sys.path[0] in ("", here):  # what `python -m` put there; PYTHONPATH is the user's word
        del sys.path[0]
    # An editable install is found by a hook that comes after the path, so that the path has to name our home, too.
    sys.path += [each for each in (home, here) if each not in sys.path]


def hidden_room() -> str | None:
    """What to do about a package that stands in the way of one of ours; none when all are ours."""
    for room in ROOMS:
        spec = find_spec(room)
        found = Path(spec.origin).parent if spec is not None and spec.origin else None
        if found != HOME / room:
            what = f"the folder {found}" if found else f"something without an __init__.py called '{room}'"
            return f"{what} hides a package of journeys that is called '{room}', too; rename it, or take it off PYTHONPATH"
    return None


def other_catalogue(module: str) -> str | None:
    """What to do where the catalogue that is found is another than the one that the user sees in their folder."""
    seen = Path.cwd().joinpath(*module.split("."))
    if not (seen / "__init__.py").is_file():
        return None
    spec = find_spec(module)
    found = Path(spec.origin).parent if spec is not None and spec.origin else None
    if found is None or found.resolve() == seen.resolve():
        return None
    return (
        f"JOURNEYS_CATALOGUE={module} is {found}, not the folder {module.replace('.', '/')} here: give yours a name of its own"
        " and set JOURNEYS_CATALOGUE to that"
    )
