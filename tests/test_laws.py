"""The laws of the house, from the source: who may use whom, what workflow code may touch, what is never committed.

Promise: a law is a function of a house, so that a test can plant a fault in one and see that it is found.
"""

import ast
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
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
from tests.house import ROOMS, ROOT, House
from tests.import_law import (
    EXCEPTIONS,
    GRANTS,
    GROUPS,
    LIBRARIES,
    circles,
    foreigners,
    room_of,
    strays,
    table,
    trespasses,
    unnamed,
)
from workers.plugin import PASSED_THROUGH

HOUSE = House.standing()

#: Modules that run inside workflows: Temporal's clock and nothing else.
WORKFLOW_CODE = (
    "journeys/temporal/workflow.py",
    *sorted(f for f in HOUSE.texts if f.startswith(("journeys/handle/", "workers/workflows/"))),
)


_LOCK = re.compile(r"pg_\w*advisory\w*\s*\(\s*([^,()]*)([,()])")


def numbered(house: House) -> Iterator[str]:
    """Advisory locks whose class does not come from `store/locks.py`, or that have no second half, so that classes mix.

    SQL that runs inside Postgres can take its class as an argument (`lock_class`), or write one out.
    """
    for file, text in house.texts.items():
        classes = {str(lock.value) for lock in Lock} | {"lock_class"} if "/migrations/" in file else set()
        for lock in _LOCK.finditer(text):
            given, end = lock[1].strip(), lock[2]
            if end != "," or not (given in classes or re.fullmatch(r"\$\d+(::integer)?|\{Lock\.[A-Z]+\}", given)):
                yield f"{file}: {lock[0]}"
    yield from _given_by_hand(house)


def _given_by_hand(house: House) -> Iterator[str]:
    """Calls that hand a lock another class than one of `Lock`."""
    named = re.compile(r"^-- name: (\w+)$", re.MULTILINE)
    pieces = [named.split(text)[1:] for file, text in house.texts.items() if "/queries/" in file]
    takes = {
        name for each in pieces for name, sql in zip(each[::2], each[1::2], strict=True) if re.search("advisory|_lock", sql)
    }
    for module, file in house.modules.items():
        if any(each in house.texts[file] for each in ("advisory", *(f'"{name}"' for name in takes))):
            for call in (node for node in ast.walk(house.tree(module)) if isinstance(node, ast.Call)):
                locks = [at for at, each in enumerate(call.args, 1) if _is_a_lock(each, takes)]
                if any(not ast.unparse(each).startswith("Lock.") for at in locks for each in call.args[at : at + 1] or [call]):
                    yield f"{file}:{call.lineno} {ast.unparse(call)}"


def _is_a_lock(sql: ast.expr, takes: set[str]) -> bool:
    match sql:
        case ast.Subscript(slice=ast.Constant(value=name)):
            return name in takes
        case ast.Constant(value=str(text)):
            return "advisory" in text and "$1" in text
    return False


def texts(tree: ast.Module) -> Iterator[str]:
    """What a module says to other programs: its literals, without its docstrings."""
    told = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in told:
            yield node.value


OUR_EVENTS = {value for name, value in vars(events).items() if name.isupper() and isinstance(value, str)}
SPELT = {"segments/language/events.py": OUR_EVENTS, "journeys/contracts.py": {SearchBy.CUSTOMER.value}}


def spelt_elsewhere(house: House) -> Iterator[str]:
    """Names of ours outside of their home. SQL writes out what begins with `$`, and the schema whatever its triggers write."""
    for module, file in house.modules.items():
        if "/library/" not in file:
            said = set(texts(house.tree(module)))
            yield from (f"{file}: {name}" for home, names in SPELT.items() if home != file for name in sorted(said & names))
    for file, text in house.texts.items():
        if file.endswith(".sql"):
            said = set(re.findall(r"'([^']+)'", re.sub(r"--.*", "", text)))
            asked = set() if file.startswith("store/migrations/") else said & OUR_EVENTS
            yield from (f"{file}: {name}" for name in sorted(asked) if not name.startswith("$"))
            yield from (f"{file}: {name}" for name in sorted(said - OUR_EVENTS) if re.fullmatch(r"\$[a-z]+:?", name))


_CHANCE = {"hashlib", "hmac", "zlib", "binascii"}


