"""What a switch did, in a sentence, and how those that are thrown stand."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil

from store.runs.switches import EVERYTHING, Affected, Switch


@dataclass(frozen=True, slots=True)
class Thrown:
    """A switch that was thrown, or not yet, and whom it concerns."""

    journey: str
    state: str | None
    release_per_second: float
    concerned: Affected

    @property
    def sentence(self) -> str:
        """What it did."""
        which, found = "everything" if self.journey == EVERYTHING else self.journey, self.concerned
        provider = f"{found.in_flight:,} messages are at a provider"
        match self.state:
            case "paused":
                return f"{which} is paused: {found.open_runs:,} runs go on up to their next message; {provider}"
            case "killed":
                return f"{which} is killed: {found.open_runs:,} runs end, and nothing more goes out; {provider}"
            case "live":
                seconds = ceil(found.waiting_messages / self.release_per_second)
                return f"{which} lives: {found.waiting_messages:,} messages that waited leave within about {seconds:,} s"
        return f"{which}: {found.open_runs:,} runs would end; {provider}"


def standing(thrown: Sequence[Switch]) -> Iterator[str]:
    """A line for each switch that holds something back, and how to let it live."""
    for each in thrown:
        which = "everything" if each.journey == EVERYTHING else each.journey
        yield f"{which} is {each.told}; {'once that is mended: ' if each.why else 'to let it live: '}{each.resumed_by}"
