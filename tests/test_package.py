"""The package as a company gets it: built from its sources, installed without a checkout, used from their folder."""

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
from email import message_from_string
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = {"activities", "api", "journeys", "segments", "store", "workers"}
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]


def tracked() -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


def ran(*command: str, cwd: Path, path: tuple[Path, ...] = (), **more: str) -> str:
    quiet = {name: value for name, value in os.environ.items() if not name.startswith(("JOURNEYS_", "PYTHON"))}
    environment = quiet | {"PYTHONPATH": os.pathsep.join(map(str, path))} | more
    finished = subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd, env=environment, timeout=120)
    assert finished.returncode == 0, f"{command}\n{finished.stdout}{finished.stderr}"
    return finished.stdout


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source distribution, built from a copy: a build leaves files beside what it builds."""
    source = tmp_path_factory.mktemp("source")
    for name in tracked():
        if name.partition("/")[0] not in {"docs", "benchmarks"}:
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, source / name)
    build = "from setuptools import build_meta; print(build_meta.build_sdist('dist'))"
    name = ran(sys.executable, "-c", build, cwd=source).splitlines()[-1]
    return source / "dist" / name


@pytest.fixture(scope="module")
def wheel(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    source = folder / sdist.name.removesuffix(".tar.gz")
    pip = (sys.executable, "-m", "pip", "wheel", "--quiet", "--no-build-isolation", "--no-deps", "--no-index")
    ran(*pip, "--wheel-dir", str(folder), str(source), cwd=folder)
    [built] = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty folder with the wheel and nothing else."""
    folder = tmp_path_factory.mktemp("installed")
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--no-compile")
    ran(*pip, "--target", str(folder), str(wheel), cwd=folder)
    return folder


def journeys(installed: Path, *arguments: str, cwd: Path, **more: str) -> str:
    """The program as it is installed; no virtual environment, whose checkout it would see, but with its dependencies."""
    python = getattr(sys, "_base_executable", sys.executable)
    program = str(installed / "bin" / "journeys")
    return ran(python, "-P", program, *arguments, cwd=cwd, path=(installed, Path(sysconfig.get_path("purelib"))), **more)


def test_the_wheel_holds_all_of_the_product_and_nothing_else(wheel: Path) -> None:
    held = {name for name in ZipFile(wheel).namelist() if not name.startswith("journeys-")}
    assert held == {name for name in tracked() if name.partition("/")[0] in ROOMS}


def test_every_package_says_that_it_is_typed(wheel: Path) -> None:
    assert {f"{room}/py.typed" for room in ROOMS} <= set(ZipFile(wheel).namelist())


def test_the_package_says_what_it_is(wheel: Path) -> None:
    with ZipFile(wheel) as archive:
        told = message_from_string(archive.read(f"journeys-{VERSION}.dist-info/METADATA").decode())
        licence = archive.read(f"journeys-{VERSION}.dist-info/licenses/LICENSE").decode()
    assert (told["Name"], told["Version"], told["License-Expression"]) == ("journeys", VERSION, "MIT")
    assert told["Author"] == "The journeys authors"
    assert licence.startswith("MIT License")


def test_the_source_distribution_holds_no_tests_but_the_example(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        held = {name.partition("/")[2] for name in archive.getnames()}
    assert not [name for name in held if name.startswith(("tests", "benchmarks"))]
    assert {"LICENSE", "README.md", "pyproject.toml", "definitions/cart_abandonment/__init__.py"} <= held


def test_a_company_checks_its_catalogue_with_the_installed_program(installed: Path, tmp_path: Path) -> None:
    for name, text in {
        "acme/__init__.py": "",
        "acme/campaigns/__init__.py": """
from journeys import Journey, Segment, did, journey

@journey(entry=Segment("carts", did("Product Added")))
async def hello(j: Journey) -> None:
    await j.email("hello")
""",
        "acme/campaigns/hello.email.mjml": '---\nsubject: "Hello"\n---\n<mjml><mj-body><mj-section><mj-column><mj-text>'
        '<a href="{{ unsubscribe_url }}">Unsubscribe</a></mj-text></mj-column></mj-section></mj-body></mjml>\n',
        "api/__init__.py": "raise RuntimeError('theirs')\n",
        "definitions/__init__.py": "# theirs: no package of ours hides it\n",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    told = journeys(installed, "check", cwd=tmp_path, JOURNEYS_CATALOGUE="acme.campaigns")
    assert told == "acme.campaigns: 1 journey, 1 segment, 1 template; it loads\n"
    assert journeys(installed, "check", cwd=tmp_path) == "definitions: 0 journeys, 0 segments, 0 templates; it loads\n"
    assert journeys(installed, "version", cwd=tmp_path) == f"{VERSION}\n"


def test_the_installed_parts_find_their_files(installed: Path, tmp_path: Path) -> None:
    program = (
        "import api.app, store.migrate, workers.sandbox.server, workers.demo, workers.worker, workers.serve, segments.library\n"
        "print(*{m.__file__ for n, m in sys.modules.items() if n in ('api', 'store', 'workers', 'segments')})"
    )
    python = getattr(sys, "_base_executable", sys.executable)
    path = (installed, Path(sysconfig.get_path("purelib")))
    files = ran(python, "-P", "-c", f"import sys\n{program}", cwd=tmp_path, path=path).split()
    assert len(files) == 4
    assert all(Path(file).is_relative_to(installed) for file in files)
