"""`journeys sources`: tables and files of the company's that are read again and again; how each stands, and reading one now."""

import os
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workers.cli.asked import fail, say, settings, with_database

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import RenderableType

    from journeys.sources.source import Source
    from store.sources import SourceRow

sources = typer.Typer(
    no_args_is_help=True, help="Tables and files of the company's that are read again and again (docs/sources.md)."
)
Json = Annotated[bool, typer.Option("--json", help="JSON instead of a table.")]
_TRIED = 5  # rows


@sources.command("list")
def list_(as_json: Json = False) -> None:
    """Show how each stands: when it was read, how old it may be, what came of that."""
    from store.sources import found
    from workers.cli import tables

    now = settings().clock.now()

    def drawn(rows: "Sequence[SourceRow]") -> "Iterable[RenderableType]":
        heads = ("name", "becomes", "every", "state", "read (UTC)", "rows", "changed", "gone", "bad", "why not")
        cells = [
            (
                *(each.name, each.becomes, str(each.every), each.standing(now), _at(each.read_at)),
                *(f"{count:,}" for count in (each.rows, each.changed, each.gone, each.bad)),
                each.failure or "; ".join(f"row {bad['row']}: {bad['problem']}" for bad in each.problems[:2]),
            )
            for each in rows
        ]
        table = tables.Rows(heads, cells, sentences=frozenset({"why not"}))
        return [table] if cells else ["no source has been declared to a worker yet"]

    tables.show(with_database(found), drawn, as_json=as_json)


@sources.command()
def read(name: Annotated[str, typer.Argument(help="The source, as the catalogue calls it.")], as_json: Json = False) -> None:
    """Have a source read now by a worker, beside its schedule; `list` says what came of it."""
    from store.sources import ask

    now = settings().clock.now()
    if not with_database(lambda database: ask(database, name, now)):
        fail(f"no source {name!r}; `journeys sources list` shows those that there are")
    told = f"{name} is read as soon as a worker takes it up; what came of it: journeys sources list"
    say({"asked": name}, told, as_json=as_json)


@sources.command("try")
def try_(
    name: Annotated[str, typer.Argument(help="The source, as the catalogue calls it.")],
    as_json: Json = False,
) -> None:
    """Read the first rows of a source from here, and show what would become of them (this is personal data); writes nothing."""
    from activities.sourcing.reading import CannotRead, plain
    from activities.sourcing.reading import read as rows_of
    from workers.cli import tables

    source = _declared(name)
    address = os.environ.get(source.connect)
    if not address:
        fail(f"{source.connect} is not set; it holds the address of {name}, such as postgresql://user:password@host/database")
    try:
        some = next(iter(rows_of(source, address, limit=_TRIED)), None)
        named = source.named(some.columns) if some else {}
        shown = [
            {source.key: plain(row[source.key]), **{name: plain(row[column]) for column, name in named.items()}}
            for row in islice(some.rows if some else (), _TRIED)
        ]
    except CannotRead as error:
        fail(str(error))
    except KeyError as missing:
        fail(f"its rows have no column {missing.args[0]!r}, which is declared")
    except ValueError as wrong:
        fail(str(wrong))

    def drawn(found: "Sequence[dict[str, Any]]") -> "Iterable[RenderableType]":
        if not found:
            return ["it has no rows"]
        cells = [tuple("" if value is None else str(value) for value in row.values()) for row in found]
        return [tables.Rows(tuple(found[0]), cells), f"each row becomes {source.becomes.value}"]

    tables.show(shown, drawn, as_json=as_json)


def _declared(name: str) -> "Source":
    from workers.definitions import load_definitions

    found = load_definitions(settings().catalogue, doubts=False)[0].sources
    if name not in found:
        fail(f"the catalogue has no source {name!r}; it has: {', '.join(sorted(found)) or 'none'}")
    return found[name]


def _at(at: datetime | None) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M}" if at else "never"
