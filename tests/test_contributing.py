"""CONTRIBUTING.md and the documents name files, modules and places that exist: whoever moves one is told which page to mend."""

import ast
import os
import re
import runpy
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from urllib.parse import unquote

import pytest

from tests.house import ROOMS as LAW_ROOMS
from tests.import_law import GRANTS
from tests.pages import PAGES, ROOT, Page, plain
from tests.test_capabilities import absent, is_a_test

ROOMS = ("activities", "api", "benchmarks", "definitions", "journeys", "segments", "store", "tests", "workers")
#: What readers make themselves.
THEIRS = ("definitions/welcome/", ".venv/", ".journeys/")
#: A browser's word, not one of ours.
FOREIGN = {"UpdateTaskQueueConfig", "sendBeacon", "whatsapp_business_management"}
PATH = re.compile(
    r"\.?\w[\w.-]*/[\w./-]*(?:::[\w\[\]:]+)?"
    r"|[\w.-]+\.(?:md|toml|yml|lock)|\.pre-commit-config\.yaml|Makefile|Dockerfile"
)
MODULE = re.compile(rf"(?:{'|'.join(ROOMS)})(?:\.\w+)+")
NAME = re.compile(r"_\w+|\w+_\w+|[a-z]+[A-Z]\w*|[A-Z][a-z]+[A-Z]\w*")
CALLED = re.compile(r"(?<![\w?&%-])([A-Za-z_]\w*)(?:\(|=(?=[\w\"'(]|$))")
CONTRIBUTING = Page(ROOT / "CONTRIBUTING.md")
INDEX = Page(ROOT / "docs" / "README.md")


def is_ours(text: str) -> bool:
    """Whether it looks like a file of ours: a path from the root on, or a file that stands there."""
    first, slash, _ = text.partition("/")
    return bool(PATH.fullmatch(text)) and (not slash or (ROOT / first).is_dir()) and not text.startswith(THEIRS)


def paths(page: Page) -> list[str]:
    return [text for text in page.code if is_ours(text)]


@cache
def names_in(file: Path) -> frozenset[str]:
    """What a module defines or imports at its top."""
    found: set[str] = set()
    for node in ast.parse(file.read_text()).body:
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                found.add(name)
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                found.add(name)
            case ast.ImportFrom(names=imported):
                found |= {each.asname or each.name for each in imported}
    return frozenset(found)


def is_there(dotted: str) -> bool:
    """Whether a name with dots is a package, a module, or a name in one."""
    place = ROOT.joinpath(*dotted.split("."))
    if place.is_dir() or place.with_suffix(".py").is_file():
        return True
    module = place.parent / "__init__.py" if place.parent.is_dir() else place.parent.with_suffix(".py")
    return module.is_file() and place.name in names_in(module)


@cache
def words() -> frozenset[str]:
    """Every name that stands in the source, in its settings and in what deploys it."""
    ends = {".py", ".sql", ".toml", ".yaml", ".yml", ".html", ".js", ".sh", ".env"}
    there = (file for room in (*ROOMS, "deploy") for file in (ROOT / room).rglob("*") if "node_modules" not in file.parts)
    files = [file for file in there if file.suffix in ends and file.is_file()]
    files += [ROOT / name for name in ("pyproject.toml", "docker-compose.yml", ".ci/run")]
    return frozenset(word for file in files if file != Path(__file__) for word in re.findall(r"\w+", file.read_text()))


def anchors(page: Page) -> set[str]:
    """The places in a page that links can lead to, as GitHub names them."""
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in page.titles}


def dead_links(page: Page) -> Iterator[str]:
    for target in page.links:
        file, _, anchor = unquote(target).partition("#")
        if re.match(r"[a-z]+:", target):
            continue
        place = (page.path.parent / file).resolve() if file else page.path
        if not place.exists() or (anchor and anchor not in anchors(Page(place))):
            yield target


def files_that_are_not(page: Page) -> Iterator[str]:
    for text in paths(page):
        if not (ROOT / text.partition("::")[0]).exists():
            yield text
        elif "::" in text and (wrong := absent(text)):
            yield wrong
    yield from (f"{text}, without backticks" for text in page.prose.split() if is_a_test(text))


def names_that_are_not(page: Page) -> Iterator[str]:
    """Modules, what is called and its keywords, and names that look like ours: with an underscore, or a capital inside."""
    yield from (text for text in page.code if MODULE.fullmatch(text) and not is_there(text))
    for text in page.code:
        told = [text.removesuffix("_total")] if NAME.fullmatch(text) else CALLED.findall(text)  # Prometheus counts in totals
        ours = [name for name in told if not name.startswith("JOURNEYS_")]  # tests/test_docs.py looks at settings
        yield from (name for name in ours if name not in words() | FOREIGN)


LOOKS = [files_that_are_not, names_that_are_not, dead_links]


@pytest.mark.parametrize("page", PAGES, ids=str)
@pytest.mark.parametrize("look", LOOKS)
def test_what_a_page_names_is_there(look: Callable[[Page], Iterator[str]], page: Page) -> None:
    assert list(look(page)) == []