def draws(house: House) -> Iterator[str]:
    """Modules in which a digest becomes a number. (One that names something stays bytes or text.)"""
    for module, file in house.modules.items():
        used = {use.name.partition(".")[0] for use in house.uses(module)}
        numbers = [node for node in ast.walk(house.tree(module)) if isinstance(node, ast.Call) and _makes_a_number(node)]
        if used & _CHANCE and numbers and file != "segments/language/chance.py":
            yield f"{file}:{numbers[0].lineno} {ast.unparse(numbers[0])}"


def _makes_a_number(call: ast.Call) -> bool:
    name = ast.unparse(call.func)
    based = len(call.args) > 1 or any(each.arg == "base" for each in call.keywords)
    return name.endswith((".from_bytes", ".crc32", ".adler32", "unpack")) or (name == "int" and based)


#: What raises more than anybody lists, given what strangers write; and where what it is given was written by ourselves.
_RAISING = re.compile(r"\b(parsedate\w*|(?:utc)?fromtimestamp|message_from_\w+)\(")
_OUR_OWN = {"activities/channels/instants.py", "activities/channels/confirming.py", "activities/channels/wallet/links.py"}


def read_by_hand(house: House) -> Iterator[str]:
    """Dates and mails of strangers that are read elsewhere than in `activities/channels/instants.py` and strictly."""
    for file in house.modules.values():
        if file.startswith(("api/", "activities/")) and file not in _OUR_OWN:
            yield from (f"{file}: {found[0]}" for found in _RAISING.finditer(house.texts[file]))


LAWS: list[Callable[[House], Iterator[str]]] = [
    *(trespasses, foreigners, unnamed, circles, numbered, spelt_elsewhere, draws, read_by_hand),
]


@cache
def broken(law: Callable[[House], Iterator[str]]) -> list[str]:
    return list(law(HOUSE))


@pytest.mark.parametrize("law", LAWS)
def test_the_house_keeps(law: Callable[[House], Iterator[str]]) -> None:
    assert broken(law) == []


FAULTS = [
    (trespasses, "store/x.py", "from journeys.contracts import Channel"),
    (trespasses, "store/x.py", 'import importlib\nimportlib.import_module("workers.settings")'),
    (trespasses, "store/x.py", 'from importlib import import_module as get\nget("workers")'),
    (trespasses, "store/x.py", 'from pkgutil import resolve_name\nresolve_name("workers.settings:Settings")'),
    (trespasses, "store/x.py", "def f():\n    from api.auth import Operator"),
    (trespasses, "store/runs/x.py", "from ..ingest import batch"),
    (trespasses, "segments/leaves/x.py", "import segments\nsegments.did"),
    (trespasses, "segments/leaves/x.py", "from .. import watch"),
    (trespasses, "segments/leaves/x.py", "from segments import did"),
    (trespasses, "segments/library/x.py", "import segments\nsegments.sql.query"),
    (trespasses, "segments/x.py", "from segments.watch.tick import tick"),
    (trespasses, "segments/time/x.py", "from segments.language.words import did"),
    (trespasses, "journeys/x.py", "from segments.sql.statements import everyone"),
    (trespasses, "journeys/handle/x.py", "import segments.evaluate as truth"),
    (trespasses, "activities/x.py", "from journeys import authoring"),
    (trespasses, "definitions/x/__init__.py", "from segments import did"),
    (trespasses, "workers/x.py", "import definitions"),
    (trespasses, "workers/sandbox/x.py", "from workers.settings import Settings"),
    (foreigners, "segments/leaves/x.py", "from sqlalchemy import select"),
    (foreigners, "journeys/x.py", "import temporalio.workflow"),
    (unnamed, "segments/x.py", ""),
    (unnamed, "segments/new/x.py", ""),
    (unnamed, "api/new/__init__.py", ""),
    (circles, "segments/leaves/did.py", "from segments import trait"),
    (circles, "store/errors.py", "from . import database"),
    (circles, "store/errors.py", "import store.database\nstore.database.Database"),
    (circles, "store/errors.py", "import typing\nif typing.TYPE_CHECKING:\n    from store.database import Database"),
    (numbered, "store/queries/x.sql", "select pg_advisory_xact_lock(4711, hashtext($1))"),
    (numbered, "store/queries/x.sql", "select pg_try_advisory_lock_shared($1::bigint)"),
    (numbered, "store/migrations/0002_x.sql", "perform pg_advisory_xact_lock(4711, 0)"),
    (numbered, "store/x.py", 'await c.execute("select pg_advisory_xact_lock(4711, $1)", 1)'),
    (numbered, "store/x.py", 'await c.execute("select pg_advisory_lock($1, 0)", 4711)'),
    (numbered, "store/x.py", 'await c.execute(f"select pg_advisory_lock({MINE}, 0)")'),
    (numbered, "store/x.py", 'await c.execute(_SQL["lock_list"], 4711, name)'),
    (spelt_elsewhere, "store/queries/x.sql", "select 1 from event where type = 'Message Sent'"),
    (spelt_elsewhere, "store/queries/x.sql", "select 1 from event where type = '$indentify'"),
    (spelt_elsewhere, "api/x.py", 'if event == "Message Replied":\n    pass'),
    (draws, "api/x.py", "import hashlib\nint(hashlib.sha256(b).hexdigest(), 16) % 100"),
    (draws, "api/x.py", "import hashlib\nd = hashlib.sha256(b).digest()\nint.from_bytes(d[:4])"),
    (draws, "api/x.py", "from zlib import crc32\nimport zlib\nzlib.crc32(b) % 100"),
    (read_by_hand, "api/x.py", "from email.utils import parsedate_to_datetime\nparsedate_to_datetime(header)"),
    (read_by_hand, "activities/x.py", "from datetime import UTC, datetime\ndatetime.fromtimestamp(int(header), UTC)"),
]


