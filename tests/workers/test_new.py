"""`journeys new`: what it writes passes `journeys check` and runs; it writes over nothing."""

import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.command_line import journeys
from workers.embedded.vault import keys_in

ROOT = Path(__file__).parents[2]


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


def test_each_command_that_its_instructions_name_does_what_they_say(tmp_path: Path) -> None:
    """What stands in AGENTS.md is typed, but for what needs a database or pytest, which are tried elsewhere."""
    journeys("new", "my_shop", cwd=tmp_path)
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    named = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
    for arguments in (["add", "."], [*named, "commit", "-qm", "first"]):
        subprocess.run(["git", *arguments], cwd=tmp_path, check=True)
    text = (tmp_path / "my_shop" / "AGENTS.md").read_text()
    typed = [shlex.split(line, comments=True) for line in text.splitlines() if line.startswith("    journeys ")]
    commands = {line[1]: [*line[1:]] for line in typed}
    assert commands.keys() == {
        "check",
        "lint",
        "diff",
        "reference",
        "graph",
        "preview",
        "COMMAND",
        "runs",
        "explain",
        "why-not",
    }
    commands["graph"][1] = "welcome"
    for name in ("check", "lint", "diff", "reference", "graph", "preview"):
        finished = journeys(*commands[name], cwd=tmp_path)
        assert (finished.returncode, finished.stderr) == (0, ""), name
    for name in ("runs", "explain", "why-not"):
        assert journeys(name, "--help", cwd=tmp_path).returncode == 0
    assert f"pytest -q {Path('tests') / 'test_my_shop.py'}" in text


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


def test_it_says_what_stands_in_the_way_and_leaves_nothing_half(tmp_path: Path) -> None:
    (tmp_path / "afile").touch()
    wrong = "journeys: {} is a file, and would have to be a folder; move it away, or name another folder\n"
    assert journeys("new", "afile/sub", cwd=tmp_path).stderr == wrong.format("afile")
    (tmp_path / "tests").touch()
    assert journeys("new", "my_shop", cwd=tmp_path).stderr == wrong.format("tests")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["afile", "tests"]
    (tmp_path / "tests").unlink()
    assert journeys("new", "my_shop", cwd=tmp_path).returncode == 0
    inside = journeys("new", "my_shop/more", cwd=tmp_path)
    assert inside.stderr == (
        "journeys: my_shop is a catalogue already, and holds what is below it, too; name a folder beside it\n"
    )


def test_a_folder_in_src_and_one_in_a_shared_namespace_get_the_name_by_which_they_are_imported(tmp_path: Path) -> None:
    told = journeys("new", "src/acme/campaigns", cwd=tmp_path).stdout
    assert "journeys check acme.campaigns\n" in told
    assert journeys("check", "acme.campaigns", cwd=tmp_path).returncode == 0
    (tmp_path / "elsewhere" / "shared" / "other").mkdir(parents=True)
    (tmp_path / "elsewhere" / "shared" / "other" / "__init__.py").touch()
    path = [str(tmp_path / "elsewhere")]
    assert journeys("new", "shared/campaigns", cwd=tmp_path, path=path).returncode == 0
    assert journeys("check", "shared.campaigns", cwd=tmp_path, path=path).returncode == 0
    assert "has a package that is called 'shared' already" in journeys("new", "shared", cwd=tmp_path, path=path).stderr


@pytest.mark.parametrize("folder", ["my_shop", "acme/campaigns"])
def test_what_it_writes_is_laid_out_and_typed_as_our_own_code_is(folder: str, tmp_path: Path) -> None:
    journeys("new", folder, cwd=tmp_path)
    shutil.copyfile(ROOT / "pyproject.toml", tmp_path / "pyproject.toml")
    for check in (("check", "--no-cache"), ("format", "--no-cache", "--check")):
        finished = subprocess.run(
            [sys.executable, "-m", "ruff", *check, "."], capture_output=True, text=True, check=False, cwd=tmp_path
        )
        assert finished.returncode == 0, finished.stdout


def test_it_says_how_somebody_signs_up_and_where_the_message_is_seen(tmp_path: Path) -> None:
    told = journeys("new", "my_shop", cwd=tmp_path).stdout
    (tmp_path / ".journeys").mkdir()
    keys_in(tmp_path / ".journeys")
    script = "curl() { printf '%s\\n' \"$@\"; }\n" + told.partition("signs up:\n")[2].partition("\nTen seconds")[0]
    finished = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert finished.stderr == ""
    key = keys_in(tmp_path / ".journeys").ingest
    assert finished.stdout.count(f"{key}:\n") == 2
    bodies = [json.loads(each) for each in re.findall(r"^-d\n(\{.*?\})$", finished.stdout, re.DOTALL | re.MULTILINE)]
    assert [body.get("event") for body in bodies] == [None, "Signed Up"]
    assert "http://localhost:8090" in told


def test_help_is_for_a_newcomer() -> None:
    told = " ".join(journeys("new", "--help").stdout.split())
    for words in ("Write a first catalogue", "its name is how it is imported", "`journeys check` looks for mistakes in it"):
        assert words in told
