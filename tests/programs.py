"""Programs that a test needs beside Python: skipped in one sentence where they are missing, and an error where CI runs."""

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest

SDK = Path(__file__).parent / "api" / "sdk"
_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def missing(what: str) -> NoReturn:
    """Skip this test, or fail where nothing may be missing."""
    if os.environ.get("CI"):
        pytest.fail(f"{what}; .ci/run installs it, and with CI set no test is skipped for a missing program")
    pytest.skip(what)


def browser() -> str:
    """The machine's Chromium."""
    for name in _BROWSERS:
        if path := shutil.which(name):
            return path
    missing("no Chromium on this machine: apt-get install chromium")


def node_modules() -> Path:
    """The SDKs of the lock file, installed."""
    if shutil.which("node") is None:
        missing("no Node.js on this machine: apt-get install nodejs npm")
    if not (SDK / "node_modules" / "@segment" / "analytics-next").is_dir():
        missing("the SDKs are not installed: make sdks")
    return SDK / "node_modules"


def axe() -> str:
    """The script that looks at a page as those do who cannot see it (axe-core), installed with the SDKs."""
    script = SDK / "node_modules" / "axe-core" / "axe.min.js"
    if not script.is_file():
        missing("axe-core is not installed: make sdks")
    return script.read_text()
