"""CONTRIBUTING.md and the documents name files, modules and places that exist: whoever moves one is told which page to mend."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.test_capabilities import missing

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "CONTRIBUTING.md", ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
NAMES = [page.relative_to(ROOT).as_posix() for page in PAGES]
ROOMS = ("activities", "api", "benchmarks", "definitions", "journeys", "segments", "store", "tests", "workers")
#: What readers make themselves.
THEIRS = ("definitions/welcome/", ".venv/", ".journeys/")
BLOCK = re.compile(r"^( *)```.*?^\1```", re.DOTALL | re.MULTILINE)
PATH = re.compile(
    r"\.?\w[\w.-]*/[\w./-]*(?:::[\w\[\]:]+)?"
    r"|[\w.-]+\.(?:md|toml|yml|lock)|\.pre-commit-config\.yaml|Makefile|Dockerfile"
)
MODULE = re.compile(rf"(?:{'|'.join(ROOMS)})(?:\.\w+)+")
LINK = re.compile(r"\]\(([^)\s]+)\)")


def prose(page: Path) -> str:
    return BLOCK.sub("", page.read_text())


def quoted(page: Path) -> list[str]:
    return [text for text in re.findall(r"`([^`\n]+)`", prose(page)) if not text.startswith(THEIRS)]


def is_ours(text: str) -> bool:
    """Whether it looks like a file of ours: a path from the root on, or a file that stands there."""
    first, slash, _ = text.partition("/")
    return bool(PATH.fullmatch(text)) and (not slash or (ROOT / first).is_dir())


def paths(page: Path) -> list[str]:
    return [text for text in quoted(page) if is_ours(text)]


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


def anchors(page: Path) -> set[str]:
    """The places in a page that links can lead to, as GitHub names them."""
    titles = re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def dead_links(page: Path) -> Iterator[str]:
    for target in LINK.findall(prose(page)):
        file, _, anchor = target.partition("#")
        if "://" in target:
            continue
        place = (page.parent / file).resolve() if file else page
        if not place.exists() or (anchor and anchor not in anchors(place)):
            yield target


@pytest.mark.parametrize("name", NAMES)
def test_every_file_that_is_named_exists(name: str) -> None:
    there = {text: (ROOT / text.partition("::")[0]).exists() for text in paths(ROOT / name)}
    assert [text for text, exists in there.items() if not exists] == []
    assert [wrong for text in there if "::" in text and (wrong := missing(text))] == []


@pytest.mark.parametrize("name", NAMES)
def test_every_module_that_is_named_exists(name: str) -> None:
    assert [text for text in quoted(ROOT / name) if MODULE.fullmatch(text) and not is_there(text)] == []


@pytest.mark.parametrize("name", NAMES)
def test_every_link_leads_somewhere(name: str) -> None:
    assert list(dead_links(ROOT / name)) == []


def test_what_is_missing_is_noticed(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# A title\n`store/gone.py`, `Gone.md`, `store.gone.x`, `n/a`, [a](#a-title) [b](#none) [c](gone.md)\n")
    assert paths(page) == ["store/gone.py", "Gone.md"]
    assert not is_there("store.gone.x")
    assert is_there("journeys.contracts.Channel")
    assert list(dead_links(page)) == ["#none", "gone.md"]


def test_contributing_names_what_it_is_about() -> None:
    named = paths(ROOT / "CONTRIBUTING.md")
    assert len(named) > 60
    assert {f"{room}/" for room in ROOMS} - set(named) == {"segments/"}, (
        "the map has every room, and those of segments one by one"
    )


def test_every_room_of_segments_is_on_the_map() -> None:
    inside = {f"segments/{each.name}/" for each in (ROOT / "segments").iterdir() if (each / "__init__.py").is_file()}
    assert inside - set(paths(ROOT / "CONTRIBUTING.md")) == set()


def test_every_document_is_in_the_index() -> None:
    index = {(ROOT / "docs" / link).resolve() for link in LINK.findall((ROOT / "docs" / "README.md").read_text())}
    assert {page for page in PAGES if page.parent.name in {"docs", "decisions"}} - index == {ROOT / "docs" / "README.md"}


def test_the_words_are_in_their_order_and_in_a_sentence() -> None:
    rows = re.findall(r"^\| ([a-z ]+) \| (.+) \|$", (ROOT / "docs" / "README.md").read_text(), re.MULTILINE)
    words = [word for word, _ in rows]
    assert words == sorted(words)
    assert len(words) == len(set(words)) > 50
    assert [word for word, means in rows if means.endswith(".")] == []


def test_the_hook_calls_what_a_commit_must_pass() -> None:
    hook = (ROOT / ".pre-commit-config.yaml").read_text()
    assert "repo: local" in hook
    assert "entry: make check" in hook
    assert re.search(r"^check:", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert "://" not in hook, "nothing is downloaded"
