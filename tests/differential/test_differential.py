"""The simulator against Temporal over random journeys, customers, events, outcomes and clocks: none different.

Few cases by default, because each costs on real servers; in the long profile two thousand, each word in a hundred of them.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from journeys.catalogue import load
from tests.differential.cases import Case, Watched, cases, performed, worthy
from tests.differential.comparing import different, differently_refused, refused
from tests.differential.crowd import Crowd, crowd
from tests.differential.journeys_at_random import source
from tests.differential.recorded import found, imported, place
from tests.differential.traced import WORDS, Trace, declared, traced
from tests.extent import scaled
from workers.testing.rehearsal import Rehearsal
from workers.testing.served import next_monday
from workers.testing.servers import Servers
from workers.testing.simulated import Simulated

BATCHES, EACH = scaled((1, 10), (40, 50))
#: Where coverage is counted; each word comes up so often.
COUNTED, AT_LEAST = scaled((2, 3), (BATCHES, 100))
#: So many journeys are written for a case, and so often is one tried: not all of them come to much.
SPARE, TRIES = 1.5, 4


@dataclass(frozen=True)
class Drawn:
    """The name of a catalogue, cases in it, and in how many of them each word came up."""

    catalogue: str
    cases: list[Case]
    words: Counter[str]


@contextmanager
def drawn(seed: int, number: int, folder: Path) -> Iterator[Drawn]:
    """Cases, each in a journey of its own: simulated first, those that show too little are left out."""
    name, journeys = f"random_catalogue_{seed}_{number}", int(number * SPARE)
    written = source(seed, journeys, began := next_monday())
    with imported(name, written, folder):
        with traced() as trace:
            stage = Watched(load(name), began)
            tried = list(cases(seed, [f"drawn_{n}" for n in range(journeys)], TRIES))
            met = performed(Rehearsal(stage), tried)
        shown = {case.journey: case for case in reversed(tried) if worthy(stage, trace, case, met=met[case.name])}
        chosen = sorted(shown.values(), key=lambda case: case.name)[:number]
        said = declared(written)
        words = [Counter(said[case.journey] | words_of(stage, trace, case)) for case in chosen]
        yield Drawn(name, chosen, sum(words, Counter[str]()))


def words_of(stage: Simulated, trace: Trace, case: Case) -> set[str]:
    """The words of the handle that came up in a case."""
    runs = stage.world.runs.of(stage.world.customers[case.name])
    return set[str]().union(*(trace.words[run.start.run_id] for run in runs))


def test_every_word_comes_up_often_enough(tmp_path: Path) -> None:
    words, total = Counter[str](), 0
    for seed in range(COUNTED):
        with drawn(seed, 50, tmp_path) as found:
            words, total = words + found.words, total + len(found.cases)
    assert total == COUNTED * 50
    assert {word: words[word] for word in WORDS if words[word] < AT_LEAST} == {}


@pytest.mark.parametrize("seed", range(BATCHES))
def test_simulated_runs_do_what_real_ones_do(servers: Servers, tmp_path: Path, seed: int) -> None:
    with drawn(seed, EACH, tmp_path / "catalogues") as found, played(servers, found, tmp_path) as (trace, stage):
        wrong = compared(trace, stage, found.cases)
    assert not wrong, "\n".join([f"of {len(found.cases)} cases differ:", *wrong])
    assert len(found.cases) == EACH


@contextmanager
def played(servers: Servers, found: Drawn, folder: Path) -> Iterator[tuple[Trace, Crowd]]:
    """Its cases on real servers, to the end."""
    with traced() as trace, crowd(servers, found.catalogue, folder) as stage:
        performed(Rehearsal(stage), found.cases, stage.instant)
        yield trace, stage


def compared(trace: Trace, stage: Crowd, chosen: Sequence[Case]) -> list[str]:
    """Where the real servers and the shadow do not agree, a line each."""
    real, lines = stage.all_runs(), []
    for name in [case.name for case in chosen]:
        wrong = different(trace, sorted(real[name], key=place), found(stage.shadow, name))
        wrong += differently_refused(*(refused(each.refusals(name)) for each in (stage, stage.shadow)))
        lines += [f"{name}: {line}" for line in wrong]
    return lines
