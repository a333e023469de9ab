"""`journeys explain`: one customer's story in one journey, from why it began to what comes next."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workers.cli.asked import settings_here, with_database

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import RenderableType

    from api.runs.story import Moment, Story
    from store import Database
    from store.runs.views import Run


def explain(
    run: Annotated[
        str, typer.Argument(help="The run's id, or its workflow's, as the Temporal UI and `journeys runs` show them.")
    ],
    show: Annotated[
        bool, typer.Option("--show", help="Also its parameters and the entering event, which may be personal data.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of tables.")] = False,
) -> None:
    """Tell one customer's story in one journey: gate by gate with its inputs, waits, arms, tasks; and what comes next.

    Told from Postgres, so also while Temporal is away. Times are business time in UTC and the customer's own. Nothing
    personal is printed without --show.
    """
    from workers.cli import tables

    story = with_database(lambda database: _story(database, run, show=show))
    tables.show(story, drawn, as_json=as_json)


async def _story(database: "Database", named: str, *, show: bool) -> "Story":
    from api.runs.story import story_of
    from journeys.catalogue import load
    from workers.codes import Codes
    from workers.signing import trusted

    given = settings_here()
    found = await _run(database, named)
    codes = Codes(given.catalogue, load(given.catalogue).journeys, trusted(given))
    return await story_of(database, found, codes, given.clock.now(), show=show)


async def _run(database: "Database", named: str) -> "Run":
    from store.runs.views import run_by_workflow
    from workers.cli.operating.runs import one_run

    return await run_by_workflow(database, named) or await one_run(database, named)


def drawn(story: "Story") -> "Iterable[RenderableType]":
    """A story for a terminal."""
    from rich.table import Table
    from rich.text import Text

    yield Text(f"{story.journey}, {story.status}: run {story.run} of customer {story.customer_id}", style="bold")
    yield Text(
        f"workflow {story.workflow_id}, version {story.version or '-'}; their clock: {story.zone} ({story.zone_told_by})"
    )
    table = Table("when (UTC)", "their clock", "", "what", "with")
    for moment in story.happened:
        table.add_row(_at(moment.at), _at(moment.local), moment.kind, Text(moment.what), Text(_with(moment)))
    yield table
    for stop in story.at:
        theirs = f" ({_at(stop.local)} on their clock)" if stop.local else ""
        until = f", until {_at(stop.until)} UTC{theirs}" if stop.until else ""
        yield Text(f"now at: {stop.what}{until}", style="bold")
    if story.held_by:
        yield Text(f"kept back by {', '.join(story.held_by)}, as far as it is marketing", style="bold")
    if story.ahead:
        yield _ahead(story)
    if story.note:
        yield Text(story.note, style="yellow")
    if story.shown is not None:
        yield Text(f"parameters: {story.shown['params']}")
        yield Text(f"entering event: {story.shown['entry']}")


def _ahead(story: "Story") -> "RenderableType":
    from rich.table import Table
    from rich.text import Text

    table = Table("comes at (UTC)", "their clock", "", "what", "", title="what comes next, if nothing else happens")
    for each in story.ahead:
        sure = "" if each.sure else "on some ways"
        spans = _span(each.earliest, each.latest), _span(each.local, each.local_latest)
        table.add_row(*spans, each.kind, Text(each.what), sure)
    return table


def _span(earliest: datetime | None, latest: datetime | None) -> str:
    """From when to when, where that is not the same minute."""
    later = earliest and latest and latest - earliest > timedelta(minutes=1)
    return f"{_at(earliest)} to {_at(latest)}" if later else _at(earliest)


def _with(moment: "Moment") -> str:
    told = ((name.replace("_", " "), _value(value)) for name, value in moment.detail.items())
    return ", ".join(value if value.endswith(f" {name}s") else f"{name} {value}" for name, value in told)


def _value(value: Any) -> str:
    try:
        if isinstance(value, list):
            if value and all(str(each).endswith(".") for each in value):  # sentences
                return " ".join(map(str, value)).removesuffix(".")
            return ", ".join(map(str, value))
        return _at(datetime.fromisoformat(value)) if isinstance(value, str) else str(value)
    except ValueError:
        return str(value)


def _at(at: datetime | None) -> str:
    return f"{at:%a %d %b %Y %H:%M}" if at else "-"
