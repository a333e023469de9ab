"""The simulator against Temporal: random customers of the trial catalogue; the same messages, ends and refusals.

Beside random journeys (`tests/differential`) these meet each other: at caps, in line, and where one starts or ends another. A
shop costs a minute on real servers: one by default, forty in the long profile.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.extent import scaled
from tests.journeys.random_scripts import perform, script
from workers.testing.rehearsal import Rehearsal
from workers.testing.seen import Refusal, Run, Stage
from workers.testing.served import Served, served
from workers.testing.servers import Servers

CUSTOMERS = scaled(5, 8)
SHOPS = scaled(1, 40)
#: A run's clock on a real server goes on while it works, and the stage turns it so far beyond an instant.
CLOSE = timedelta(minutes=2)


@pytest.fixture
def stage(servers: Servers, tmp_path: Path) -> Iterator[Served]:
    with served(servers, "trial_catalogue", tmp_path) as opened:
        yield opened


@pytest.mark.parametrize("seed", range(SHOPS))
def test_a_simulated_shop_does_what_a_real_one_does(stage: Served, seed: int) -> None:
    people, deeds = script(seed, CUSTOMERS, deeds=scaled(6, 14))
    perform(Rehearsal(stage), people, deeds, then=timedelta(days=15))
    assert {name: difference for name in people if (difference := different(stage, stage.shadow, name))} == {}


def different(real: Stage, simulated: Stage, name: str) -> list[str]:
    """Where two stages do not agree on a customer."""
    runs = sorted(real.runs(name), key=_place), sorted(simulated.runs(name), key=_place)
    if len(runs[0]) != len(runs[1]):
        return [f"runs: {[_told(run) for run in runs[0]]} / {[_told(run) for run in runs[1]]}"]
    found = [f"{_told(a)} / {_told(b)}" for a, b in zip(*runs, strict=True) if not _alike(a, b)]
    refused = [sorted(_refused(each) for each in stage.refusals(name)) for stage in (real, simulated)]
    return found + ([f"refused: {refused[0]} / {refused[1]}"] if refused[0] != refused[1] else [])


def _place(run: Run) -> tuple[str, datetime]:
    return run.journey, run.entered_at


def _alike(a: Run, b: Run) -> bool:
    same = (a.journey, a.outcome, a.ended_by, len(a.messages)) == (b.journey, b.outcome, b.ended_by, len(b.messages))
    times = [(a.entered_at, b.entered_at), (a.ended_at, b.ended_at)]
    for one, other in zip(a.messages, b.messages, strict=False):
        same &= (one.step, one.occurrence, one.state, one.reason) == (other.step, other.occurrence, other.state, other.reason)
        times += [(one.due_at, other.due_at), (one.at, other.at)]
    came_to = [[(call.service, call.event, call.came_to) for call in run.calls] for run in (a, b)]
    same &= came_to[0] == came_to[1]
    times += [(one.at, other.at) for one, other in zip(a.calls, b.calls, strict=False)]
    return same and all(_close(x, y) for x, y in times)


def _close(a: datetime | None, b: datetime | None) -> bool:
    return a is b or (a is not None and b is not None and abs(a - b) <= CLOSE)


def _told(run: Run) -> str:
    fates = [f"{m.step} {m.state} {m.reason or ''} {m.due_at:%d %H:%M:%S} {m.at:%d %H:%M:%S}" for m in run.messages]
    fates += [f"{c.service} {c.came_to} {c.at and f'{c.at:%d %H:%M:%S}'}" for c in run.calls]
    return f"{run.journey} {run.entered_at:%d %H:%M:%S} {run.outcome} {run.ended_at and f'{run.ended_at:%d %H:%M:%S}'} {fates}"


def _refused(refusal: Refusal) -> tuple[str, str, str]:
    return refusal.journey, refusal.reason, f"{refusal.at:%d %H:%M}"
