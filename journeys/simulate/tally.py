"""What came of a simulation: entries, messages by hour and fate, what had to wait, and where journeys met each other.

Promise: two tallies of different customers add up to that of both, so that any number of them fits into memory.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from itertools import combinations

from journeys.contracts import Outcome
from journeys.simulate.run import Run
from journeys.simulate.world import World

#: Hour, journey, channel, state and reason.
Fate = tuple[datetime, str, str, str, str]


@dataclass(frozen=True, slots=True, order=True)
class Line:
    """So many messages of one fate, asked for in one hour."""

    hour: datetime
    journey: str
    channel: str
    state: str
    reason: str
    messages: int


@dataclass(frozen=True, slots=True)
class Tally:
    """What came of it, counted.

    `waited` are the messages that had to wait, `put_off` the same by the journey and why (one that had to for two reasons
    counts for both); `met` those that another journey kept back (its messages filled the cap, or it holds others back): whose
    message, whose doing, and why. However often a message was asked for again, it counts once. `together` are customers who
    were in two journeys at once. `chosen` is how often an option was given: of which choice, by which version of its shares (0:
    nothing was learned yet), and who drew it.
    """

    fates: Counter[Fate] = field(default_factory=Counter)
    entries: Counter[str] = field(default_factory=Counter)
    refused: Counter[tuple[str, str]] = field(default_factory=Counter)
    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    waited: Counter[str] = field(default_factory=Counter)
    put_off: Counter[tuple[str, str]] = field(default_factory=Counter)
    met: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    together: Counter[tuple[str, str]] = field(default_factory=Counter)
    chosen: Counter[tuple[str, int, str, str]] = field(default_factory=Counter)

    def add(self, other: "Tally") -> None:
        """Count what came of other customers, too."""
        for each in fields(self):
            getattr(self, each.name).update(getattr(other, each.name))

    @property
    def messages(self) -> tuple[Line, ...]:
        """Messages by hour, journey, channel and fate, in this order."""
        return tuple(sorted(Line(*fate, messages=count) for fate, count in self.fates.items()))


def tally(world: World) -> Tally:
    """What came of a simulation so far."""
    runs = list(world.runs)
    return Tally(
        Counter(_fate(run, n) for run in runs for n in range(len(run.messages))),
        Counter(run.journey for run in runs),
        Counter((each.journey, each.reason) for each in world.refused),
        Counter((run.journey, run.outcome.value if run.outcome else "open") for run in runs),
        Counter(run.journey for run in runs for each in run.messages if each.put_off),
        Counter((run.journey, reason.value) for run in runs for each in run.messages for reason in each.put_off),
        Counter((run.journey, other, reason.value) for run in runs for each in run.messages for other, reason in each.met),
        Counter(pair for of_one in _by_customer(runs).values() for pair in _together(of_one, world.now)),
        Counter(world.choices.given),
    )


def _by_customer(runs: Iterable[Run]) -> Mapping[str, list[Run]]:
    found: dict[str, list[Run]] = defaultdict(list)
    for run in runs:
        found[run.customer.name].append(run)
    return found


def _together(runs: list[Run], now: datetime) -> set[tuple[str, str]]:
    """The pairs of journeys in which a customer was at the same time."""
    return set(_overlaps(runs, now)) if len(runs) > 1 else set()


def _overlaps(runs: list[Run], now: datetime) -> Iterator[tuple[str, str]]:
    for one, other in combinations(runs, 2):
        begins, ends = max(one.entered_at, other.entered_at), min(one.ended_at or now, other.ended_at or now)
        if one.journey != other.journey and begins < ends:
            yield (min(one.journey, other.journey), max(one.journey, other.journey))


def _fate(run: Run, n: int) -> Fate:
    message = run.messages[n]
    hour = (message.at if message.state == Outcome.SENT else message.request.due_at).replace(minute=0, second=0, microsecond=0)
    reason = message.reason.value if message.reason else ""
    return hour, run.journey, message.request.channel.value, str(message.state), reason
