"""The benchmarks can still be started: nothing that they import has moved away."""

import importlib
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent.parent / "benchmarks"

NAMES = sorted(
    ".".join(file.relative_to(FOLDER.parent).with_suffix("").parts)
    for folder in (FOLDER, FOLDER / "measured")
    for file in folder.glob("*.py")
    if not file.stem.startswith("__")
)


@pytest.mark.parametrize("name", NAMES)
def test_a_benchmark_finds_what_it_imports(name: str) -> None:
    assert importlib.import_module(name).__doc__
