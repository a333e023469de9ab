"""`journeys report`: a report as tables and charts in a terminal, as JSON, CSV or a page; or what reports there are."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from workers.cli.asked import fail, settings, with_database

if TYPE_CHECKING:
    from rich.console import RenderableType

    from store import Database
    from store.reports.report import Asked, Named, Report

Name = Annotated[str | None, typer.Argument(help="messages, funnel, experiments, …; without one, what there is is listed.")]
Journey = Annotated[str | None, typer.Argument(help="Of one journey; some reports need one.")]
Since = Annotated[str | None, typer.Option("--from", metavar="DAY", help="From this day (UTC) on: 2026-03-01.")]
Until = Annotated[str | None, typer.Option("--to", metavar="DAY", help="And before this one; without it, up to today.")]
By = Annotated[list[str] | None, typer.Option(help="By what rows are told apart: step,channel.")]
Version = Annotated[list[str] | None, typer.Option(help="Of the report versions: one of the two.")]
Spend = Annotated[list[str] | None, typer.Option(metavar="SOURCE=AMOUNT", help="Of commerce: what was paid to win customers.")]
Acquisition = Annotated[list[str] | None, typer.Option(metavar="JOURNEY", help="Of commerce: a journey that wins customers.")]
One = Annotated[str | None, typer.Option(metavar="NAME", help="Of experiments: this one alone, also day by day.")]
Json = Annotated[bool, typer.Option("--json", help="JSON instead of tables.")]
Csv = Annotated[Path | None, typer.Option(metavar="FILE", help="Write a table as CSV; - is the standard output.")]
Html = Annotated[Path | None, typer.Option(metavar="FILE", help="Write a page to pass on; - is the standard output.")]
Which = Annotated[str | None, typer.Option("--table", help="Of CSV: which table; else the first.")]


def report(
    name: Name = None,
    journey: Journey = None,
    since: Since = None,
    until: Until = None,
    by: By = None,
    version: Version = None,
    spend: Spend = None,
    acquisition: Acquisition = None,
    experiment: One = None,
    table: Which = None,
    as_json: Json = False,
    csv: Csv = None,
    html: Html = None,
) -> None:
    """Say what journeys, messages and experiments came to, with the rule of each number; without a name, say what there is.

    The same is served by GET /v1/reports/{name}. What is unknown is a dash, and never 0.
    """
    from api.reports import known, printed
    from api.reports.page import as_html
    from store.errors import NoReport
    from store.reports.report import Asked

    if name is None:
        _list(list(known.REPORTS.values()), as_json=as_json)
        return
    now = settings().clock.now()
    try:
        known.named(name)
        more = {"by": by or (), "versions": version or (), "spend": spend or (), "acquisition": acquisition or ()}
        asked = Asked.of(now, since=since, until=until, journey=journey, experiment=experiment, **more)
        made = with_database(_making(name, asked))
        if csv is not None:
            _write(csv, printed.as_csv(made.table(table)))
        if html is not None:
            _write(html, as_html(made, now))
    except NoReport as error:
        fail(str(error))
    if as_json or (csv is None and html is None):
        _show(made, as_json=as_json)


def _making(name: str, asked: "Asked") -> "Callable[[Database], Awaitable[Report]]":
    from api.reports.known import report as make

    return lambda database: make(database, name, asked)


def _list(found: "Sequence[Named]", *, as_json: bool) -> None:
    from workers.cli import tables

    told = [
        _Listed(each.name, each.about, sorted(each.needs), sorted(each.takes | each.needs), list(each.by)) for each in found
    ]
    tables.show(told, _drawn, as_json=as_json)


@dataclass(frozen=True)
class _Listed:
    """A report that there is, as it is listed."""

    name: str
    about: str
    needs: list[str]
    takes: list[str]
    by: list[str]


def _drawn(told: "Sequence[_Listed]") -> "Iterator[RenderableType]":
    from rich.table import Table

    table = Table("report", "what it answers", "told apart by", box=None)
    for each in told:
        table.add_row(f"{each.name} JOURNEY" if each.needs else each.name, each.about, ", ".join(each.by))
    yield table


def _show(made: "Report", *, as_json: bool) -> None:
    from rich.console import Console

    from api.reports import printed
    from workers.cli import tables
    from workers.cli.reports.drawing import drawn

    if as_json:
        tables.show(printed.as_json(made), lambda _: [], as_json=True)
        return
    console = Console(highlight=False)
    for part in drawn(made, console.width):
        console.print(part)


def _write(file: Path, text: str) -> None:
    if str(file) == "-":
        typer.echo(text, nl=False)
        return
    try:
        file.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        fail(f"{file}: {error.strerror or error}")
    typer.echo(f"{file}: {len(text.encode()):,} bytes", err=True)
