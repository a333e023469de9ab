"""The package as a company gets it: built from its sources, installed without a checkout, used from their folder."""

import re
import tarfile
import tomllib
from email import message_from_string
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.wheel import PURELIB, PYTHON, ROOT, finished, ran, tracked

ROOMS = {"activities", "api", "journeys", "segments", "store", "workers"}
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]


def journeys(installed: Path, *arguments: str, cwd: Path, **more: str) -> str:
    """The program as it is installed; no virtual environment, whose checkout it would see, but with its dependencies."""
    program = str(installed / "bin" / "journeys")
    return ran(PYTHON, "-P", program, *arguments, cwd=cwd, path=(installed, PURELIB), **more)


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
    files = ran(PYTHON, "-P", "-c", f"import sys\n{program}", cwd=tmp_path, path=(installed, PURELIB)).split()
    assert len(files) == 4
    assert all(Path(file).is_relative_to(installed) for file in files)


INSTALL = "pip install 'journeys[embedded]'"


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """The dependencies as they are without an extra."""
    folder = tmp_path / "bare"
    folder.mkdir()
    for entry in PURELIB.iterdir():
        if not entry.name.startswith(("aiosmtpd", "psutil", "pytest", "_pytest", "xdist")):
            (folder / entry.name).symlink_to(entry)
    return folder


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        (
            ("dev",),
            "this starts servers of its own, which needs an extra (aiosmtpd and psutil): pip install 'journeys[embedded]'",
        ),
        (("keys", "list"), "JOURNEYS_DATABASE_URL is not set, and no `journeys dev` runs here; set it, or start that first"),
        (("worker",), "JOURNEYS_DATABASE_URL is not set; `journeys dev` brings a server of its own, this command does not"),
    ],
    ids=["dev", "keys", "worker"],
)
def test_without_the_extra_a_command_says_in_a_line_what_it_lacks(
    installed: Path, bare: Path, tmp_path: Path, command: tuple[str, ...], sentence: str
) -> None:
    done = finished(PYTHON, "-P", "-m", "journeys", *command, cwd=tmp_path, path=(installed, bare))
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"journeys: {sentence}\n")


def test_what_new_writes_is_checked_and_passes_its_own_test(installed: Path, tmp_path: Path) -> None:
    """The kit comes by its entry point; the catalogue is found from the test, wherever pytest is started."""
    told = journeys(installed, "new", "acme/campaigns", cwd=tmp_path)
    assert journeys(installed, "check", "acme.campaigns", cwd=tmp_path).endswith("it loads\n")
    [test] = re.findall(r"pytest (\S+)", told)
    (tmp_path / "api").mkdir()
    (tmp_path / "api" / "__init__.py").write_text("raise RuntimeError('theirs')\n")
    command = (PYTHON, "-P", "-m", "pytest", "-q", "-p", "no:cacheprovider", Path(test).name)
    for on in ((), ("--journeys-on", "temporal")):
        assert "2 passed" in ran(*command, *on, cwd=tmp_path / "tests", path=(installed, PURELIB))


SHARED = """
import os, pathlib, pytest

@pytest.fixture
def journeys_catalogue():
    return "shared_catalogue"

@pytest.mark.parametrize("number", range(2))
def test_where_it_runs(shop, request, number):
    from workers.testing.plugin import servers_of
    pathlib.Path(f"{os.environ['PYTEST_XDIST_WORKER']}.server").write_text(servers_of(request.config).postgres)
"""


def test_the_workers_of_xdist_share_their_servers(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "shared_catalogue").mkdir()
    (tmp_path / "shared_catalogue" / "__init__.py").touch()
    (tmp_path / "test_shared.py").write_text(SHARED)
    options = ("-n2", "-pno:cacheprovider", "--assert=plain", "--journeys-on=temporal")
    command = (PYTHON, "-P", "-m", "pytest", *options)
    ran(*command, cwd=tmp_path, path=(installed, PURELIB))
    servers = {file.name: file.read_text() for file in tmp_path.glob("*.server")}
    assert (len(servers), len(set(servers.values()))) == (2, 1)


def test_a_catalogue_that_the_kit_does_not_find_is_told_by_its_fixture(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "test_lost.py").write_text(SHARED.replace("shared_catalogue", "lost_catalogue"))
    command = (PYTHON, "-P", "-m", "pytest", "-p", "no:cacheprovider", "-k", "0")
    told = finished(*command, cwd=tmp_path, path=(installed, PURELIB)).stdout
    assert (
        "there is no module 'lost_catalogue', above this test or on Python's path: let the fixture journeys_catalogue" in told
    )
