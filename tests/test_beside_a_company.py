"""The wheel in a company's environment, beside packages of theirs that are called like our rooms."""

import shutil
import subprocess
from pathlib import Path
from secrets import token_hex

import pytest

from tests.wheel import PURELIB, PYTHON, finished, ran
from workers.embedded.ports import free_port

ROOMS = ("activities", "api", "segments", "store", "workers")
HERE = Path()
JOURNEY = """\
from journeys import Journey, Segment, did, journey


@journey(entry=Segment("carts", did("Product Added")))
async def hello(j: Journey) -> None:
    await j.push("hello")
"""
LOADS = "acme.campaigns: 1 journey, 1 segment, 1 template; it loads\n"


@pytest.fixture
def company(tmp_path: Path) -> Path:
    """A repository with packages of theirs, their tests, and a catalogue."""
    for room in ROOMS:
        write(tmp_path, f"{room}/__init__.py", "theirs = True\n")
    write(tmp_path, "workers/billing.py", "def total():\n    return 42\n")
    own = "\n".join(f"import {room}\nassert {room}.theirs" for room in ROOMS)
    write(tmp_path, "tests/test_billing.py", f"{own}\nfrom workers.billing import total\ndef test(): assert total() == 42\n")
    write(tmp_path, "acme/__init__.py", "")
    write(tmp_path, "acme/campaigns/__init__.py", JOURNEY)
    write(tmp_path, "acme/campaigns/hello.push.yaml", "title: Hello\nbody: there\n")
    return tmp_path


def write(folder: Path, name: str, text: str) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)


def suite(installed: Path, cwd: Path, *arguments: str, path: tuple[Path, ...] = ()) -> subprocess.CompletedProcess[str]:
    """pytest in the company's environment; `-P` keeps the folder off Python's path."""
    command = (PYTHON, *arguments[:1], "-m", "pytest", "-p", "no:cacheprovider", *arguments[1:])
    return finished(*command, cwd=cwd, path=(*path, installed, PURELIB))


@pytest.mark.parametrize(
    ("how", "path"),
    [(("-P", "-o", "pythonpath=."), ()), (("-P",), (HERE,)), (("-u",), ())],
    ids=["pythonpath", "PYTHONPATH", "python -m pytest"],
)
def test_a_suite_that_asks_for_no_fixture_of_ours_does_not_notice_us(
    installed: Path, company: Path, how: tuple[str, ...], path: tuple[Path, ...]
) -> None:
    done = suite(installed, company, *how, path=path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout


def test_a_test_on_the_kit_says_what_stands_in_its_way(installed: Path, company: Path) -> None:
    write(company, "tests/test_hello.py", "import workers.billing\ndef test_hello(shop): pass\n")
    told = " ".join(suite(installed, company, "-P", "-o", "pythonpath=.", "tests/test_hello.py").stdout.split())
    assert f"the folder {company / 'workers'} hides a package of journeys that is called 'workers', too: in one process" in told
    assert "such as: pytest tests/test_hello.py" in told


@pytest.mark.parametrize("path", [(), (HERE,), ("all",)], ids=["here", "PYTHONPATH=.", "PYTHONPATH=/…"])
def test_the_program_finds_its_own_packages(installed: Path, company: Path, path: tuple[Path, ...]) -> None:
    first = tuple(company if each == "all" else each for each in path)
    for program in ((str(installed / "bin" / "journeys"),), ("-m", "journeys")):
        command = (PYTHON, *program, "check", "acme.campaigns")
        assert ran(*command, cwd=company, path=(*first, installed, PURELIB)) == LOADS


def test_a_package_that_was_imported_before_us_is_named(installed: Path, company: Path) -> None:
    write(company, "sitecustomize.py", "import workers\n")
    done = finished(PYTHON, "-m", "journeys", "check", cwd=company, path=(HERE, installed, PURELIB))
    assert (done.returncode, done.stdout) == (1, "")
    hidden = f"the folder {company / 'workers'} hides a package of journeys that is called 'workers', too"
    assert done.stderr == f"journeys: {hidden}; rename it, or take it off Python's path\n"


@pytest.mark.parametrize("room", ["api", "segments", "store"])
def test_a_package_that_was_installed_over_ours_is_named(installed: Path, company: Path, tmp_path: Path, room: str) -> None:
    both = tmp_path / "both"
    shutil.copytree(installed, both)
    shutil.copyfile(company / room / "__init__.py", both / room / "__init__.py")
    write(both, "acme_shop-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: acme-shop\nVersion: 1.0\n")
    write(both, "acme_shop-1.0.dist-info/top_level.txt", f"{room}\n")
    settings = {"DATABASE_URL": "postgresql://127.0.0.1:9/d", "SECRET": token_hex(32), "CATALOGUE": "acme.campaigns"}
    told = {f"JOURNEYS_{name}": value for name, value in settings.items()} | {"JOURNEYS_API_PORT": str(free_port())}
    done = finished(PYTHON, "-P", "-m", "journeys", "api", cwd=company, path=(both, PURELIB), **told)
    assert (done.returncode, done.stdout) == (1, "")
    over = f"journeys: acme-shop has a package that is called '{room}', too, and was installed over ours"
    assert done.stderr.startswith(over)
    assert len(done.stderr.splitlines()) == 1


def checked(installed: Path, cwd: Path, **more: str) -> str:
    return finished(PYTHON, "-P", "-m", "journeys", "check", cwd=cwd, path=(installed, PURELIB), **more).stdout


def test_who_has_named_no_catalogue_is_told_of_one_that_stands_here(installed: Path, company: Path, tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere"
    nowhere.mkdir()
    for cwd, advice in ((company, "set JOURNEYS_CATALOGUE=acme.campaigns"), (nowhere, "write one with: journeys new my_shop")):
        assert checked(installed, cwd) == f"no catalogue is named, and none is called 'definitions' here; {advice} [word]\n"
    told = checked(installed, nowhere, JOURNEYS_CATALOGUE="acme.campaigns")
    assert told.startswith("there is no module 'acme.campaigns', which JOURNEYS_CATALOGUE names; is it spelt so?")
    assert told.endswith("Stand in the folder that holds acme/, or put that folder on PYTHONPATH [module]\n")
    assert checked(installed, company, JOURNEYS_CATALOGUE="acme..campaigns").startswith("there is no module 'acme..campaigns'")
