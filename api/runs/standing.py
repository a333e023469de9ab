"""How a run stands, in words: its status, what it does next and when; for the API and for the command line."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple

from journeys.contracts import because
from store.runs.lists import Next
from store.runs.views import Run

Status = Literal["in-line", "starting", "waiting", "deferred", "in-doubt", "failing", "ending", "ended"]
#: What is next of a run that merely sleeps: when it wakes is known to Temporal alone.
ASLEEP = "a timer"
#: What is said of one where Temporal does not answer in time, or knows of no timer just then.
NOT_TOLD = f"{ASLEEP}: when is not known right now"
_SIMPLE: dict[Status, str] = {
    "starting": "its first step",
    "failing": "code that it can go on with",
    "ending": "its end",
}
_STEP_AGAIN = "the step that raises, once more"
_PAUSED = "journey paused"


class Standing(NamedTuple):
    """A run's status, what it does next, and when, as far as that is known."""

    status: Status
    next: str | None
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Waking:
    """When a run wakes, in business time, and the summary of its wait."""

    at: datetime
    what: str


#: Asks Temporal when runs wake, by their workflow ids; those of which it does not say so in time are left out.
Wakes = Callable[[Sequence[str]], Awaitable[Mapping[str, Waking]]]


async def nobody_to_ask(_: Sequence[str]) -> Mapping[str, Waking]:
    """Without Temporal nothing is known of any."""
    return {}


def sleeps(stands: Standing) -> bool:
    """Whether what it does next is to wake, and when is not known yet."""
    return stands.next == ASLEEP and stands.at is None


def woken(stands: Standing, waking: Waking | None) -> Standing:
    """How a run that sleeps stands, with what Temporal said of it."""
    return stands._replace(next=waking.what, at=waking.at) if waking else stands._replace(next=NOT_TOLD)


def standing_of(run: Run, then: Next | None, shut: str | None = None) -> Standing:
    """How a run stands; `shut` is what keeps out one that waits to be let in."""
    status = status_of(run, then)
    return Standing(status, *_next(run, status, then, shut))


def status_of(run: Run, then: Next | None = None) -> Status:
    """Where a run stands, in a word."""
    if run.ended_at is not None:
        return "ended"
    if run.exit_reason is not None:
        return "ending"
    if run.waits_until is not None:
        return "in-line"
    if run.failing_since is not None:
        return "failing"
    if run.started_at is None:
        return "starting"
    return _under_way(then.state if then else None)


def _next(run: Run, status: Status, then: Next | None, shut: str | None) -> tuple[str | None, datetime | None]:
    if status == "ended":
        return None, None
    if status == "in-line":
        return "to be let in, or too late" + (f": {shut}" if shut else ""), run.waits_until
    if status in _SIMPLE or then is None:
        return _STEP_AGAIN if status == "failing" and run.step_raises else _SIMPLE.get(status, ASLEEP), None
    if then.state is not None:
        return _message(then)
    if then.which is not None:
        return f"{then.which}, at the latest", then.until
    return ("its first step", then.begins_at) if then.begins_at else (ASLEEP, None)


def _under_way(message: str | None) -> Status:
    return "waiting" if message is None else "in-doubt" if message == "claimed" else "deferred"


def _message(then: Next) -> tuple[str, datetime | None]:
    message = f"{then.channel} {then.template}"
    if then.state == "claimed":
        return (f"{message} once more" if then.retry_at else f"what becomes of {message}"), then.retry_at
    if then.reason == _PAUSED:
        return f"{message} when resumed, or dropped", then.retry_at
    return f"{message} again" + (f": {because(then.reason, then.journeys)}" if then.reason else ""), then.retry_at
