"""Runs as tables for people."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from journeys.contracts import because_of
from store.runs.views import Message, Run
from workers.cli.tables import Rows, counted, instant, short

_MILLIONTHS = 1_000_000
_SHORT, _WHOLE = 13, 36  # characters of an id; the first ones are the millisecond in which it was made
_MENDED = (
    "failing runs go on when code is deployed that they can go on with, or what raises is mended; or end them:"
    " journeys runs end RUN"
)


@dataclass(frozen=True, slots=True)
class RunTold:
    """One run in a list: ids, instants and reasons."""

    id: UUID
    journey: str
    customer_id: UUID
    status: str
    failure: str | None
    outcome: str | None
    entered_at: datetime
    ended_at: datetime | None
    next: str | None
    next_at: datetime | None


@dataclass(frozen=True, slots=True)
class RunShown:
    """One run with all that is kept of it."""

    run: RunTold
    version: str | None
    #: Where it is to move to, or why it stays.
    move: str | None
    started_at: datetime | None
    workflow_id: str
    messages: Sequence[Message]
    #: As the shop calls the customer.
    user_ids: Sequence[str] = ()


@dataclass(slots=True)
class Ended:
    """How many open runs a filter finds, and how many of them were told to end."""

    runs: int
    people: int
    ended: int


def told(run: Run, status: str, then: str | None, at: datetime | None) -> RunTold:
    """A run as the list shows it."""
    why = run.outcome or run.exit_reason
    why = f"{why}: {run.ended_by}" if why and run.ended_by else why
    return RunTold(run.id, run.journey, run.profile_id, status, run.failure, why, run.entered_at, run.ended_at, then, at)


def moving(run: Run) -> str | None:
    """That a run is on its way to another version, or why it stays with its own."""
    if run.move_to is not None and run.ended_at is None:
        return f"from its next wait on {run.move_to}"
    return f"stays: {run.move_refused}" if run.move_refused else None


def listed(runs: Sequence[RunTold]) -> Iterable[RenderableType]:
    """Runs, a line each: why they stand as they do or what is next, and when."""
    if not runs:
        yield Text("no such runs")
        return
    heads, rows = ("run", "journey", "status", "entered", "why, or next", "when"), []
    now, shown = datetime.now(UTC), as_short([str(run.id) for run in runs])
    for run in runs:
        entered, when = short(run.entered_at, now), short(run.ended_at or run.next_at, now)
        rows.append((str(run.id)[:shown], run.journey, run.status, entered, _what(run), when))
    yield Rows(heads, rows, ahead=4, sentences=frozenset({"why, or next"}), boxed=False)
    yield Text("times in UTC; `journeys runs show` takes a run as it stands here", style="dim")
    if any(run.status == "failing" for run in runs):
        yield Text(_MENDED)


def shown(found: RunShown) -> Iterable[RenderableType]:
    """A run, line by line, and its messages."""
    run, table = found.run, Table(show_header=False, box=None)
    for name, value in (
        ("run", str(run.id)),
        ("journey", run.journey),
        ("customer", " ".join([*found.user_ids, f"({run.customer_id})" if found.user_ids else str(run.customer_id)])),
        ("status", run.status),
        ("entered", instant(run.entered_at)),
        ("started", instant(found.started_at)),
        ("version", f"{found.version or '-'}{f'; {found.move}' if found.move else ''}"),
        ("workflow", found.workflow_id),
        ("ended" if run.ended_at else "next", _what(run)),
        ("when", _when(run)),
    ):
        table.add_row(name, Text(value, overflow="fold"))
    yield table
    if found.messages:
        yield _messages(found.messages)
    if run.status == "failing":
        yield Text(_MENDED)


def ended(found: Ended) -> Iterable[RenderableType]:
    """How many were told to end."""
    runs, people = counted(found.runs, "open run"), counted(found.people, "person", "people")
    yield Text(f"{runs} of {people}; {found.ended:,} {'was' if found.ended == 1 else 'were'} told to end")


def as_short(ids: Sequence[str]) -> int:
    """How much of the ids tells them apart, as `show` and `end` take it."""
    return next(length for length in range(_SHORT, _WHOLE + 1) if len({each[:length] for each in ids}) == len({*ids}))


def _messages(messages: Sequence[Message]) -> Table:
    priced = any(each.cost is not None for each in messages)
    table = Table("message", "due", "state", "reason", "again", *(["cost"] if priced else []))
    for each in messages:
        name = f"{each.channel} {each.template}" + (f" ({each.occurrence})" if each.occurrence > 1 else "")
        table.add_row(name, instant(each.due_at), each.state, Text(_why(each)), _again(each), *_cost(each, priced))
    return table


def _why(message: Message) -> str:
    """The reason, and what the provider said last of one that did not go."""
    error = None if message.state == "sent" else message.detail.get("error")
    reason = because_of(message.reason, message.detail) if message.reason else None
    return ": ".join(filter(None, (reason, error))) or "-"


def _again(message: Message) -> str:
    """When it is tried again; where the provider named no instant, Temporal does, within five minutes of the last attempt."""
    asked = datetime.fromisoformat(message.gates[-1]["at"]) if message.gates else None
    last = max(filter(None, (asked, message.settled_at)), default=None)
    if message.state == "released" and last and message.retry_at and message.retry_at <= last:
        return f"within 5 min of {instant(last)}"
    return instant(message.retry_at)


def _cost(message: Message, priced: bool) -> list[str]:
    """A column only where a price is declared."""
    if not priced:
        return []
    return ["-" if message.cost is None else f"{message.cost / _MILLIONTHS:g} {message.currency or ''}".strip()]


def _what(run: RunTold) -> str:
    what = run.failure if run.status == "failing" else run.outcome or run.next
    return what or "-"


def _when(run: RunTold) -> str:
    return instant(run.ended_at or run.next_at)
