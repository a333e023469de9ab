"""A catalogue in a company's own repository and package, beside folders of theirs that are called like our rooms."""

import os
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
from workers.place import stand_here
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
    (company / "workers" / "__init__.py").unlink()  # what starts us is imported before anybody can look
    (company / "workers" / "cli.py").unlink()
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
