"""The laws of the house, from the source: who may import whom, what workflow code may touch, what is never committed."""

import ast
import re
import subprocess
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import journeys
import segments
from journeys.check.purity import impurities
from journeys.contracts import SearchBy
from segments.language import events
from segments.language.query import Query
from store.locks import Lock
from workers.plugin import PASSED_THROUGH

ROOT = Path(__file__).parent.parent
ROOMS = ("definitions", "journeys", "segments", "activities", "store", "api", "workers")

#: What stands on the border between workflows and activities: contracts, and pure decisions on entry.
_BORDER = ("actions", "clock", "contracts", "entering", "entry", "gate", "heard", "questions")
#: What each room may import of ours; a longer name allows that module (and those below it) only.
LAW = {
    "definitions": {"journeys", "segments.library"},
    "journeys": {"segments"},
    "segments": {"store"},
    "activities": {*(f"journeys.{name}" for name in _BORDER), "segments", "store"},
    "api": {"journeys", "segments", "activities.channels", "store"},
    "workers": set(ROOMS) - {"definitions"},
    "store": set(),
}
#: Finer grain, where a room's rule is wider than the reason for it: none.
EXCEPTIONS: set[tuple[str, str]] = set()
#: Modules that run inside workflows: Temporal's clock and nothing else.
WORKFLOW_CODE = (
    "journeys/temporal/workflow.py",
    *sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "journeys" / "handle").glob("*.py")),
    "workers/watching.py",
)
#: The language must be importable in the workflow sandbox: no store, no SQL.
PURE_SEGMENTS = ("language", "leaves", "time", "library", "facts.py", "evaluate.py", "dating.py", "errors.py")
#: Modules that may stand in a circle: none.
CIRCLES: dict[str, set[str]] = {}
#: The rooms of `segments`, and which others each may use.
_LANGUAGE = {"language", "time", "leaves", "facts", "evaluate", "dating", "errors"}
SEGMENT_LAW = {
    "errors": set[str](),
    "time": {"errors", "language.reading"},
    "facts": {"time", "language.comparing"},
    "language": {"errors", "facts", "time"},
    "evaluate": {"facts", "language"},
    "leaves": {"errors", "facts", "language", "time", "evaluate"},
    "dating": {"errors", "facts", "language", "evaluate", "leaves"},
    "library": {"language", "leaves", *segments.__all__},  # by the door, as a company's own would
    "sql": _LANGUAGE,
    "watch": _LANGUAGE | {"sql", "load"},
    "load": _LANGUAGE | {"sql", "watch", "define"},
    "ask": _LANGUAGE | {"sql", "watch", "define"},
    "define": _LANGUAGE | {"sql", "watch", "ask"},
}


#: The pure part of `segments`, which is all that a simulation may use besides journeys.
_SIMULATED = {"journeys", *(f"segments.{name}" for name in _LANGUAGE), *(f"segments.{name}" for name in segments.__all__)}


def sources(*rooms: str) -> list[Path]:
    return sorted(path for room in rooms for path in (ROOT / room).rglob("*.py"))


def imports(path: Path) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def breaks(path: Path, root: Path = ROOT) -> list[str]:
    name = path.relative_to(root).as_posix()
    room = name.partition("/")[0]
    allowed = LAW[room] | {room} | {module for file, module in EXCEPTIONS if file == name}
    return [
        f"{name}:{line} imports {module}"
        for line, module in imports(path)
        if module.partition(".")[0] in ROOMS and not any(f"{module}.".startswith(f"{a}.") for a in allowed)
    ]


@pytest.mark.parametrize("room", ROOMS)
def test_import_law(room: str) -> None:
    assert [broken for path in sources(room) for broken in breaks(path)] == []


def test_a_simulation_knows_journeys_and_pure_segments_only() -> None:
    used = [(path.name, module) for path in sources("journeys/simulate") for _, module in imports(path)]
    ours = [each for each in used if each[1].partition(".")[0] in ROOMS]
    assert [each for each in ours if not any(f"{each[1]}.".startswith(f"{allowed}.") for allowed in _SIMULATED)] == []
    assert [each for each in ours if each[1].startswith("journeys.temporal")] == []


