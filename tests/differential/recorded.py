"""Catalogues that are imported for a while, and what became of cases on a stage, kept to be held against another."""

import importlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from journeys.catalogue import Catalogue, load
from tests.differential.cases import Case, performed
from tests.differential.comparing import different
from tests.differential.journeys_at_random import with_templates
from tests.differential.traced import Trace, traced
from workers.testing.rehearsal import MONDAY, Rehearsal
from workers.testing.seen import Run
from workers.testing.simulated import Simulated


@contextmanager
def imported(name: str, source: str, folder: Path) -> Iterator[None]:
    """A catalogue of this source that can be imported by its name."""
    with_templates(folder / name, source)
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        load.cache_clear()
        sys.modules.pop(name, None)


def found(stage: Simulated, name: str) -> list[tuple[UUID, Run]]:
    """A customer's simulated runs, by journey and entry."""
    runs = stage.world.runs.of(stage.world.customers[name])
    seen = [(run.start.run_id, each) for run, each in zip(runs, stage.runs(name), strict=True)]
    return sorted(seen, key=place)


def place(each: tuple[UUID, Run]) -> tuple[str, datetime]:
    """By what runs are told apart."""
    return each[1].journey, each[1].entered_at


@dataclass(frozen=True)
class Recorded:
    """What became of cases on the simulator as it is."""

    catalogue: Catalogue
    cases: Sequence[Case]
    runs: Mapping[str, list[tuple[Run, list[tuple[int, str, str]]]]]

    @classmethod
    def of(cls, catalogue: Catalogue, cases: Sequence[Case]) -> "Recorded":
        """Simulate them."""
        trace, stage = _simulated(catalogue, cases)
        runs = {case.name: [(run, trace.told(id_)) for id_, run in found(stage, case.name)] for case in cases}
        return cls(catalogue, cases, runs)

    def first_different(self, at_once: int = 10) -> list[str]:
        """Some cases after the other are simulated again: where the first of them differ."""
        for n in range(0, len(self.cases), at_once):
            cases = self.cases[n : n + at_once]
            trace, stage = _simulated(self.catalogue, cases)
            if wrong := [line for case in cases for line in self._compared(trace, stage, case.name)]:
                return wrong
        return []

    def _compared(self, trace: Trace, stage: Simulated, name: str) -> list[str]:
        before = [(UUID(int=n), run) for n, (run, _) in enumerate(self.runs[name], 2**100)]
        for (id_, _), (_, answers) in zip(before, self.runs[name], strict=True):
            trace.effects[id_] = answers
        return different(trace, before, found(stage, name))


def _simulated(catalogue: Catalogue, cases: Sequence[Case]) -> tuple[Trace, Simulated]:
    with traced() as trace:
        stage = Simulated(catalogue, MONDAY)
        performed(Rehearsal(stage), cases)
    return trace, stage
