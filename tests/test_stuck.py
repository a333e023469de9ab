"""What is told of a test that does not come back."""

import subprocess
import sys
from pathlib import Path

CONFTEST = """
import asyncio
import pytest
from tests import stuck
from tests.stuck import pytest_configure, pytest_runtest_protocol

stuck.LIMIT, stuck.LOOK = 0.5, 0.05

async def for_ever():
    await asyncio.Event().wait()

@pytest.fixture
async def slow_to_go():
    yield
    await for_ever()
"""


def test_it_ends_and_says_what_it_waited_for(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_it.py").write_text("async def test_it(slow_to_go):\n    pass\n")
    command = [sys.executable, "-m", "pytest", "-c", "/dev/null", "--rootdir", str(tmp_path), str(tmp_path)]
    command += ["-o", "asyncio_mode=auto"]
    root = Path(__file__).parents[1]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=root, timeout=60)
    assert done.returncode == 1
    assert "test_it.py::test_it did not come back within" in done.stderr
    assert "in slow_to_go" in done.stderr
    assert "in for_ever" in done.stderr
    assert "most recent call first" in done.stderr, "and its threads"
