"""The source distribution: what one reads and builds from, and nothing that only lies about."""

import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from tests.pages import ROOT, Page
from tests.test_contributing import dead_links

LYING_ABOUT = (
    "definitions/.env",
    "definitions/.DS_Store",
    "definitions/cart_discount/notes",
    "docs/.env",
    ".journeys/keys.json",
)


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, unpacked: a build leaves files beside what it builds."""
    source, unpacked = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("unpacked")
    listed = subprocess.run(
        ["git", "ls-files", "-coz", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file() and not name.startswith("tests/"):
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, source / name)
    for name in LYING_ABOUT:
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text("JOURNEYS_SECRET=not for others")
    build = "from setuptools import build_meta; build_meta.build_sdist('dist')"
    subprocess.run([sys.executable, "-c", build], cwd=source, capture_output=True, check=True)
    (packed,) = (source / "dist").glob("*.tar.gz")
    with tarfile.open(packed) as archive:
        archive.extractall(unpacked, filter="data")
    return next(unpacked.iterdir())


def test_what_lies_about_stays_out(sdist: Path) -> None:
    assert [name for name in LYING_ABOUT if (sdist / name).exists()] == []
    assert [path.name for path in sdist.rglob(".*")] == []


def test_its_pages_lead_where_they_say(sdist: Path) -> None:
    pages = [sdist / "README.md", sdist / "CONTRIBUTING.md", *sorted((sdist / "docs").rglob("*.md"))]
    assert len(pages) > 20
    assert {str(page.relative_to(sdist)): dead for page in pages if (dead := list(dead_links(Page(page))))} == {}


def test_it_can_be_worked_with(sdist: Path) -> None:
    assert {"Makefile", "requirements.lock", "LICENSE", "pyproject.toml"} <= {path.name for path in sdist.iterdir()}
    assert (sdist / "definitions" / "cart_abandonment" / "cart-alternatives.email.mjml").is_file()
