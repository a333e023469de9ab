"""docs/capabilities.md says of every capability which test shows it, or that it is open, and of no test that is not there."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
from markdown_it.token import Token

from tests.pages import ROOT, Page, plain

PAGE = Page(ROOT / "docs" / "capabilities.md")
FAMILIES = ("SEG", "ML", "JRN", "CH", "PRO", "PER", "KPI", "GOV")
ID = re.compile(rf"\b(?:{'|'.join(FAMILIES)})-\d\d\b")
IN_A_NAME = re.compile(rf"(?<=_)({'|'.join(FAMILIES).lower()})_(\d\d)((?:_(?:and_)?\d\d)*)(?=_|$)")
ROOMS = ("definitions", "journeys", "segments", "activities", "store", "api", "workers", "tests", "docs")


class Row(NamedTuple):
    """One capability: what it is, and the tests that show it; none where it is open."""

    id: str
    what: str
    tests: tuple[str, ...]


def row(cells: list[Token]) -> Row:
    name, what = map(plain, cells[:2])
    shown = [each for each in cells[2].children or () if each.content.strip()]
    tests = tuple(each.content for each in shown if each.type == "code_inline")
    assert ID.fullmatch(name), f"a row begins with an id, not with '{name}'"
    assert len(cells) == 3, f"{name}: what it is, and what shows it"
    assert plain(cells[2]) == "open" or len(tests) == len(shown) > 0, f"{name}: name tests in backticks, or write open"
    return Row(name, what, tests)


def rows(page: Page) -> list[Row]:
    """Every row of every table of a page: there are no others."""
    return [row(cells) for cells in page.rows]


ROWS = rows(PAGE)
KNOWN = {each.id: each for each in ROWS}


def is_a_test(text: str) -> bool:
    return "::test_" in text


@cache
def defined_in(file: str) -> frozenset[str]:
    """The tests of a file, those of a class with its name before them."""
    found = set()
    for node in ast.parse((ROOT / file).read_text()).body:
        inside = node.body if isinstance(node, ast.ClassDef) else [node]
        before = f"{node.name}::" if isinstance(node, ast.ClassDef) else ""
        found |= {before + each.name for each in inside if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)}
    return frozenset(found)


def absent(test: str) -> str | None:
    """What is wrong with the name of a test. Cases have none: their names change with their values."""
    file, _, name = test.partition("::")
    if not (ROOT / file).is_file():
        return f"there is no {file}"
    return None if name in defined_in(file) and "test_" in name else f"{file} has no {name}"


def named(test: str) -> Iterator[str]:
    """The ids in the name of a test: `test_seg_20_and_31_…`."""
    for family, first, others in IN_A_NAME.findall(test):
        yield from (f"{family.upper()}-{number}" for number in (first, *re.findall(r"\d\d", others)))


def summary(rows: list[Row]) -> str:
    """The section at the end of the page, its line breaks aside."""
    missing_all = [each.id for each in rows if not each.tests]
    missing_some = [each.id for each in rows if each.tests and "Open:" in each.what]
    shown = len(rows) - len(missing_some) - len(missing_all)
    counted = f"{len(rows)} rows: {shown} shown, {len(missing_some)} in part, {len(missing_all)} open."
    lists = {"In part": missing_some, "Open": missing_all}
    return " ".join([counted, *(f"**{name}** {', '.join(ids)}" for name, ids in lists.items() if ids)])


def test_every_capability_has_one_row_of_its_own() -> None:
    ids = [each.id for each in ROWS]
    assert len(ids) == len(set(ids)) > 100
    numbers = {family: [int(name[-2:]) for name in ids if name.startswith(f"{family}-")] for family in FAMILIES}
    assert numbers == {family: list(range(1, len(found) + 1)) for family, found in numbers.items()}
    assert [each.id for each in ROWS if not each.what.endswith((".", ")"))] == []


def test_every_test_that_a_row_names_is_there() -> None:
    assert [f"{each.id}: {wrong}" for each in ROWS for test in each.tests if (wrong := absent(test))] == []


@pytest.mark.parametrize(
    "test",
    [
        "tests/nowhere.py::test_a",
        "tests/test_capabilities.py::test_that_is_not_there",
        "tests/test_capabilities.py::summary",
        "tests/test_capabilities.py",
        "tests/test_capabilities.py::test_a_test_that_is_not_there_is_noticed[of no case]",
    ],
)
def test_a_test_that_is_not_there_is_noticed(test: str) -> None:
    assert absent(test)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("|SEG-03|What.|`a`|", "SEG-03"),
        ("| **SEG-03** | What. | open |", "SEG-03"),
        ("| [SEG-03](#x) | What. | `a` `b` |", "SEG-03"),
        ("| SEG-3 | What. | open |", "a row begins with an id"),
        ("| SEG-03 | What. | tests/test_laws.py::test_it |", "name tests in backticks"),
        ("| SEG-03 | What. | `a`, and b |", "name tests in backticks"),
        ("| SEG-03 | What. | |", "name tests in backticks"),
    ],
)
def test_a_row_is_one_however_it_is_spelt(line: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text(f"| Id | What | Shown by |\n|---|---|---|\n{line}\n")
    if ID.fullmatch(told):
        assert [each.id for each in rows(Page(tmp_path / "page.md"))] == [told]
    else:
        with pytest.raises(AssertionError, match=told):
            rows(Page(tmp_path / "page.md"))


def test_every_id_in_code_tests_and_documents_is_a_row() -> None:
    files = [file for room in ROOMS for end in ("py", "md", "sql") for file in (ROOT / room).rglob(f"*.{end}")]
    strange = {(file.relative_to(ROOT).as_posix(), name) for file in files for name in ID.findall(file.read_text())}
    assert {found for found in strange if found[1] not in KNOWN} == set()


def test_what_a_test_has_in_its_name_is_not_open() -> None:
    assert list(named("test_seg_20_and_31_a_cart")) == ["SEG-20", "SEG-31"]
    assert list(named("test_seg_35_36_41_each_class")) == ["SEG-35", "SEG-36", "SEG-41"]
    files = [file.relative_to(ROOT).as_posix() for file in (ROOT / "tests").rglob("test_*.py")]
    found = {(name, f"{file}::{test}") for file in files for test in defined_in(file) for name in named(test)}
    assert len(found) > 40
    assert {(name, test) for name, test in found if not KNOWN[name].tests} == set()


def test_the_lists_at_the_end_are_those_of_the_rows() -> None:
    written = " ".join(PAGE.text.partition("\n## What is open\n")[2].split())
    assert written == summary(ROWS), f"write there: {summary(ROWS)}"
