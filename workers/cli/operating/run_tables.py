"""Runs as tables for people."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from rich.console import RenderableType
from rich.table import Column, Table
from rich.text import Text

from store.runs.views import Message, Run
from workers.cli.tables import instant

_MENDED = "failing runs go on when code is deployed that they can go on with; or end them: journeys runs end RUN"


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
    started_at: datetime | None
    workflow_id: str
    messages: Sequence[Message]


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


def listed(runs: Sequence[RunTold]) -> Iterable[RenderableType]:
    """Runs, a line each: why they stand as they do or what is next, and when."""
    if not runs:
        yield Text("no such runs")
        return
    whole = Column("run", no_wrap=True, min_width=36)  # whoever ends one copies it
    table = Table(whole, "journey", "status", "entered", Column("why, or next", overflow="fold"), "when")
    for run in runs:
        table.add_row(str(run.id), run.journey, run.status, instant(run.entered_at), _what(run), _when(run))
    yield table
    if any(run.status == "failing" for run in runs):
        yield Text(_MENDED)


def shown(found: RunShown) -> Iterable[RenderableType]:
    """A run, line by line, and its messages."""
    run, table = found.run, Table(show_header=False, box=None)
    for name, value in (
        ("run", str(run.id)),
        ("journey", run.journey),
        ("customer", str(run.customer_id)),
        ("status", run.status),
        ("entered", instant(run.entered_at)),
        ("started", instant(found.started_at)),
        ("version", found.version or "-"),
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
    yield Text(f"{found.runs:,} open runs of {found.people:,} people; {found.ended:,} were told to end")


def _messages(messages: Sequence[Message]) -> Table:
    table = Table("message", "due", "state", "reason", "again")
    for each in messages:
        name = f"{each.channel} {each.template}" + (f" ({each.occurrence})" if each.occurrence > 1 else "")
        table.add_row(name, instant(each.due_at), each.state, each.reason or "-", instant(each.retry_at))
    return table


def _what(run: RunTold) -> str:
    what = run.failure if run.status == "failing" else run.outcome or run.next
    return what or "-"


def _when(run: RunTold) -> str:
    return instant(run.ended_at or run.next_at)
