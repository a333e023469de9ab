"""The client as a package that is ready to be installed: its modules, `py.typed`, a README and how it is built."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from segments.errors import SegmentError
from workers.client.calls import methods
from workers.client.document import prepared
from workers.client.models import models
from workers.client.written import client

_HERE = Path(__file__).parent
_DOOR = '''\
"""The client of a deployment of journeys; `Journeys` waits for each answer, `AsyncJourneys` does not."""

from . import models
from .client import AsyncJourneys, Journeys
from .runtime import (
    Conflict,
    Fault,
    Forbidden,
    Invalid,
    JourneysError,
    NotFound,
    Problem,
    Retries,
    ServerFault,
    TooManyRequests,
    Unauthorized,
    Unavailable,
    Unreachable,
    Unreadable,
    async_pages,
    pages,
)

__all__ = [
    "AsyncJourneys",
    "Conflict",
    "Fault",
    "Forbidden",
    "Invalid",
    "Journeys",
    "JourneysError",
    "NotFound",
    "Problem",
    "Retries",
    "ServerFault",
    "TooManyRequests",
    "Unauthorized",
    "Unavailable",
    "Unreachable",
    "Unreadable",
    "async_pages",
    "models",
    "pages",
]
'''
_PROJECT = """\
[build-system]
requires = ["setuptools>=77"]
build-backend = "setuptools.build_meta"

[project]
name = "{distribution}"
version = "{version}"
description = "The typed client of a deployment of journeys, written from its OpenAPI."
readme = "README.md"
requires-python = ">=3.11"
dependencies = ["httpx>=0.28,<1", "pydantic>=2.10,<3"]

[tool.setuptools]
packages = ["{package}"]

[tool.setuptools.package-data]
{package} = ["py.typed"]
"""


class NoPackage(SegmentError):
    """A client cannot be written there; the message says why."""


def files(document: Mapping[str, Any], package: str) -> dict[str, str]:
    """The files of a package of this name, by their paths in its folder.

    Raises:
        NoPackage: it is no name of a package.
        NoGenerator: what writes models is not installed.
    """
    if not package.isidentifier() or package != package.lower():
        raise NoPackage(f"{package!r} is no name of a package; take one like journeys_client")
    plain = prepared(document)
    found = [*methods(plain)]
    distribution, version = package.replace("_", "-"), document["info"]["version"]
    readme = (_HERE / "readme.md").read_text(encoding="utf-8").replace("journeys_client", package)
    return {
        "pyproject.toml": _PROJECT.format(distribution=distribution, version=version, package=package),
        "README.md": readme.replace("journeys-client", distribution),
        f"{package}/py.typed": "",
        f"{package}/__init__.py": _DOOR,
        f"{package}/models.py": models(plain),
        f"{package}/client.py": client(found),
        f"{package}/runtime.py": (_HERE / "runtime.py").read_text(encoding="utf-8"),
    }


def write(made: Mapping[str, str], folder: Path) -> None:
    """Write a package's files; what a client wrote before is written over, and nothing else.

    Raises:
        NoPackage: the folder has something that is no client.
    """
    strange = sorted(each.name for each in folder.iterdir() if _strange(each, made)) if folder.is_dir() else []
    if strange:
        raise NoPackage(f"{folder} has {strange[0]}, which is of no client; choose an empty folder")
    for name, text in made.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def _strange(path: Path, made: Mapping[str, str]) -> bool:
    """Whether it is neither what a client wrote nor what building it leaves."""
    known = {Path(name).parts[0] for name in made} | {"build", "dist", "__pycache__"}
    return path.name not in known and path.suffix != ".egg-info" and not path.name.startswith(".")
