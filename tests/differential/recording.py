"""Records what becomes of random cases on real servers: `python -m tests.differential.recording SEED [FAULT …]`.

Promise: what is kept is what Temporal did; where the simulator does otherwise it is told, and that case is left out. Cases are
taken so that every planted fault is met by some, or each of those that are named.
"""

import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

from journeys.catalogue import Catalogue, load
from tests.differential.cases import BEATS, THEN, Case, performed
from tests.differential.comparing import refused
from tests.differential.crowd import Crowd
from tests.differential.faults import FAULTS
from tests.differential.journeys_at_random import source
from tests.differential.recorded import Lived, Recorded, found, imported, place
from tests.differential.test_differential import SPARE, Drawn, compared, drawn, played
from tests.differential.traced import Trace, traced
from workers.testing.rehearsal import Rehearsal
from workers.testing.served import next_monday
from workers.testing.servers import Servers
from workers.testing.simulated import Simulated

#: So many are drawn, and of these so many kept for each fault.
DRAWN, EACH = 200, 4


def record(servers: Servers, seed: int, faults: Sequence[str], folder: Path) -> tuple[Recorded, list[str]]:
    """Play telling cases on real servers; what became of them, and where the simulator does not agree."""
    with drawn(seed, DRAWN, folder / "drawn") as every:
        cases = telling(load(every.catalogue), every.cases, faults)
    written = only(source(seed, int(DRAWN * SPARE), next_monday()), {case.journey for case in cases})
    taken = Drawn(f"telling_catalogue_{seed}", cases, every.words)
    with imported(taken.catalogue, written, folder / "taken"), played(servers, taken, folder) as (trace, stage):
        return kept(trace, stage, taken, written)


def telling(catalogue: Catalogue, cases: Sequence[Case], faults: Sequence[str]) -> list[Case]:
    """Those of the cases that meet the faults: some for each, as few as may be."""
    simulated, met = _simulated(catalogue, cases), dict[str, set[str]]()
    for fault in faults:
        with patch.object(*FAULTS[fault]):
            met[fault] = {line.partition(": ")[0] for line in simulated.different(catalogue, simulated.lives)}
    taken = set(_covering(met))
    return [case for case in cases if case.name in taken]


def _covering(met: dict[str, set[str]]) -> Iterator[str]:
    missing = {fault: min(EACH, len(names)) for fault, names in met.items()}
    while open_ := [fault for fault, number in missing.items() if number > 0]:
        best = max(
            {name for fault in open_ for name in met[fault]}, key=lambda name: (sum(name in met[f] for f in open_), name)
        )
        yield best
        for fault in [each for each in met if best in met[each]]:
            met[fault].remove(best)
            missing[fault] -= 1


def _simulated(catalogue: Catalogue, cases: Sequence[Case]) -> Recorded:
    with traced() as trace:
        stage = Simulated(catalogue, began := next_monday())
        performed(Rehearsal(stage), cases)
    return Recorded(began, "", [_lived(trace, stage, case) for case in cases])


def _lived(trace: Trace, stage: Simulated, case: Case) -> Lived:
    runs = [(run, trace.told(id_)) for id_, run in found(stage, case.name)]
    return Lived(case, stage.world.customers[case.name].id, runs, refused(stage.refusals(case.name)))


def kept(trace: Trace, stage: Crowd, taken: Drawn, written: str) -> tuple[Recorded, list[str]]:
    """What became of cases on real servers, without those in which the two do not agree."""
    wrong, runs = compared(trace, stage, taken.cases), stage.all_runs()
    alike = [case for case in taken.cases if not any(line.startswith(f"{case.name}: ") for line in wrong)]
    lives = []
    for case in alike:
        seen = [(run, trace.told(id_)) for id_, run in sorted(runs[case.name], key=place)]
        lives.append(Lived(case, stage.people[case.name], seen, refused(stage.refusals(case.name))))
    return Recorded(stage.now - BEATS[-1] - THEN, written, lives), wrong


def only(written: str, journeys: set[str]) -> str:
    """A catalogue's source with these of its random journeys."""
    head, *rest = re.split(r"(?m)^(?=@journey\(.*\n.* drawn_)", written)
    return head + "".join(each for each in rest if (name := re.search(r"drawn_\d+", each)) and name[0] in journeys)


if __name__ == "__main__":
    servers, seed = Servers(), int(sys.argv[1])
    with TemporaryDirectory() as folder:
        recorded, wrong = record(servers, seed, sys.argv[2:] or list(FAULTS), Path(folder))
    servers.close()
    recorded.write(seed)
    sys.stdout.write("\n".join([f"{len(recorded.lives)} cases are kept; where the simulator does otherwise:", *wrong, ""]))
