"""The product as a wheel: built from a copy of its sources, and installed into an empty folder; once for all workers."""

import fcntl
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PURELIB = Path(sysconfig.get_path("purelib"))
#: Not the virtual environment's, whose site would show this checkout.
PYTHON = getattr(sys, "_base_executable", sys.executable)

#: Plugins of ours beside the product's dependencies, which a company's pytest would not import.
_UNKNOWN = "-p no:schemathesis -p no:hypothesispytest"


def tracked() -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


def finished(*command: str, cwd: Path, path: tuple[Path, ...] = (), **more: str) -> subprocess.CompletedProcess[str]:
    quiet = {name: value for name, value in os.environ.items() if not name.startswith(("JOURNEYS_", "PYTHON", "PYTEST"))}
    programs = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])  # `temporal`, which a wheel brings
    environment = quiet | {"PATH": programs, "PYTHONPATH": os.pathsep.join(map(str, path)), "PYTEST_ADDOPTS": _UNKNOWN} | more
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd, env=environment, timeout=150)


def ran(*command: str, cwd: Path, path: tuple[Path, ...] = (), **more: str) -> str:
    done = finished(*command, cwd=cwd, path=path, **more)
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


@contextmanager
def for_all(factory: pytest.TempPathFactory, name: str) -> Iterator[tuple[Path, bool]]:
    """A folder that the workers of pytest-xdist share, and whether it is still to be filled: the others wait for the first."""
    base = factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / name
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        full = folder.with_suffix(".full")
        folder.mkdir(exist_ok=True)
        yield folder, not full.exists()
        full.touch()


@pytest.fixture(scope="session")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source distribution, built from a copy: a build leaves files beside what it builds."""
    with for_all(tmp_path_factory, "source") as (source, empty):
        if empty:
            for name in tracked():
                if name.partition("/")[0] not in {"docs", "benchmarks"}:
                    (source / name).parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(ROOT / name, source / name)
            build = "from setuptools import build_meta; print(build_meta.build_sdist('dist'))"
            ran(sys.executable, "-c", build, cwd=source)
    [built] = (source / "dist").glob("*.tar.gz")
    return built


@pytest.fixture(scope="session")
def wheel(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    with for_all(tmp_path_factory, "wheel") as (folder, empty):
        if empty:
            with tarfile.open(sdist) as archive:
                archive.extractall(folder, filter="data")
            source = folder / sdist.name.removesuffix(".tar.gz")
            pip = (sys.executable, "-m", "pip", "wheel", "--quiet", "--no-build-isolation", "--no-deps", "--no-index")
            ran(*pip, "--wheel-dir", str(folder), str(source), cwd=folder)
    [built] = folder.glob("*.whl")
    return built


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty folder with the wheel and nothing else."""
    with for_all(tmp_path_factory, "installed") as (folder, empty):
        if empty:
            pip = (sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--no-compile")
            ran(*pip, "--target", str(folder), str(wheel), cwd=folder)
    return folder
