"""`journeys diff`: what a change of the catalogue does to people, as a table for a terminal or for a pull request.

Promise: exit code 0 when the two could be compared, whatever differs; with `--exit-code` 1 when something does.
"""

import json
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workers.cli.asked import fail, has_database, settings, settings_here, with_database

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rich.console import RenderableType

    from journeys.walk.changes import Change
    from workers.compared import Side

_HERE = "."
_Row = tuple[str, str, str, str]


class Form(StrEnum):
    """How the changes are shown."""

    TABLE = "table"
    MARKDOWN = "markdown"


def diff(
    before: Annotated[
        str | None,
        typer.Argument(metavar="[A]", help="A folder, a commit of git, or a deployed version; without it the newest deployed."),
    ] = None,
    after: Annotated[
        str | None, typer.Argument(metavar="[B]", help="The same; without it the catalogue as it is here.")
    ] = None,
    *,
    form: Annotated[Form, typer.Option("--as", help="A table for a terminal, or Markdown for a pull request.")] = Form.TABLE,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON list, for programs.")] = False,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="End with 1 when something differs.")] = False,
    catalogue: Annotated[str | None, typer.Option(help="The catalogue's module (JOURNEYS_CATALOGUE).")] = None,
) -> None:
    """Show what a change does to people: messages that come, go or move, conditions, goals, caps; and whom it would fit.

    `journeys diff main` compares the commit main with the folder where you stand, `journeys diff main HEAD` two commits,
    `journeys diff` what is deployed with what is here, with the people who are in it. Exit code 0; 1 when one of the two is
    not to be had. --json is a list of objects with journey, file, line, rule, message, before, after and remedy.
    """
    from journeys.walk.changes import changes

    old, new = _sides(before, after, catalogue or settings().catalogue)
    found = changes(old.version, new.version)
    if as_json:
        typer.echo(json.dumps([_plain(change, new) for change in found], ensure_ascii=False, indent=2))
    elif form is Form.MARKDOWN:
        typer.echo("\n".join([*markdown(found, _named(new), _named(old)), *(f"\n{line}" for line in _people(old))]))
    else:
        _print(_drawn(found, old, new))
    raise typer.Exit(1 if exit_code and found else 0)


def _sides(before: str | None, after: str | None, module: str) -> "tuple[Side, Side]":
    from workers.compared import at_hand

    old = at_hand(before, module) if before else None
    new = at_hand(after or _HERE, module)
    for name in [name for name, side in ((before, old), (after, new)) if name and side is None and not has_database()]:
        fail(f"'{name}' is no folder and no commit of git here; set JOURNEYS_DATABASE_URL if it is a version that is deployed")
    return old or _deployed(before), new or _deployed(after)


def _deployed(name: str | None) -> "Side":
    from workers.compared import deployed
    from workers.signing import trusted

    signed = trusted(settings_here())
    return with_database(lambda database: deployed(name, database, signed))


def _plain(change: "Change", new: "Side") -> dict[str, Any]:
    return {
        "journey": change.journey,
        "file": new.place_of(change.file),
        "line": change.line,
        "rule": change.rule,
        "message": change.message,
        "before": change.before,
        "after": change.after,
        "remedy": change.remedy,
    }


def _rows(found: "Iterable[Change]") -> "Iterator[_Row]":
    for change in found:
        yield change.journey or "-", change.what, change.before or "-", change.after or "-"


def markdown(found: "list[Change]", new: str, old: str) -> "Iterator[str]":
    """The changes as a table for a pull request."""
    yield f"**What {new} does to people, compared with {old}**"
    yield ""
    if not found:
        yield "Nothing."
        return
    yield "| journey | what | before | now |"
    yield "|---|---|---|---|"
    for row in _rows(found):
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"


def _drawn(found: "list[Change]", old: "Side", new: "Side") -> "Iterator[RenderableType]":
    from rich.table import Table
    from rich.text import Text

    if not found:
        yield Text(f"{_named(new)} does to people what {_named(old)} does")
        return
    table = Table("journey", "what", "before", "now", show_lines=True)
    for row in _rows(found):
        table.add_row(*map(Text, row))
    yield table
    yield from map(Text, _people(old))


def _people(old: "Side") -> "Iterator[str]":
    for each in old.people:
        yield f"{each.people} people are in {each.journey}; they end as they began (version {each.version})"


def _named(side: "Side") -> str:
    return "the folder here" if side.named == _HERE else side.named


def _print(parts: "Iterable[RenderableType]") -> None:
    from rich.console import Console

    console = Console()
    for part in parts:
        console.print(part)
