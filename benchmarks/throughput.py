"""Journeys per second and worker CPU per journey, beside the same journey written by hand on the SDK.

Every variant has a worker process, a namespace and queues of its own on one server; laps alternate and go both ways round,
and ratios are of the sums over all laps. The workers differ in the workflow only.
"""

from contextlib import AsyncExitStack
from dataclasses import dataclass

import psutil
from temporalio.client import Client

from benchmarks.ground import Ground
from benchmarks.lap import RACING, Lap, lap, strangers
from benchmarks.table import Row
from workers.embedded.environment import given
from workers.settings import Settings

#: By hand with the product's plugin (its interceptors are settings of the SDK), and plain: converter and nothing else.
OURS, BY_HAND, PLAIN = VARIANTS = ("ours", "by-hand", "by-hand-plain")
CATALOGUE = "benchmarks.catalogue"


@dataclass(frozen=True, slots=True)
class Racer:
    """One worker process and the client that feeds it."""

    client: Client
    worker: psutil.Process


async def throughput(ground: Ground) -> list[Row]:
    """The rows on journeys that send nothing real."""
    async with AsyncExitStack() as stack:
        racers = {variant: await _racer(ground, stack, variant) for variant in VARIANTS}
        laps = [await _turn(ground, racers, n) for n in range(ground.sizes.rounds + 1)][1:]  # the first one warms up
    return _rows({variant: [turn[variant] for turn in laps] for variant in VARIANTS})


async def _racer(ground: Ground, stack: AsyncExitStack, variant: str) -> Racer:
    settings = await ground.settings(variant, CATALOGUE)
    client = await ground.client(settings)
    return Racer(client, await stack.enter_async_context(ground.worker(variant, told(settings))))


async def _turn(ground: Ground, racers: dict[str, Racer], n: int) -> dict[str, Lap]:
    count = ground.sizes.journeys if n else ground.sizes.journeys // 4
    ground.say(f"round {n} of {ground.sizes.rounds}: {count} journeys each" if n else "warming up")
    turn = {}
    for variant in VARIANTS if n % 2 else reversed(VARIANTS):
        racer = racers[variant]
        turn[variant] = await lap(racer.client, racer.worker, RACING, strangers(count), ground.sizes.in_flight)
    return turn


def _rows(laps: dict[str, list[Lap]]) -> list[Row]:
    ours, by_hand, plain = (laps[variant] for variant in VARIANTS)
    cpu, plain_cpu = _cpu(ours), _cpu(plain)
    same = f"{_events(ours)} history events each, by hand {_events(by_hand)}; the dev server is the limit of both"
    each = f"{cpu:.1f} ms against {_cpu(by_hand):.1f} ms"
    return [
        Row("journeys, ours", f"{_speed(ours):.1f} /s", "", same),
        Row("journeys, by hand on the same SDK settings", f"{_speed(by_hand):.1f} /s", ""),
        Row("journeys per second, ours / by hand", f"{_speed(ours) / _speed(by_hand):.0%}", ">= 90%"),
        Row("worker CPU per journey, ours / by hand", f"{cpu / _cpu(by_hand):.0%}", "<= 110%", each),
        Row("worker CPU per journey, ours / by hand without tracing", f"{cpu / plain_cpu:.0%}", "", f"{plain_cpu:.1f} ms"),
    ]


def _speed(laps: list[Lap]) -> float:
    return sum(lap.journeys for lap in laps) / sum(lap.seconds for lap in laps)


def _cpu(laps: list[Lap]) -> float:
    """Milliseconds of worker CPU per journey."""
    return 1000 * sum(lap.cpu for lap in laps) / sum(lap.journeys for lap in laps)


def _events(laps: list[Lap]) -> str:
    counts = sorted({count for lap in laps for count in lap.events})
    return str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"


def told(settings: Settings) -> dict[str, str]:
    """Settings as the environment that sets them."""
    return {f"JOURNEYS_{name}": value for name, value in given(settings).items()}
