"""How much of everything: full as published, quick to see that it works."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sizes:
    """The amounts of one run of the benchmarks."""

    rounds: int = 6  # throughput: of each variant, in turns
    journeys: int = 36  # per round
    in_flight: int = 18
    messages: int = 300  # immediate messages
    goals: int = 100  # sleeping runs of each kind that reach their goal
    profiles: int = 50_000
    events: int = 500_000
    stream_rate: int = 500  # events per second
    stream_seconds: int = 20
    crowd_seconds: int = 10
    sleepers: int = 2_400
    customers: int = 1_000_000  # of the largest shop in which membership is measured
    events_each: int = 10
    recorded: int = 1_000_000  # events of the month that is simulated
    blast: int = 20_000  # marketing messages at once
    blast_seconds: int = 480  # for which transactional ones go beside it, if it lasts as long
    exported: int = 1_000_000  # events
    bulk: int = 100_000  # rows of a bulk start
    campaign: int = 2_000  # messages per round
    sent: int = 200  # per round, of each kind
    pairs: int = 7  # with measuring and without
    beside_seconds: int = 10  # of each half of a pair, and as much again at once
    live_warming: int = 5  # seconds
    live_seconds: int = 20


FULL = Sizes()
QUICK = Sizes(
    rounds=2,
    journeys=40,
    in_flight=20,
    messages=60,
    goals=20,
    profiles=5_000,
    events=50_000,
    stream_seconds=5,
    crowd_seconds=2,
    sleepers=200,
    customers=20_000,
    recorded=20_000,
    exported=50_000,
    blast=400,
    blast_seconds=120,
    bulk=2_000,
    campaign=500,
    sent=40,
    beside_seconds=4,
    live_warming=2,
    live_seconds=5,
)
