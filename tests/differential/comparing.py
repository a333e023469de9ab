"""Where two stages do not agree on a customer: runs, ends, refusals, messages with fates, reasons, instants, answers."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from tests.differential.traced import Trace
from workers.testing.seen import Message, Refusal, Run

Found = Sequence[tuple[UUID, Run]]
#: A run's clock on a real server goes on while it works, and one that another run ends hears of it when it is turned, up to
#: 100 s late, and then some where the machine is busy. What is to fall apart is three minutes or more apart.
_CLOSE = timedelta(minutes=3)


def different(trace: Trace, real: Found, simulated: Found) -> list[str]:
    """In words, what is not the same."""
    if [run.journey for _, run in real] != [run.journey for _, run in simulated]:
        return [f"runs: {[told(run) for _, run in real]} / {[told(run) for _, run in simulated]}"]
    found = []
    for (one_id, one), (other_id, other) in zip(real, simulated, strict=True):
        if not _alike(one, other):
            found.append(f"{told(one)} / {told(other)}")
        if (answers := trace.told(one_id)) != (others := trace.told(other_id)):
            found.append(f"{one.journey}: {answers} / {others}")
    return found


Refused = list[tuple[str, str, str]]
_WHEN = "%d %H:%M"


def refused(refusals: Sequence[Refusal]) -> Refused:
    """Who did not enter what, why and when, in an order of its own."""
    return sorted((each.journey, each.reason, f"{each.at:{_WHEN}}") for each in refusals)


def differently_refused(real: Refused, simulated: Refused) -> list[str]:
    """In words, if it is not the same, or at another time."""
    same = [each[:2] for each in real] == [each[:2] for each in simulated]
    times = zip([each[2] for each in real], [each[2] for each in simulated], strict=False)
    if same and all(_close(*(datetime.strptime(each, _WHEN).replace(tzinfo=UTC) for each in both)) for both in times):
        return []
    return [f"refused: {real} / {simulated}"]


def told(run: Run) -> str:
    """A run in a line."""
    fates = [
        f"{m.step}/{m.occurrence} {m.state} {m.reason or ''} {m.due_at:%d %H:%M:%S} {m.at:%d %H:%M:%S}" for m in ordered(run)
    ]
    return f"{run.journey} {run.entered_at:%d %H:%M:%S} {run.outcome} {run.ended_at and f'{run.ended_at:%d %H:%M:%S}'} {fates}"


def ordered(run: Run) -> list[Message]:
    """Its messages by what they are: of two branches at one instant either may come first."""
    return sorted(run.messages, key=lambda each: (each.step, each.occurrence))


def _alike(a: Run, b: Run) -> bool:
    same = (a.journey, a.outcome, a.ended_by, len(a.messages)) == (b.journey, b.outcome, b.ended_by, len(b.messages))
    times = [(a.entered_at, b.entered_at), (a.ended_at, b.ended_at)]
    for one, other in zip(ordered(a), ordered(b), strict=False):
        same &= (one.step, one.occurrence, one.state, one.reason) == (other.step, other.occurrence, other.state, other.reason)
        times += [(one.due_at, other.due_at), (one.at, other.at)]
    for call, another in zip(a.calls, b.calls, strict=False):
        same &= (call.service, call.event, call.came_to) == (another.service, another.event, another.came_to)
        times += [(call.asked_at, another.asked_at), (call.at, another.at)]
    return same and len(a.calls) == len(b.calls) and all(_close(x, y) for x, y in times)


def _close(a: datetime | None, b: datetime | None) -> bool:
    return a is b or (a is not None and b is not None and abs(a - b) <= _CLOSE)
