"""A catalogue in a company's own repository and package, beside folders of theirs that are called like our rooms."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.command_line import freshly, journeys

ROOMS = ("api", "segments", "store", "workers")
FILES = {
    "acme/__init__.py": "",
    "acme/words.py": 'from journeys import Segment, did\n\ncarts = Segment("carts", did("Product Added"))\n',
    "acme/campaigns/__init__.py": """\
from acme.words import carts
from journeys import Journey, journey
from segments.library import recent_buyers

buyers = recent_buyers()


@journey(entry=carts)
async def hello(j: Journey) -> None:
    await j.push("hello", only=buyers)
""",
    "acme/campaigns/hello.push.yaml": "title: Hello\nbody: there\n",
    **{f"{room}/__init__.py": "raise RuntimeError('theirs, not for us')\n" for room in ROOMS},
    "store/shelves.py": "",
    "workers/cli.py": "",
}
LOADS = "acme.campaigns: 1 journey, 2 segments, 1 template; it loads\n"
LOADED = """
from journeys.place import stand_here
stand_here()
from workers.definitions import load_definitions
catalogue, templates = load_definitions("acme.campaigns")
print(*catalogue.journeys, *sorted(catalogue.segments))
"""


@pytest.fixture
def company(tmp_path: Path) -> Path:
    """A repository of theirs."""
    for name, text in FILES.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return tmp_path


def test_a_catalogue_in_a_package_of_theirs_is_checked_from_their_folder(company: Path) -> None:
    finished = freshly("check", cwd=company, catalogue="acme.campaigns")
    assert (finished.stdout, finished.stderr, finished.returncode) == (LOADS, "", 0)


@pytest.mark.parametrize("path", [(), ("theirs",)], ids=["here", "on PYTHONPATH"])
def test_it_loads_as_a_worker_loads_it(company: Path, path: Sequence[str]) -> None:
    paths = os.pathsep.join([*(str(company) for _ in path), *filter(None, sys.path)])
    finished = subprocess.run(
        [sys.executable, "-P", "-c", LOADED],
        capture_output=True,
        text=True,
        check=False,
        cwd=company,
        env={**os.environ, "PYTHONPATH": paths},
    )
    assert (finished.stdout, finished.stderr) == ("hello carts recent-buyers\n", "")


def test_a_mistake_is_told_by_its_place_in_their_folder(company: Path) -> None:
    (company / "acme" / "words.py").write_text(FILES["acme/words.py"] + "import random\n")
    told = journeys("check", cwd=company, catalogue="acme.campaigns").stdout
    assert told.startswith("acme/words.py:4:1: imports random: ")


ENTERED = "acme/__init__.py"


@pytest.mark.parametrize(
    ("file", "text", "told"),
    [
        (ENTERED, "import sys\nsys.exit(0)\n", "acme/__init__.py:2:1: sys.exit() is out of a replay's sight"),
        (ENTERED, "raise SystemExit(0)\n", "acme/__init__.py:1:1: module acme raises SystemExit (0)"),
        (ENTERED, "import time\ntime.sleep(1000)\n", "acme/__init__.py:2:1: time.sleep() is another time on a replay"),
        (ENTERED, "def broken(:\n", "acme/__init__.py:1:12: this is not Python"),
        (ENTERED, "raise RuntimeError('no')\n", "acme/__init__.py:1:1: module acme raises RuntimeError (no)"),
        (ENTERED, "import not_there\n", "acme/__init__.py:1:1: there is no module 'not_there'"),
        (ENTERED, "print('hello')\n", "acme/__init__.py:1:1: print() is said again on each replay"),
        (ENTERED, "open('acted', 'w')\n", "acme/__init__.py:1:1: open() is out of a replay's sight"),
        ("acme/words.py", "open('acted', 'w')\n", "acme/words.py:1:1: open() is out of a replay's sight"),
        ("acme/words.py", "from . import deep\n", "acme/deep.py:1:1: open() is out of a replay's sight"),
        ("acme/campaigns/nul.py", "x = '\0'\n", "acme/campaigns/nul.py:1:1: this is not Python: source code"),
    ],
    ids=["exit", "SystemExit", "sleep", "syntax", "raises", "import", "print", "acts", "beside", "relative", "nul"],
)
def test_what_stands_around_and_beside_a_catalogue_is_judged_before_it_is_imported(
    company: Path, file: str, text: str, told: str
) -> None:
    (company / "acme" / "deep.py").write_text("open('acted', 'w')\n")
    (company / file).write_text(text)
    finished = journeys("check", "acme.campaigns", "--json", cwd=company)
    problems = json.loads(finished.stdout)
    assert finished.returncode == 1
    assert [f"{p['file']}:{p['line']}:{p['column']}: {p['message']}" for p in problems][-1].startswith(told)
    assert not (company / "acted").exists()


def test_what_is_imported_for_types_only_is_not_judged(company: Path) -> None:
    (company / "acme" / "database.py").write_text("import sqlalchemy\n")
    words = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from acme.database import Nothing\n"
    (company / "acme" / "words.py").write_text(words + FILES["acme/words.py"])
    assert journeys("check", "acme.campaigns", cwd=company).stdout == LOADS


def test_a_catalogue_is_named_by_its_folder_too_and_found_in_src(company: Path) -> None:
    (company / "src").mkdir()
    (company / "acme").rename(company / "src" / "acme")
    for name in ("acme.campaigns", "acme/campaigns", "src/acme/campaigns/"):
        assert journeys("check", name, cwd=company).stdout == LOADS


def test_node_modules_hold_no_templates(company: Path) -> None:
    theirs = company / "acme" / "campaigns" / "node_modules" / "theirs"
    theirs.mkdir(parents=True)
    (theirs / "pipeline.yaml").write_text("a: b\n")
    assert journeys("check", "acme.campaigns", cwd=company).stdout == LOADS


@pytest.mark.parametrize(
    ("link", "to", "told"),
    [
        ("lost.py", "nowhere.py", "lost.py:1:1: this cannot be read (no such file or directory); take it away, or mend it"),
        (
            "self.py",
            "self.py",
            "self.py:1:1: this cannot be read (too many levels of symbolic links); take it away, or mend it",
        ),
        (
            "again",
            ".",
            "again/__init__.py:1:1: by a link this is the module acme.campaigns once more; take the link",
        ),
    ],
)
def test_a_link_that_leads_nowhere_or_back_is_told(company: Path, link: str, to: str, told: str) -> None:
    (company / "acme" / "campaigns" / link).symlink_to(to)
    [line] = journeys("check", "acme.campaigns", cwd=company).stdout.splitlines()
    assert line.startswith(f"acme/campaigns/{told}")


def test_a_catalogue_that_brings_no_template_and_one_in_an_archive_say_what_to_do(company: Path) -> None:
    shutil.make_archive(str(company / "packed"), "zip", company, "acme")
    (company / "acme" / "campaigns" / "hello.push.yaml").unlink()
    told = journeys("check", "acme.campaigns", cwd=company).stdout
    assert "no template at all stands beside the catalogue: if it is installed, its package must bring them" in told
    (company / "acme").rename(company / "gone")
    told = journeys("check", "acme.campaigns", cwd=company, path=[str(company / "packed.zip")]).stdout
    assert "acme/campaigns/__init__.py:1:1: a catalogue is a folder of files, and this one is inside of an archive" in told