def test_the_import_law_can_be_broken(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "x.py").write_text("from journeys.contracts import Channel\n")
    assert breaks(tmp_path / "store" / "x.py", tmp_path) == ["store/x.py:1 imports journeys.contracts.Channel"]


def test_advisory_locks_are_numbered_in_one_place() -> None:
    numbers = {f"{lock:_}" for lock in Lock} | {str(lock.value) for lock in Lock}
    home = ROOT / "store" / "locks.py"
    held = {
        path.relative_to(ROOT).as_posix(): text
        for path in (*sources(*ROOMS), *(ROOT / "store").rglob("*.sql"))
        if path != home and any(number in (text := path.read_text()) for number in numbers)
    }
    assert held.keys() == {"store/migrations/0001_core.sql"}, "only SQL that runs in Postgres writes a class out"
    assert re.findall(r"pg_advisory\w+\((\d+)", held["store/migrations/0001_core.sql"]) == [str(Lock.WEEK.value)]
    single = re.compile(r"pg_(?:try_)?advisory\w*lock\((?:[^(),]|\([^()]*\))*\)")
    assert [p.name for p in (ROOT / "store").rglob("*.sql") if single.search(p.read_text())] == [], "two halves, or classes mix"


def texts(path: Path) -> Iterator[str]:
    """What a module says to other programs: its literals, without its docstrings."""
    tree = ast.parse(path.read_text())
    told = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in told:
            yield node.value


@pytest.mark.parametrize(
    ("home", "names"),
    [
        (
            "segments/language/events.py",
            {value for name, value in vars(events).items() if name.isupper() and value is not events.OURS},
        ),
        ("journeys/contracts.py", {SearchBy.CUSTOMER.value}),
    ],
)
def test_names_of_ours_are_spelt_in_one_place(home: str, names: set[str]) -> None:
    elsewhere = [path for path in sources(*ROOMS) if path != ROOT / home and path.parts[-2] != "library"]
    found = {path.relative_to(ROOT).as_posix(): said for path in elsewhere if (said := names & set(texts(path)))}
    assert names <= set(texts(ROOT / home))
    assert found == {}


def test_only_one_place_draws() -> None:
    """Hashes that name things are no draws: a draw becomes a number."""
    drawn = [path.relative_to(ROOT).as_posix() for path in sources(*ROOMS) if "from_bytes(hashlib" in path.read_text()]
    assert drawn == ["segments/language/chance.py"]


def test_every_package_has_one_room() -> None:
    found = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert found - {"tests", "benchmarks"} == set(ROOMS)


def test_there_is_no_circle_among_the_rooms() -> None:
    arrows = {room: {a.partition(".")[0] for a in allowed} - {room} for room, allowed in LAW.items()}
    while arrows:
        leaves = {room for room, to in arrows.items() if not to & set(arrows)}
        assert leaves, f"a circle among {sorted(arrows)}"
        arrows = {room: to for room, to in arrows.items() if room not in leaves}


@pytest.mark.parametrize("file", WORKFLOW_CODE)
def test_purity_of_workflow_code(file: str) -> None:
    found = [str(i) for i in impurities(ROOT / file)]
    # Not for a journey; the runtime's timer outlives its wait.
    assert [each for each in found if "asyncio.create_task() is not for a journey" not in each] == []


def test_purity_of_the_catalogue() -> None:
    assert [str(i) for path in sources("definitions") for i in impurities(path)] == []


def test_workflow_code_asks_no_clock_of_ours() -> None:
    for file in WORKFLOW_CODE:
        assert "clock.now()" not in (ROOT / file).read_text(), f"{file} must use workflow.now()"


@pytest.mark.parametrize("room", sorted(SEGMENT_LAW))
def test_import_law_of_the_rooms_of_segments(room: str) -> None:
    place = ROOT / "segments" / room
    inside = sorted(place.rglob("*.py")) if place.is_dir() else [place.with_suffix(".py")]
    allowed = tuple(f"segments.{other}." for other in SEGMENT_LAW[room] | {room})
    used = [f"{path.relative_to(ROOT)}:{line} {module}" for path in inside for line, module in imports(path)]
    assert [each for each in used if " segments." in each and not f"{each.split()[1]}.".startswith(allowed)] == []


