"""Faults planted in the simulator, one at a time: each is caught by the comparison that holds it to real servers.

Promise: held against what Temporal did, as `recording.py` wrote it down, with the eyes of `test_differential.py`.
"""

from collections.abc import Iterator

import pytest

from journeys.catalogue import Catalogue, load
from tests.differential.faults import FAULTS
from tests.differential.recorded import KEPT, Recorded, imported

pytestmark = pytest.mark.skipif(not KEPT.exists(), reason="python -m tests.differential.recording SEED is to write it")
#: So many cases are kept.
AT_LEAST = 40


@pytest.fixture(scope="module")
def recorded() -> Recorded:
    return Recorded.read()


@pytest.fixture(scope="module")
def catalogue(recorded: Recorded, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalogue]:
    name = "recorded_catalogue"
    with imported(name, recorded.source, tmp_path_factory.mktemp("faults")):
        yield load(name)


def test_without_a_fault_nothing_differs(recorded: Recorded, catalogue: Catalogue) -> None:
    assert recorded.different(catalogue, recorded.lives) == []
    assert len(recorded.lives) >= AT_LEAST


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_caught(recorded: Recorded, catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    monkeypatch.setattr(*FAULTS[fault])
    assert recorded.first_different(catalogue)
