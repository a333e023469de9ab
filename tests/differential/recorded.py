"""What real servers did with some cases, kept: a simulator with a fault in it is held against that, without any server.

Where the engine's behaviour changes on purpose, record anew: `RECORD_DIFFERENTIAL=1 pytest -k record tests/differential`.
"""

import importlib
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from journeys.catalogue import Catalogue, load
from journeys.contracts import Channel
from tests.differential.cases import Case, performed
from tests.differential.comparing import Found, different
from tests.differential.journeys_at_random import with_templates
from tests.differential.traced import Trace, traced
from workers.testing.rehearsal import Rehearsal
from workers.testing.seen import Called, Message, Run
from workers.testing.simulated import Simulated

FILE = Path(__file__).with_name("recorded.json")
NAME = "recorded_catalogue"
Answers = list[tuple[int, str, str]]


@dataclass(frozen=True)
class Recorded:
    """A catalogue's source, when the shop opened, and its cases: who they were and what became of them."""

    source: str
    began: datetime
    cases: tuple[Case, ...]
    people: dict[str, UUID]
    runs: dict[str, list[tuple[Run, Answers]]]

    @contextmanager
    def catalogue(self, folder: Path) -> Iterator[Catalogue]:
        """Its catalogue, imported."""
        with imported(NAME, self.source, folder):
            yield load(NAME)

    def first_different(self, catalogue: Catalogue, at_once: int = 10) -> list[str]:
        """Some cases after the other are simulated: where the first of them differ."""
        for n in range(0, len(self.cases), at_once):
            if found := self._different(catalogue, self.cases[n : n + at_once]):
                return found
        return []

    def _different(self, catalogue: Catalogue, cases: Sequence[Case]) -> list[str]:
        with traced() as trace:
            stage = _Known(catalogue, self.began, self.people)
            performed(Rehearsal(stage), cases)
        return [line for case in cases for line in self._compared(trace, stage, case.name)]

    def _compared(self, trace: Trace, stage: Simulated, name: str) -> list[str]:
        runs = found(stage, name)
        real: Found = [(UUID(int=n), run) for n, (run, _) in enumerate(self.runs[name], 2**100)]
        for (id_, _), (_, answers) in zip(real, self.runs[name], strict=True):
            trace.effects[id_] = answers
        return different(trace, real, runs)

    def keep(self) -> None:
        """Write it down."""
        plain = asdict(self)
        FILE.write_text(json.dumps(plain, default=str, indent=None, separators=(",", ":")) + "\n")


class _Known(Simulated):
    """A simulated shop whose customers are those of the record."""

    def __init__(self, catalogue: Catalogue, now: datetime, people: Mapping[str, UUID]) -> None:
        super().__init__(catalogue, now)
        self._people = people

    def joins(self, name: str, channels: Sequence[Channel], traits: Mapping[str, Any], id_: UUID | None = None) -> None:
        super().joins(name, channels, traits, id_ or self._people[name])


def found(stage: Simulated, name: str) -> list[tuple[UUID, Run]]:
    """A customer's simulated runs, by journey and entry."""
    runs = stage.world.runs.of(stage.world.customers[name])
    seen = [(run.start.run_id, each) for run, each in zip(runs, stage.runs(name), strict=True)]
    return sorted(seen, key=place)


def place(each: tuple[UUID, Run]) -> tuple[str, datetime]:
    """By what runs are told apart."""
    return each[1].journey, each[1].entered_at


def kept() -> Recorded:
    """What is recorded."""
    plain = json.loads(FILE.read_text())
    return Recorded(
        source=plain["source"],
        began=datetime.fromisoformat(plain["began"]),
        cases=tuple(_case(each) for each in plain["cases"]),
        people={name: UUID(id_) for name, id_ in plain["people"].items()},
        runs={name: [_run(*each) for each in runs] for name, runs in plain["runs"].items()},
    )


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


def _case(plain: dict[str, Any]) -> Case:
    deeds = tuple((beat, what, tuple(how)) for beat, what, how in plain.pop("deeds"))
    faults = tuple(map(tuple, plain.pop("faults")))
    service = plain.pop("service")
    return Case(
        **plain | {"channels": tuple(plain["channels"])}, deeds=deeds, faults=faults, service=service and tuple(service)
    )


def _run(plain: dict[str, Any], answers: list[list[Any]]) -> tuple[Run, Answers]:
    calls = tuple(Called(**_at(call, "asked_at", "at")) for call in plain["calls"])
    messages = tuple(Message(**_at(message, "due_at", "at")) for message in plain["messages"])
    told = {"messages": messages, "calls": calls, "waiting": None}
    return Run(**_at(plain, "entered_at", "ended_at") | told), [(branch, what, came) for branch, what, came in answers]


def _at(plain: dict[str, Any], *names: str) -> dict[str, Any]:
    """With instants as such."""
    return plain | {name: plain[name] and datetime.fromisoformat(plain[name]) for name in names}