@pytest.mark.parametrize(
    ("look", "text", "told"),
    [
        (files_that_are_not, "`store/gone.py`, `Gone.md`, `n/a`", ["store/gone.py", "Gone.md"]),
        (files_that_are_not, "`tests/test_laws.py::test_gone`", ["tests/test_laws.py has no test_gone"]),
        (files_that_are_not, "as tests/test_gone.py::test_it shows", ["tests/test_gone.py::test_it, without backticks"]),
        (names_that_are_not, "`store.gone.x`, `journeys.contracts.Channel`", ["store.gone.x"]),
        (names_that_are_not, "`_NOWHERE_AT_ALL`, `max_lateness`", ["_NOWHERE_AT_ALL"]),
        (names_that_are_not, "`did_not(…)`, `did(…).within(aeons=7)`, `everwhere=`", ["did_not", "aeons", "everwhere"]),
        (dead_links, "# A title\n[a](#a-title) [b](#none) [c](gone.md)", ["#none", "gone.md"]),
        (
            dead_links,
            'a [b](gone.md "title") ![c](<gone too.png>) [d][e]\n\n[e]: gone.md',
            ["gone.md", "gone%20too.png", "gone.md"],
        ),
        (dead_links, "a [b][nowhere], <a href='gone.md'>c</a>", ["gone.md", "[b][nowhere]"]),
    ],
)
def test_what_is_missing_is_noticed(look: Callable[[Page], Iterator[str]], text: str, told: list[str], tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text(text)
    assert list(look(Page(tmp_path / "page.md"))) == told


def test_contributing_names_what_it_is_about() -> None:
    named = paths(CONTRIBUTING)
    assert len(named) > 60
    assert {f"{room}/" for room in ROOMS} - set(named) == {"segments/"}, (
        "the map has every room, and those of segments one by one"
    )


@pytest.mark.parametrize("page", [CONTRIBUTING, Page(ROOT / "docs" / "architecture.md")], ids=str)
def test_the_arrows_are_those_of_the_law(page: Page) -> None:
    told = dict(text.split(" → ") for text in page.code if " → " in text)
    arrows = {room: {to.partition(".")[0] for to in re.findall(r"[a-z.]+", names)} for room, names in told.items()}
    words = {"nothing": set[str](), "everything": set(LAW_ROOMS) - {"definitions", "workers"}}
    found = {room: words.get(told[room], to) for room, to in arrows.items()}
    assert found == {
        room: {to.partition(".")[0] for name, grants in GRANTS.items() if name.partition(".")[0] == room for to in grants}
        - {room}
        for room in LAW_ROOMS
    }


def test_every_room_of_segments_is_on_the_map() -> None:
    inside = {f"segments/{each.name}/" for each in (ROOT / "segments").iterdir() if (each / "__init__.py").is_file()}
    assert inside - set(paths(CONTRIBUTING)) == set()


def test_every_document_is_in_the_index() -> None:
    index = {(INDEX.path.parent / unquote(link)).resolve() for link in INDEX.links}
    assert {page.path for page in PAGES if page.path.parent.name in {"docs", "decisions"}} - index == {INDEX.path}


def test_the_words_are_in_their_order_and_in_a_sentence() -> None:
    glossary = [(plain(row[0]), plain(row[1])) for row in INDEX.rows if not row[0].content.startswith("[")]
    words = [word for word, _ in glossary]
    assert words == sorted(words)
    assert len(words) == len(set(words)) > 50
    assert [word for word, means in glossary if means.endswith(".")] == []


@pytest.mark.parametrize(
    ("told", "seeds", "tried", "crashes"),
    [
        ({}, 2, 25, 10),
        ({"CI": "true"}, 8, 100, 10),
        ({"TEST_PROFILE": "long"}, 8, 4_000, 1_000),
        ({"CI": "true", "TEST_PROFILE": "quick"}, 2, 25, 10),
    ],
)
def test_how_much_is_run_is_one_word(
    monkeypatch: pytest.MonkeyPatch, told: dict[str, str], seeds: int, tried: int, crashes: int
) -> None:
    for name in ("CI", "TEST_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    extent = runpy.run_path(str(ROOT / "tests" / "extent.py"))
    assert len(extent["some"](range(8))) == seeds
    assert extent["examples"](100).max_examples == tried
    assert extent["scaled"](10, 1_000) == crashes


@pytest.mark.parametrize(("told", "left"), [("quick", ["sides"]), ("whole", ["killed_campaigns", "sides"])])
def test_only_a_quick_run_of_everything_is_one_without_slow_tests(told: str, left: list[str]) -> None:
    everything = "testpaths=tests/crash/test_sides.py tests/crash/test_killed_campaigns.py"
    command = [sys.executable, "-m", "pytest", "--collect-only", "-n0", "-o", everything]
    listed = subprocess.run(
        command, cwd=ROOT, env=os.environ | {"TEST_PROFILE": told}, capture_output=True, text=True, check=True
    )
    assert sorted(set(re.findall(r"^tests/crash/test_(\w+)", listed.stdout, re.MULTILINE))) == left


def test_the_hook_calls_what_a_commit_must_pass() -> None:
    hook = (ROOT / ".pre-commit-config.yaml").read_text()
    assert "repo: local" in hook
    assert "entry: make check" in hook
    assert re.search(r"^check:", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert "://" not in hook, "nothing is downloaded"
