"""`journeys new`: what it writes passes `journeys check` and runs; it writes over nothing."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.command_line import journeys


@pytest.mark.parametrize(("folder", "module"), [("my_shop", "my_shop"), ("acme/campaigns", "acme.campaigns")])
def test_what_it_writes_passes_the_check_that_it_names(folder: str, module: str, tmp_path: Path) -> None:
    told = journeys("new", folder, cwd=tmp_path).stdout
    assert f"journeys check {module}\n" in told
    assert f"JOURNEYS_CATALOGUE={module} journeys dev\n" in told
    for name in (line for line in told.splitlines() if line.startswith((folder, "tests/"))):
        assert (tmp_path / name).is_file()
    finished = journeys("check", module, cwd=tmp_path)
    assert (finished.stdout, finished.stderr) == (f"{module}: 1 journey, 2 segments, 3 templates; it loads\n", "")
    assert journeys("check", cwd=tmp_path, catalogue=module).stdout == finished.stdout


def test_an_empty_folder_may_be_there_and_another_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "my_shop").mkdir()
    assert journeys("new", "my_shop", cwd=tmp_path).returncode == 0
    (tmp_path / "my_shop" / "__init__.py").write_text("mine = 1\n")
    finished = journeys("new", "my_shop", cwd=tmp_path)
    assert (finished.returncode, finished.stdout) == (1, "")
    assert finished.stderr == "journeys: my_shop is there already, and not empty; name a folder that is not there yet\n"
    assert (tmp_path / "my_shop" / "__init__.py").read_text() == "mine = 1\n"


@pytest.mark.parametrize(
    ("folder", "sentence"),
    [
        ("my-shop", "Python cannot import a folder that is called 'my-shop'; use letters, digits and _, such as my_shop"),
        ("class", "Python cannot import a folder that is called 'class'"),
        ("store", "Python has a package that is called 'store' already; give yours a name of its own"),
        ("email", "Python has a package that is called 'email' already"),
        ("pydantic/mine", "Python has a package that is called 'pydantic' already"),
        ("../elsewhere", "../elsewhere is not below the folder where you stand"),
        (".", ". is not below the folder where you stand"),
    ],
)
def test_a_folder_that_cannot_be_a_catalogue_is_refused(folder: str, sentence: str, tmp_path: Path) -> None:
    finished = journeys("new", folder, cwd=tmp_path)
    assert (finished.returncode, finished.stdout) == (1, "")
    assert finished.stderr.startswith(f"journeys: {sentence}")
    assert list(tmp_path.iterdir()) == []


def test_help_is_for_a_newcomer() -> None:
    told = " ".join(journeys("new", "--help").stdout.split())
    for words in ("Write a first catalogue", "its name is how it is imported", "`journeys check` looks for mistakes in it"):
        assert words in told


@pytest.mark.parametrize("on", [[], ["--journeys-on", "temporal"]], ids=["simulator", "temporal"])
def test_its_own_test_passes_on_the_kit(on: list[str], tmp_path: Path) -> None:
    """In a process that knows nothing of this suite: the kit comes by its entry point."""
    told = journeys("new", "acme/campaigns", cwd=tmp_path).stdout
    (tmp_path / "api").mkdir()
    (tmp_path / "api" / "__init__.py").write_text("raise RuntimeError('theirs')\n")
    [test] = re.findall(r"pytest (\S+)", told)
    command = [sys.executable, "-P", "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", test, *on]
    finished = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, timeout=150)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert "2 passed" in finished.stdout
    again = journeys("new", "acme_campaigns", cwd=tmp_path)
    assert again.stderr == f"journeys: {test} is there already; move it away, or name another folder\n"
