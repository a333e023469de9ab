"""Catalogues that are imported for a while, and what became of cases on a stage, kept to be held against another."""

import importlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter

from journeys.catalogue import Catalogue, load
from journeys.contracts import Channel
from tests.differential.cases import Case, performed
from tests.differential.comparing import different, differently_refused, refused
from tests.differential.journeys_at_random import with_templates
from tests.differential.traced import Trace, traced
from workers.testing.rehearsal import Rehearsal
from workers.testing.seen import Run
from workers.testing.simulated import Simulated

#: Where what was recorded is kept, a file for each catalogue.
KEPT = Path(__file__).with_name("kept")


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


Answers = list[tuple[int, str, str]]


@dataclass(frozen=True)
class Lived:
    """What became of a case on real servers: its runs, each with what came of its effects, and what refused the customer."""

    case: Case
    id: UUID
    runs: list[tuple[Run, Answers]]
    refused: list[tuple[str, str, str]]


@dataclass(frozen=True)
class Recorded:
    """What became of cases in a catalogue on real servers: `python -m tests.differential.recording` writes it anew."""

    began: datetime
    source: str
    lives: list[Lived]

    @classmethod
    def read(cls, file: Path) -> "Recorded":
        """What is kept."""
        return _ADAPTER.validate_json(file.read_bytes())

    def write(self, seed: int) -> None:
        """Keep it: a line for each case."""
        KEPT.mkdir(exist_ok=True)
        (KEPT / f"seed_{seed}.json").write_bytes(
            _ADAPTER.dump_json(self, exclude_defaults=True).replace(b'{"case":', b'\n{"case":') + b"\n"
        )

    def first_different(self, catalogue: Catalogue, at_once: int = 10) -> list[str]:
        """Some cases after the other are simulated: where the first of them differ from what was recorded."""
        for n in range(0, len(self.lives), at_once):
            if wrong := self.different(catalogue, self.lives[n : n + at_once]):
                return wrong
        return []

    def different(self, catalogue: Catalogue, lives: Sequence[Lived]) -> list[str]:
        """Where these, simulated, are not what they were."""
        with traced() as trace:
            stage = _Known(catalogue, self.began, {life.case.name: life.id for life in lives})
            performed(Rehearsal(stage), [life.case for life in lives])
        return [f"{life.case.name}: {line}" for life in lives for line in _compared(trace, stage, life)]


class _Known(Simulated):
    """A simulation whose customers have the ids that they had, and so the same luck."""

    def __init__(self, catalogue: Catalogue, now: datetime, ids: Mapping[str, UUID]) -> None:
        super().__init__(catalogue, now)
        self._ids = ids

    def joins(self, name: str, channels: Sequence[Channel], traits: Mapping[str, Any], id_: UUID | None = None) -> None:
        super().joins(name, channels, traits, id_ or self._ids[name])


def _compared(trace: Trace, stage: Simulated, life: Lived) -> list[str]:
    before = [(UUID(int=n), run) for n, (run, _) in enumerate(life.runs, 2**100)]
    for (id_, _), (_, answers) in zip(before, life.runs, strict=True):
        trace.effects[id_] = answers
    reasons = refused(stage.refusals(life.case.name))
    return different(trace, before, found(stage, life.case.name)) + differently_refused(life.refused, reasons)


_ADAPTER = TypeAdapter(Recorded)
