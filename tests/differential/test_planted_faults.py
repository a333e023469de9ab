"""Faults planted in the simulator, one at a time: each is caught by the comparison that holds it to real servers.

Promise: held against what Temporal did, as `recording.py` wrote it down, with the eyes of `test_differential.py`.
"""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from journeys.catalogue import Catalogue, load
from tests.differential.faults import FAULTS
from tests.differential.recorded import KEPT, Recorded, imported

#: So many cases are kept.
AT_LEAST = 25
Kept = list[tuple[Catalogue, Recorded]]


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    folder, found = tmp_path_factory.mktemp("faults"), Kept()
    with ExitStack() as stack:
        for file in sorted(KEPT.iterdir()):
            recorded, name = Recorded.read(file), f"recorded_{file.stem}"
            stack.enter_context(imported(name, recorded.source, folder))
            found.append((load(name), recorded))
        yield found


def test_without_a_fault_nothing_differs(kept: Kept) -> None:
    assert [line for catalogue, recorded in kept for line in recorded.different(catalogue, recorded.lives)] == []
    assert sum(len(recorded.lives) for _, recorded in kept) >= AT_LEAST


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_caught(kept: Kept, monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    monkeypatch.setattr(*FAULTS[fault])
    assert any(recorded.first_different(catalogue) for catalogue, recorded in kept)