def test_there_is_no_circle_among_the_modules() -> None:
    """Imports for types only count: what needs another's types cannot be read without it."""
    modules = {path.with_suffix("").relative_to(ROOT).as_posix().replace("/", "."): path for path in sources(*ROOMS)}
    arrows = {
        name: {to for _, module in imports(path) for to in (module, module.rpartition(".")[0]) if to in modules} - {name}
        for name, path in modules.items()
    }
    TopologicalSorter({name: to - CIRCLES.get(name, set()) for name, to in arrows.items()}).prepare()


def test_no_room_has_more_than_ten_floors() -> None:
    """A floor is a module that needs one below it in the same folder."""
    modules = {path.with_suffix("").relative_to(ROOT).as_posix().replace("/", "."): path for path in sources(*ROOMS)}
    floors: dict[str, int] = {}

    def floor(name: str) -> int:
        if name not in floors:
            used = {to for _, module in imports(modules[name]) for to in (module, module.rpartition(".")[0]) if to in modules}
            below = [to for to in used - {name} if to.rpartition(".")[0] == name.rpartition(".")[0]]
            floors[name] = 1 + max(map(floor, below), default=0)
        return floors[name]

    assert {name: floor(name) for name in modules if floor(name) > 10} == {}


def test_the_sql_of_segments_registers_nothing_by_import() -> None:
    kinds = (ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    for path in sources("segments/sql"):
        tree = ast.parse(path.read_text())
        assert [ast.unparse(node) for node in tree.body[1:] if not isinstance(node, kinds)] == []
        called = [each for node in ast.walk(tree) for each in getattr(node, "decorator_list", ())]
        assert [ast.unparse(each) for each in called if "register" in ast.unparse(each)] == []
        assert "F401" not in path.read_text()


def test_leaves_ask_in_few_words() -> None:
    """A word for each leaf would be a visitor in disguise."""
    words = {name for kind in Query.__mro__ for name in vars(kind) if not name.startswith("_")}
    assert len(words) <= 25


def test_no_folder_holds_more_modules_than_one_finds_one_in() -> None:
    sizes = {
        folder.relative_to(ROOT).as_posix(): len(list(folder.glob("*.py"))) - 1
        for room in ROOMS
        for folder in {path.parent for path in sources(room)}
    }
    assert {folder: size for folder, size in sizes.items() if size > 25} == {}


def test_one_door_has_all_the_words_of_an_author() -> None:
    assert [name for name in segments.__all__ if getattr(journeys, name, None) is not getattr(segments, name)] == []
    assert set(segments.__all__) <= set(journeys.__all__)


@pytest.mark.parametrize("room", PURE_SEGMENTS)
def test_the_language_of_segments_is_pure(room: str) -> None:
    place = ROOT / "segments" / room
    for path in [place] if place.is_file() else sorted(place.rglob("*.py")):
        foreign = [name for _, name in imports(path) if name.split(".")[0] in {"store", "sqlalchemy", "asyncpg"}]
        assert foreign == []
        assert impurities(path) == []


def test_the_gate_is_pure() -> None:
    """The simulator asks the same gate, and a journey may wait by its clocks: it knows no store, no provider, no Temporal."""
    foreign = {"store", "activities", "api", "workers", "temporalio", "asyncpg", "sqlalchemy"}
    for path in sources("journeys/gate"):
        assert [name for _, name in imports(path) if name.split(".")[0] in foreign] == []
        assert impurities(path) == []


def test_the_sandbox_passes_through_what_it_says() -> None:
    for module in PASSED_THROUGH:
        __import__(module)


def test_every_module_says_what_it_is_for() -> None:
    silent = [p.relative_to(ROOT).as_posix() for p in sources(*ROOMS) if not ast.get_docstring(ast.parse(p.read_text()))]
    assert silent == []


def test_nothing_committed_names_a_registry_host_or_a_path_of_a_machine() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    hosts = re.compile(r"(pypi\.org|pythonhosted|registry\.npmjs|deb\.debian|/opt/pypi|/root/|/work/)")
    found = []
    for name in listed.stdout.split():
        path = ROOT / name
        if path.suffix in {".png", ".gz"} or path == Path(__file__).resolve() or not path.is_file():
            continue
        found += [f"{name}: {match.group()}" for match in hosts.finditer(path.read_text(errors="ignore"))]
    assert found == []