@pytest.mark.parametrize(("law", "file", "text"), FAULTS, ids=[f"{law.__name__}-{n}" for n, (law, *_) in enumerate(FAULTS)])
def test_a_fault_is_found(law: Callable[[House], Iterator[str]], file: str, text: str) -> None:
    assert set(law(HOUSE.planted(file, text))) - set(broken(law)) != set()


def test_what_a_door_hands_on_is_its_own_and_what_a_package_hands_on_is_not() -> None:
    house = HOUSE.planted("activities/channels/__init__.py", '"""x"""\nfrom activities.deliver.claim import Claims')
    house = house.planted("api/x.py", "from activities.channels import Claims")
    assert list(trespasses(house))[-1] == "api/x.py:1 uses activities.channels.Claims, which is not in the line of api"
    assert HOUSE.place("journeys.did") == "journeys"
    assert HOUSE.place("journeys.handle.Journey") == "journeys.handle.journey"


def test_python_stands_in_rooms_only() -> None:
    assert strays(committed()) == []
    assert strays(["helpers.py", "extra/x.py", "store/x.py", "tests/x.py"]) == ["helpers.py", "extra/x.py"]


def committed() -> list[str]:
    """Every file that is, or could be, committed; whatever its name is made of."""
    command = ["git", "ls-files", "-coz", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return [name for name in listed.stdout.split("\0") if (ROOT / name).is_file()]


_HOSTS = re.compile(r"(pypi\.org|pythonhosted|registry\.npmjs|deb\.debian|/opt/pypi|/root/|/work/)")


def hosts(files: dict[str, Path]) -> list[str]:
    """Registry hosts, and paths of a machine, in what is committed or in how it is called."""
    read = {name: "" if path.suffix in {".png", ".gz"} else path.read_text(errors="ignore") for name, path in files.items()}
    return [f"{name}: {found[0]}" for name, text in read.items() for found in _HOSTS.finditer(f"{name}\n{text}")]


def test_nothing_committed_names_a_registry_host_or_a_path_of_a_machine(tmp_path: Path) -> None:
    assert hosts({name: ROOT / name for name in committed() if ROOT / name != Path(__file__).resolve()}) == []
    (tmp_path / "mañana y ayer.md").write_text("from pypi.org")
    assert hosts({path.name: path for path in tmp_path.iterdir()}) == ["mañana y ayer.md: pypi.org"]


def test_no_key_is_committed() -> None:
    key = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----\n")
    assert [name for name in committed() if key.search((ROOT / name).read_text(errors="ignore"))] == []


def test_there_is_no_circle_among_the_rooms() -> None:
    arrows = {
        room: {each.partition(".")[0] for name, to in GRANTS.items() if name.partition(".")[0] == room for each in to}
        for room in ROOMS
    }
    TopologicalSorter({room: to - {room} for room, to in arrows.items()}).prepare()


def test_the_doors_load_nothing_that_runs_journeys_or_speaks_sql() -> None:
    """By the process and not by the source: whatever it is that a word of the door brings with it."""
    told = f"""if True:
        import sys, segments.library, journeys.walk.explore
        from journeys import *
        print(sorted({{"store", *{sorted(table(LIBRARIES))}}} & {{name.partition(".")[0] for name in sys.modules}}))
    """
    done = subprocess.run([sys.executable, "-c", told], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("file", WORKFLOW_CODE)
def test_purity_of_workflow_code(file: str) -> None:
    found = [str(i) for i in impurities(ROOT / file)]
    # Not for a journey: the runtime's timer outlives its wait, and its branches are tasks.
    assert [each for each in found if not re.search(r"asyncio.(create_task|gather)\(\) is not for a journey", each)] == []
    assert "clock.now()" not in HOUSE.texts[file], "workflow code uses workflow.now()"


@pytest.mark.parametrize("room", ["definitions", "journeys.gate", "segments.library", *GROUPS["PURE"]])
def test_purity_of_rooms_that_a_journey_may_use(room: str) -> None:
    files = [file for module, file in HOUSE.modules.items() if room_of(module) == room]
    assert files != []
    assert [str(i) for file in files for i in impurities(ROOT / file)] == []


def test_no_room_has_more_than_ten_floors() -> None:
    """A floor is a module that needs one below it in the same folder."""
    floors: dict[str, int] = {}

    def floor(name: str) -> int:
        if name not in floors:
            used = {HOUSE.module(use.name) for use in HOUSE.uses(name)} - {name, None}
            below = [to for to in used if to and to.rpartition(".")[0] == name.rpartition(".")[0]]
            floors[name] = 1 + max(map(floor, below), default=0)
        return floors[name]

    assert {name: floor(name) for name in HOUSE.modules if floor(name) > 10} == {}


def test_the_sql_of_segments_registers_nothing_by_import() -> None:
    kinds = (ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    for module in (module for module in HOUSE.modules if room_of(module) == "segments.sql"):
        tree = HOUSE.tree(module)
        assert [ast.unparse(node) for node in tree.body[1:] if not isinstance(node, kinds)] == []
        called = [each for node in ast.walk(tree) for each in getattr(node, "decorator_list", ())]
        assert [ast.unparse(each) for each in called if "register" in ast.unparse(each)] == []
        assert "F401" not in HOUSE.texts[HOUSE.modules[module]]


def test_leaves_ask_in_few_words() -> None:
    """A word for each leaf would be a visitor in disguise."""
    words = {name for kind in Query.__mro__ for name in vars(kind) if not name.startswith("_")}
    assert len(words) <= 25


def test_no_folder_holds_more_modules_than_one_finds_one_in() -> None:
    folders = [file.rpartition("/")[0] for file in HOUSE.modules.values() if not file.endswith("__init__.py")]
    assert {folder: folders.count(folder) for folder in folders if folders.count(folder) > 25} == {}


def test_one_door_has_all_the_words_of_an_author() -> None:
    assert [name for name in segments.__all__ if getattr(journeys, name, None) is not getattr(segments, name)] == []
    assert set(segments.__all__) <= set(journeys.__all__)


def test_the_sandbox_passes_through_what_it_says() -> None:
    for module in PASSED_THROUGH:
        __import__(module)


def is_passed(module: str) -> bool:
    return any(f"{module}.".startswith(f"{each}.") for each in PASSED_THROUGH)


def test_no_pattern_asks_for_a_class_that_is_none_in_the_sandbox() -> None:
    """There `datetime` and `date` stand for themselves: `isinstance` knows them, `case datetime()` raises."""
    inside = [module for module in HOUSE.modules if module.startswith(("journeys.", "definitions.")) and not is_passed(module)]
    assert len(inside) > 50
    patterns = [n.cls for module in inside for n in ast.walk(HOUSE.tree(module)) if isinstance(n, ast.MatchClass)]
    assert [ast.unparse(each) for each in patterns if re.fullmatch(r"(datetime\.)?(date|datetime)", ast.unparse(each))] == []


def test_every_module_says_what_it_is_for() -> None:
    assert [file for module, file in HOUSE.modules.items() if not ast.get_docstring(HOUSE.tree(module))] == []


def test_names_of_ours_are_spelt_in_their_home() -> None:
    for home, names in SPELT.items():
        assert names <= set(texts(ast.parse(HOUSE.texts[home])))


def test_each_exception_is_needed_and_there_are_few() -> None:
    assert len(EXCEPTIONS) <= 5
    used = {(file, room_of(HOUSE.place(use.name))) for module, file in HOUSE.modules.items() for use in HOUSE.uses(module)}
    assert set(EXCEPTIONS.items()) - used == set()
