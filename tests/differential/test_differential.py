"""The simulator against Temporal over random journeys, customers, events, outcomes and clocks: none different.

Few cases by default, because each costs on real servers; in the long profile two thousand, each word in a hundred of them.
"""

import importlib
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from uuid import UUID

import pytest

from journeys.catalogue import load
from tests.differential.cases import Case, cases, performed, worthy
from tests.differential.comparing import Found, different, refused
from tests.differential.crowd import Crowd, crowd
from tests.differential.journeys_at_random import write
from tests.differential.traced import WORDS, Trace, traced
from tests.profile import scaled
from workers.testing.rehearsal import MONDAY, Rehearsal
from workers.testing.seen import Run
from workers.testing.servers import Servers
from workers.testing.simulated import Simulated

BATCHES, JOURNEYS, EACH = scaled((1, 5, 2), (20, 25, 4))
AT_LEAST = scaled(1, 100)


@contextmanager
def catalogue(seed: int, folder: Path, journeys: int) -> Iterator[str]:
    """A random catalogue that can be imported."""
    name = write(seed, journeys, folder)
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    try:
        yield name
    finally:
        sys.path.remove(str(folder))
        load.cache_clear()
        sys.modules.pop(name)


def drawn(seed: int, name: str, journeys: int, each: int, words: Counter[str]) -> list[Case]:
    """Cases of a catalogue, simulated first; those that show too little are left out."""
    every = [f"drawn_{n}" for n in range(journeys)]
    with traced() as trace:
        stage = Simulated(load(name), MONDAY)
        tried = list(cases(seed, every, 2 * each))
        met = performed(Rehearsal(stage), tried)
        found = [case for case in tried if worthy(stage, trace, case, met[case.name])][: journeys * each]
    for case in found:
        runs = stage.world.runs.of(stage.world.customers[case.name])
        words.update(set[str]().union(*(trace.words[run.start.run_id] for run in runs)))
    return found


def test_every_word_comes_up_often_enough(tmp_path: Path) -> None:
    words, total = Counter[str](), 0
    for seed in range(scaled(2, BATCHES)):
        with catalogue(seed, tmp_path, 25) as name:
            total += len(drawn(seed, name, 25, 4, words))
    assert total == scaled(2, BATCHES) * 100
    assert {word: words[word] for word in WORDS if words[word] < scaled(10, AT_LEAST)} == {}


@pytest.mark.parametrize("seed", range(BATCHES))
def test_simulated_runs_do_what_real_ones_do(servers: Servers, tmp_path: Path, seed: int) -> None:
    with catalogue(seed, tmp_path / "catalogues", JOURNEYS) as name:
        chosen = drawn(seed, name, JOURNEYS, EACH, Counter())
        with traced() as trace, crowd(servers, name, tmp_path) as stage:
            performed(Rehearsal(stage), chosen, stage.instant)
            real = stage.all_runs()
            found = {each.name: compared(trace, stage, real[each.name], each.name) for each in chosen}
    wrong = [f"{who}: {line}" for who, lines in found.items() for line in lines]
    assert not wrong, "\n".join([f"{len(wrong)} of {len(found)} differ:", *wrong])
    assert len(found) == JOURNEYS * EACH


def compared(trace: Trace, stage: Crowd, real: Found, name: str) -> list[str]:
    """Where the real servers and the shadow do not agree on a customer."""
    runs = stage.shadow.world.runs.of(stage.shadow.world.customers[name])
    simulated = [(run.start.run_id, seen) for run, seen in zip(runs, stage.shadow.runs(name), strict=True)]
    found = different(trace, sorted(real, key=_place), sorted(simulated, key=_place))
    reasons = [refused(each.refusals(name)) for each in (stage, stage.shadow)]
    return found + ([f"refused: {reasons[0]} / {reasons[1]}"] if reasons[0] != reasons[1] else [])


def _place(each: tuple[UUID, Run]) -> tuple[str, datetime]:
    return each[1].journey, each[1].entered_at
