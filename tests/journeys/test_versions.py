"""Archives of a catalogue, and versions of it side by side in one process."""

import sys
import traceback
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from activities.templates import texts_in
from journeys import CatalogueError, JourneyDefinition
from journeys.versions.archive import Archive, archive_of, unpacked
from journeys.versions.loading import load
from journeys.walk.seen import message_calls

NAME = "aged_catalogue"
HELPERS = "aged_helpers"
JOURNEY = """
from __future__ import annotations
from typing import Literal
from pydantic import BaseModel
import aged_catalogue.words
from aged_helpers import money
from journeys import Journey, after, did, journey
from .wording import template

class Given(BaseModel):
    lane: Literal["slow", "fast"] = "slow"
    deeper: Deeper | None = None

class Deeper(BaseModel):
    n: int = 1

@journey(goal=did("Order Completed"), reentry=after(days=7), params=Given)
async def greets(j: Journey) -> None:
    from aged_catalogue.late import occasion
    await j.push(template(), price=money.price(), said=aged_catalogue.words.SAID, when=occasion())
"""
FILES = {
    f"{NAME}/__init__.py": JOURNEY,
    f"{NAME}/wording.py": "def template():\n    return 'first'\n",
    f"{NAME}/words.py": "SAID = 1\n",
    f"{NAME}/late.py": "def occasion():\n    from . import words\n    return words.SAID\n",
    f"{NAME}/first.push.yaml": "title: Hello\nbody: There\n",
    f"{HELPERS}/__init__.py": "",
    f"{HELPERS}/money.py": "from . import _exact\ndef price():\n    return _exact.CENTS\n",
    f"{HELPERS}/_exact.py": "CENTS = 100\n",
}
SECOND = {
    f"{NAME}/wording.py": "def template():\n    return 'second'\n",
    f"{NAME}/words.py": "SAID = 2\n",
    f"{HELPERS}/_exact.py": "CENTS = 200\n",
}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.syspath_prepend(str(tmp_path))
    write(tmp_path, FILES)
    yield tmp_path
    forget()


def write(place: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (place / name).parent.mkdir(exist_ok=True)
        (place / name).write_text(text)


def forget() -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] in (NAME, HELPERS)]:
        del sys.modules[name]


def taken(place: Path) -> Archive:
    return archive_of(NAME, {name: text for name, text in texts_in(place / NAME).items() if text is not None})


def says(definition: JourneyDefinition) -> tuple[object, ...]:
    (call, *_) = message_calls(definition)
    return call.template, *call.params.values()


def test_an_archive_holds_modules_helpers_beside_them_and_templates(place: Path) -> None:
    archive = taken(place)
    assert dict(archive.texts) == FILES
    assert archive.templates == {"first.push.yaml": FILES[f"{NAME}/first.push.yaml"]}


def test_versions_stand_side_by_side_with_all_that_they_import(place: Path) -> None:
    first = taken(place)
    write(place, SECOND)
    second = taken(place)
    assert says(load(first).journey("greets")) == ("first", 100, 1, 1)
    assert says(load(second).journey("greets")) == ("second", 200, 2, 2)
    assert says(load(first).journey("greets")) == ("first", 100, 1, 1)


def test_no_import_finds_a_version_and_none_replaces_what_the_process_has(place: Path) -> None:
    __import__(NAME)
    process = {name: module for name, module in sys.modules.items() if name.partition(".")[0] in (NAME, HELPERS)}
    write(place, SECOND)
    load(taken(place))
    assert {name: sys.modules[name] for name in process} == process
    assert sys.modules[NAME].template() == "first"
    assert [n for n in sys.modules if n.startswith(f"{NAME}@") and n.partition(".")[0].isidentifier()] == []


def test_parameters_are_those_of_the_version(place: Path) -> None:
    first = taken(place)
    write(place, {f"{NAME}/__init__.py": JOURNEY.replace('"fast"]', '"fast", "express"]')})
    now = load(taken(place)).journey("greets")
    assert now.accept({"lane": "express", "deeper": {"n": 2}})["lane"] == "express"
    with pytest.raises(Exception, match="'slow' or 'fast'"):
        load(first).journey("greets").accept({"lane": "express"})


def test_any_letter_makes_another_version_and_the_same_text_the_same(place: Path) -> None:
    ids = [taken(place).id, taken(place).id]
    for name, text in FILES.items():
        write(place, {name: text + "\n"})
        ids.append(taken(place).id)
    assert (ids[0] == ids[1], len(set(ids))) == (True, len(FILES) + 1)


def test_what_is_unpacked_is_what_was_packed(place: Path) -> None:
    archive = taken(place)
    again = unpacked(archive.packed())
    assert (again, again.id) == (archive, archive.id)


@pytest.mark.parametrize("stored", [b"", b"no archive", b"x\x9c"])
def test_what_is_no_archive_is_refused(stored: bytes) -> None:
    with pytest.raises(CatalogueError, match="damaged"):
        unpacked(stored)


def test_a_traceback_shows_the_source_of_the_version(place: Path) -> None:
    write(place, {f"{NAME}/wording.py": "def template():\n    return 1 / 0  # of the first\n"})
    first = taken(place)
    write(place, {f"{NAME}/wording.py": "def template():\n    return 'second'\n"})
    catalogue = load(first)
    with pytest.raises(ZeroDivisionError) as raised:
        sys.modules[catalogue.journey("greets").steps.__module__].template()
    told = "".join(traceback.format_exception(raised.value))
    assert f'File "{first.id}/{NAME}/wording.py", line 2, in template' in told
    assert "return 1 / 0  # of the first" in told


def test_a_module_that_raises_is_told_with_its_version_and_line(place: Path) -> None:
    write(place, {f"{NAME}/words.py": "SAID = 1\nraise RuntimeError\n"})
    archive = taken(place)
    with pytest.raises(CatalogueError, match=rf"{archive.id}/{NAME}/words.py:2:1: .*RuntimeError"):
        load(archive)


def test_helpers_that_import_each_other_load(place: Path) -> None:
    circle = {
        f"{HELPERS}/_exact.py": "import aged_helpers.money\nCENTS = 100\ndef again():\n    return aged_helpers.money.price()\n"
    }
    write(place, circle)
    assert says(load(taken(place)).journey("greets")) == ("first", 100, 1, 1)


def test_policies_are_those_of_the_version(place: Path) -> None:
    first = taken(place)
    write(place, {f"{NAME}/__init__.py": JOURNEY.replace("after(days=7)", "after(days=8)")})
    cooldowns = [load(each).journey("greets").spec.reentry for each in (first, taken(place))]
    assert [rule.cooldown for rule in cooldowns] == [timedelta(days=7), timedelta(days=8)]  # type: ignore[union-attr]


def test_a_package_of_a_company_is_archived_without_what_stands_above_it(place: Path) -> None:
    write(place, {"acme_above/__init__.py": "raise RuntimeError\n"})
    moved = {name.replace(NAME, f"acme_above/{NAME}"): text for name, text in FILES.items()}
    archive = Archive(f"acme_above.{NAME}", {n: t.replace(NAME, f"acme_above.{NAME}") for n, t in moved.items()})
    assert says(load(archive).journey("greets")) == ("first", 100, 1, 1)
