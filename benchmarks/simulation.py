"""Simulated runs per second on one core, beside the bare handle: `python -m benchmarks.simulation`, without a server.

Promise: both walk the same journey of three messages, in turns, a page of customers at a time, as `journeys simulate` plays
them; processor time counts, and the best of a few rounds, because what else the machine does only ever adds.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from rich.console import Console

from benchmarks.table import Row
from journeys.catalogue import Catalogue, load
from journeys.contracts import Channel, DeliverRequest, Outcome, Purpose, Receipt, RunStart
from journeys.handle import Journey
from journeys.simulate import World
from workers.backcasting import PAGE
from workers.memory import long_lived, undisturbed

if TYPE_CHECKING:
    from benchmarks.ground import Ground

_NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
_ROUNDS, _RUNS = 5, PAGE
_BUDGET, _SHARE = 10_000, 0.25


class _Bare:
    """A runtime in which nothing takes time and every message is sent."""

    def __init__(self) -> None:
        self._now = _NOW

    def now(self) -> datetime:
        return self._now

    async def sleep_until(self, at: datetime, summary: str) -> None:  # noqa: ARG002 - the protocol's signature
        self._now = max(self._now, at)

    async def deliver(self, request: DeliverRequest) -> Receipt:  # noqa: ARG002 - the protocol's signature
        return Receipt(outcome=Outcome.SENT)


async def simulation(ground: "Ground") -> list[Row]:
    """The rows, as one of all benchmarks."""
    ground.say(f"{_RUNS:,} runs of three messages, {_ROUNDS} rounds")
    return measure()


def measure() -> list[Row]:
    """The bare handle, runs that are started, and runs that events bring in."""
    catalogue = load("benchmarks.catalogue")
    long_lived()
    best = dict.fromkeys((_bare, _started, _entered), 0.0)
    for _ in range(_ROUNDS):
        for way in best:
            with undisturbed():
                best[way] = max(best[way], way(catalogue))
    bare, started, entered = best.values()
    return [
        Row("bare handle, three messages", f"{bare:,.0f} runs/s", ""),
        Row("simulated, three messages", f"{started:,.0f} runs/s", f">= {_BUDGET:,} runs/s", "one core; the gate asked thrice"),
        Row("simulated / bare handle", f"{started / bare:.0%}", f">= {_SHARE:.0%}"),
        Row(
            "simulated, one message, entered by an event", f"{entered:,.0f} runs/s", "", "20 segments watched, time alone, too"
        ),
    ]


def _timed(runs: int, work: Callable[[], Any]) -> float:
    began = time.process_time()
    work()
    return runs / (time.process_time() - began)


def _bare(catalogue: Catalogue) -> float:
    definition = catalogue.journey("three_messages")

    def walk() -> None:
        for n in range(_RUNS):
            start = RunStart(run_id=UUID(int=n), customer_id=UUID(int=n), entered_at=_NOW, started_at=_NOW)
            for _ in definition.steps(Journey(start, definition.spec, _Bare())).__await__():  # type: ignore[arg-type]
                pass

    return _timed(_RUNS, walk)


def _started(catalogue: Catalogue) -> float:
    world = _world(catalogue)

    def run() -> None:
        for who in world.customers.values():
            world.begin("three_messages", who)
        _let_pass(world, timedelta(days=5))

    speed = _timed(_RUNS, run)
    assert sum(run.sent for run in world.runs) == 3 * _RUNS
    return speed


def _entered(catalogue: Catalogue) -> float:
    world = _world(catalogue)

    def run() -> None:
        for who in world.customers.values():
            world.happened(who, "Bench Arrived", {})
        _let_pass(world, timedelta(days=1))

    speed = _timed(_RUNS, run)
    assert sum(run.sent for run in world.runs) == _RUNS
    return speed


def _world(catalogue: Catalogue) -> World:
    world = World(catalogue, _NOW)
    for n in range(_RUNS):
        who = world.join(f"user-{n}")
        who.learned({"timezone": "Europe/Madrid"}, _NOW)
        for channel in Channel:
            who.reached_at(channel, f"address-{n}", _NOW)
            who.said(channel, "granted", tuple(Purpose), _NOW)
        world.changed(who, frozenset(), new=True)
    return world


def _let_pass(world: World, span: timedelta) -> None:
    for _ in world.passes(_NOW + span):
        pass


if __name__ == "__main__":
    from benchmarks.report import table

    Console().print(table(measure()))
