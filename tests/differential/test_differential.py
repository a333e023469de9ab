"""The simulator against Temporal over random journeys, customers, events, outcomes and clocks: none different.

Few cases by default, because each costs on real servers; in the long profile two thousand, each word in a hundred of them.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from journeys.catalogue import load
from tests.differential.cases import Case, cases, performed, worthy
from tests.differential.comparing import different, refused
from tests.differential.crowd import Crowd, crowd
from tests.differential.journeys_at_random import source
from tests.differential.recorded import found, imported, place
from tests.differential.traced import WORDS, Trace, traced
from tests.profile import scaled
from workers.testing.rehearsal import MONDAY, Rehearsal
from workers.testing.servers import Servers
from workers.testing.simulated import Simulated

BATCHES, JOURNEYS, EACH = scaled((1, 5, 2), (20, 25, 4))
#: Where coverage is counted; each word comes up so often.
COUNTED, AT_LEAST = scaled((2, 3), (BATCHES, 100))


def drawn(seed: int, name: str, journeys: int, each: int) -> tuple[list[Case], Counter[str]]:
    """Cases of a catalogue, simulated first, with the words that came up; those that show too little are left out."""
    every = [f"drawn_{n}" for n in range(journeys)]
    with traced() as trace:
        stage = Simulated(load(name), MONDAY)
        tried = list(cases(seed, every, 2 * each))
        met = performed(Rehearsal(stage), tried)
    chosen = [case for case in tried if worthy(stage, trace, case, met=met[case.name])][: journeys * each]
    return chosen, sum((words_of(stage, trace, case) for case in chosen), Counter[str]())


def words_of(stage: Simulated, trace: Trace, case: Case) -> Counter[str]:
    """The words that came up in a case, once each."""
    runs = stage.world.runs.of(stage.world.customers[case.name])
    return Counter(set[str]().union(*(trace.words[run.start.run_id] for run in runs)))


def test_every_word_comes_up_often_enough(tmp_path: Path) -> None:
    words, total = Counter[str](), 0
    for seed in range(COUNTED):
        name = f"random_catalogue_{seed}"
        with imported(name, source(seed, 25), tmp_path):
            chosen, more = drawn(seed, name, 25, 4)
        words, total = words + more, total + len(chosen)
    assert total == COUNTED * 100
    assert {word: words[word] for word in WORDS if words[word] < AT_LEAST} == {}


@pytest.mark.parametrize("seed", range(BATCHES))
def test_simulated_runs_do_what_real_ones_do(servers: Servers, tmp_path: Path, seed: int) -> None:
    name = f"random_catalogue_{seed}"
    with imported(name, source(seed, JOURNEYS), tmp_path / "catalogues"):
        chosen, _ = drawn(seed, name, JOURNEYS, EACH)
        with traced() as trace, crowd(servers, name, tmp_path) as stage:
            performed(Rehearsal(stage), chosen, stage.instant)
            wrong = compared(trace, stage, chosen)
    assert not wrong, "\n".join([f"of {len(chosen)} cases differ:", *wrong])
    assert len(chosen) == JOURNEYS * EACH


def compared(trace: Trace, stage: Crowd, chosen: Sequence[Case]) -> list[str]:
    """Where the real servers and the shadow do not agree, a line each."""
    real, lines = stage.all_runs(), []
    for name in [case.name for case in chosen]:
        wrong = different(trace, sorted(real[name], key=place), found(stage.shadow, name))
        reasons = [refused(each.refusals(name)) for each in (stage, stage.shadow)]
        wrong += [f"refused: {reasons[0]} / {reasons[1]}"] if reasons[0] != reasons[1] else []
        lines += [f"{name}: {line}" for line in wrong]
    return lines
