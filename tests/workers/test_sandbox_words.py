"""What goes wrong in Temporal's sandbox is told there: the sandbox refuses much that puts an error into words."""

import importlib
from pathlib import Path

import pytest
from temporalio import workflow

from workers.plugin import runner

SOURCE = """
from temporalio import workflow
from journeys.errors import CatalogueError, Problem

try:
    raise CatalogueError(Problem(__file__, 3, 1, "no exit"))
except CatalogueError as error:
    told = str(error)
if workflow.unsafe.in_sandbox():
    raise RuntimeError(f"told: {told}")


@workflow.defn
class Faulty:
    @workflow.run
    async def run(self) -> None: ...
"""


def test_a_fault_of_a_catalogue_is_put_into_words_inside_the_sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "faulty_in_the_sandbox.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(str(tmp_path))
    faulty = importlib.import_module("faulty_in_the_sandbox").Faulty
    with pytest.raises(RuntimeError, match=r"told: .*faulty_in_the_sandbox\.py:3:1: no exit"):
        runner(sandboxed=True).prepare_workflow(workflow._Definition.must_from_class(faulty))
