"""Runs as tables for people."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from rich.console import RenderableType
from rich.table import Column, Table
from rich.text import Text

from api.runs.models import status_of
from store.runs.views import Run
from workers.cli.tables import instant


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
    waits_until: datetime | None = None


def told(run: Run) -> RunTold:
    """A run as the list shows it."""
    status, why = status_of(run), run.outcome or run.exit_reason
    return RunTold(run.id, run.journey, run.profile_id, status, run.failure, why, run.entered_at, run.ended_at, run.waits_until)


def listed(runs: Sequence[RunTold]) -> Iterable[RenderableType]:
    """Runs, a line each, and whatever failing ones wait for."""
    if not runs:
        yield Text("no such runs")
        return
    whole = Column("run", no_wrap=True, min_width=36)  # whoever ends one copies it
    table = Table(whole, "journey", Column("customer", overflow="fold"), "status", "entered", "why")
    for run in runs:
        table.add_row(str(run.id), run.journey, str(run.customer_id), run.status, instant(run.entered_at), _why(run) or "-")
    yield table
    if any(run.status == "failing" for run in runs):
        yield Text("failing runs go on when code is deployed that they can go on with; or end them: POST /v1/runs/{id}/end")


def _why(run: RunTold) -> str | None:
    if run.status == "waiting" and run.waits_until is not None:
        return f"waits to be let in, until {instant(run.waits_until)}"
    return run.failure if run.status == "failing" else run.outcome
