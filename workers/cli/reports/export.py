"""`journeys export`: what happened as a file for a warehouse, a notebook or a BI tool, or what there is to export."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import aclosing, contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from workers.cli.asked import fail, with_database

if TYPE_CHECKING:
    from rich.table import Table as Drawn

    from store import Database
    from store.exports import Format, Span, Table

_SUFFIXES = {".csv": "csv", ".parquet": "parquet", ".arrow": "arrow", ".arrows": "arrow"}
Out = Annotated[
    Path | None, typer.Option(help="Where to: ends with .csv, .parquet or .arrow; without it, CSV on the standard output.")
]
Since = Annotated[str | None, typer.Option("--from", metavar="INSTANT", help="From then on: 2026-11-01, 2026-11-01T06:00Z.")]
Until = Annotated[str | None, typer.Option("--to", metavar="INSTANT", help="And before then.")]


def export(
    table: Annotated[
        str | None, typer.Argument(help="events, deliveries, runs, …; without one, what there is is listed.")
    ] = None,
    out: Out = None,
    since: Since = None,
    until: Until = None,
    as_json: Annotated[bool, typer.Option("--json", help="What there is as JSON instead of a table.")] = False,
) -> None:
    """Write events, messages, runs, transitions, consents or exposures to a file; without a table, say what there is.

    Ids are in it and no addresses, names or traits. CSV is exact, for programs: in a spreadsheet import its columns as
    text, since a cell may begin as a formula does. The same is served by GET /v1/export/{table}.
    """
    from store.exports import Format, Name, NoArrow, Span, tables
    from workers.cli import tables as shown

    if table is None:
        shown.show(list(with_database(tables).values()), _drawn, as_json=as_json)
        return
    if table not in set(Name):
        fail(f"there is no table {table}; there are {', '.join(Name)}")
    form = Format.CSV if out is None else _format(out)
    span = Span(instant("--from", since), instant("--to", until))
    if span.since and span.until and span.since >= span.until:
        fail("--from is not before --to, so there is nothing between them")

    async def work(database: "Database") -> int:
        told = (await tables(database))[Name(table)]
        return await _write(database, told, span, form, out)

    try:
        size = with_database(work)
    except NoArrow as error:
        fail(str(error))
    except OSError as error:
        fail(f"{out}: {error.strerror or error}")
    if out is not None:
        typer.echo(f"{out}: {size:,} bytes", err=True)


async def _write(database: "Database", table: "Table", span: "Span", form: "Format", out: Path | None) -> int:
    """Its bytes; a file is there when it is whole, under its name."""
    from store.exports import csv, written

    beside = out and out.with_name(f".{out.name}.part")
    size = 0
    with beside.open("wb") if beside else nullcontext(sys.stdout.buffer) as file, _progress(out) as tell:
        async with aclosing(csv(database, table, span)) as rows:
            async for piece in written(rows, table, form):
                file.write(piece)
                tell(size := size + len(piece))
    if out and beside:
        beside.replace(out)
    return size


@contextmanager
def _progress(out: Path | None) -> Iterator[Callable[[int], None]]:
    """Bytes so far, where somebody watches and they go elsewhere."""
    from rich.console import Console
    from rich.progress import DownloadColumn, Progress, SpinnerColumn, TextColumn, TransferSpeedColumn

    console = Console(stderr=True)
    if out is None or not console.is_terminal:
        yield lambda _: None
        return
    columns = SpinnerColumn(), TextColumn(f"writing {out}"), DownloadColumn(), TransferSpeedColumn()
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=None)
        yield lambda size: progress.update(task, completed=size)


def _format(out: Path) -> "Format":
    from store.exports import Format

    if out.suffix not in _SUFFIXES:
        fail(f"{out}: a name ends with {', '.join(_SUFFIXES)}, which tells how to write it")
    return Format(_SUFFIXES[out.suffix])


def instant(option: str, text: str | None) -> datetime | None:
    """A day is its first instant; without a zone it is UTC."""
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        fail(f"{option} {text} is no day and no instant; write 2026-11-01 or 2026-11-01T06:00Z")
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at


def _drawn(found: Sequence["Table"]) -> "Iterator[Drawn]":
    from rich.table import Table as Drawn

    for table in found:
        drawn = Drawn("column", "type", "what it is", title=f"{table.name}: {table.about}", title_justify="left")
        for column in table.columns:
            clock = column.name == table.clock
            drawn.add_row(f"[bold]{column.name}[/]" if clock else column.name, column.type, column.about)
        yield drawn
